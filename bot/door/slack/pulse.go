package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
)

// state is what the door knows of its own hearing and speaking.
type state struct {
	o      Options
	posted func() error // why the last post was refused, if it was the token

	mu        sync.Mutex
	connected bool
	since     time.Time // when that changed
	why       error     // of not being connected
	denied    error     // the app's token is refused
	mute      error     // the last check of the pulse failed
	looked    bool      // the pulse was taken at least once
	alarmed   string    // what the last alarm was about
}

func newState(o Options) *state {
	return &state{o: o, since: o.Now(), connected: o.Mode == HTTP, why: errors.New("not connected yet")}
}

func (s *state) up(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected, s.since, s.why, s.denied = true, now, nil, nil
}

func (s *state) down(now time.Time, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connected {
		s.connected, s.since = false, now
	}
	s.why = why
}

// refused notes that Slack does not know the app's token any more.
func (s *state) refused(now time.Time, err error) {
	s.down(now, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = err
}

// spoke notes the outcome of a check of the pulse.
func (s *state) spoke(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mute, s.looked = err, true
}

func (s *state) ready(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble(now)
}

// trouble is what is wrong now. The caller holds s.mu.
func (s *state) trouble(now time.Time) error {
	switch {
	case s.refusal() != nil:
		return s.refusal()
	case !s.connected:
		return fmt.Errorf("slack %s: not connected for %s: %w", s.o.Workspace, now.Sub(s.since).Round(time.Second), s.why)
	case !s.looked:
		return fmt.Errorf("slack %s: connected; whether I can speak is not known yet", s.o.Workspace)
	case s.mute != nil:
		return fmt.Errorf("slack %s: what I post cannot be read back: %w", s.o.Workspace, s.mute)
	}
	return nil
}

// refusal tells which token Slack refuses now: each is good again once what was refused works with it. The caller holds s.mu.
func (s *state) refusal() error {
	if s.denied != nil {
		return fmt.Errorf("slack %s: Slack refuses the app's token: %w", s.o.Workspace, s.denied)
	}
	err := s.posted()
	if errors.Is(s.mute, outbox.ErrAuth) {
		err = s.mute
	}
	if err != nil {
		return fmt.Errorf("slack %s: Slack refuses the bot's token: %w", s.o.Workspace, err)
	}
	return nil
}

// alarm returns the card that is due: of a trouble that lasts, or of its end.
func (s *state) alarm(now time.Time) (reply.Card, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.trouble(now)
	c := reply.Card{ID: "door.slack." + s.o.Workspace}
	switch {
	case err == nil && s.alarmed != "":
		s.alarmed = ""
		c.Kind, c.Title = reply.Done, "Slack workspace "+s.o.Workspace+": I hear and speak again"
		return c, true
	case err == nil:
		return c, false
	}
	about := "deaf"
	c.Title = "Slack workspace " + s.o.Workspace + ": I cannot hear what people say there"
	switch {
	case s.refusal() != nil:
		about = "denied"
		c.Title = "Slack workspace " + s.o.Workspace + ": Slack refuses my token"
		c.Hint = "install the app anew and put the new token into its file; I read it by myself"
	case !s.connected && now.Sub(s.since) < s.o.AlarmAfter, s.connected && !s.looked:
		return c, false
	case s.connected:
		about = "mute"
		c.Title = "Slack workspace " + s.o.Workspace + ": what I post there cannot be read back"
	}
	if s.alarmed == about {
		return c, false
	}
	s.alarmed = about
	c.Kind, c.Live, c.Lines = reply.Error, true, []string{err.Error()}
	return c, true
}

// watch raises the alarm, and takes it back.
func (d *Door) watch(ctx context.Context) error {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if c, due := d.state.alarm(d.o.Now()); due {
				d.o.Log.Error(c.Title, "lines", strings.Join(c.Lines, " "))
				d.o.Alarm(c)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// pulse proves again and again that what is posted can be read back. While it fails it is tried more often.
func (d *Door) pulse(ctx context.Context) error {
	for failures := 0; ; {
		err := d.beat(ctx)
		if ctx.Err() != nil {
			return nil
		}
		d.state.spoke(err)
		wait := d.o.CheckEvery
		if failures++; err == nil {
			failures = 0
		} else {
			d.o.Log.Warn("the check of the door failed", "err", err)
			wait = min(d.o.Retry<<min(failures, 10), d.o.CheckEvery, retryMost)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// beat asks Slack who we are, edits the one message of the pulse in the channel of alerts and reads it back.
func (d *Door) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := d.api.who(ctx); err != nil || d.o.Alerts == "" {
		return err
	}
	client, err := d.api.get()
	if err != nil {
		return err
	}
	text := "OpsBot hears and speaks here. Last looked at " + d.o.Now().UTC().Format("2006-01-02 15:04:05.000") + " UTC."
	ts, err := d.show(ctx, client, text)
	if err != nil {
		return err
	}
	r, err := client.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{ChannelID: d.o.Alerts, Latest: ts, Oldest: ts, Inclusive: true, Limit: 1})
	if err != nil {
		return outcome(err, "conversations.history")
	}
	if len(r.Messages) != 1 || r.Messages[0].Text != text {
		return fmt.Errorf("message %s in channel %s is not what I posted", ts, d.o.Alerts)
	}
	return nil
}

// show puts the text into the message of the pulse, which is made where there is none.
func (d *Door) show(ctx context.Context, client *slack.Client, text string) (string, error) {
	key := "pulse." + d.name
	var known struct{ Channel, TS string }
	e, err := d.o.KV.Get(ctx, key)
	if err == nil {
		err = json.Unmarshal(e.Value, &known)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("look up the message of the pulse: %w", err)
	}
	options := []slack.MsgOption{slack.MsgOptionText(text, false), slack.MsgOptionParse(false), slack.MsgOptionDisableLinkUnfurl()}
	if known.TS != "" && known.Channel == d.o.Alerts {
		_, _, _, err := client.UpdateMessageContext(ctx, d.o.Alerts, known.TS, options...)
		if err == nil || !errors.Is(outcome(err, "chat.update"), outbox.ErrMessageGone) {
			return known.TS, outcome(err, "chat.update")
		}
	}
	_, ts, err := client.PostMessageContext(ctx, d.o.Alerts, options...)
	if err != nil {
		return "", outcome(err, "chat.postMessage")
	}
	value, err := json.Marshal(struct{ Channel, TS string }{d.o.Alerts, ts})
	if err != nil {
		return "", err
	}
	if e.Revision == 0 {
		_, err = store.CreateSure(ctx, d.o.KV, key, value)
	} else {
		_, err = store.UpdateSure(ctx, d.o.KV, key, value, e.Revision)
	}
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return "", fmt.Errorf("note the message of the pulse: %w", err)
	}
	return ts, nil
}
