package discord_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	storefake "github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/discord"
	"github.com/shitops/opsbot/bot/reply"
	fake "github.com/shitops/opsbot/fixtures/discord"
)

func TestDuplicates(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i := b.slash(anna, channel, "run r-1")
		b.s.Again(i)
		b.s.Again(i)
		b.sees(ben, channel, "r-1: done")
		b.until("the event is closed", func() bool { return b.count("closed") == 1 })
		b.stop()
		b.start(mode(b))
		b.s.Again(i)
		b.slash(anna, channel, "echo after")
		b.sees(ben, channel, "after")
		if n := b.desk.times("run r-1"); n != 1 {
			t.Errorf("heard %d times, want 1", n)
		}
		if all := messagesWith(b, channel, "r-1"); len(all) != 1 {
			t.Errorf("%d messages of the run, want 1: %v", len(all), all)
		}
	})
}

func mode(b *bench) discord.Mode {
	if strings.HasSuffix(b.t.Name(), "/http") {
		return discord.HTTP
	}
	return discord.Gateway
}

func messagesWith(b *bench, where, word string) []fake.Message {
	var out []fake.Message
	for _, m := range b.s.Messages(where) {
		if strings.Contains(m.Text(), word) {
			out = append(out, m)
		}
	}
	return out
}

// TestCrash kills the door while the desk is at work: the event is worked off after the restart, and answered where it was asked.
func TestCrash(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i := b.slash(anna, channel, "wait")
		b.until("the desk is at work", func() bool { return b.desk.times("wait") == 1 })
		b.crash()
		close(b.desk.hold)
		b.start(mode(b))
		b.sees(ben, channel, "waited")
		heard := b.desk.messages()
		if len(heard) != 2 || heard[0].ID != heard[1].ID || heard[1].ID != i.ID {
			t.Errorf("heard %v, want the same message twice", heard)
		}
		if all := messagesWith(b, channel, "waited"); len(all) != 1 {
			t.Errorf("%d answers, want 1", len(all))
		}
	})
}

// TestLostAnswers lets answers of Discord get lost after the fact: nothing is posted twice.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"channel": `^/channels/\d+/messages$`, "response": `^/webhooks/.*@original$`} {
		for _, status := range []int{http.StatusBadGateway, 0} {
			t.Run(fmt.Sprint(name, status), func(t *testing.T) {
				t.Parallel()
				b := open(t, "gateway", nil, nil)
				b.s.Fail(fake.Fault{Path: regexp.MustCompile(path), Times: 1, Status: status, After: true})
				if name == "channel" {
					b.s.Say(anna, channel, "<@"+fake.BotUser+"> echo once", fake.Said{})
				} else {
					b.slash(anna, channel, "echo once")
				}
				b.until("the call was made again", func() bool { return b.count("posted")+b.count("found") > 0 })
				if n := countOwn(messagesWith(b, channel, "once")); n != 1 {
					t.Errorf("%d messages of the bot, want 1", n)
				}
			})
		}
	}
}

// TestLostForLong lets the answer to a post get lost and the platform forget its nonce: the message is found by what it says.
func TestLostForLong(t *testing.T) {
	t.Parallel()
	b := open(t, "http", nil, nil)
	b.s.Fail(fake.Fault{Method: http.MethodPost, Path: regexp.MustCompile(`^/channels/777/messages$`), Times: 1, Status: 0, After: true})
	if err := b.door.Tell(b.ctx(), reply.Card{ID: "incident/4", Kind: reply.Failed, Title: "edge-4 is down", Lines: []string{"since 5 minutes"}, Hint: "look"}); err != nil {
		t.Fatal(err)
	}
	b.sees(ben, alerts, "edge-4 is down")
	b.s.ForgetNonces()
	if err := b.door.Tell(b.ctx(), reply.Card{ID: "incident/5", Kind: reply.Failed, Title: "edge-5 is down"}); err != nil {
		t.Fatal(err)
	}
	b.sees(ben, alerts, "edge-5 is down")
	if n := len(messagesWith(b, alerts, "edge-4 is down")); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

func countOwn(all []fake.Message) int {
	n := 0
	for _, m := range all {
		if m.Author == fake.BotUser {
			n++
		}
	}
	return n
}

// TestThrottled has the platform at its real limits while a run reports 50 steps: few calls, none refused for long, the end is shown.
func TestThrottled(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.s.Fail(fake.Fault{Method: http.MethodPatch, Path: regexp.MustCompile("messages"), Times: 1, Status: http.StatusTooManyRequests, Retry: 300 * time.Millisecond})
		i := b.slash(anna, channel, "run r-7")
		m := b.sees(ben, channel, "r-7: done")
		calls := len(b.s.Calls(http.MethodPatch, "/webhooks")) + len(b.s.Calls(http.MethodPatch, "/channels"))
		if calls > 6 {
			t.Errorf("%d edits for 50 steps", calls)
		}
		if _, ok := m.Button("Undo"); !ok {
			t.Errorf("the end has no button: %+v", m)
		}
		if b.count("limited") == 0 {
			t.Errorf("nothing was limited: %v", i.ID)
		}
	})
}

