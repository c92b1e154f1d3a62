package alert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/icinga"
)

// Incident is what is known of the problem of one object, from its beginning to its end.
type Incident struct {
	Problem icinga.Problem `json:"problem"`
	Node    string         `json:"node,omitempty"`
	State   string         `json:"state"`
	Lines   []Line         `json:"lines,omitempty"` // oldest first
	Cut     int            `json:"cut,omitempty"`   // lines left out in the middle
	Called  bool           `json:"called,omitempty"`
	Ended   time.Time      `json:"ended,omitzero"` // when the object was found well again
}

// Line is one thing that happened.
type Line struct {
	Key  string    `json:"key"` // the same key is told once
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

const (
	incidentTTL = 30 * 24 * time.Hour
	linesMost   = 40
	linesFirst  = 8 // are never left out
)

// Incidents keeps them in the store, one per object, and publishes their cards. It is safe for concurrent use, also by several processes.
type Incidents struct {
	kv  store.KV
	hub *Hub
	now func() time.Time
}

// NewIncidents returns the incidents that lie in kv, the bucket of guards.
func NewIncidents(kv store.KV, hub *Hub, now func() time.Time) *Incidents {
	return &Incidents{kv: kv, hub: hub, now: now}
}

func incidentKey(object string) string {
	sum := sha256.Sum256([]byte(object))
	return "incident." + hex.EncodeToString(sum[:16])
}

// Load publishes what is open, as after a start.
func (i *Incidents) Load(ctx context.Context) error {
	entries, err := i.kv.List(ctx, "incident.")
	if err != nil {
		return fmt.Errorf("list the incidents: %w", err)
	}
	for _, e := range entries {
		var in Incident
		if err := json.Unmarshal(e.Value, &in); err != nil {
			return fmt.Errorf("read %s: %w", e.Key, err)
		}
		if in.open() {
			i.hub.Publish(in.Card())
		}
	}
	return nil
}

func (in Incident) open() bool { return in.Ended.IsZero() && !in.Problem.IsZero() }

// Note adds to the incident of an alert what others know of it: a run, a call, a comment. The same key is told once.
func (i *Incidents) Note(ctx context.Context, a actions.Alert, key, text string) error {
	return i.note(ctx, a, false, Line{Key: key, At: i.now(), Text: text})
}

// Called notes that a person was called.
func (i *Incidents) Called(ctx context.Context, a actions.Alert, key, text string) error {
	return i.note(ctx, a, true, Line{Key: key, At: i.now(), Text: text})
}

func (i *Incidents) note(ctx context.Context, a actions.Alert, called bool, lines ...Line) error {
	in, err := rule.Change(ctx, i.kv, incidentKey(a.Object()), incidentTTL, func(in *Incident) (bool, error) {
		if in.Problem.IsZero() {
			in.Problem = icinga.Problem{Host: a.Host, Service: a.Service, Since: a.Since}
			in.Node, in.State = a.Node, a.State
		}
		if in.Problem.ID() != a.Problem { // another problem by now: this one's card is closed
			return false, nil
		}
		changed := called && !in.Called
		in.Called = in.Called || called
		for _, l := range lines {
			changed = in.add(l) || changed
		}
		return changed, nil
	})
	if err != nil {
		return fmt.Errorf("note what became of %s: %w", a.Object(), err)
	}
	i.publish(in)
	return nil
}

// fold takes a stored alert into the incident of its object, and returns the alert with the problem and the trigger that it belongs to.
func (i *Incidents) fold(ctx context.Context, s stored.Stored) (actions.Alert, error) {
	a := s.Alert
	var before Incident
	in, err := rule.Change(ctx, i.kv, incidentKey(s.Object()), incidentTTL, func(in *Incident) (bool, error) {
		if in.Problem != before.Problem && in.open() {
			before = *in
			before.Lines = slices.Clone(in.Lines)
		}
		var changed bool
		a, changed = in.fold(s)
		return changed, nil
	})
	if err != nil {
		return a, fmt.Errorf("fold alert %s: %w", s.ID, err)
	}
	if before.open() && before.Problem != in.Problem { // its end was never reported
		before.Ended, before.State = in.Problem.Since, "well"
		before.add(Line{Key: "replaced", At: s.Received, Text: "it was well in between; its next problem began at " + in.Problem.Since.Format("15:04:05 MST")})
		i.publish(before)
	}
	i.publish(in)
	return a, nil
}

func (i *Incidents) publish(in Incident) {
	if !in.Problem.IsZero() && len(in.Lines) > 0 {
		i.hub.Publish(in.Card())
	}
}

// fold is pure: it tells which problem the alert is about, and whether the incident has changed.
func (in *Incident) fold(s stored.Stored) (actions.Alert, bool) {
	n, known := s.Notification(), in.Problem
	over := !in.Ended.IsZero()
	if s.Kind == string(icinga.TypeProblem) && over && !s.Checked.Before(in.Ended) {
		known = icinga.Problem{} // it was well since
	}
	t := n.Trigger(known)
	a := s.Alert
	a.ID, a.Problem, a.Since = t.ID(), t.Problem.ID(), t.Problem.Since
	same := t.Problem == in.Problem
	switch s.Kind {
	case string(icinga.TypeProblem):
		if late := !same && !in.Problem.IsZero() && t.Problem.Since.Before(in.Problem.Since) || over && s.Checked.Before(in.Ended); late {
			return a, false // what is known is newer
		}
		if !same || over {
			*in = Incident{Problem: t.Problem}
		}
		in.Node, in.State = s.Node, s.State
		return a, in.add(Line{Key: a.ID, At: s.Received, Text: in.report(s)})
	case string(icinga.TypeRecovery):
		if over && same || !in.Problem.IsZero() && s.Checked.Before(in.Problem.Since) {
			return a, false
		}
		in.Problem, in.State, in.Ended = t.Problem, s.State, s.Checked
		if len(in.Lines) == 0 { // its problem was never reported: only its end is remembered, for what comes late
			return a, true
		}
		in.add(Line{Key: a.ID, At: s.Received, Text: "recovered: " + s.State + after(s.Output)})
		return a, true
	}
	if !same || over {
		return a, false
	}
	return a, in.add(Line{Key: a.ID, At: s.Received, Text: news(s)})
}

// report says "WARNING: hit ratio 61 %", or that it still is.
func (in *Incident) report(s stored.Stored) string {
	for _, l := range in.Lines {
		if strings.HasPrefix(l.Text, s.State+":") || l.Text == s.State {
			return fmt.Sprintf("still %s (notification %d)%s", s.State, s.Reminder, after(s.Output))
		}
	}
	return s.State + after(s.Output)
}

func news(s stored.Stored) string {
	by := ""
	if s.Author != "" {
		by = " by " + s.Author
	}
	switch icinga.NotificationType(s.Kind) {
	case icinga.TypeAcknowledgement:
		return "acknowledged" + by
	case icinga.TypeDowntimeStart:
		return "a downtime begins" + by
	case icinga.TypeDowntimeEnd, icinga.TypeDowntimeCancelled:
		return "the downtime has ended"
	case icinga.TypeFlappingStart:
		return "it is flapping"
	case icinga.TypeFlappingEnd:
		return "it is flapping no more"
	}
	return strings.ToLower(s.Kind) + by + after(s.Output)
}

// after is ": " and the first line of an output.
func after(output string) string {
	line, _, _ := strings.Cut(output, "\n")
	if r := []rune(line); len(r) > 200 {
		line = string(r[:199]) + "…"
	}
	if line == "" {
		return ""
	}
	return ": " + line
}

// add adds a line, unless its key is known, and keeps the first and the newest.
func (in *Incident) add(l Line) bool {
	if slices.ContainsFunc(in.Lines, func(k Line) bool { return k.Key == l.Key }) {
		return false
	}
	in.Lines = append(in.Lines, l)
	if len(in.Lines) > linesMost {
		in.Lines = slices.Delete(in.Lines, linesFirst, linesFirst+1)
		in.Cut++
	}
	return true
}

// Card is the incident as people see it: one living message, whose ID is the problem's.
func (in Incident) Card() reply.Card {
	object := actions.Alert{Host: in.Problem.Host, Service: in.Problem.Service}.Object()
	c := reply.Card{ID: in.Problem.ID(), Kind: reply.Progress, Live: in.open(), Data: in}
	c.Title = fmt.Sprintf("%s is %s since %s", object, in.State, in.Problem.Since.UTC().Format("15:04:05 MST"))
	switch {
	case !in.open():
		c.Kind = reply.Done
		c.Title = fmt.Sprintf("%s is %s again, after %s", object, in.State, in.Ended.Sub(in.Problem.Since).Round(time.Second))
	case in.Called:
		c.Kind = reply.Failed
	}
	for n, l := range in.Lines {
		if n == linesFirst && in.Cut > 0 {
			c.Lines = append(c.Lines, fmt.Sprintf("... %d more", in.Cut))
		}
		c.Lines = append(c.Lines, l.At.UTC().Format("15:04:05 ")+l.Text)
	}
	if in.open() && in.Node != "" {
		c.Hint = "take it over: ack " + in.Node
	}
	return c
}
