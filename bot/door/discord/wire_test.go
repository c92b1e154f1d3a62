package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	storefake "github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/bot/reply/embed"
	"github.com/shitops/opsbot/internal/secret"
)

// nobody is a desk that says nothing.
type nobody struct{}

func (nobody) Handle(context.Context, door.Message, func(reply.Card)) door.Exit { return door.OK }
func (nobody) Complete(string) []string                                         { return nil }

// newDoor returns a door to base that does not run, with a token.
func newDoor(t *testing.T, base string) *Door {
	t.Helper()
	h := storefake.New().Open(storefake.Options{})
	t.Cleanup(func() { _ = h.Close(context.Background()) })
	d, err := New(Options{
		Application: "1001", Mode: Gateway, Guilds: []string{"500"}, Alerts: "777", Desk: nobody{}, KV: h.Bucket(store.Dedupe), Leader: h.Leader(), Base: base,
		Log: slog.New(slog.DiscardHandler), Token: func() (secret.Secret, error) { return secret.New([]byte("t0ken\n")), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.rest.client.CloseIdleConnections)
	if err := d.renew(); err != nil {
		t.Fatal(err)
	}
	return d
}

// toDiscord returns a door to a server that answers everything alike.
func toDiscord(t *testing.T, status int, body string, header ...string) *Door {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bot t0ken" {
			t.Errorf("%s %s brings %q", r.Method, r.URL.Path, got)
		}
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return newDoor(t, s.URL)
}

// TestMeaning tells the outbox what each refusal of Discord means.
func TestMeaning(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   error
	}{
		{"no such channel", 404, `{"code":10003,"message":"Unknown Channel"}`, outbox.ErrGone},
		{"no access", 403, `{"code":50001,"message":"Missing Access"}`, outbox.ErrGone},
		{"no permission", 403, `{"code":50013,"message":"Missing Permissions"}`, outbox.ErrGone},
		{"does not want to hear of us", 403, `{"code":50007,"message":"Cannot send messages to this user"}`, outbox.ErrGone},
		{"token refused", 401, `{"code":0,"message":"401: Unauthorized"}`, outbox.ErrAuth},
		{"content refused", 400, `{"code":50035,"message":"Invalid Form Body"}`, outbox.ErrRefused},
		{"no JSON", 400, `<html>`, outbox.ErrRefused},
		{"down", 502, `upstream`, outbox.ErrUnknown},
		{"broken", 500, `{}`, outbox.ErrUnknown},
		{"an answer that is none", 200, `<html>`, outbox.ErrUnknown},
		{"a redirect", 302, ``, outbox.ErrUnknown},
	} {
		d := toDiscord(t, tt.status, tt.body, "Location", "http://127.0.0.1:1/")
		_, err := wire{d}.Post(t.Context(), outbox.Place{Channel: "channel/555"}, reply.Card{Title: "x"}, "nonce")
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: Post: %v, want %v", tt.name, err, tt.want)
		}
	}
	d := toDiscord(t, 404, `{"code":10008,"message":"Unknown Message"}`)
	if err := (wire{d}).Edit(t.Context(), outbox.Place{Channel: "channel/555"}, "c.555.7.", reply.Card{Title: "x"}); !errors.Is(err, outbox.ErrMessageGone) {
		t.Errorf("Edit of a deleted message: %v", err)
	}
	if err := (wire{d}).Edit(t.Context(), outbox.Place{Channel: "channel/555"}, "nonsense", reply.Card{Title: "x"}); err == nil {
		t.Error("Edit of nothing: no error")
	}
	if _, err := (wire{d}).Post(t.Context(), outbox.Place{Channel: "somewhere"}, reply.Card{Title: "x"}, "n"); !errors.Is(err, outbox.ErrGone) {
		t.Errorf("Post to no channel: %v", err)
	}
}