// TestTokenEnds lets the 15 minutes of an interaction pass before the answer is there: it goes to the channel, a private one to the person.
func TestTokenEnds(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i := b.slash(anna, channel, "wait")
		i.Expire()
		close(b.desk.hold)
		if m := b.sees(ben, channel, "waited"); m.Interaction != "" {
			t.Errorf("answered through a dead token: %+v", m)
		}
	})
}

// TestTokenEndsUnderway lets the token end between the first state and the last: what everybody sees is edited in place, what one person saw alone
// comes to them directly.
func TestTokenEndsUnderway(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i := b.slash(anna, channel, "steps")
		m := b.sees(ben, channel, "begun")
		i.Expire()
		close(b.desk.hold)
		if end := b.sees(ben, channel, "ended"); end.ID != m.ID {
			t.Errorf("the end is message %s, the begin %s", end.ID, m.ID)
		}
	})
}

func TestPrivateTokenEndsUnderway(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i := b.slash(anna, channel, "steps privately")
		b.sees(anna, channel, "begun")
		i.Expire()
		close(b.desk.hold)
		b.sees(anna, "", "ended")
		if all := b.s.Messages(channel); len(all) != 0 {
			t.Errorf("everybody sees %v", all)
		}
	})
}

// TestNoTokenInErrors lets calls fail in every way: no error or log line shows the token of an interaction or of the bot.
func TestNoTokenInErrors(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var mu sync.Mutex
	b := open(t, "gateway", nil, func(o *discord.Options) {
		o.Log = slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) { mu.Lock(); defer mu.Unlock(); return log.Write(p) }), &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	callback, hook := regexp.MustCompile("callback"), regexp.MustCompile("webhooks")
	for _, f := range []fake.Fault{
		{Path: callback, Status: 0}, {Path: callback, Status: 502}, {Path: hook, Status: 0}, {Path: hook, Status: 502}, {Path: hook, Status: 400},
		{Path: hook, Status: 429, Retry: 10 * time.Millisecond},
	} {
		f.Times = 1
		b.s.Fail(f)
	}
	i := b.slash(anna, channel, "echo after all")
	b.sees(ben, channel, "after all")
	b.stop()
	mu.Lock()
	defer mu.Unlock()
	if text := log.String(); strings.Contains(text, i.Token) || strings.Contains(text, "t0ken") || !strings.Contains(text, "***") {
		t.Errorf("the log shows a token, or nothing:\n%s", text)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestDeletedUnderUs(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", nil, nil)
	tell := func(title string, live bool) {
		if err := b.door.Tell(b.ctx(), reply.Card{ID: "incident/1", Kind: reply.Failed, Title: title, Live: live}); err != nil {
			t.Fatal(err)
		}
	}
	tell("edge-1 is down", true)
	m := b.sees(ben, alerts, "edge-1 is down")
	b.s.DeleteMessage(m.ID)
	tell("edge-1 is up again", false)
	b.sees(ben, alerts, "edge-1 is up again")
}

// TestRemovedFromChannel takes the bot out of a channel while it works: who asked hears of the end directly.
func TestRemovedFromChannel(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i := b.slash(anna, channel, "wait")
		b.s.Remove(channel)
		i.Expire()
		close(b.desk.hold)
		b.sees(anna, "", "waited")
	})
}

