package heartbeat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/heartbeat"
)

// monitor takes results, or fails as it is told.
type monitor struct {
	mu    sync.Mutex
	start time.Time
	fault error
	slow  time.Duration
	got   []string // "60s opsbot!OpsBot Heartbeat 0 150s OPSBOT OK: ..."
}

func (m *monitor) ProcessCheckResult(ctx context.Context, host, service string, r icinga.CheckResult) error {
	m.mu.Lock()
	fault, slow := m.fault, m.slow
	m.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fault != nil {
		return fault
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, fmt.Sprintf("%s %s!%s %d %s %s", time.Since(m.start), host, service, r.Exit, r.TTL, r.Output))
	return nil
}

func (m *monitor) fail(err error) { m.mu.Lock(); defer m.mu.Unlock(); m.fault = err }

func (m *monitor) all() string { m.mu.Lock(); defer m.mu.Unlock(); return strings.Join(m.got, "\n") }

func ready(context.Context) heartbeat.Health { return heartbeat.Health{Ready: true} }

// beating runs a heart until the test ends.
func beating(t *testing.T, opt heartbeat.Options) *heartbeat.Heart {
	t.Helper()
	h, err := heartbeat.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v, want that it was canceled", err)
		}
	})
	return h
}

func TestRunBeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &monitor{start: time.Now()}
		var mu sync.Mutex
		health := heartbeat.Health{Ready: true}
		h := beating(t, heartbeat.Options{Reporter: m, Health: func(context.Context) heartbeat.Health {
			mu.Lock()
			defer mu.Unlock()
			return health
		}})
		time.Sleep(90 * time.Second)
		mu.Lock()
		health = heartbeat.Health{Votes: []heartbeat.Vote{{Name: "store", Why: "the disk is full"}}}
		mu.Unlock()
		time.Sleep(40 * time.Second)
		if err := h.Now(t.Context()); err != nil {
			t.Errorf("Now = %v", err)
		}
		want := strings.Join([]string{
			"0s opsbot!OpsBot Heartbeat 0 2m30s OPSBOT OK: ready, 0 parts are well",
			"1m0s opsbot!OpsBot Heartbeat 0 2m30s OPSBOT OK: ready, 0 parts are well",
			"2m0s opsbot!OpsBot Heartbeat 2 2m30s OPSBOT CRITICAL: not ready: store: the disk is full",
			"2m10s opsbot!OpsBot Heartbeat 2 2m30s OPSBOT CRITICAL: not ready: store: the disk is full",
		}, "\n")
		if got := m.all(); got != want {
			t.Errorf("the results:\n%s\nwant:\n%s", got, want)
		}
		if err := h.Ready(); err != nil {
			t.Errorf("Ready = %v: the heartbeat itself is well when the bot is ill", err)
		}
	})
}

// TestRunThroughAnOutage has an Icinga2 that takes nothing for a while: it is tried sooner, told of once, and Ready turns after the ttl.
func TestRunThroughAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		m := &monitor{start: time.Now()}
		h := beating(t, heartbeat.Options{
			Reporter: m, Health: ready, Host: "bots", Service: "alive", Every: 10 * time.Second, Log: slog.New(slog.NewTextHandler(&logged, nil)),
		})
		time.Sleep(time.Second)
		m.fail(fmt.Errorf("icinga2: report a check of bots!alive: %w", icinga.ErrNotFound))
		time.Sleep(24 * time.Second) // since the last that was taken
		if err := h.Ready(); err != nil {
			t.Errorf("Ready after 25 s of 25 = %v", err)
		}
		time.Sleep(time.Second)
		if err := h.Ready(); !errors.Is(err, icinga.ErrNotFound) || !strings.Contains(err.Error(), "26s") {
			t.Errorf("Ready after 26 s of 25 = %v, want the reason and the time", err)
		}
		if err := h.Now(t.Context()); !errors.Is(err, icinga.ErrNotFound) {
			t.Errorf("Now = %v, want the reason", err)
		}
		m.fail(nil)
		time.Sleep(10 * time.Second)
		if err := h.Ready(); err != nil {
			t.Errorf("Ready afterwards = %v", err)
		}
		if since := time.Since(h.Last()); since > 10*time.Second {
			t.Errorf("Last is %s ago, want less than an interval", since)
		}
		text := logged.String()
		if n := strings.Count(text, "not taken"); n != 1 || strings.Count(text, "taken again") != 1 || !strings.Contains(text, "icinga-kit") {
			t.Errorf("it logs %d times that nothing is taken, want once each, with what heals it:\n%s", n, text)
		}
	})
}

// TestSilenceIsTheAlarm: who does not say how it is gets no result, and a slow Icinga2 does not keep the heart from the next beat.
func TestSilenceIsTheAlarm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		health  func(ctx context.Context) heartbeat.Health
		monitor *monitor
		want    string
	}{
		{"the health hangs", func(ctx context.Context) heartbeat.Health { <-ctx.Done(); return heartbeat.Health{Ready: true} }, &monitor{}, "did not say within 2s"},
		{"Icinga2 is slow", ready, &monitor{slow: time.Hour}, "deadline exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := beating(t, heartbeat.Options{Reporter: tt.monitor, Health: tt.health, Every: 4 * time.Second})
				time.Sleep(20 * time.Second)
				if got := tt.monitor.all(); got != "" {
					t.Errorf("results came: %s", got)
				}
				if err := h.Ready(); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("Ready = %v, want %q", err, tt.want)
				}
			})
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]heartbeat.Options{
		"nobody who takes results": {Health: ready},
		"no health":                {Reporter: &monitor{}},
		"a negative interval":      {Reporter: &monitor{}, Health: ready, Every: -time.Second},
	} {
		if h, err := heartbeat.New(opt); err == nil {
			t.Errorf("%s: New = %v, want an error", name, h)
		}
	}
	h, err := heartbeat.New(heartbeat.Options{Reporter: &monitor{}, Health: ready})
	if err != nil || h.Ready() != nil || !h.Last().IsZero() {
		t.Errorf("New = %v, ready %v, last %v; want none of it before Run", err, h.Ready(), h.Last())
	}
}
