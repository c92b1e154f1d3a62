package slack_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door/slack"
	"github.com/shitops/opsbot/bot/reply"
	workspace "github.com/shitops/opsbot/fixtures/slack"
	"github.com/shitops/opsbot/internal/secret"
)

func contextWithCancel(t *testing.T) (context.Context, func()) {
	ctx, cancel := context.WithCancel(t.Context())
	return ctx, cancel
}

// red waits until the door says that something is wrong, and what.
func (w *world) red(why string) {
	w.t.Helper()
	w.eventually("the door says: "+why, func() bool {
		err := w.door.Ready()
		return err != nil && strings.Contains(err.Error(), why)
	})
}

// alarm waits for an alarm and returns the last one.
func (w *world) alarm(title string) reply.Card {
	w.t.Helper()
	var last reply.Card
	w.eventually("an alarm: "+title, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.alarms) > 0 {
			last = w.alarms[len(w.alarms)-1]
		}
		return strings.Contains(last.Title, title)
	})
	return last
}

// TestTokenRevoked takes the tokens away: readiness is red and there is an alarm within ten seconds; with new tokens in the files everything works
// again by itself.
func TestTokenRevoked(t *testing.T) {
	both(t, setup{options: func(o *slack.Options) { o.CheckEvery = 200 * time.Millisecond }}, func(t *testing.T, w *world) {
		w.slash("U1", "before")
		w.shows("C1", "heard: before")
		begin := time.Now()
		w.tokens(w.slack.AppToken(), w.slack.BotToken())
		w.slack.Renew()
		w.slack.DropSockets()
		w.red("refuses")
		c := w.alarm("refuses my token")
		if d := time.Since(begin); d > 10*time.Second {
			t.Errorf("it took %s until the alarm, want at most 10 s", d)
		}
		if c.Kind != reply.Error || !c.Live || c.Hint == "" {
			t.Errorf("the alarm is %+v, want one that lasts and says what to do", c)
		}
		w.tokens("", "")
		w.ready()
		if c := w.alarm("I hear and speak again"); c.Kind != reply.Done || c.Live {
			t.Errorf("the end of the alarm is %+v", c)
		}
		w.slash("U1", "after")
		w.shows("C1", "heard: after")
	})
}

// TestTokenRefusedWhilePosting has posts alone notice that the bot's token is refused: the door is red, and green again soon after a new token,
// long before the next look of the pulse.
func TestTokenRefusedWhilePosting(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		w.tokens(w.slack.AppToken(), w.slack.BotToken())
		w.slack.Renew()
		if err := w.door.Tell(w.ctx(), reply.Card{ID: "x", Kind: reply.Answer, Title: "told"}); err != nil {
			t.Fatal(err)
		}
		w.red("refuses the bot's token")
		w.alarm("refuses my token")
		w.tokens("", "")
		w.ready() // within 20 s; the pulse looks every 10 min
		w.shows("C2", "told")
		w.alarm("I hear and speak again")
	})
}

// TestRefusedPostsAreNoGoodPulse refuses posts while the pulse, which edits, goes well: the alarm is taken back once a post works, not before.
func TestRefusedPostsAreNoGoodPulse(t *testing.T) {
	both(t, setup{options: func(o *slack.Options) { o.CheckEvery = 50 * time.Millisecond }}, func(t *testing.T, w *world) {
		w.slack.Fail("chat.postMessage", "missing_scope", 1)
		if err := w.door.Tell(w.ctx(), reply.Card{ID: "x", Kind: reply.Answer, Title: "told"}); err != nil {
			t.Fatal(err)
		}
		w.red("missing_scope")
		w.alarm("refuses my token")
		w.alarm("I hear and speak again")
		if got := w.bots("C2"); len(got) != 1 {
			t.Errorf("the alarm was taken back while the channel shows %s, want what was told", shown(got))
		}
	})
}

// tokens lets the files hold other tokens, "" those of the workspace.
func (w *world) tokens(app, bot string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.app, w.bot = app, bot
}

// TestReconnects drops, refreshes and refuses the socket: the door comes back by itself, and says meanwhile that it is deaf.
func TestReconnects(t *testing.T) {
	w := newWorld(t, setup{options: func(o *slack.Options) { o.AlarmAfter = 100 * time.Millisecond }})
	again := func(end func()) {
		before, _ := w.slack.Calls("apps.connections.open")
		end()
		w.eventually("it is connected again", func() bool {
			opened, _ := w.slack.Calls("apps.connections.open")
			return opened > before && w.slack.Sockets() == 1 && w.door.Ready() == nil
		})
	}
	for i := range 3 {
		again(w.slack.DropSockets)
		again(w.slack.Refresh)
		w.slash("U1", "x"+strings.Repeat("x", i))
	}
	w.slack.Deaf(true)
	w.red("not connected")
	w.alarm("I cannot hear")
	w.slack.Deaf(false)
	w.ready()
	w.alarm("I hear and speak again")
	w.slash("U1", "after")
	w.shows("C1", "heard: after")
}