func TestBugInTheDesk(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.desk.mu.Lock()
		b.desk.boom = true
		b.desk.mu.Unlock()
		i := b.slash(anna, channel, "echo boom")
		if m, err := i.Original(b.ctx()); err != nil || !strings.Contains(m.Text(), "wrong inside me") {
			t.Errorf("answered with %+v, %v", m, err)
		}
		b.desk.mu.Lock()
		b.desk.boom = false
		b.desk.mu.Unlock()
		b.slash(anna, channel, "echo alive")
		b.sees(ben, channel, "alive")
	})
}

// TestNothingToSay lets no response think for ever.
func TestNothingToSay(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i := b.slash(anna, channel, "mute")
		if m, err := i.Original(b.ctx()); err != nil || m.Loading {
			t.Errorf("the response is %+v, %v", m, err)
		}
	})
}

// TestStoreDown refuses what cannot be written down, in words, and does nothing.
func TestStoreDown(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.faulty(func(op storefake.Op) storefake.Fault {
			if strings.HasPrefix(op.Key, "inbox.") {
				return storefake.Unavailable
			}
			return storefake.None
		})
		i := b.slash(anna, channel, "run r-9")
		if m, err := i.Original(b.ctx()); err != nil || !strings.Contains(m.Text(), "cannot write down") || !m.Ephemeral {
			t.Errorf("answered with %+v, %v", m, err)
		}
		if n := len(b.desk.messages()); n != 0 {
			t.Errorf("the desk heard %v", b.desk.messages())
		}
		b.faulty(nil)
		b.slash(anna, channel, "echo recovered")
		b.sees(ben, channel, "recovered")
	})
}

// TestStoreDownForMessages tells the author of a message, too.
func TestStoreDownForMessages(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", nil, nil)
	b.faulty(func(op storefake.Op) storefake.Fault {
		if strings.HasPrefix(op.Key, "inbox.") {
			return storefake.Unavailable
		}
		return storefake.None
	})
	b.s.Say(anna, channel, "<@"+fake.BotUser+"> run r-10", fake.Said{})
	b.sees(anna, channel, "cannot write down")
	if n := len(b.desk.messages()); n != 0 {
		t.Errorf("the desk heard %v", b.desk.messages())
	}
}

// TestIncidentAnyServer edits one message, whether the alerts were told or their button was pressed, also where no server is configured.
func TestIncidentAnyServer(t *testing.T) {
	t.Parallel()
	b := open(t, "http", nil, func(o *discord.Options) { o.Guilds = nil })
	if err := b.door.Tell(b.ctx(), reply.Card{ID: "question/tok12", Kind: reply.Failed, Title: "edge-1 is down", Token: "tok12", Buttons: []reply.Button{{Label: "Acknowledge", Say: "ack edge-1"}}}); err != nil {
		t.Fatal(err)
	}
	m := b.sees(ben, alerts, "edge-1 is down")
	b.click(ben, m, "Acknowledge")
	b.sees(ben, alerts, "done as ack edge-1")
	b.until("the message was edited", func() bool {
		return len(messagesWith(b, alerts, "edge-1 is down"))+len(messagesWith(b, alerts, "answered: ack edge-1")) == 1
	})
}

// TestRepliesLost lets every second answer of the store get lost: each command is worked off once and answered once.
func TestRepliesLost(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		n := 0
		b.faulty(func(op storefake.Op) storefake.Fault {
			if n++; n%2 == 0 && (op.Name == "kv.create" || op.Name == "kv.update") {
				return storefake.ReplyLost
			}
			return storefake.None
		})
		for k := range 10 {
			text := fmt.Sprintf("echo number-%d.", k)
			b.slash(anna, channel, text)
			b.sees(ben, channel, fmt.Sprintf("number-%d.", k))
			if got := b.desk.times(text); got != 1 {
				t.Errorf("%q was heard %d times", text, got)
			}
		}
	})
}