func TestSlowDown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		header []string
		want   outbox.RetryAfter
	}{
		{"here", []string{"X-RateLimit-Reset-After", "1.5"}, outbox.RetryAfter{D: 1500 * time.Millisecond}},
		{"everywhere", []string{"Retry-After", "2", "X-RateLimit-Global", "true"}, outbox.RetryAfter{D: 2 * time.Second, Everywhere: true}},
	} {
		d := toDiscord(t, 429, `{"message":"You are being rate limited.","retry_after":1.0,"global":false}`, tt.header...)
		for _, when := range []string{"asked", "not even asked"} { // the second call is held back here
			_, err := wire{d}.Post(t.Context(), outbox.Place{Channel: "channel/555"}, reply.Card{Title: "x"}, "nonce")
			var got outbox.RetryAfter
			if !errors.As(err, &got) || got.Everywhere != tt.want.Everywhere || (got.D-tt.want.D).Abs() > 500*time.Millisecond {
				t.Errorf("%s, %s: Post: %v, want %+v", tt.name, when, err, tt.want)
			}
		}
	}
	d := toDiscord(t, 429, `Cloudflare`, "Content-Type", "text/html")
	if _, err := (wire{d}).Post(t.Context(), outbox.Place{Channel: "channel/555"}, reply.Card{Title: "x"}, "nonce"); err == nil {
		t.Error("429 without a word: no error")
	}
}

