package slack

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/slack-go/slack"
)

// MaxBody is the most bytes of a post. Slack's own are far smaller; the largest carry a whole message with 50 blocks.
const MaxBody = 1 << 20

// Routes are what Slack posts to, for one or several workspaces: each post goes to the workspace that it names, once that one's secret has signed
// it. Workspaces with the mode socket take part in nothing.
func Routes(doors ...*Door) map[string]http.Handler {
	m := &mux{}
	for _, d := range doors {
		if d.o.Mode == HTTP {
			m.doors = append(m.doors, d)
		}
	}
	if len(m.doors) == 0 {
		return nil
	}
	return map[string]http.Handler{
		"POST /slack/commands": m.handler(m.command),
		"POST /slack/actions":  m.handler(m.action),
		"POST /slack/events":   m.handler(m.events),
	}
}

// mux brings posts to the doors of their workspaces.
type mux struct{ doors []*Door }

// post is one request whose body was read and whose signature is yet to be checked.
type post struct {
	w    http.ResponseWriter
	r    *http.Request
	body []byte
	form url.Values
}

// handler reads the body within its bounds.
func (m *mux) handler(serve func(post)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				m.doors[0].o.Count("panic")
				m.doors[0].o.Log.Error("a post from Slack broke its reader", "panic", p, "stack", string(debug.Stack()))
				http.Error(w, "something broke", http.StatusInternalServerError)
			}
		}()
		if r.URL.RawQuery != "" { // the signature does not cover it
			m.refuse(w, http.StatusBadRequest, "no query is allowed")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			m.refuse(w, http.StatusRequestEntityTooLarge, "the body is too large")
			return
		case err != nil:
			m.refuse(w, http.StatusBadRequest, "the body broke off")
			return
		}
		p := post{w: w, r: r, body: body}
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
			if p.form, err = url.ParseQuery(string(body)); err != nil {
				m.refuse(w, http.StatusBadRequest, "the form is broken")
				return
			}
		}
		serve(p)
	})
}

func (m *mux) refuse(w http.ResponseWriter, status int, why string) {
	m.doors[0].o.Count("forged")
	m.doors[0].o.Log.Warn("a post was refused", "status", status, "why", why)
	http.Error(w, why, status)
}

// door returns the door of a workspace, if its secret signed the post. It has answered otherwise.
func (m *mux) door(p post, team string) *Door {
	signed := false
	for _, d := range m.doors {
		ok := d.signed(p.r.Header, p.body)
		if ok && d.o.Workspace == team {
			return d
		}
		signed = signed || ok
	}
	if signed {
		m.refuse(p.w, http.StatusForbidden, "this workspace is not configured")
	} else {
		m.refuse(p.w, http.StatusUnauthorized, "the signature is wrong or too old")
	}
	return nil
}

// signed tells whether one of the secrets of now signed the body within the last five minutes. All are tried, so that the time tells nothing.
func (d *Door) signed(h http.Header, body []byte) bool {
	good := false
	for _, read := range d.o.SigningSecrets {
		s, err := read()
		if err != nil {
			d.o.Log.Error("a signing secret cannot be read", "err", err)
			continue
		}
		v, err := slack.NewSecretsVerifier(h, s.Line())
		if err != nil {
			continue
		}
		if _, err := v.Write(body); err == nil && v.Ensure() == nil {
			good = true
		}
	}
	return good
}

func (m *mux) command(p post) {
	d := m.door(p, p.form.Get("team_id"))
	if d == nil {
		return
	}
	f := p.form
	v := d.slash(slack.SlashCommand{
		TeamID: f.Get("team_id"), ChannelID: f.Get("channel_id"), UserID: f.Get("user_id"), Command: f.Get("command"), Text: f.Get("text"),
		ResponseURL: f.Get("response_url"), TriggerID: f.Get("trigger_id"),
	})
	if v.keep != nil {
		if err := d.in.accept(p.r.Context(), *v.keep); err != nil {
			d.notKept(err)
			p.w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(p.w).Encode(cannot(err)) // a broken connection shows a failure to the person, too
			return
		}
	}
	p.w.WriteHeader(http.StatusOK)
	if v.keep == nil {
		d.after(p.r.Context(), v)
	}
}

func (m *mux) action(p post) {
	var team struct {
		Team struct {
			ID string `json:"id"`
		} `json:"team"`
	}
	raw := []byte(p.form.Get("payload"))
	broken := json.Unmarshal(raw, &team)
	d := m.door(p, team.Team.ID)
	if d == nil {
		return
	}
	var c slack.InteractionCallback
	if err := errors.Join(broken, json.Unmarshal(raw, &c)); err != nil {
		m.refuse(p.w, http.StatusBadRequest, "the payload is broken")
		return
	}
	v := d.interaction(c)
	if v.keep != nil {
		if err := d.in.accept(p.r.Context(), *v.keep); err != nil {
			d.notKept(err)
			http.Error(p.w, "not taken", http.StatusServiceUnavailable)
			return
		}
	}
	p.w.WriteHeader(http.StatusOK)
	if f, ok := p.w.(http.Flusher); ok {
		f.Flush() // the acknowledgement goes before the form
	}
	d.after(p.r.Context(), v)
}

func (m *mux) events(p post) {
	var o outer
	if err := json.Unmarshal(p.body, &o); err != nil {
		o = outer{}
	}
	if o.Type == "url_verification" {
		m.challenge(p, o.Challenge)
		return
	}
	d := m.door(p, o.Team)
	if d == nil {
		return
	}
	v, err := d.event(p.body, d.in.ours)
	if err != nil {
		m.refuse(p.w, http.StatusBadRequest, "the event is broken")
		return
	}
	if v.keep != nil {
		if err := d.in.accept(p.r.Context(), *v.keep); err != nil {
			d.notKept(err)
			http.Error(p.w, "not taken; send it again", http.StatusServiceUnavailable)
			return
		}
	}
	p.w.WriteHeader(http.StatusOK)
	d.after(p.r.Context(), v)
}

// challenge answers what Slack asks when the address is set up.
func (m *mux) challenge(p post, text string) {
	for _, d := range m.doors {
		if d.signed(p.r.Header, p.body) {
			p.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			p.w.Header().Set("X-Content-Type-Options", "nosniff")
			_, _ = io.WriteString(p.w, strings.ToValidUTF8(text, "")) // a broken connection is Slack's to notice
			return
		}
	}
	m.refuse(p.w, http.StatusUnauthorized, "the signature is wrong or too old")
}
