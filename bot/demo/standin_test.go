package demo_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// standIn starts an origin with a channel and a stand-in before it, and opens the driver of Varnish on that.
func standIn(t *testing.T) (*lab.Origin, *lab.StandIn, cache.Driver) {
	t.Helper()
	origin := lab.NewOrigin(t, lab.OriginOptions{Channels: []lab.Channel{{Name: "news"}}})
	s, err := lab.StartStandIn(context.WithoutCancel(t.Context()), lab.StandInOptions{Origin: origin.Address, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	d, err := cache.Open(cache.Config{
		Node: "edge-1", Name: "front", Kind: cache.Varnish, URL: s.URL, AdminAddress: s.AdminAddress, SecretFile: s.SecretFile,
		Secret: func() ([]byte, error) { return os.ReadFile(s.SecretFile) },
	}, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(d.Close(), s.Stop()); err != nil {
			t.Error(err)
		}
	})
	return origin, s, d
}

// view asks as a viewer does and tells what the cache did.
func view(t *testing.T, o *lab.Origin, s *lab.StandIn, path string) (etag string, hit bool) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = o.Address
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("X-Lab") == "" {
		t.Error("the answer does not say that a stand-in gave it")
	}
	return resp.Header.Get("ETag"), cache.LookupOf(resp.Header) == cache.LookupHit
}

// TestStandInTakesWhatTheDriverSends lets our own driver purge a stand-in in all its ways.
func TestStandInTakesWhatTheDriverSends(t *testing.T) {
	t.Parallel()
	const path = "/news/v0/seg0.ts"
	for _, tt := range []struct {
		name string
		do   func(context.Context, *lab.Origin, cache.Driver) (cache.Result, error)
		hits bool // the first answer afterwards is the old copy
		not  bool // nothing is removed
	}{
		{"flush", func(ctx context.Context, _ *lab.Origin, d cache.Driver) (cache.Result, error) {
			return d.Flush(ctx, "m/1")
		}, false, false},
		{"prefix", func(ctx context.Context, _ *lab.Origin, d cache.Driver) (cache.Result, error) {
			return d.PurgePrefix(ctx, "/news/", "m/1")
		}, false, false},
		{"another prefix", func(ctx context.Context, _ *lab.Origin, d cache.Driver) (cache.Result, error) {
			return d.PurgePrefix(ctx, "/sport/", "m/1")
		}, true, true},
		{"url", func(ctx context.Context, o *lab.Origin, d cache.Driver) (cache.Result, error) {
			return d.Purge(ctx, o.URL+path, false)
		}, false, false},
		{"soft", func(ctx context.Context, o *lab.Origin, d cache.Driver) (cache.Result, error) {
			return d.Purge(ctx, o.URL+path, true)
		}, true, false},
		{"tag", func(ctx context.Context, _ *lab.Origin, d cache.Driver) (cache.Result, error) {
			return d.PurgeTag(ctx, []string{"ch-news"}, false)
		}, false, false},
		{"another tag", func(ctx context.Context, _ *lab.Origin, d cache.Driver) (cache.Result, error) {
			return d.PurgeTag(ctx, []string{"ch-sport"}, false)
		}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			origin, s, d := standIn(t)
			old, _ := view(t, origin, s, path)
			origin.SetGeneration(1)
			if again, hit := view(t, origin, s, path); again != old || !hit {
				t.Fatalf("second view = %s, hit %v, want the old %s from the cache", again, hit, old)
			}
			if _, err := tt.do(t.Context(), origin, d); err != nil {
				t.Fatal(err)
			}
			if first, hit := view(t, origin, s, path); hit != tt.hits || (first == old) != tt.hits {
				t.Errorf("first view afterwards = %s, hit %v, want hit %v (old %s)", first, hit, tt.hits, old)
			}
			if second, _ := view(t, origin, s, path); (second == old) != tt.not {
				t.Errorf("second view afterwards = %s, old %s, want old %v", second, old, tt.not)
			}
		})
	}
}

