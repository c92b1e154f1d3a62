package heartbeat_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/heartbeat"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// startIcinga starts a daemon with the kit in it, and returns a client with the kit's rights, and the file in which people are told.
func startIcinga(t *testing.T) (*lab.Icinga, *icinga.Client, string) {
	t.Helper()
	password := secret.New([]byte("of the bot"))
	files, err := icinga.KitFiles(icinga.KitOptions{Password: password, Program: "/bin/true", People: []string{"night shift"}, PeopleCommand: "tell"})
	if err != nil {
		t.Fatal(err)
	}
	told := filepath.Join(t.TempDir(), "told")
	i := lab.NewIcinga(t, lab.IcingaOptions{Files: files, Config: fmt.Sprintf(`
object UserGroup "night shift" { }
object User "anna" { groups = [ "night shift" ] }
object NotificationCommand "tell" {
  command = [ "/bin/sh", "-c", "echo \"$$WHAT\" >> %s" ]
  env.WHAT = "$user.name$: $notification.type$ $service.state$ $service.output$"
}
`, told)})
	ca, err := os.ReadFile(i.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := icinga.New(icinga.Options{
		URL: i.URL, User: "opsbot", Password: func() (secret.Secret, error) { return password, nil }, CA: ca, ServerName: i.ServerName,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return i, c, told
}

// eventually waits for something that a daemon does by itself.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it did not come about within a minute: %s", what)
		}
	}
}

// TestSilentBotIsNoticed lets a bot live, fall ill and die before a real Icinga2, which dies once itself, and reads what people are told.
func TestSilentBotIsNoticed(t *testing.T) {
	t.Parallel()
	i, c, told := startIcinga(t)
	state := func(want icinga.State, output string) {
		t.Helper()
		var o icinga.Object
		eventually(t, fmt.Sprintf("%s, %q", want, output), func() bool {
			var err error
			o, err = c.Object(t.Context(), heartbeat.Host, heartbeat.Service)
			return err == nil && o.State == want && o.Hard() && !o.Pending() && strings.Contains(o.Output, output)
		})
	}
	people := func(words string) {
		t.Helper()
		eventually(t, "people are told "+words, func() bool {
			data, err := os.ReadFile(told)
			return err == nil && strings.Contains(string(data), words)
		})
	}
	var sick atomic.Bool
	opt := heartbeat.Options{Reporter: c, Every: 2 * time.Second, Source: "bot.example", Health: func(context.Context) heartbeat.Health {
		if sick.Load() {
			return heartbeat.Health{Votes: []heartbeat.Vote{{Name: "store", Why: "the disk is full"}}}
		}
		return heartbeat.Health{Ready: true, Facts: []heartbeat.Fact{{Name: heartbeat.BeatAge, Value: 0.5, Unit: "s"}}}
	}}
	h, err := heartbeat.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	live := func() (kill func()) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		return func() {
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("Run = %v", err)
			}
		}
	}
	kill := live()
	state(icinga.OK, "OPSBOT OK: ready")
	if o, err := c.Object(t.Context(), heartbeat.Host, heartbeat.Service); err != nil || len(o.Perfdata) != 3 || o.Perfdata[2] != "beat_age=0.5s;30;120;0" {
		t.Errorf("the performance data are %q, %v", o.Perfdata, err)
	}

	sick.Store(true)
	state(icinga.Critical, "not ready: store: the disk is full")
	people("anna: PROBLEM CRITICAL OPSBOT CRITICAL: not ready: store: the disk is full")
	sick.Store(false)
	state(icinga.OK, "ready")
	people("anna: RECOVERY OK OPSBOT OK: ready")

	i.Kill() // with the last result in nobody's memory
	eventually(t, "the heart notices", func() bool { return h.Now(t.Context()) != nil })
	if err := i.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	state(icinga.OK, "ready")

	kill()
	start := time.Now()
	state(icinga.Unknown, "OpsBot is silent")
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("the silence was noticed after %s, want 5 s and what a busy machine adds", took)
	}
	people("anna: PROBLEM UNKNOWN OpsBot is silent")
	kill = live()
	defer kill()
	state(icinga.OK, "ready")
}

// TestHeartOfAForeignHouse reports to an Icinga2 that knows no such host, and where it may not.
func TestHeartOfAForeignHouse(t *testing.T) {
	t.Parallel()
	_, c, _ := startIcinga(t)
	h, err := heartbeat.New(heartbeat.Options{Reporter: c, Health: ready, Host: "elsewhere"})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Now(t.Context()); !errors.Is(err, icinga.ErrNotFound) || !strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("Now = %v, want icinga.ErrNotFound with the name", err)
	}
}
