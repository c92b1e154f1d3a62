package alert

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store"
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

	Ack      *Care `json:"ack,omitempty"`
	Downtime *Care `json:"downtime,omitempty"`
	Flapping *Care `json:"flapping,omitempty"`
	// Under is the problem of the host that is down, of which this one is a symptom; it is told there.
	Under    string    `json:"under,omitempty"`
	Symptoms []Symptom `json:"symptoms,omitempty"` // of a host: what its services suffer of
	Remedy   string    `json:"remedy,omitempty"`   // the command by which a rule would treat it

	Seen       []Seen    `json:"seen,omitempty"` // oldest first
	EndedExact time.Time `json:"ended_exact,omitzero"`
}

// Symptom is the problem of a service whose host is down.
type Symptom struct {
	Service string `json:"service"`
	State   string `json:"state"`
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

	showing [64]sync.Mutex // each for a share of the objects: one shows an object at a time
	shown   sync.Map       // the problem whose card is live, by object
}

// NewIncidents returns the incidents that lie in kv, the bucket of guards.
func NewIncidents(kv store.KV, hub *Hub, now func() time.Time) *Incidents {
	return &Incidents{kv: kv, hub: hub, now: now}
}

const incidentPrefix = "incident."

func incidentKey(object string) string {
	sum := sha256.Sum256([]byte(object))
	return incidentPrefix + hex.EncodeToString(sum[:16])
}

// Load publishes what is open, as after a start.
func (i *Incidents) Load(ctx context.Context) error {
	open, err := i.Open(ctx)
	if err != nil {
		return err
	}
	for _, in := range open {
		err = errors.Join(err, i.show(ctx, in.Object()))
	}
	return err
}

// all returns the newest incident of each object, open or not, the oldest first.
func (i *Incidents) all(ctx context.Context) ([]Incident, error) {
	entries, err := i.kv.List(ctx, incidentPrefix)
	if err != nil {
		return nil, fmt.Errorf("list the incidents: %w", err)
	}
	out := make([]Incident, 0, len(entries))
	for _, e := range entries {
		var in Incident
		if err := json.Unmarshal(e.Value, &in); err != nil {
			return nil, fmt.Errorf("read %s: %w", e.Key, err)
		}
		out = append(out, in)
	}
	slices.SortFunc(out, func(a, b Incident) int {
		return cmp.Or(a.Problem.Since.Compare(b.Problem.Since), strings.Compare(a.Object(), b.Object()))
	})
	return out, nil
}

// Open returns the incidents that are open, symptoms included, the oldest first.
func (i *Incidents) Open(ctx context.Context) ([]Incident, error) {
	all, err := i.all(ctx)
	return slices.DeleteFunc(all, func(in Incident) bool { return !in.open() }), err
}

// OpenByNode returns the incidents that are open, by the node that they are on: for status.show. Those of hosts that are no node are under "".
func (i *Incidents) OpenByNode(ctx context.Context) (map[string][]Incident, error) {
	open, err := i.Open(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string][]Incident{}
	for _, in := range open {
		out[in.Node] = append(out[in.Node], in)
	}
	return out, nil
}

// Ended returns the incidents that ended since then, the newest of each object, in the order of their beginnings.
func (i *Incidents) Ended(ctx context.Context, since time.Time) ([]Incident, error) {
	all, err := i.all(ctx)
	return slices.DeleteFunc(all, func(in Incident) bool {
		return in.open() || len(in.Lines) == 0 || in.Ended.Before(since)
	}), err
}

// Told returns what the incidents tell of problems: those that are open, and the newest of each object that has ended since then.
func (i *Incidents) Told(ctx context.Context, since time.Time) ([]stored.Told, error) {
	all, err := i.all(ctx)
	if err != nil {
		return nil, err
	}
	var out []stored.Told
	for _, in := range all {
		if len(in.Lines) == 0 || !in.open() && in.Ended.Before(since) {
			continue
		}
		t := stored.Told{
			Host: in.Problem.Host, Service: in.Problem.Service, State: in.State, Since: in.Problem.Since, Ended: in.Ended,
			Care: strings.TrimPrefix(in.care(), ", "), Done: in.done(), Symptom: in.Under != "",
		}
		if !in.open() {
			t.State = in.newest().State
		}
		out = append(out, t)
	}
	return out, nil
}

// done is the newest thing that a rule or a person has done about it.
func (in Incident) done() string {
	for _, l := range slices.Backward(in.Lines) {
		if strings.HasPrefix(l.Key, "rule/") || strings.HasPrefix(l.Key, "run/") || strings.HasPrefix(l.Key, "call/") {
			return l.Text
		}
	}
	return ""
}

