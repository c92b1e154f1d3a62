package discord_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door/discord"
	"github.com/shitops/opsbot/bot/reply"
	fake "github.com/shitops/opsbot/fixtures/discord"
	"github.com/shitops/opsbot/internal/secret"
)

// works gives a command and waits for its answer.
func (b *bench) works(word string) {
	b.t.Helper()
	b.until("the door is ready to hear "+word, func() bool {
		live, _, _ := b.s.Connected()
		return b.door.Ready() == nil && live == 1
	})
	b.slash(anna, channel, "echo "+word)
	b.sees(ben, channel, word)
}

func TestReconnects(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		harm    func(*fake.Server)
		resumes bool
	}{
		"connection lost":             {(*fake.Server).Drop, true},
		"asked to connect anew":       {(*fake.Server).Reconnect, true},
		"closed for an unknown error": {func(s *fake.Server) { s.CloseWith(4000) }, true},
		"session ended":               {func(s *fake.Server) { s.Invalidate(false) }, false},
		"session may be resumed":      {func(s *fake.Server) { s.Invalidate(true) }, false}, // the library identifies whatever it is told
		"heartbeats unanswered":       {(*fake.Server).Mute, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, "gateway", nil, func(o *discord.Options) { o.Silence = 1500 * time.Millisecond })
			b.works("before")
			_, identifies, resumes := b.s.Connected()
			tt.harm(b.s)
			b.until("it is back", func() bool {
				live, i, r := b.s.Connected()
				return live == 1 && (i > identifies || r > resumes)
			})
			if _, _, r := b.s.Connected(); tt.resumes && r == resumes {
				t.Error("the session was begun anew, want it resumed")
			}
			b.works("after")
		})
	}
}

// TestHeardWhileAway resumes and hears what was said in between.
func TestHeardWhileAway(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", nil, nil)
	b.s.Drop()
	b.s.Say(anna, channel, "<@"+fake.BotUser+"> echo meanwhile", fake.Said{})
	b.sees(ben, channel, "meanwhile")
	if n := b.desk.times("echo meanwhile"); n != 1 {
		t.Errorf("heard %d times, want 1", n)
	}
}

func TestEveryEventTwice(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", nil, nil)
	b.s.Twice(true)
	b.slash(anna, channel, "echo by command")
	b.s.Say(anna, channel, "<@"+fake.BotUser+"> echo by mention", fake.Said{})
	b.sees(ben, channel, "by command")
	b.sees(ben, channel, "by mention")
	b.stop()
	for _, text := range []string{"echo by command", "echo by mention"} {
		if n := b.desk.times(text); n != 1 {
			t.Errorf("%q was heard %d times, want 1", text, n)
		}
	}
}

// TestOutOfOrder lets events arrive in the opposite order.
func TestOutOfOrder(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", nil, nil)
	b.s.Hold()
	for _, word := range []string{"first", "second", "third"} {
		b.s.Say(anna, channel, "<@"+fake.BotUser+"> echo "+word, fake.Said{})
	}
	b.s.Release()
	for _, word := range []string{"first", "second", "third"} {
		b.sees(ben, channel, word)
		if n := b.desk.times("echo " + word); n != 1 {
			t.Errorf("%s was heard %d times", word, n)
		}
	}
	b.works("after")
}

// TestRewritten changes a message after it was heard: it is not heard again.
func TestRewritten(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", nil, nil)
	id := b.s.Say(anna, channel, "<@"+fake.BotUser+"> echo first", fake.Said{})
	b.sees(ben, channel, "first")
	b.s.Rewrite(id, "<@"+fake.BotUser+"> echo second")
	b.works("after")
	if n := b.desk.times("echo second"); n != 0 {
		t.Errorf("the changed message was heard %d times", n)
	}
}

// TestGatewayRefused lets the gateway not be reached for a while.
func TestGatewayRefused(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", nil, nil)
	b.s.Fail(fake.Fault{Method: http.MethodGet, Path: gatewayPath, Times: 1, Status: http.StatusBadGateway})
	b.s.Drop()
	b.until("it says that it is deaf", func() bool { return b.door.Ready() != nil })
	b.works("after")
}