// TestNoPings stops the pings: the socket is as good as dead, so it is made anew.
func TestNoPings(t *testing.T) {
	w := newWorld(t, setup{place: workspace.Options{PingEvery: time.Hour}, options: func(o *slack.Options) { o.PingWithin = 50 * time.Millisecond }})
	before, _ := w.slack.Calls("apps.connections.open")
	w.eventually("it connects again and again", func() bool { n, _ := w.slack.Calls("apps.connections.open"); return n > before+2 })
}

// TestPulse proves that what is posted can be read back, in one message that is edited, and notices when it cannot.
func TestPulse(t *testing.T) {
	both(t, setup{options: func(o *slack.Options) { o.CheckEvery = 50 * time.Millisecond }}, func(t *testing.T, w *world) {
		pulse := func() []workspace.Message {
			var out []workspace.Message
			for _, m := range w.slack.Messages("C2") {
				if strings.HasPrefix(m.Text, "OpsBot hears and speaks here") {
					out = append(out, m)
				}
			}
			return out
		}
		w.eventually("it was edited", func() bool { p := pulse(); return len(p) == 1 && len(p[0].Edits) > 2 })
		w.stop()
		w.start()
		if p := pulse(); len(p) != 1 {
			t.Fatalf("%d messages of the pulse after a restart, want one", len(p))
		}
		w.slack.Delete("C2", pulse()[0].TS)
		w.eventually("it is there again", func() bool { return len(pulse()) == 1 })
		w.slack.Kick("C2")
		w.red("cannot be read back")
		w.alarm("cannot be read back")
		w.slack.Invite("C2")
		w.ready()
		w.alarm("I hear and speak again")
	})
}

// TestWrongWorkspace starts with the token of another workspace.
func TestWrongWorkspace(t *testing.T) {
	w := newWorld(t, setup{})
	w.stop()
	w.set.options = func(o *slack.Options) { o.Workspace, o.Alerts = "T0999", "" }
	w.startUnready()
	w.red("is for the workspace T0123")
}

// TestTokenFileGone takes the file of the token away while the bot runs.
func TestTokenFileGone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bot.token")
	w := newWorld(t, setup{options: func(o *slack.Options) {
		good := o.BotToken
		o.CheckEvery = 50 * time.Millisecond
		o.BotToken = func() (secret.Secret, error) {
			if _, err := os.Stat(file); err == nil {
				return secret.Secret{}, errors.New("open bot.token: permission denied")
			}
			return good()
		}
	}})
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.red("permission denied")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	w.ready()
}

// TestNoTokenInLogs looks for tokens and secrets in everything that is logged, while all goes wrong.
func TestNoTokenInLogs(t *testing.T) {
	both(t, setup{options: func(o *slack.Options) { o.CheckEvery = 20 * time.Millisecond }}, func(t *testing.T, w *world) {
		for _, method := range []string{"chat.postMessage", "chat.update", "auth.test", "conversations.history"} {
			w.slack.FailStatus(method, 500, 1)
			w.slack.Lose(method, 1)
		}
		w.slash("U1", "x")
		w.shows("C1", "heard: x")
		w.slack.DropSockets()
		w.slack.Revoke(w.slack.BotToken(), "token_revoked")
		w.red("refuses")
		for _, bad := range []string{w.slack.AppToken(), w.slack.BotToken(), w.slack.SigningSecret(), "/response/"} {
			if strings.Contains(w.logged(), bad) {
				t.Errorf("the log holds %q", bad)
			}
		}
	})
}

func TestNewRefuses(t *testing.T) {
	read := func() (secret.Secret, error) { return secret.New([]byte("x")), nil }
	w := newWorld(t, setup{})
	good := slack.Options{Workspace: "T0123", Mode: slack.Socket, AppToken: read, BotToken: read, Desk: w.desk, KV: w.st.Bucket("dedupe")}
	tests := []struct {
		name   string
		change func(*slack.Options)
		want   string
	}{
		{"no workspace", func(o *slack.Options) { o.Workspace = "" }, "want the id of a workspace"},
		{"a name of a workspace", func(o *slack.Options) { o.Workspace = "acme" }, "want the id of a workspace"},
		{"a mode of another platform", func(o *slack.Options) { o.Mode = "gateway" }, "want socket or http"},
		{"no token", func(o *slack.Options) { o.BotToken = nil }, "a bot token"},
		{"no app token", func(o *slack.Options) { o.AppToken = nil }, "the token of the app"},
		{"no secret", func(o *slack.Options) { o.Mode = slack.HTTP }, "a signing secret"},
		{"a name of a channel", func(o *slack.Options) { o.Alerts = "#ops" }, "want the id of a channel"},
		{"no desk", func(o *slack.Options) { o.Desk = nil }, "a desk"},
	}
	for _, tt := range tests {
		o := good
		tt.change(&o)
		if _, err := slack.New(o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New with %s = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}