// of returns the incident of an object as it is stored; the zero value when there is none.
func (i *Incidents) of(ctx context.Context, object string) (Incident, error) {
	var in Incident
	e, err := i.kv.Get(ctx, incidentKey(object))
	if errors.Is(err, store.ErrNotFound) {
		return in, nil
	}
	if err == nil {
		err = json.Unmarshal(e.Value, &in)
	}
	if err != nil {
		return in, fmt.Errorf("read the incident of %s: %w", object, err)
	}
	return in, nil
}

func (in Incident) open() bool { return in.Ended.IsZero() && !in.Problem.IsZero() }

// Object returns "host" or "host!service".
func (in Incident) Object() string {
	return actions.Alert{Host: in.Problem.Host, Service: in.Problem.Service}.Object()
}

// Note adds to the incident of an alert what others know of it: a run, a call, a comment. The same key is told once.
func (i *Incidents) Note(ctx context.Context, a actions.Alert, key, text string) error {
	return i.note(ctx, a, noteOptions{}, Line{Key: key, At: i.now(), Text: text})
}

// Called notes that a person was called.
func (i *Incidents) Called(ctx context.Context, a actions.Alert, key, text string) error {
	return i.note(ctx, a, noteOptions{called: true}, Line{Key: key, At: i.now(), Text: text})
}

// noteOptions say what a note tells besides its line.
type noteOptions struct {
	called bool
	remedy string // "" = none known
}

func (i *Incidents) note(ctx context.Context, a actions.Alert, o noteOptions, lines ...Line) error {
	_, err := rule.Change(ctx, i.kv, incidentKey(a.Object()), incidentTTL, func(in *Incident) (bool, error) {
		if in.Problem.IsZero() {
			in.Problem = icinga.Problem{Host: a.Host, Service: a.Service, Since: a.Since}
			in.Node, in.State = a.Node, a.State
		}
		if in.Problem.ID() != a.Problem { // another problem by now: this one's card is closed
			return false, nil
		}
		changed := o.called && !in.Called || o.remedy != "" && o.remedy != in.Remedy
		in.Called = in.Called || o.called
		if o.remedy != "" {
			in.Remedy = o.remedy
		}
		for _, l := range lines {
			changed = in.add(l) || changed
		}
		return changed, nil
	})
	if err != nil {
		return fmt.Errorf("note what became of %s: %w", a.Object(), err)
	}
	return i.show(ctx, a.Object())
}

// folded is what an alert was found to be.
type folded struct {
	actions.Alert      // with the problem and the trigger that it belongs to
	symptom       bool // of its host's being down: nothing is to be done about it by itself
}

// fold takes a stored alert into the incident of its object. It may be repeated.
func (i *Incidents) fold(ctx context.Context, s stored.Stored) (folded, error) {
	f := folded{Alert: s.Alert}
	var before Incident
	in, err := rule.Change(ctx, i.kv, incidentKey(s.Object()), incidentTTL, func(in *Incident) (bool, error) {
		if in.Problem != before.Problem && in.open() {
			before = *in
			before.Lines = slices.Clone(in.Lines)
		}
		in.Seen = slices.Clone(in.Seen) // its elements may be changed
		var changed bool
		f.Alert, changed = in.fold(s)
		return changed, nil
	})
	if err != nil {
		return f, fmt.Errorf("fold alert %s: %w", s.ID, err)
	}
	if before.open() && before.Problem != in.Problem { // its end was never reported
		before.Ended, before.State = in.Problem.Since, "well"
		before.add(Line{Key: "replaced", At: s.Received, Text: "it was well in between; its next problem began at " + in.Problem.Since.Format("15:04:05 MST")})
		if before.Under == "" && len(before.Lines) > 0 {
			i.hub.Publish(before.Card())
		}
	}
	if in, err = i.group(ctx, in); err != nil {
		return f, fmt.Errorf("fold alert %s: %w", s.ID, err)
	}
	f.symptom = in.Under != ""
	return f, i.show(ctx, s.Object())
}

// show publishes the incident of an object as it is stored now, unless it is told as a symptom of another. Whoever has changed an incident calls it, so that
// what is shown in the end is what was stored in the end, whoever was faster.
func (i *Incidents) show(ctx context.Context, object string) error {
	lock := &i.showing[fnv1a(object)%uint32(len(i.showing))]
	lock.Lock()
	defer lock.Unlock()
	in, err := i.of(ctx, object)
	if err != nil || in.Problem.IsZero() || len(in.Lines) == 0 {
		return err
	}
	id := in.Problem.ID()
	if old, _ := i.shown.Swap(object, id); old != nil && old != id { // another process has told its end
		i.hub.Withdraw(replacedCard(old.(string), object))
	}
	if in.Under != "" {
		i.hub.Withdraw(in.foldedCard())
		return nil
	}
	i.hub.Publish(in.Card())
	if !in.open() {
		i.shown.Delete(object)
	}
	return nil
}

func fnv1a(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s)) // it does not fail
	return h.Sum32()
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
