package bot_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// air is a live stream at the lab's origin: four segments of 2 s, the newest of which ended a while ago.
type air struct {
	*lab.Origin
	path string // of the playlist
	keep string // Cache-Control of the playlist
}

// show puts a playlist that begins with segment n and ends ago.
func (a air) show(n int, ago time.Duration) {
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%d\n", n)
	fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", time.Now().Add(-ago-8*time.Second).UTC().Format("2006-01-02T15:04:05.000Z"))
	for i := n; i < n+4; i++ {
		fmt.Fprintf(&b, "#EXTINF:2,\nseg%d.ts\n", i)
		a.Put(strings.Replace(a.path, "index.m3u8", fmt.Sprintf("seg%d.ts", i), 1), make([]byte, 8<<10), nil)
	}
	a.Put(a.path, []byte(b.String()), map[string]string{"Cache-Control": a.keep})
}

// TestCheckStreamLatency lets the program look at streams through a real Varnish: one that is well, one that the edge keeps for too long, one that stands
// still, one whose segments are gone, and one that is no live stream.
func TestCheckStreamLatency(t *testing.T) {
	t.Parallel()
	e := startEdge(t, 1)
	dir := folder(t)
	file := configure(t, dir, e.inventory())
	look := func(step, edge, origin string, exit int, want string, more ...string) string {
		t.Helper()
		args := append([]string{"check", "stream-latency", "--state-dir", filepath.Join(dir, "state"), "--config", file}, more...)
		for flag, value := range map[string]string{"--edge": edge, "--origin": origin} {
			if value != "" {
				args = append(args, flag, value)
			}
		}
		out, code := opsbotEnds(t, args...)
		if code != exit || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d and %q, want %d and %q", step, code, out, exit, want)
		}
		return out
	}
	at, origin := e.varnish[0].URL, e.origin.URL
	// A busy machine answers late: what is looked at is the stream, not the machine.
	calm := []string{"--warning-ttfb", "5", "--critical-ttfb", "5", "--timeout", "2s", "--warning-age", "60", "--critical-age", "60"}

	well := air{e.origin, "/well/index.m3u8", "max-age=0"}
	well.show(10, time.Second)
	out := look("well", at, origin+well.path, 0, "LATENCY OK: live edge ", calm...)
	for _, metric := range []string{" live_edge_age=", "s;60;60;0 edge_lag=", "s;2;4;0 ttfb=", " origin_ttfb=", " sequence=14 discontinuities=0c missing=0;;;0;3 target=2s"} {
		if !strings.Contains(out, metric) {
			t.Errorf("it prints %q, want %q in it", out, metric)
		}
	}
	look("well, seen at the edge alone", at+well.path, "", 0, "LATENCY OK: live edge ", calm...)

	stale := air{e.origin, "/stale/index.m3u8", "max-age=600"}
	stale.show(10, 21*time.Second)
	look("before it is kept", at, origin+stale.path, 0, "LATENCY OK", calm...)
	stale.show(20, time.Second)
	look("kept", at, origin+stale.path, 2, "LATENCY CRITICAL: edge stale: ", calm...)

	late := air{e.origin, "/late/index.m3u8", "max-age=0"}
	late.show(10, 20*time.Second)
	look("late", at, origin+late.path, 2, "LATENCY CRITICAL: origin late: ", append(calm, "--warning-age", "6", "--critical-age", "12")...)

	gone := air{e.origin, "/gone/index.m3u8", "max-age=0"}
	gone.show(10, time.Second)
	e.origin.SetStatus("/gone/seg13.ts", 404)
	look("a segment is gone", at, origin+gone.path, 2, "LATENCY CRITICAL: origin lacks segments: 1 of the newest 3", calm...)
	e.origin.SetStatus("/gone/index.m3u8", 503)
	look("the origin fails", at, origin+gone.path, 2, "LATENCY CRITICAL: origin down: no playlist there (answered 503", calm...)

	look("no live stream", "", "", 0, "LATENCY OK: ended, ", append(calm, "--node", "edge-1", "--channel", "news")...)
	slow := air{e.origin, "/slow/index.m3u8", "max-age=0"}
	slow.show(10, time.Second)
	e.origin.SetDelay(300 * time.Millisecond)
	look("slow", at, origin+slow.path, 1, " slow: the first byte of ", append(calm, "--warning-ttfb", "0.25")...)
	e.origin.SetDelay(0)
	if err := e.varnish[0].Halt(); err != nil {
		t.Fatal(err)
	}
	look("without an edge", at, origin+well.path, 2, "LATENCY CRITICAL: edge fails: no playlist (dial tcp", calm...)
}