func TestStandInHealthAndSecret(t *testing.T) {
	t.Parallel()
	_, s, d := standIn(t)
	h, err := d.Health(t.Context())
	if err != nil || !h.OK || !strings.Contains(h.Version, "stand-in") {
		t.Errorf("health = %+v, %v, want well and labelled", h, err)
	}
	wrong, err := cache.Open(cache.Config{
		Node: "edge-1", Name: "front", Kind: cache.Varnish, URL: s.URL, AdminAddress: s.AdminAddress, Secret: func() ([]byte, error) { return []byte("wrong"), nil },
	}, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = wrong.Close() }()
	if _, err := wrong.Flush(t.Context(), "m/1"); !errors.Is(err, cache.ErrWrongSecret) {
		t.Errorf("flush with a wrong secret: %v, want %v", err, cache.ErrWrongSecret)
	}
}

// TestMonitorAnswersOurClient holds the stand-in of Icinga2 against the client, from a problem to its end.
func TestMonitorAnswersOurClient(t *testing.T) {
	t.Parallel()
	states, events := make(chan int, 1), make(chan lab.MonitorEvent, 100)
	state := 1
	m, err := lab.StartMonitor(context.WithoutCancel(t.Context()), lab.MonitorOptions{
		Dir: t.TempDir(), Hosts: []string{"edge-1"}, Every: 10 * time.Millisecond, Remind: time.Hour, Notify: func(e lab.MonitorEvent) { events <- e },
		Checks: []lab.MonitorCheck{{Host: "edge-1", Service: "Cache Hit Rate", Check: func() (int, string) {
			select {
			case state = <-states:
			default:
			}
			return state, "low"
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Stop(); err != nil {
			t.Error(err)
		}
	})
	ca, err := os.ReadFile(m.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := icinga.New(icinga.Options{URL: m.URL, User: m.User, CA: ca, ServerName: m.ServerName, Password: func() (secret.Secret, error) { return secret.New([]byte(m.Password)), nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := t.Context()
	if e := <-events; e.Type != "PROBLEM" || e.State != 1 {
		t.Fatalf("first event = %+v, want a problem", e)
	}
	if p, err := c.Permissions(ctx); err != nil || len(p.Missing(icinga.Needed()...)) > 0 {
		t.Errorf("permissions = %+v, %v, want all", p, err)
	}
	if _, err := c.Status(ctx); err != nil {
		t.Error(err)
	}
	all, err := c.Problems(ctx, "")
	if err != nil || len(all) != 1 || all[0].State != icinga.Warning || all[0].Service != "Cache Hit Rate" {
		t.Fatalf("problems = %+v, %v, want the one", all, err)
	}
	if err := c.Acknowledge(ctx, "edge-1", "Cache Hit Rate", icinga.Ack{Author: "anna", Comment: "seen"}); err != nil {
		t.Error(err)
	}
	for range 2 { // the second is the same one
		if err := c.AddComment(ctx, "edge-1", "Cache Hit Rate", icinga.Comment{Author: "opsbot", Text: "flushed", Marker: "r-7"}); err != nil {
			t.Error(err)
		}
	}
	if o, err := c.Object(ctx, "edge-1", "Cache Hit Rate"); err != nil || !o.Acknowledged {
		t.Errorf("object = %+v, %v, want it acknowledged", o, err)
	}
	if err := c.RemoveAcknowledgement(ctx, "edge-1", "Cache Hit Rate", "anna"); err != nil {
		t.Error(err)
	}
	if _, err := c.Object(ctx, "edge-9", ""); !errors.Is(err, icinga.ErrNotFound) {
		t.Errorf("a host that there is not: %v, want %v", err, icinga.ErrNotFound)
	}
	text, err := m.Get(ctx, "/v1/objects/comments")
	if err != nil || strings.Count(text, "flushed") != 1 {
		t.Errorf("comments = %s, %v, want one about the flush", text, err)
	}
	states <- 0
	if e := <-events; e.Type != "RECOVERY" {
		t.Errorf("last event = %+v, want a recovery", e)
	}
}
