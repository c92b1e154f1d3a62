package ops

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestNotify listens as systemd does and reads each datagram.
func TestNotify(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	n := NewNotifier(func(k string) string { return map[string]string{"NOTIFY_SOCKET": path}[k] })
	tests := []struct {
		name string
		call func() error
		want string // a pattern
	}{
		{"ready", func() error { return n.Ready("1 door, 3 nodes, 0 runs") }, "^READY=1\nSTATUS=1 door, 3 nodes, 0 runs$"},
		{"status", func() error { return n.Status("a\nREADY=1") }, "^STATUS=a READY=1$"},
		{"reloading, in one datagram", n.Reloading, "^RELOADING=1\nMONOTONIC_USEC=[0-9]+\nSTATUS=reloading the configuration$"},
		{"stopping", n.Stopping, "^STOPPING=1\nSTATUS=stopping$"},
	}
	buf := make([]byte, 4096)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(); err != nil {
				t.Fatal(err)
			}
			size, err := conn.Read(buf)
			if got := string(buf[:size]); err != nil || !regexp.MustCompile(tt.want).MatchString(got) {
				t.Errorf("datagram %q, %v, want %q", got, err, tt.want)
			}
		})
	}
	if monotonic() <= 0 {
		t.Errorf("monotonic clock reads %s", monotonic())
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Ready(""); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Ready with nobody listening any more = %v, want an error that names %s", err, path)
	}
}

func TestNoManager(t *testing.T) {
	t.Parallel()
	for _, socket := range []string{"", "vsock:2:1234", "relative"} {
		n := NewNotifier(func(k string) string { return map[string]string{"NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "1000"}[k] })
		if err := errors.Join(n.Ready("x"), n.Status("x"), n.Reloading(), n.Stopping(), n.Watchdog(t.Context(), nil)); err != nil {
			t.Errorf("NOTIFY_SOCKET=%q: %v, want silence", socket, err)
		}
	}
}

func TestWatchdogInterval(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, usec, pid string
		want            time.Duration
	}{
		{"none", "", "", 0},
		{"thirty seconds", "30000000", "", 30 * time.Second},
		{"for us", "30000000", "self", 30 * time.Second},
		{"for another process", "30000000", "1", 0},
		{"no number", "soon", "", 0},
		{"negative", "-5", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pid := strings.Replace(tt.pid, "self", strconv.Itoa(os.Getpid()), 1)
			env := map[string]string{"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": tt.usec, "WATCHDOG_PID": pid}
			if got := NewNotifier(func(k string) string { return env[k] }).interval; got != tt.want {
				t.Errorf("interval with %v = %s, want %s", env, got, tt.want)
			}
		})
	}
}

// TestWatchdog lets the engine beat for a minute and then hang: the dog is fed until the beat is as old as the interval, and no longer.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var fed []time.Duration
		n := &Notifier{interval: 30 * time.Second, send: func(m string) error {
			if m != "WATCHDOG=1" {
				t.Errorf("sent %q", m)
			}
			fed = append(fed, time.Since(begun))
			return nil
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		beat := func() time.Time { return begun.Add(min(time.Since(begun), time.Minute)) }
		if err := n.Watchdog(ctx, beat); err != nil {
			t.Fatal(err)
		}
		var want []time.Duration
		for d := range 9 {
			want = append(want, time.Duration(d)*10*time.Second)
		}
		if diff := cmp.Diff(want, fed); diff != "" {
			t.Errorf("feedings differ (-want +got):\n%s", diff)
		}
	})
}

func TestWatchdogTellsOfALostManager(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	n := &Notifier{interval: time.Second, send: func(string) error { return gone }}
	if err := n.Watchdog(t.Context(), time.Now); !errors.Is(err, gone) {
		t.Errorf("Watchdog = %v, want %v", err, gone)
	}
}
