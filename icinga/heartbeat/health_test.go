package heartbeat_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/icinga/heartbeat"
	"github.com/shitops/opsbot/icinga/plugin"
)

func well(names ...string) []heartbeat.Vote {
	var out []heartbeat.Vote
	for _, n := range names {
		out = append(out, heartbeat.Vote{Name: n, OK: true})
	}
	return out
}

func ill(name, why string) heartbeat.Vote { return heartbeat.Vote{Name: name, Why: why} }

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		health heartbeat.Health
		limits heartbeat.Limits
		want   string
	}{
		{"nothing said", heartbeat.Health{}, nil, "OPSBOT CRITICAL: not ready | parts=0;;;0 ill=0;;;0"},
		{"well", heartbeat.Health{Ready: true, Votes: well("store", "engine")}, nil, "OPSBOT OK: ready, 2 parts are well | parts=2;;;0 ill=0;;;0"},
		{"one part", heartbeat.Health{Ready: true, Votes: well("store")}, nil, "OPSBOT OK: ready, 1 part is well | parts=1;;;0 ill=0;;;0"},
		{"ready and ill", heartbeat.Health{Ready: true, Votes: append(well("store"), ill("slack", "the token is revoked"))}, nil,
			"OPSBOT WARNING: ready, but slack: the token is revoked | parts=2;;;0 ill=1;;;0"},
		{"ill", heartbeat.Health{Votes: []heartbeat.Vote{ill("store", "the disk is full"), ill("engine", "")}}, nil,
			"OPSBOT CRITICAL: not ready: store: the disk is full; engine: it does not say why | parts=2;;;0 ill=2;;;0"},
		{"words that would end the line", heartbeat.Health{Votes: []heartbeat.Vote{ill("x", "a|b\nc")}}, nil,
			"OPSBOT CRITICAL: not ready: x: a/b c | parts=1;;;0 ill=1;;;0"},
		{"runs under way", heartbeat.Health{Ready: true, Facts: []heartbeat.Fact{{Name: "runs", Value: 3}, {Name: "waiting", Value: 1}, {Name: "beat_age", Value: 0.25, Unit: "s"}}}, nil,
			"OPSBOT OK: ready, 0 parts are well, 3 runs are under way | parts=0;;;0 ill=0;;;0 runs=3;;;0 waiting=1;;;0 beat_age=0.25s;30;120;0"},
		{"the engine is late", heartbeat.Health{Ready: true, Facts: []heartbeat.Fact{{Name: "beat_age", Value: 31, Unit: "s"}}}, nil,
			"OPSBOT WARNING: ready, 0 parts are well; the engine was last seen alive 31 s ago | parts=0;;;0 ill=0;;;0 beat_age=31s;30;120;0"},
		{"the engine hangs", heartbeat.Health{Ready: true, Facts: []heartbeat.Fact{{Name: "beat_age", Value: 121, Unit: "s"}}}, nil,
			"OPSBOT CRITICAL: ready, 0 parts are well; the engine was last seen alive 121 s ago | parts=0;;;0 ill=0;;;0 beat_age=121s;30;120;0"},
		{"runs pile up", heartbeat.Health{Ready: true, Facts: []heartbeat.Fact{{Name: "backlog", Value: 51}}}, nil,
			"OPSBOT WARNING: ready, 0 parts are well; 51 runs are accepted and not begun | parts=0;;;0 ill=0;;;0 backlog=51;50;500;0"},
		{"other limits", heartbeat.Health{Ready: true, Facts: []heartbeat.Fact{{Name: "beat_age", Value: 121, Unit: "s"}, {Name: "doors", Value: 0}}},
			heartbeat.Limits{"doors": limits(t, "1:", "")},
			"OPSBOT WARNING: ready, 0 parts are well; doors is 0 | parts=0;;;0 ill=0;;;0 beat_age=121s;;;0 doors=0;1:;;0"},
		{"ill, and late", heartbeat.Health{Votes: []heartbeat.Vote{ill("engine", "it hangs")}, Facts: []heartbeat.Fact{{Name: "beat_age", Value: 45, Unit: "s"}}}, nil,
			"OPSBOT CRITICAL: not ready: engine: it hangs; the engine was last seen alive 45 s ago | parts=1;;;0 ill=1;;;0 beat_age=45s;30;120;0"},
	} {
		if got := strings.TrimSuffix(heartbeat.Judge(tt.health, tt.limits).String(), "\n"); got != tt.want {
			t.Errorf("%s: Judge(%+v)\n got %s\nwant %s", tt.name, tt.health, got, tt.want)
		}
	}
}

func limits(t *testing.T, warning, critical string) plugin.Thresholds {
	t.Helper()
	l, err := plugin.ParseThresholds(warning, critical)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestJudgeNeverFlatters draws healths: what is ill is never reported as well, whatever the facts say, and every ill part is named.
func TestJudgeNeverFlatters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var h heartbeat.Health
		h.Ready = rapid.Bool().Draw(t, "ready")
		for i := range rapid.IntRange(0, 6).Draw(t, "votes") {
			v := heartbeat.Vote{Name: fmt.Sprintf("part-%d", i), OK: rapid.Bool().Draw(t, "ok")}
			if !v.OK {
				v.Why = rapid.SampledFrom([]string{"", "it hangs", "a|b\n"}).Draw(t, "why")
			}
			h.Votes = append(h.Votes, v)
		}
		for range rapid.IntRange(0, 3).Draw(t, "facts") {
			h.Facts = append(h.Facts, heartbeat.Fact{Name: rapid.SampledFrom([]string{"beat_age", "backlog", "runs"}).Draw(t, "fact"), Value: rapid.Float64Range(0, 1000).Draw(t, "value")})
		}
		r := heartbeat.Judge(h, nil)
		sick := !h.Ready
		for _, v := range h.Votes {
			if !v.OK {
				sick = true
				if !strings.Contains(r.String(), v.Name) {
					t.Fatalf("Judge(%+v) = %q, want it to name %s", h, r, v.Name)
				}
			}
		}
		if sick && r.Status == plugin.OK || !h.Ready && r.Status != plugin.Critical {
			t.Fatalf("Judge(%+v) = %s", h, r)
		}
		if n := strings.Count(r.String(), "\n"); n != 1 {
			t.Fatalf("Judge(%+v) has %d lines: %q", h, n, r)
		}
	})
}
