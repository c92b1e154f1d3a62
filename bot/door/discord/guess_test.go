package discord_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/discord"
	"github.com/shitops/opsbot/bot/reply"
	fake "github.com/shitops/opsbot/fixtures/discord"
)

// guessing opens a door that takes every answer for private, or none.
func guessing(t *testing.T, private bool) *bench {
	return open(t, "http", nil, func(o *discord.Options) { o.Private = func(string) bool { return private } })
}

func TestTakenForPrivate(t *testing.T) {
	t.Parallel()
	b := guessing(t, true)
	i := b.slash(anna, channel, "echo for all")
	if !i.Ephemeral() {
		t.Error("the response was not declared to be private")
	}
	if m := b.sees(ben, channel, "for all"); m.Ephemeral {
		t.Errorf("the answer is for one person alone: %+v", m)
	}
	b.until("nothing says that the bot is thinking", func() bool { return len(b.s.Seen(anna, channel)) == 1 })
}

func TestTakenForPublic(t *testing.T) {
	t.Parallel()
	b := guessing(t, false)
	i := b.slash(anna, channel, "secret word")
	if i.Ephemeral() {
		t.Error("the response was declared to be private")
	}
	if m := b.sees(anna, channel, "word"); !m.Ephemeral || m.For != anna {
		t.Errorf("the answer is for everybody: %+v", m)
	}
	if all := b.s.Messages(channel); len(all) != 0 {
		t.Errorf("everybody sees %v", all)
	}
}

// TestMayNotWriteHere answers a command in a channel that the bot may not write to: what is for everybody stays with who asked.
func TestMayNotWriteHere(t *testing.T) {
	t.Parallel()
	b := guessing(t, true)
	b.s.Remove(channel)
	b.slash(anna, channel, "echo for all")
	b.sees(anna, channel, "for all")
}

// TestSeveralAnswers sends a question and then the run to one command: the question fills the response, the run is a message of its own.
func TestSeveralAnswers(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.slash(anna, channel, "ask tok9")
		q := b.sees(anna, channel, "do it?")
		first := b.click(anna, q, "no")
		b.sees(ben, channel, "done as no")
		if first.Response() != 6 {
			t.Errorf("the click was answered with type %d, want 6", first.Response())
		}
	})
}

func TestInDirectMessages(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i := b.slash(anna, "", "secret word")
		if i.Ephemeral() {
			t.Error("a direct message was hidden")
		}
		b.sees(anna, "", "word")
		b.slash(anna, "", "ask tok11")
		q := b.sees(anna, "", "do it?")
		b.click(anna, q, "yes")
		b.sees(anna, "", "done as yes")
		if got := b.desk.messages()[0].Origin.Channel; !strings.HasPrefix(got, "@me/") {
			t.Errorf("heard from %s", got)
		}
		if !b.door.Holds(b.desk.messages()[0].Origin) {
			t.Error("the door does not hold its own direct messages")
		}
	})
}

// TestSecretByMention brings what is for one person alone to their direct messages, where the platform has nothing better.
func TestSecretByMention(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", nil, nil)
	b.s.Say(anna, channel, "<@"+fake.BotUser+"> secret word", fake.Said{})
	b.sees(anna, "", "word")
	if n := countOwn(b.s.Messages(channel)); n != 0 {
		t.Errorf("everybody sees %v", b.s.Messages(channel))
	}
}

