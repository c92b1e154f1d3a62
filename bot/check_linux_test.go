package bot_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot"
	"github.com/shitops/opsbot/internal/lab"
)

// ask sends n requests to a Varnish, each for a path of its own or all for one.
func ask(t *testing.T, v *lab.Varnish, n int, path func(i int) string) {
	t.Helper()
	for i := range n {
		resp, err := http.Get(v.URL + path(i))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}

// opsbotEnds runs the program and returns what it printed, and its exit code.
func opsbotEnds(t *testing.T, args ...string) (string, int) {
	t.Helper()
	var out, errs bytes.Buffer
	code := bot.Main(args, bytes.NewReader(nil), &out, &errs)
	if errs.Len() > 0 {
		t.Errorf("opsbot %v wrote to the standard error: %s", args, &errs)
	}
	return out.String(), code
}

// TestCheckCacheHitRate asks a real Varnish for what it has and for what it has not, and compares what the plugin makes of it.
func TestCheckCacheHitRate(t *testing.T) {
	e := startEdge(t, 1)
	v := e.varnish[0]
	e.origin.Put("/one", []byte("one"), nil)
	dir := folder(t)
	file := configure(t, dir, e.inventory())
	args := []string{"check", "cache-hit-rate", "--node", "edge-1", "--config", file, "--state-dir", filepath.Join(dir, "state"),
		"--window", "60s", "--min-requests", "50", "--warm-up", "0s"}
	look := func(step string, exit int, more []string, want ...string) {
		t.Helper()
		// Counters reach the shared memory with the end of a session or a worker's next turn: look again until they are there.
		until := time.Now().Add(10 * time.Second)
		for {
			out, code := opsbotEnds(t, append(args[:len(args):len(args)], more...)...)
			missing := ""
			for _, w := range want {
				if !strings.Contains(out, w) {
					missing = w
				}
			}
			if code == exit && missing == "" {
				return
			}
			if time.Now().After(until) {
				t.Fatalf("%s: exit %d, want %d; %q is to hold %q", step, code, exit, out, want)
			}
		}
	}
	look("the first look", 3, nil, "HIT RATE UNKNOWN: ", "first sample")
	ask(t, v, 100, func(int) string { return "/one" })
	look("all from the cache", 0, nil, "HIT RATE OK: ", "99.0 %", "hit_ratio=99%;85:;70:;0;100")
	ask(t, v, 30, func(i int) string { return fmt.Sprintf("/other/%d", i) })
	look("some not", 1, nil, "HIT RATE WARNING: ", "76.2 %")
	look("in other eyes", 2, []string{"--warning", "95:", "--critical", "90:"}, "HIT RATE CRITICAL: ", "hit_ratio=76.2%;95:;90:;0;100")
	ask(t, v, 100, func(i int) string { return fmt.Sprintf("/more/%d", i) })
	look("mostly not", 2, nil, "HIT RATE CRITICAL: ", "43.0 %")
	// A flush gives it time to fill again. Another ban does not, even where the server has forgotten the flush by then.
	if _, err := v.Admin(t.Context(), "ban", "obj.status != 0"); err != nil {
		t.Fatal(err)
	}
	look("flushed", 1, []string{"--warm-up", "1h"}, "HIT RATE WARNING: ", "43.0 %", "flushed")
	look("in the eyes of who gives no time", 2, nil, "HIT RATE CRITICAL: ")
	if _, err := v.Admin(t.Context(), "ban", "obj.http.x-url ~ ^/news/"); err != nil {
		t.Fatal(err)
	}
	look("still", 1, []string{"--warm-up", "1h"}, "HIT RATE WARNING: ")
	if err := os.Chmod(v.SecretFile, 0o604); err != nil { // which no secret may be
		t.Fatal(err)
	}
	look("without the management port", 1, []string{"--warm-up", "1h"}, "HIT RATE WARNING: ")
	if err := os.Chmod(v.SecretFile, 0o600); err != nil {
		t.Fatal(err)
	}
	look("with only the folder", 3, []string{"--varnishstat", v.StatsDir, "--node", "other", "--config", "absent.yaml"}, "HIT RATE UNKNOWN: ", "first sample")

	if _, err := v.Admin(t.Context(), "stop"); err != nil {
		t.Fatal(err)
	}
	look("without a worker process", 3, nil, "HIT RATE UNKNOWN: ")
	if _, err := v.Admin(t.Context(), "start"); err != nil {
		t.Fatal(err)
	}
	look("right after a restart", 3, nil, "HIT RATE UNKNOWN: ", "resets=1c")
	ask(t, v, 60, func(int) string { return "/one" })
	look("after a restart", 0, nil, "HIT RATE OK: ", "resets=1c")
	if err := v.Halt(); err != nil {
		t.Fatal(err)
	}
	look("without a server", 3, nil, "HIT RATE UNKNOWN: ")
}