func TestNotSent(t *testing.T) {
	t.Parallel()
	d := newDoor(t, "http://127.0.0.1:1")
	if _, err := (wire{d}).Post(t.Context(), outbox.Place{Channel: "channel/555"}, reply.Card{Title: "x"}, "nonce"); !errors.Is(err, outbox.ErrNotSent) {
		t.Errorf("nobody is there: %v, want ErrNotSent", err)
	}
	d.rest.session = nil
	if err := d.rest.call(t.Context(), "GET", "users/@me", nil, nil); err == nil || !strings.Contains(err.Error(), "no token") {
		t.Errorf("without a token: %v", err)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	d := newDoor(t, "http://127.0.0.1:1")
	for _, o := range []struct {
		origin actions.Origin
		want   bool
	}{
		{actions.Origin{Door: "discord", Channel: "500/555"}, true},
		{actions.Origin{Door: "discord", Channel: "@me/1"}, true},
		{actions.Origin{Door: "discord", Channel: "501/555"}, false},
		{actions.Origin{Door: "discord", Channel: "nowhere"}, false},
		{actions.Origin{Door: "slack", Channel: "500/555"}, false},
	} {
		if got := d.Holds(o.origin); got != o.want {
			t.Errorf("Holds(%+v) = %v, want %v", o.origin, got, o.want)
		}
	}
	if d.Name() != "discord/1001" || len(d.Routes()) != 0 || d.Ready() == nil {
		t.Errorf("Name %q, Routes %v, Ready %v", d.Name(), d.Routes(), d.Ready())
	}
	for where, want := range map[string]string{"500/555": "channel/555", "/555": "channel/555", "@me/9": "@me/9", "@user/42": "@user/42"} {
		if got := spot(where); got != want {
			t.Errorf("spot(%q) = %q, want %q", where, got, want)
		}
	}
	for _, p := range []outbox.Place{{Channel: "channel/1", User: "42"}, {Channel: "@user/42", User: "42"}, {Channel: "channel/1"}} {
		to, ok := elsewhere(p)
		if want := p.Channel == "channel/1" && p.User != ""; ok != want || ok && to.Channel != "@user/42" {
			t.Errorf("elsewhere(%+v) = %+v, %v", p, to, ok)
		}
	}
}

// TestKeep keeps what a long button does, and finds it again.
func TestKeep(t *testing.T) {
	t.Parallel()
	d := newDoor(t, "http://127.0.0.1:1")
	c := reply.Card{Title: "x", Token: "tok", Buttons: []reply.Button{{Label: "Go", Say: strings.Repeat("flush edge-1 ", 20)}}}
	m := embed.Render(c, embed.Options{})
	for range 2 {
		if err := d.keep(t.Context(), m.Keep); err != nil {
			t.Fatal(err)
		}
		clear(d.kept) // as another process would see it
	}
	for key, want := range m.Keep {
		if a, err := d.action(t.Context(), "k0.0."+key); err != nil || a.Text != want.Text || a.Token != want.Token || a.Verb != embed.Press {
			t.Errorf("action(%s) = %+v, %v, want %+v", key, a, err, want)
		}
	}
	for _, id := range []string{"k0.0.0000", "k0.0.a b", "k0.0.", "junk"} {
		if _, err := d.action(t.Context(), id); !errors.Is(err, embed.ErrForeign) {
			t.Errorf("action(%q): %v, want ErrForeign", id, err)
		}
	}
}

func TestResponses(t *testing.T) {
	t.Parallel()
	h := storefake.New().Open(storefake.Options{})
	r := &responses{kv: h.Bucket(store.Dedupe), prefix: "response.", now: time.Now, all: map[string]responseState{}}
	r.begin("1")
	if !r.left("1") || r.left("2") {
		t.Error("what waits to be filled is not known")
	}
	for _, tt := range []struct {
		nonce string
		mine  bool
	}{{"a", true}, {"a", true}, {"b", false}} {
		if mine, err := r.take(t.Context(), "1", tt.nonce); err != nil || mine != tt.mine {
			t.Errorf("take by %s = %v, %v, want %v", tt.nonce, mine, err, tt.mine)
		}
	}
	if r.left("1") {
		t.Error("a response that was taken waits to be filled")
	}
	if err := r.drop(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	if mine, err := r.take(t.Context(), "1", "a"); err != nil || mine {
		t.Errorf("take of what was removed = %v, %v", mine, err)
	}
	for n := range 3000 {
		r.begin(fmt.Sprint("many-", n))
	}
	r.now = func() time.Time { return time.Now().Add(time.Hour) }
	r.begin("last")
	if n := len(r.all); n > 1 {
		t.Errorf("%d responses are remembered after their end", n)
	}
	h.Kill()
	if _, err := r.take(t.Context(), "9", "a"); err == nil {
		t.Error("take without a store: no error")
	}
}

func TestInbox(t *testing.T) {
	t.Parallel()
	h := storefake.New().Open(storefake.Options{})
	b := inbox{kv: h.Bucket(store.Dedupe), prefix: "inbox.discord.1."}
	now := time.Now()
	for n, id := range []string{"12", "11"} {
		if err := b.put(t.Context(), entry{ID: id, Kind: "message", At: now.Add(-time.Duration(n) * time.Second), Body: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.put(t.Context(), entry{ID: "12", Body: []byte("x")}); !errors.Is(err, errTwice) {
		t.Errorf("the same event again: %v, want errTwice", err)
	}
	left, err := b.pending(t.Context())
	if err != nil || len(left) != 2 || left[0].ID != "11" {
		t.Errorf("pending = %+v, %v, want 11 before 12", left, err)
	}
	if err := b.done(t.Context(), "11"); err != nil {
		t.Fatal(err)
	}
	if err := b.put(t.Context(), entry{ID: "11", Body: []byte("x")}); !errors.Is(err, errTwice) {
		t.Errorf("an event that is done again: %v, want errTwice", err)
	}
	if err := b.done(t.Context(), "99"); err == nil {
		t.Error("done of what never came: no error")
	}
	if _, err := b.kv.Create(t.Context(), "inbox.discord.1.13", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if left, err = b.pending(t.Context()); err == nil || len(left) != 1 {
		t.Errorf("pending beside what cannot be read = %+v, %v", left, err)
	}
}

func TestReadBack(t *testing.T) {
	t.Parallel()
	out := outgoing{Message: embed.Render(reply.Card{Kind: reply.Done, Title: "done ", Lines: []string{"line"}, Hint: "undo r-1"}, embed.Options{})}
	same := `{"title":"✓ done","description":"line","footer":{"text":"next: undo r-1"}}`
	message := func(id, author, embeds string) string {
		return fmt.Sprintf(`{"id":%q,"author":{"id":%q},"content":"","embeds":[%s]}`, id, author, embeds)
	}
	for _, tt := range []struct {
		name, list, want string
	}{
		{"nothing", ``, ""},
		{"the same", message("7", "9001", same), "7"},
		{"said by another", message("7", "42", same), ""},
		{"something else", message("7", "9001", strings.Replace(same, "line", "other", 1)), ""},
		{"more", message("7", "9001", same+","+same), ""},
		{"the newest of two", message("8", "9001", same) + "," + message("7", "9001", same), "8"},
	} {
		d := toDiscord(t, 200, "["+tt.list+"]")
		d.self = "9001"
		if got, err := (wire{d}).readBack(t.Context(), "555", out); err != nil || got != tt.want {
			t.Errorf("%s: readBack = %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	d := toDiscord(t, 403, `{"code":50013}`)
	if got, err := (wire{d}).readBack(t.Context(), "555", out); err != nil || got != "" {
		t.Errorf("a channel that may not be read: %q, %v", got, err)
	}
}
