package store

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLayoutStays holds where keys lie and what streams are called: another answer would not find the data of an older version, so it needs a
// new Schema.
func TestLayoutStays(t *testing.T) {
	t.Parallel()
	var names []string
	for _, c := range streams(Ages{}) {
		names = append(names, c.Name+" "+strings.Join(c.Subjects, " "))
	}
	want := []string{
		"dedupe k.dedupe.0.> g.dedupe", "desired k.desired.0.> g.desired", "guards k.guards.0.> g.guards", "inventory k.inventory.0.> g.inventory",
		"leader k.leader.0.> g.leader", "observed k.observed.0.> g.observed", "runs-0 k.runs.0.> g.runs-0", "runs-1 k.runs.1.> g.runs-1",
		"runs-2 k.runs.2.> g.runs-2", "runs-3 k.runs.3.> g.runs-3", "segments k.segments.0.> g.segments", "vnis k.vnis.0.> g.vnis",
		"meta k.meta.0.> g.meta", "RUNS q.work q.timer.* g.RUNS", "ALERTS l.ALERTS g.ALERTS", "AUDIT l.AUDIT g.AUDIT",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("streams: -want +got\n%s", diff)
	}
	for key, want := range map[string]int{"r-1": 3, "r-1.node.a": 3, "r-2": 2, "r-3": 1, "r-4": 0, "r-17.x": 0, "": 1} {
		if got := shardOf(Runs, key); got != want {
			t.Errorf("shardOf(runs, %q) = %d, want %d", key, got, want)
		}
	}
	spread := map[int]int{}
	for i := range 1000 {
		spread[shardOf(Runs, fmt.Sprint("r-", i))]++
	}
	for shard := range shards(Runs) {
		if spread[shard] < 150 {
			t.Errorf("shard %d gets %d of 1000 runs", shard, spread[shard])
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range streams(Ages{Alerts: time.Hour}) {
		isLog := c.Name == Audit || c.Name == Alerts
		switch {
		case !c.AllowDirect:
			t.Errorf("%s: no direct reads", c.Name)
		case (c.MaxAge != 0) != isLog:
			t.Errorf("%s: MaxAge %v; only logs age in the server", c.Name, c.MaxAge)
		case c.DenyDelete != (c.Name == Audit) || c.DenyPurge != (c.Name == Audit):
			t.Errorf("%s: deletes denied %v", c.Name, c.DenyDelete)
		case c.AllowMsgTTL != hasEnds(c.Name):
			t.Errorf("%s: keys may end %v", c.Name, c.AllowMsgTTL)
		case c.AllowMsgSchedules != (c.Name == queueStream):
			t.Errorf("%s: schedules %v", c.Name, c.AllowMsgSchedules)
		case c.Name == Alerts && c.MaxAge != time.Hour, c.Name == Audit && c.MaxAge != 400*24*time.Hour:
			t.Errorf("%s: MaxAge %v", c.Name, c.MaxAge)
		}
	}
}

func TestServerLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var broken []string
	l := &serverLog{log: slog.New(slog.NewTextHandler(&out, nil)), broken: func(line string) { broken = append(broken, line) }}
	l.Noticef("started %d", 1)
	l.Debugf("x")
	l.Tracef("x")
	l.Warnf("Filestore [a] TTL state is outdated")
	l.Noticef("critical write error in a mere notice")
	l.Errorf("JetStream stream '$G > a' critical write error: %v", "no space")
	l.Fatalf("bad")
	l.Warnf("File system permission denied when flushing stream state, disabling JetStream: x")
	if diff := cmp.Diff([]string{"JetStream stream '$G > a' critical write error: no space", "File system permission denied when flushing stream state, disabling JetStream: x"}, broken); diff != "" {
		t.Errorf("lines that break: -want +got\n%s", diff)
	}
	if got := strings.Count(out.String(), "\n"); got != 4 || strings.Contains(out.String(), "started") {
		t.Errorf("log has %d lines, want warnings and errors alone:\n%s", got, out.String())
	}
}

func TestTimerMessage(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("x", 5400)
	for at, want := range map[time.Time]string{
		time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC):           "@at 2026-03-01T12:00:00Z",
		time.Date(2026, 3, 1, 12, 0, 0, 1, time.UTC):           "@at 2026-03-01T12:00:01Z",
		time.Date(2026, 3, 1, 12, 0, 59, 999_999_999, zone):    "@at 2026-03-01T10:31:00Z",
		time.Date(2026, 12, 31, 23, 59, 59, 500_000, time.UTC): "@at 2027-01-01T00:00:00Z",
	} {
		if got := timerMessage("t", at, nil).Header.Get(headerSchedule); got != want {
			t.Errorf("schedule of %v = %q, want %q", at, got, want)
		}
	}
	if a, b := timerKey("r-1.wait"), timerKey("r-1.wait*"); a == b || strings.ContainsAny(strings.TrimPrefix(b, timerSubject), ".*> ") {
		t.Errorf("timer subjects %q and %q", a, b)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	h := newHealth(slog.New(slog.DiscardHandler))
	if err := h.ready(); err != nil {
		t.Errorf("ready at first = %v", err)
	}
	h.unheard("runs-0")
	if err := h.ready(); err == nil || !strings.Contains(err.Error(), "does not answer writes to runs-0 since") {
		t.Errorf("ready with a silent stream = %v", err)
	}
	h.heard("runs-1")
	if h.ready() == nil {
		t.Error("another stream's answer made it ready")
	}
	h.heard("runs-0")
	if err := h.ready(); err != nil {
		t.Errorf("ready after the answer = %v", err)
	}
	h.fail("first")
	h.fail("second")
	h.set(errDown)
	if err := h.ready(); err == nil || !strings.Contains(err.Error(), "first") || !strings.Contains(err.Error(), "down") {
		t.Errorf("ready when broken = %v, want the first line and what was tried", err)
	}
	h.set(nil)
	if err := h.ready(); err != nil {
		t.Errorf("ready when healed = %v", err)
	}
}