// TestRevokedToken raises an alarm, turns the door red within seconds, and heals once there is a new token.
func TestRevokedToken(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.s.Revoke("another")
		b.s.Drop()
		began := time.Now()
		b.until("the door is red", func() bool { return b.door.Ready() != nil })
		b.until("the alarm is raised", func() bool { return b.alarmed() > 0 })
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("red and alarmed after %s, want 10 s at most", took)
		}
		b.mu.Lock()
		hint := b.alarms[0].Hint
		b.token = "another"
		b.mu.Unlock()
		if !strings.Contains(hint, "developer portal") {
			t.Errorf("the alarm's hint is %q", hint)
		}
		b.until("it is well again", func() bool { return b.door.Ready() == nil && b.connected() })
		b.slash(anna, channel, "echo healed")
		b.sees(ben, channel, "healed")
		b.until("the alarm is taken back", func() bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.alarms[len(b.alarms)-1].Kind == reply.Done
		})
		if n := b.alarmed(); n > 4 {
			t.Errorf("%d alarms", n)
		}
	})
}

// TestIntentsRefused raises an alarm that says which switch to turn.
func TestIntentsRefused(t *testing.T) {
	s := fake.New(fake.Options{Token: "t0ken", Application: application, Guilds: map[string][]string{guild: {channel}}})
	t.Cleanup(s.Close)
	b := &bench{t: t, s: s, desk: &desk{}, disk: newDisk(), token: "t0ken", counts: map[string]int{}, impatient: true}
	b.set = func(o *discord.Options) { o.Prefix, o.Alerts = "!ops", "" }
	b.start("gateway")
	t.Cleanup(b.stop)
	b.until("the alarm is raised", func() bool { return b.alarmed() > 0 })
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.alarms[0]; !strings.Contains(c.Hint, "Message Content") {
		t.Errorf("the alarm is %+v", c)
	}
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", func(o *fake.Options) { o.MessageContent = true }, func(o *discord.Options) { o.Prefix = "!ops" })
	b.s.Say(anna, channel, "!ops echo by prefix", fake.Said{})
	b.sees(ben, channel, "by prefix")
	b.s.Say(anna, channel, "!opsecho no", fake.Said{})
	b.s.Say(anna, channel, "echo !ops no", fake.Said{})
	b.s.Say(anna, channel, "!OPS echo last", fake.Said{})
	b.sees(ben, channel, "last")
	if n := len(b.desk.messages()); n != 2 {
		t.Errorf("heard %v, want two messages", b.desk.messages())
	}
}

// TestOneReplica runs two replicas on one store: one of them holds the gateway, and when it ends the other takes over.
func TestOneReplica(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", nil, nil)
	first := b.stop
	second := &bench{t: t, s: b.s, desk: b.desk, disk: b.disk, token: "t0ken", counts: map[string]int{}}
	second.start("gateway")
	t.Cleanup(second.stop)
	if live, identifies, _ := b.s.Connected(); live != 1 || identifies != 1 {
		t.Errorf("%d connections, %d identified, want one", live, identifies)
	}
	first()
	second.works("taken over")
	if n := b.desk.times("echo taken over"); n != 1 {
		t.Errorf("heard %d times, want 1", n)
	}
}

// TestSelfCheck turns red when the channel for alerts cannot be read, and green again.
func TestSelfCheck(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.s.Remove(alerts)
		b.until("the door is red", func() bool { return b.door.Ready() != nil })
		if err := b.door.Ready(); err == nil || !strings.Contains(err.Error(), "self-check") {
			t.Errorf("Ready: %v", err)
		}
		b.s.Admit(alerts)
		b.until("the door is green", func() bool { return b.door.Ready() == nil })
	})
}

func TestOptions(t *testing.T) {
	whole := func() discord.Options {
		h := newDisk().Open(storeOptions())
		return discord.Options{
			Application: "1", Desk: &desk{}, KV: h.Bucket(store.Dedupe), Leader: h.Leader(),
			Token: func() (secret.Secret, error) { return secret.Secret{}, errors.New("no token") },
		}
	}
	for name, spoil := range map[string]func(*discord.Options){
		"application": func(o *discord.Options) { o.Application = "my app" },
		"token":       func(o *discord.Options) { o.Token = nil },
		"bucket":      func(o *discord.Options) { o.KV = nil },
		"election":    func(o *discord.Options) { o.Leader = nil },
		"mode":        func(o *discord.Options) { o.Mode = "smoke" },
		"public key":  func(o *discord.Options) { o.Mode = discord.HTTP; o.PublicKey = "abc" },
		"alerts":      func(o *discord.Options) { o.Alerts = "#alerts" },
		"servers":     func(o *discord.Options) { o.Guilds = []string{"mine"} },
		"base":        func(o *discord.Options) { o.Base = "discord.com" },
	} {
		o := whole()
		spoil(&o)
		if _, err := discord.New(o); err == nil || !strings.Contains(err.Error(), "discord") {
			t.Errorf("New with a bad %s: error %v, want one that names it", name, err)
		}
	}
	if _, err := discord.New(whole()); err != nil {
		t.Errorf("New: %v", err)
	}
}
