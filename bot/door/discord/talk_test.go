package discord_test

import (
	"strings"
	"testing"

	fake "github.com/shitops/opsbot/fixtures/discord"
)

func TestCommand(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i := b.slash(anna, channel, "echo hello")
		m, err := i.Original(b.ctx())
		if err != nil || !strings.Contains(m.Text(), "hello") || m.Ephemeral {
			t.Fatalf("answer of echo: %+v, %v, want hello for everybody", m, err)
		}
		heard := b.desk.messages()[0]
		if heard.As != "discord:"+anna || heard.ID != i.ID || heard.Origin.Channel != guild+"/"+channel || !heard.Patient {
			t.Errorf("heard %+v", heard)
		}
	})
}

func TestPrivateAnswer(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i := b.slash(anna, channel, "secret the word")
		m, err := i.Original(b.ctx())
		if err != nil || !m.Ephemeral || m.For != anna {
			t.Fatalf("answer of secret: %+v, %v, want it for %s alone", m, err, anna)
		}
		if all := b.s.Messages(channel); len(all) != 0 {
			t.Errorf("everybody sees %v", all)
		}
	})
}

func TestQuestionByButton(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.slash(anna, channel, "ask tok1")
		q := b.sees(anna, channel, "do it?")
		if !q.Ephemeral {
			t.Errorf("the question is for everybody: %+v", q)
		}
		b.click(anna, q, "yes")
		b.sees(anna, channel, "answered: yes by discord:"+anna)
		done := b.sees(ben, channel, "done as yes")
		if done.Ephemeral {
			t.Errorf("what was done is not for everybody: %+v", done)
		}
		for _, m := range b.s.Seen(anna, channel) {
			if m.ID == q.ID && len(m.Components) > 0 {
				t.Errorf("the answered question can still be pressed: %+v", m.Components)
			}
		}
	})
}

func TestQuestionBySelect(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.slash(anna, channel, "pick tok2")
		q := b.sees(anna, channel, "which node?")
		b.click(anna, q, "edge-27")
		b.sees(ben, channel, "done as edge-27")
	})
}

func TestQuestionByForm(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		b.slash(anna, channel, "slot tok3")
		q := b.sees(anna, channel, "which node?")
		i := b.click(anna, q, "Answer…")
		submitted, err := b.s.Submit(i, "edge-9")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := submitted.Acked(b.ctx()); err != nil {
			t.Fatal(err)
		}
		b.sees(ben, channel, "done as edge-9")
		if got := b.desk.times("edge-9"); got != 1 {
			t.Errorf("the answer was heard %d times", got)
		}
	})
}

func TestMentionReplyAndDirect(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", nil, nil)
	b.s.Say(anna, channel, "<@"+fake.BotUser+"> echo by mention", fake.Said{})
	m := b.sees(ben, channel, "by mention")
	if m.ReplyTo == "" {
		t.Errorf("the answer %+v refers to nothing", m)
	}
	b.s.Say(anna, channel, "echo just talking", fake.Said{})
	b.s.Say("66", channel, "<@"+fake.BotUser+"> echo a bot", fake.Said{Bot: true})
	b.s.Say(anna, channel, "<@123456> echo another bot", fake.Said{})
	b.s.Say(ben, "", "echo directly", fake.Said{})
	b.sees(ben, "", "directly")
	for _, text := range []string{"echo just talking", "echo a bot", "echo another bot"} {
		if n := b.desk.times(text); n != 0 {
			t.Errorf("%q was heard %d times", text, n)
		}
	}
	b.s.Say(anna, channel, "<@"+fake.BotUser+"> ask tok4", fake.Said{})
	q := b.sees(ben, channel, "do it?")
	b.s.Say(anna, channel, "yes", fake.Said{ReplyTo: q.ID})
	b.sees(ben, channel, "done as yes")
}
