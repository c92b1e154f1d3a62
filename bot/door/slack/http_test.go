package slack_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/slack"
	workspace "github.com/shitops/opsbot/fixtures/slack"
	"github.com/shitops/opsbot/internal/secret"
)

// TestBadPosts posts what Slack never would, or somebody else.
func TestBadPosts(t *testing.T) {
	w := newWorld(t, setup{mode: slack.HTTP})
	good := func() (string, []byte) {
		_, kind, body, err := workspace.Body("slash_commands", w.slack.SlashPayload(workspace.Slash{User: "U1", Channel: "C1", Text: "flush"}))
		if err != nil {
			t.Fatal(err)
		}
		return kind, body
	}
	secretNow := w.slack.SigningSecret()
	tests := []struct {
		name   string
		path   string
		body   func(body []byte) []byte // what is sent, of what is signed
		secret string
		at     time.Time
		header func(http.Header)
		want   int
	}{
		{"a good one", "/slack/commands", nil, secretNow, time.Now(), nil, 200},
		{"signed by the new secret", "/slack/commands", nil, "another secret, the new one", time.Now(), nil, 200},
		{"another secret", "/slack/commands", nil, "guess", time.Now(), nil, 401},
		{"an empty secret", "/slack/commands", nil, "", time.Now(), nil, 401},
		{"six minutes old", "/slack/commands", nil, secretNow, time.Now().Add(-6 * time.Minute), nil, 401},
		{"six minutes ahead", "/slack/commands", nil, secretNow, time.Now().Add(6 * time.Minute), nil, 401},
		{"four minutes old", "/slack/commands", nil, secretNow, time.Now().Add(-4 * time.Minute), nil, 200},
		{"a changed body", "/slack/commands", func(b []byte) []byte { return bytes.Replace(b, []byte("flush"), []byte("erase"), 1) }, secretNow, time.Now(), nil, 401},
		{"a body with more", "/slack/commands", func(b []byte) []byte { return append(b, "&text=erase"...) }, secretNow, time.Now(), nil, 401},
		{"text in the query", "/slack/commands?text=erase", nil, secretNow, time.Now(), nil, 400},
		{"a payload in the query", "/slack/actions?payload=%7B%7D", nil, secretNow, time.Now(), nil, 400},
		{"no signature", "/slack/commands", nil, secretNow, time.Now(), func(h http.Header) { h.Del("X-Slack-Signature") }, 401},
		{"no time", "/slack/commands", nil, secretNow, time.Now(), func(h http.Header) { h.Del("X-Slack-Request-Timestamp") }, 401},
		{"a signature of another version", "/slack/commands", nil, secretNow, time.Now(), func(h http.Header) { h.Set("X-Slack-Signature", "v1="+strings.Repeat("0", 64)) }, 401},
		{"10 MB", "/slack/commands", func([]byte) []byte { return bytes.Repeat([]byte("x"), 10<<20) }, secretNow, time.Now(), nil, 413},
		{"10 MB of an event", "/slack/events", func([]byte) []byte { return bytes.Repeat([]byte(" "), 10<<20) }, secretNow, time.Now(), nil, 413},
		{"no JSON", "/slack/events", nil, secretNow, time.Now(), nil, 403},
		{"an action without a payload", "/slack/actions", nil, secretNow, time.Now(), nil, 403},
		{"no form", "/slack/commands", nil, secretNow, time.Now(), func(h http.Header) { h.Set("Content-Type", "text/plain") }, 403},
	}
	before := len(w.desk.messages())
	accepted := 0
	for _, tt := range tests {
		kind, signed := good()
		body := signed
		if tt.body != nil {
			body = tt.body(bytes.Clone(signed))
		}
		h := workspace.Sign(tt.secret, tt.at, signed)
		h.Set("Content-Type", kind)
		if tt.header != nil {
			tt.header(h)
		}
		if status, answer := post(t, w.http.URL+tt.path, h, body); status != tt.want {
			t.Errorf("%s: status %d (%s), want %d", tt.name, status, answer, tt.want)
		}
		if tt.want == 200 {
			accepted++
		}
	}
	w.eventually("the good ones reached the desk", func() bool { return len(w.desk.messages()) == before+accepted })
	for _, m := range w.desk.messages() {
		if m.Text != "flush" {
			t.Errorf("the desk got %q, want what was signed alone", m.Text)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		req, err := http.NewRequestWithContext(t.Context(), method, w.http.URL+"/slack/commands", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d, want 405", method, resp.StatusCode)
		}
	}
}

func post(t *testing.T, address string, h http.Header, body []byte) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = h
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return http.StatusRequestEntityTooLarge, err.Error() // the server may hang up while a large body is still being sent
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// TestURLVerification answers the challenge by which Slack learns that the address is ours, if Slack signed it.
func TestURLVerification(t *testing.T) {
	w := newWorld(t, setup{mode: slack.HTTP})
	body := []byte(`{"type":"url_verification","challenge":"3eZbrw1a","token":"legacy"}`)
	h := workspace.Sign(w.slack.SigningSecret(), time.Now(), body)
	h.Set("Content-Type", "application/json")
	if status, answer := post(t, w.http.URL+"/slack/events", h, body); status != 200 || answer != "3eZbrw1a" {
		t.Errorf("challenge: %d %q, want the challenge", status, answer)
	}
	if status, answer := post(t, w.http.URL+"/slack/events", workspace.Sign("guess", time.Now(), body), body); status != 401 || strings.Contains(answer, "3eZ") {
		t.Errorf("a forged challenge: %d %q, want 401", status, answer)
	}
}

// TestSecretsRotate changes the secret while the bot runs: both are good, then the old one is not.
func TestSecretsRotate(t *testing.T) {
	w := newWorld(t, setup{mode: slack.HTTP})
	w.slack.SetSigningSecret("another secret, the new one")
	w.slash("U1", "with the new one")
	w.shows("C1", "heard: with the new one")
}

// TestSeveralWorkspaces lets two workspaces post to the same address: each reaches its own desk, and one cannot speak for the other.
func TestSeveralWorkspaces(t *testing.T) {
	disk := fake.New()
	desks := map[string]*desk{}
	servers := map[string]*workspace.Server{}
	var doors []*slack.Door
	for _, team := range []string{"T0AAA", "T0BBB"} {
		s := workspace.New(workspace.Options{Team: team})
		defer s.Close()
		s.SetSigningSecret("secret of " + team)
		servers[team], desks[team] = s, &desk{}
		read := func(get func() string) func() (secret.Secret, error) {
			return func() (secret.Secret, error) { return secret.New([]byte(get())), nil }
		}
		d, err := slack.New(slack.Options{
			Workspace: team, Mode: slack.HTTP, BotToken: read(s.BotToken), SigningSecrets: []func() (secret.Secret, error){read(s.SigningSecret)},
			Desk: desks[team], KV: disk.Open(fake.Options{}).Bucket(store.Dedupe), APIURL: s.URL(),
		})
		if err != nil {
			t.Fatal(err)
		}
		doors = append(doors, d)
	}
	mux := http.NewServeMux()
	for pattern, h := range slack.Routes(doors...) {
		mux.Handle(pattern, h)
	}
	hooks := httptest.NewServer(mux)
	defer hooks.Close()
	for team, s := range servers {
		s.PostTo(hooks.URL)
		if _, err := s.Slash(t.Context(), workspace.Slash{User: "U1", Channel: "C1", Text: "for " + team}); err != nil {
			t.Errorf("%s: %v", team, err)
		}
	}
	form := url.Values{"team_id": {"T0BBB"}, "command": {"/opsbot"}, "text": {"forged"}, "user_id": {"U1"}, "channel_id": {"C1"}, "trigger_id": {"1.2"}}
	for team, want := range map[string]int{"T0AAA": http.StatusForbidden, "T0CCC": http.StatusUnauthorized} {
		body := []byte(form.Encode())
		h := workspace.Sign("secret of "+team, time.Now(), body)
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		if status, answer := post(t, hooks.URL+"/slack/commands", h, body); status != want {
			t.Errorf("%s speaks for T0BBB: %d %s, want %d", team, status, answer, want)
		}
	}
	for _, d := range doors { // what was stored before they ran is handled when they do
		st := fmt.Sprint(d.Name())
		ctx, stop := contextWithCancel(t)
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		team := strings.TrimPrefix(st, "slack/")
		if _, err := servers[team].Await(t.Context(), "C1", workspace.Shows("heard: for "+team)); err != nil {
			t.Error(err)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := desks[team].messages(); len(got) != 1 || got[0].As != "slack:"+team+"/U1" {
			t.Errorf("%s got %+v, want its own command", team, got)
		}
	}
}

// FuzzPosts posts what was signed by Slack and makes no sense: it is refused or ignored, and nothing breaks.
func FuzzPosts(f *testing.F) {
	s := workspace.New(workspace.Options{})
	f.Cleanup(s.Close)
	m, counts := fuzzDoor(f, s)
	slash := s.SlashPayload(workspace.Slash{User: "U1", Channel: "C1", Text: "help"})
	event := s.EventPayload(workspace.Said{User: "U1", Channel: "C1", Text: "<@" + workspace.BotUserID + "> help"})
	for kind, payload := range map[string]map[string]any{"slash_commands": slash, "interactive": {"type": "block_actions", "team": map[string]any{"id": "T0123"}}, "events_api": event} {
		path, contentType, body, err := workspace.Body(kind, payload)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(path, contentType, body)
	}
	for _, body := range []string{
		`{"type":"url_verification","challenge":"x"}`, `{"team_id":"T0123","type":"event_callback","event":{"type":"message","user":"U1","text":"<@U","ts":"1","channel":"C1"}}`,
		`{"team_id":"T0123","event":[]}`, `{"team_id":"T0123","event":{"type":"message","edited":7,"text":"<@U0OPSBOT"}}`, `[]`, "\x00", "",
	} {
		f.Add("/slack/events", "application/json", []byte(body))
	}
	for _, payload := range []string{
		`{"team":{"id":"T0123"},"type":"view_submission","user":{"id":"U1"},"view":{"callback_id":"opsbot:form","private_metadata":"{","state":{"values":{}}}}`,
		`{"team":{"id":"T0123"},"type":"block_actions","user":{"id":"U1"},"trigger_id":"1","actions":[null]}`,
		`{"team":{"id":"T0123"},"type":"block_actions","user":{"id":"U1"},"trigger_id":"1","actions":[{"type":"button","action_id":"opsbot:say:0:","value":"x","block_id":"opsbot:do:0:"}]}`,
	} {
		f.Add("/slack/actions", "application/x-www-form-urlencoded", []byte(url.Values{"payload": {payload}}.Encode()))
	}
	f.Fuzz(func(t *testing.T, path, contentType string, body []byte) {
		if path != "/slack/actions" && path != "/slack/events" {
			path = "/slack/commands"
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
		r.Header = workspace.Sign(s.SigningSecret(), time.Now(), body)
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge:
		default:
			t.Errorf("status %d for %q", w.Code, body)
		}
		if counts("panic") > 0 {
			t.Errorf("%q broke its reader", body)
		}
	})
}

// fuzzDoor returns the routes of a door that does not run.
func fuzzDoor(f *testing.F, s *workspace.Server) (http.Handler, func(string) int) {
	f.Helper()
	var mu sync.Mutex
	counted := map[string]int{}
	read := func(get func() string) func() (secret.Secret, error) {
		return func() (secret.Secret, error) { return secret.New([]byte(get())), nil }
	}
	d, err := slack.New(slack.Options{
		Workspace: "T0123", Mode: slack.HTTP, BotToken: read(s.BotToken), SigningSecrets: []func() (secret.Secret, error){read(s.SigningSecret)},
		Desk: &desk{}, KV: fake.New().Open(fake.Options{}).Bucket(store.Dedupe), APIURL: s.URL(),
		Count: func(what string) { mu.Lock(); defer mu.Unlock(); counted[what]++ },
	})
	if err != nil {
		f.Fatal(err)
	}
	mux := http.NewServeMux()
	for pattern, h := range d.Routes() {
		mux.Handle(pattern, h)
	}
	return mux, func(what string) int { mu.Lock(); defer mu.Unlock(); return counted[what] }
}