// TestLongButton presses a button whose command is longer than a custom id may be, also after a restart.
func TestLongButton(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		say := "echo " + strings.Repeat("very ", 40) + "long"
		c := reply.Card{ID: "incident/9", Kind: reply.Failed, Title: "edge-9 is down", Buttons: []reply.Button{{Label: "Remedy", Say: say}}}
		if err := b.door.Tell(b.ctx(), c); err != nil {
			t.Fatal(err)
		}
		m := b.sees(ben, alerts, "edge-9 is down")
		b.click(ben, m, "Remedy")
		b.until("it is heard", func() bool { return b.desk.times(say) == 1 })
		b.stop()
		b.start(mode(b))
		b.click(anna, m, "Remedy")
		b.until("it is heard from another person", func() bool {
			return slices.ContainsFunc(b.desk.messages(), func(m door.Message) bool { return m.Text == say && m.As == "discord:"+anna })
		})
		if first := b.desk.messages()[0]; first.As != "discord:"+ben {
			t.Errorf("heard %+v first", first)
		}
	})
}

// TestNoMentions lets nothing that is said ping anybody; the platform complains where it could.
func TestNoMentions(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.slash(anna, channel, "echo @everyone <@42> <@&7>")
		m := b.sees(ben, channel, "everyone")
		if strings.Contains(m.Text(), "<@42>") && !strings.Contains(m.Text(), `\<@42>`) {
			t.Errorf("a mention takes effect in %q", m.Text())
		}
	})
}

// TestOneAtATime keeps to one answer for each person while many speak in one channel.
func TestManyPeople(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		people := []string{"101", "102", "103", "104", "105", "106", "107", "108"}
		for _, p := range people {
			if _, err := b.s.Slash(p, channel, "opsbot", map[string]any{"text": "secret for-" + p}); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range people {
			b.sees(p, channel, "for-"+p)
			for _, m := range b.s.Seen(p, channel) {
				if strings.Contains(m.Text(), "for-") && !strings.Contains(m.Text(), "for-"+p) {
					t.Errorf("%s sees %q", p, m.Text())
				}
			}
		}
	})
}

// TestAnsweredElsewhere gives a command whose answer is the living message of before: its own response says so.
func TestAnsweredElsewhere(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.slash(anna, channel, "run r-21")
		b.sees(ben, channel, "r-21: done")
		i := b.slash(anna, channel, "run r-21")
		if m, err := i.Original(b.ctx()); err != nil || !strings.Contains(m.Text(), "message above") {
			t.Errorf("the second response is %+v, %v", m, err)
		}
		if n := len(messagesWith(b, channel, "r-21: ")); n != 1 {
			t.Errorf("%d messages of the run, want 1", n)
		}
	})
}

// TestSlowAction lets one action that takes long hold up nobody.
func TestSlowAction(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.slash(anna, channel, "wait")
		b.slash(ben, channel, "echo meanwhile")
		b.sees(anna, channel, "meanwhile")
		close(b.desk.hold)
		b.sees(anna, channel, "waited")
	})
}

// TestTooManyWaiting refuses in words what finds no place.
func TestTooManyWaiting(t *testing.T) {
	t.Parallel()
	b := open(t, "http", nil, func(o *discord.Options) { o.Workers, o.Waiting = 1, 1 })
	b.slash(anna, channel, "wait")
	b.until("the desk is at work", func() bool { return b.desk.times("wait") == 1 })
	b.slash(anna, channel, "echo second")
	b.until("the second waits", func() bool { return b.count("interaction") >= 2 })
	i := b.slash(anna, channel, "echo third")
	if m, err := i.Original(b.ctx()); err != nil || !strings.Contains(m.Text(), "too busy") {
		t.Errorf("the third was answered with %+v, %v", m, err)
	}
	close(b.desk.hold)
	b.sees(ben, channel, "second")
	if b.desk.times("echo third") != 0 {
		t.Error("what was refused was done")
	}
}

// TestUnreachable keeps answers while Discord cannot be reached, and brings them then.
func TestUnreachable(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.s.Fail(fake.Fault{Method: http.MethodPatch, Times: 1, Status: 0})
		b.s.Fail(fake.Fault{Method: http.MethodPatch, Times: 1, Status: http.StatusServiceUnavailable})
		b.slash(anna, channel, "echo kept")
		b.sees(ben, channel, "kept")
	})
}