// TestCheckChannel asks a real Varnish for a channel that it has not, and again when it has.
func TestCheckChannel(t *testing.T) {
	t.Parallel()
	e := startEdge(t, 1)
	dir := folder(t)
	file := configure(t, dir, e.inventory())
	look := func(step string, exit int, want string, more ...string) {
		t.Helper()
		out, code := opsbotEnds(t, append([]string{"check", "cache-hit-rate", "--node", "edge-1", "--config", file}, more...)...)
		if code != exit || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d and %q, want %d and %q", step, code, out, exit, want)
		}
	}
	long := e.origin.URL + "/long/master.m3u8"
	look("an empty cache", 2, "HIT RATE CRITICAL: 0.0 % of 60 segments of "+long+" (it lists 4000)", "--channel", long+"?token=geheim")
	look("other segments", 2, "HIT RATE CRITICAL: ", "--channel", long)
	look("a deployment", 2, "HIT RATE CRITICAL: 0.0 % of ", "--channel", "news", "--min-requests", "5")
	look("a deployment that was looked at", 0, "HIT RATE OK: 100.0 % of ", "--channel", "news", "--min-requests", "5")
	look("by the edge's URL", 0, "hit_ratio=100%;85:;70:;0;100", "--channel", e.origin.URL+"/ts/master.m3u8", "--min-requests", "5", "--edge", e.varnish[0].URL)
	look("too few segments", 3, "HIT RATE UNKNOWN: ", "--channel", "news", "--min-requests", "1000")
	look("no playlist", 3, "HIT RATE UNKNOWN: walk ", "--channel", e.origin.URL+"/absent.m3u8")
	e.origin.Put("/hollow.m3u8", []byte("#EXTM3U\n#EXT-X-ENDLIST\n"), nil)
	look("a playlist of nothing", 3, "lists no segments that may be asked for", "--channel", e.origin.URL+"/hollow.m3u8")
	e.origin.Put("/private.m3u8", []byte("#EXTM3U\n#EXTINF:2,\np.ts\n"), nil)
	e.origin.Put("/p.ts", []byte("x"), map[string]string{"Cache-Control": "private"})
	look("what may not be kept", 3, "may be kept by a cache, as its origin says", "--channel", e.origin.URL+"/private.m3u8")
}

// TestChecksInIcinga lets a real Icinga2 with the kit run the program itself, on a node that is registered while it runs, against a real Varnish.
func TestChecksInIcinga(t *testing.T) {
	t.Parallel()
	lab.Need(t, "icinga2")
	program, err := exec.LookPath("opsbot")
	if err != nil {
		t.Fatal(err)
	}
	e := startEdge(t, 1)
	dir := folder(t)
	file := configure(t, dir, e.inventory())
	files, err := icinga.KitFiles(icinga.KitOptions{Password: secret.New([]byte("of the bot")), Program: program, Config: file, HostCheck: "dummy", NotifyArgs: []string{"--spool", filepath.Join(dir, "spool")}})
	if err != nil {
		t.Fatal(err)
	}
	i := lab.NewIcinga(t, lab.IcingaOptions{Files: files})
	ca, err := os.ReadFile(i.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := icinga.New(icinga.Options{URL: i.URL, User: i.User, Password: func() (secret.Secret, error) { return secret.New([]byte(i.Password)), nil }, CA: ca, ServerName: i.ServerName})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	live := air{e.origin, "/live/index.m3u8", "max-age=600"}
	live.show(10, 21*time.Second)
	state := filepath.Join(dir, "state")
	status, answer, err := i.Call(t.Context(), "PUT", "/v1/objects/hosts/edge-1", map[string]any{"templates": []string{"opsbot-node", "opsbot-edge"}, "attrs": map[string]any{
		"address": "127.0.0.1", "vars.opsbot": map[string]any{"managed": true}, "vars.os": "macosx", "vars.opsbot_state_dir": state,
		"vars.opsbot_warning_ttfb": "5", "vars.opsbot_critical_ttfb": "5", "vars.opsbot_warning_age": "60", "vars.opsbot_critical_age": "60",
		"vars.opsbot_channels": map[string]any{"live": map[string]any{"edge_url": e.varnish[0].URL, "origin_url": e.origin.URL + live.path}},
	}})
	if err != nil || status != 200 {
		t.Fatalf("register edge-1: %d %s, %v", status, answer, err)
	}
	run := func(service string, want icinga.State, output string) {
		t.Helper()
		if err := c.Reschedule(t.Context(), "edge-1", service); err != nil {
			t.Fatalf("%s: %v", service, err)
		}
		var o icinga.Object
		until := time.Now().Add(60 * time.Second)
		for o.State != want || o.Pending() || !strings.Contains(o.Output, output) {
			if time.Now().After(until) {
				t.Fatalf("%s: %s %q, want %s %q\n%s", service, o.State, o.Output, want, output, i.Log())
			}
			if o, err = c.Object(t.Context(), "edge-1", service); err != nil {
				t.Fatal(err)
			}
			<-time.After(20 * time.Millisecond) // another process checks
		}
		if len(o.Perfdata) == 0 && want != icinga.Unknown {
			t.Errorf("%s has no performance data: %q", service, o.Output)
		}
	}
	run("Stream Latency live", icinga.OK, "LATENCY OK: live edge ")
	run("Cache Hit Rate", icinga.Unknown, "HIT RATE UNKNOWN: ") // the first sample, or a window without requests
	live.show(20, time.Second)
	run("Stream Latency live", icinga.Critical, "LATENCY CRITICAL: edge stale: ")
	if _, err := os.Stat(filepath.Join(state, "hitrate-edge-1.json")); err != nil {
		t.Error(err)
	}
	if _, err := c.Object(t.Context(), "edge-1", "Remote Login"); err != nil {
		t.Errorf("a Mac has no Remote Login: %v", err)
	}
}