// TestEveryCrash kills the process after each of its writes in turn: the command that was acknowledged is answered once, whichever write was the
// last.
func TestEveryCrash(t *testing.T) {
	t.Parallel()
	for at := 1; at <= 6; at++ {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			b := open(t, "http", nil, nil)
			n, died := 0, make(chan struct{})
			b.faulty(func(op storefake.Op) storefake.Fault {
				if op.N == 0 {
					return storefake.None
				}
				if n++; n == at {
					close(died)
					return storefake.CrashAfter
				}
				return storefake.None
			})
			i, err := b.s.Slash(anna, channel, "opsbot", map[string]any{"text": "echo survived"})
			if err != nil {
				t.Fatal(err)
			}
			_, refused := i.Acked(b.ctx())
			answered := func() bool { return len(messagesWith(b, channel, "survived")) > 0 }
			b.until("it crashes or answers", func() bool {
				select {
				case <-died:
					return true
				default:
					return answered()
				}
			})
			b.faulty(nil)
			b.crash()
			b.start("http")
			b.slash(anna, channel, "echo the next")
			b.sees(ben, channel, "the next")
			if refused == nil && i.Response() == 5 {
				b.sees(ben, channel, "survived")
			}
			if n := len(messagesWith(b, channel, "survived")); n > 1 {
				t.Errorf("%d answers, want 1", n)
			}
		})
	}
}

func TestDetailsInAThread(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", nil, nil)
	cards := []reply.Card{
		{ID: "incident/2", Kind: reply.Failed, Title: "edge-2 is down", Live: true},
		{ID: "incident/2/1", Kind: reply.Answer, Title: "anna took it over", Under: "incident/2"},
		{ID: "incident/2/2", Kind: reply.Answer, Title: "flushed", Under: "incident/2"},
	}
	for _, c := range cards {
		if err := b.door.Tell(b.ctx(), c); err != nil {
			t.Fatal(err)
		}
	}
	root := b.sees(ben, alerts, "edge-2 is down")
	b.sees(ben, root.ID, "anna took it over")
	b.sees(ben, root.ID, "flushed")
}

func TestRing(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		c := reply.Card{ID: "incident/3", Kind: reply.Failed, Title: "edge-3 is down: please look"}
		for range 2 { // the alarm is raised again because its first outcome was not known
			if err := b.door.Ring(b.ctx(), "discord:"+ben, c); err != nil {
				t.Fatal(err)
			}
		}
		if all := b.s.Seen(ben, ""); len(all) != 1 || !strings.Contains(all[0].Content, "please look") {
			t.Errorf("ben has %v, want the call once, as text that a phone shows", all)
		}
		if err := b.door.Ring(b.ctx(), "slack:T1/U1", c); err == nil {
			t.Error("an identity of Slack was rung")
		}
	})
}

// TestDeliver finishes the message of a run after a restart: in place, and once.
func TestDeliver(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i := b.slash(anna, channel, "run r-11")
		b.sees(ben, channel, "r-11: done")
		b.until("the event is closed", func() bool { return b.count("closed") == 1 })
		b.stop()
		b.start(mode(b))
		to := actions.Origin{Door: "discord", Channel: guild + "/" + channel, Message: i.ID}
		for range 2 {
			if err := b.door.Deliver(b.ctx(), to, reply.Card{ID: "r-11", Kind: reply.Done, Title: "r-11: undone", Run: "r-11"}); err != nil {
				t.Fatal(err)
			}
		}
		b.sees(ben, channel, "r-11: undone")
		if n := len(messagesWith(b, channel, "r-11")); n != 1 {
			t.Errorf("%d messages of the run, want 1", n)
		}
		if err := b.door.Deliver(b.ctx(), actions.Origin{Door: "slack", Channel: "T1/C1"}, reply.Card{Title: "x"}); err == nil {
			t.Error("a place of Slack was accepted")
		}
	})
}

// TestLongAnswer brings what is longer than a message as a file.
func TestLongAnswer(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i := b.slash(anna, channel, "echo "+strings.Repeat("long ", 380))
		m, err := i.Original(b.ctx())
		if err != nil || len(m.Files) != 1 {
			t.Fatalf("answered with %+v, %v, want one file", m, err)
		}
		for name, text := range m.Files {
			if !strings.HasSuffix(name, ".txt") || strings.Count(string(text), "long") != 380 {
				t.Errorf("file %s holds %d words", name, strings.Count(string(text), "long"))
			}
		}
	})
}
