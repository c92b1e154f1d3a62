package cache_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/lab"
)

// TestHealthProblems: what a management port may say, and what a person reads then.
func TestHealthProblems(t *testing.T) {
	t.Parallel()
	viewers := httptest.NewServer(nil)
	t.Cleanup(viewers.Close)
	answer := func(to, body string) func(net.Conn, int, string) bool {
		return func(c net.Conn, _ int, command string) bool {
			if command != to {
				return false
			}
			if body == "" {
				_ = c.Close()
				return true
			}
			say(c, 200, body)
			return true
		}
	}
	for _, tt := range []struct {
		name string
		fake *fakeCLI
		want cache.Health
	}{
		{"well", &fakeCLI{}, cache.Health{OK: true, Admin: true, Listening: true, Child: "running", Version: "varnish-7.1.1 revision fake"}},
		{"worker starting", &fakeCLI{Answer: answer("status", "Child in state starting")},
			cache.Health{Admin: true, Listening: true, Child: "starting", Problems: []string{"the worker process is starting"}}},
		{"banner without a version", &fakeCLI{Answer: answer("banner", "Varnish Cache CLI 1.0\n")},
			cache.Health{OK: true, Admin: true, Listening: true, Child: "running"}},
		{"a thousand bans", &fakeCLI{bans: strings.Split(strings.Repeat("obj.status != 0 ", 1000), " != 0 ")[:1000]},
			cache.Health{Admin: true, Listening: true, Child: "running", Version: "varnish-7.1.1 revision fake", Bans: 1000,
				Problems: []string{"more bans than look-ups can bear"}}},
		{"breaks at ping", &fakeCLI{Answer: answer("ping", "")}, cache.Health{Listening: true, Problems: []string{"management port: EOF"}}},
		{"breaks at status", &fakeCLI{Answer: answer("status", "")}, cache.Health{Listening: true, Problems: []string{"management port: EOF"}}},
		{"breaks at the list", &fakeCLI{Answer: answer("ban.list", "")},
			cache.Health{Admin: true, Listening: true, Child: "running", Version: "varnish-7.1.1 revision fake", Problems: []string{"list of bans: EOF"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := startCLI(t, tt.fake)
			d, err := cache.Open(cache.Config{Kind: cache.Varnish, URL: viewers.URL, AdminAddress: f.Address}, cache.Options{Timeout: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = d.Close() }()
			got, err := d.Health(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(cache.Health{}, "RTT")); diff != "" {
				t.Errorf("Health (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHealthWithoutAdmin: the viewers' port alone is looked at, on the default port of its scheme where none is given.
func TestHealthWithoutAdmin(t *testing.T) {
	t.Parallel()
	viewers := httptest.NewServer(nil)
	defer viewers.Close()
	if h, err := openURL(t, viewers.URL, time.Second).Health(t.Context()); err != nil || !h.OK || h.Admin || !h.Listening {
		t.Errorf("Health = %+v, %v; want OK without a management port", h, err)
	}
	h, err := openURL(t, "http://127.250.250.250", time.Second).Health(t.Context())
	if err != nil || h.OK || len(h.Problems) != 1 || !strings.Contains(h.Problems[0], "127.250.250.250:80") {
		t.Errorf("Health of a port that nobody has = %+v, %v; want one problem that names port 80", h, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := openURL(t, viewers.URL, time.Second).Health(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Health with a context that is done = %v, want %v", err, context.Canceled)
	}
}

// TestStatsWithout: no varnishstat, one that talks nonsense, one that hangs, and a directory that no varnishd has. Not parallel, since
// it changes the PATH.
func TestStatsWithout(t *testing.T) {
	lab.Need(t, "sh", "sleep")
	for _, tt := range []struct {
		name, script string
		want         error
		temporary    bool
	}{
		{"not installed", "", cache.ErrUnsupported, false},
		{"nonsense", "echo hello", nil, false},
		{"of another program", `echo '{"counters":{"foo":{"value":1}}}'`, cache.ErrNoSignature, false},
		{"no worker", `echo '{"counters":{"MGT.uptime":{"value":1}}}'`, cache.ErrDown, true},
		{"no such directory", "echo 'Could not get hold of varnishd, is it running?' >&2; exit 1", cache.ErrDown, true},
		{"hangs", "exec sleep 60", context.DeadlineExceeded, true},
	} {
		dir := t.TempDir()
		if tt.script != "" {
			if err := os.WriteFile(filepath.Join(dir, "varnishstat"), []byte("#!/bin/sh\n"+tt.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		path := dir
		if tt.script != "" {
			path += string(os.PathListSeparator) + "/bin" + string(os.PathListSeparator) + "/usr/bin"
		}
		t.Setenv("PATH", path)
		d, err := cache.Open(cache.Config{Node: "edge-1", Name: "front", Kind: cache.Varnish, URL: "http://127.0.0.1:1", StatsDir: dir},
			cache.Options{Timeout: 300 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Stats(t.Context())
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || cache.Temporary(err) != tt.temporary {
			t.Errorf("%s: Stats = %v (temporary %v), want %v (temporary %v)", tt.name, err, cache.Temporary(err), tt.want, tt.temporary)
		}
		if !strings.Contains(fmt.Sprint(err), "stats "+dir+" on edge-1/front") {
			t.Errorf("%s: error %v does not say what was tried where", tt.name, err)
		}
	}
}

// TestEdgeWithoutURL: a path alone names no object unless an edge says where.
func TestEdgeWithoutURL(t *testing.T) {
	t.Parallel()
	for _, e := range []cache.Edge{{}, {URL: "http://[::1"}} {
		r, err := cache.Prime(t.Context(), e, cache.Objects("/a.ts"), cache.PrimeOptions{})
		if err != nil || r.Failed != 1 || r.Retried != 0 {
			t.Errorf("Prime of a path through %+v = %v, %v; want one failure, not repeated", e, r, err)
		}
	}
	r := cache.Report{}
	if got, want := r.String(), "0 objects: nothing done; 0.0 MB in 0s"; got != want {
		t.Errorf("Report = %q, want %q", got, want)
	}
}

// TestVerifyGivenUp: what was not looked at is skipped, not failed.
func TestVerifyGivenUp(t *testing.T) {
	t.Parallel()
	origin := lab.NewOrigin(t, originOptions())
	hold := origin.HoldPath("/news/v0/seg1.ts")
	defer hold.Release()
	ctx, cancel := context.WithCancel(t.Context())
	objects := cache.Objects(origin.URL+"/news/v0/seg0.ts", origin.URL+"/news/v0/seg1.ts", origin.URL+"/news/v0/seg2.ts")
	r, err := cache.Verify(ctx, cache.Edge{URL: origin.URL}, cache.Origin{}, objects, cache.VerifyOptions{Conns: 1, Progress: func(done, _ int) {
		if done == 1 {
			go func() { <-hold.Arrived; cancel() }()
		}
	}})
	if !errors.Is(err, context.Canceled) || r.Skipped != 2 || r.Failed != 0 || r.OK() {
		t.Errorf("Verify given up = %v, %v, %v; want 2 skipped", r, err, r.Offenders)
	}
}
