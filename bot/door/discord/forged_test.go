package discord_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	fake "github.com/shitops/opsbot/fixtures/discord"
)

// interactionBody is a command as Discord sends it.
func interactionBody(id, text string) []byte {
	return []byte(`{"id":"` + id + `","application_id":"` + application + `","type":2,"token":"tok-` + id + `","version":1,"guild_id":"` + guild + `","channel_id":"` + channel + `",` +
		`"member":{"user":{"id":"` + anna + `"}},"data":{"id":"1","name":"opsbot","type":1,"options":[{"name":"text","type":3,"value":"` + text + `"}]}}`)
}

func TestForgedRequests(t *testing.T) {
	t.Parallel()
	b := open(t, "http", nil, nil)
	url := b.route.URL + "/discord/interactions"
	good := interactionBody("900001", "echo never")
	for _, tt := range []struct {
		name string
		url  string
		body []byte
		how  fake.Signature
		want int
	}{
		{"wrong signature", url, good, fake.Signature{Forge: true}, http.StatusUnauthorized},
		{"no signature", url, good, fake.Signature{None: true}, http.StatusUnauthorized},
		{"too old", url, good, fake.Signature{Age: 6 * time.Minute}, http.StatusUnauthorized},
		{"from the future", url, good, fake.Signature{Age: -6 * time.Minute}, http.StatusUnauthorized},
		{"over another body", url, good, fake.Signature{Other: interactionBody("900002", "echo never")}, http.StatusUnauthorized},
		{"ten megabytes", url, bytes.Repeat([]byte("x"), 10<<20), fake.Signature{}, http.StatusUnauthorized},
		{"no JSON", url, []byte("hello"), fake.Signature{}, http.StatusBadRequest},
		{"another application", url, bytes.Replace(good, []byte(application), []byte("2002"), 1), fake.Signature{}, http.StatusBadRequest},
		{"no token", url, bytes.Replace(good, []byte("tok-900001"), nil, 1), fake.Signature{}, http.StatusBadRequest},
		{"a token that climbs", url, bytes.Replace(good, []byte("tok-900001"), []byte("../../x"), 1), fake.Signature{}, http.StatusBadRequest},
		{"of nobody", url, bytes.Replace(good, []byte(`"member":{"user":{"id":"`+anna+`"}},`), nil, 1), fake.Signature{}, http.StatusBadRequest},
		{"an id that is none", url, bytes.Replace(good, []byte("900001"), []byte("a.b>*"), 1), fake.Signature{}, http.StatusBadRequest},
	} {
		status, answer, err := b.s.Send(b.ctx(), tt.url, tt.body, tt.how)
		if err != nil && tt.name != "ten megabytes" || err == nil && status != tt.want {
			t.Errorf("%s: answered with %d %s, %v, want %d", tt.name, status, answer, err, tt.want)
		}
	}
	status, answer, err := b.s.Send(b.ctx(), url+"?type=1&user=someone", interactionBody("900003", "echo with a query"), fake.Signature{})
	if err != nil || status != http.StatusOK || !strings.Contains(string(answer), `"type":5`) {
		t.Errorf("a right request with a query that means nothing: %d %s, %v", status, answer, err)
	}
	b.until("the right one is heard", func() bool { return b.desk.times("echo with a query") == 1 })
	if n := len(b.desk.messages()); n != 1 {
		t.Errorf("the desk heard %d messages, want 1: %v", n, b.desk.messages())
	}
	if b.count("forged") == 0 {
		t.Error("forged requests are not counted")
	}
}

// TestReplay sends what was signed before once more, some minutes later: Discord's window lets it pass, the id does not.
func TestReplay(t *testing.T) {
	t.Parallel()
	b := open(t, "http", nil, nil)
	url := b.route.URL + "/discord/interactions"
	for _, age := range []time.Duration{0, 4 * time.Minute, 10 * time.Minute, 0} {
		if _, _, err := b.s.Send(b.ctx(), url, interactionBody("900009", "echo once"), fake.Signature{Age: age}); err != nil {
			t.Fatal(err)
		}
	}
	b.until("it is heard", func() bool { return b.desk.times("echo once") > 0 })
	b.stop()
	if n := b.desk.times("echo once"); n != 1 {
		t.Errorf("heard %d times, want 1", n)
	}
}

func TestForeignButtons(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		for _, id := range []string{"", "x", "delete everything", "k0.0.00000000000000000000000000000000", "k0.0.>*", strings.Repeat("z", 100), "b0.99.yes", "t0.3.tok"} {
			i := b.s.Press(anna, channel, "1", id)
			if _, err := i.Acked(b.ctx()); err != nil {
				t.Fatalf("custom id %q: %v", id, err)
			}
			if m, err := i.Original(b.ctx()); err != nil || !m.Ephemeral || !strings.Contains(m.Text(), "not one of my buttons") {
				t.Errorf("custom id %q: answered with %+v, %v", id, m, err)
			}
		}
		if n := len(b.desk.messages()); n != 0 {
			t.Errorf("the desk heard %v", b.desk.messages())
		}
	})
}

func TestForeignServer(t *testing.T) {
	t.Parallel()
	b := open(t, "gateway", func(o *fake.Options) { o.Guilds["501"] = []string{"556"} }, nil)
	b.s.Say(anna, "556", "<@"+fake.BotUser+"> echo elsewhere", fake.Said{})
	i := b.slash(anna, "556", "echo elsewhere")
	if m, err := i.Original(b.ctx()); err != nil || !strings.Contains(m.Text(), "not set up for this server") {
		t.Errorf("answered with %+v, %v", m, err)
	}
	if n := len(b.desk.messages()); n != 0 {
		t.Errorf("the desk heard %v", b.desk.messages())
	}
}
