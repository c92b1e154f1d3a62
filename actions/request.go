package actions

import (
	"encoding/json"
	"slices"
	"time"
)

// ActorKind says what sort of author stands behind a request.
type ActorKind string

// The kinds of actors. A rule and a job act with the rights that their owner has at that moment.
const (
	Person ActorKind = "person"
	Rule   ActorKind = "rule"
	Job    ActorKind = "job"
	System ActorKind = "system" // the bot itself, for work that was decided earlier: timers, undo of temporary changes
)

// Actor is the author of a request.
type Actor struct {
	Kind ActorKind `json:"kind"`
	Name string    `json:"name"`         // the name in the configuration; empty when the identity is mapped to nobody
	As   string    `json:"as,omitempty"` // the identity it came with, such as unix:anna
	// Owner is whose rights a rule or a job acts with; empty for a person, and for a rule that the configuration file itself vouches for.
	Owner string `json:"owner,omitempty"`
}

// String returns the name a reader knows, or the raw identity where no name is mapped to it.
func (a Actor) String() string {
	if a.Name != "" {
		return a.Name
	}
	if a.As != "" {
		return a.As
	}
	return "nobody"
}

// Origin is the place that a request came from and that the answer goes to.
type Origin struct {
	Door    string `json:"door"`              // terminal, say, slack, discord, alert, clock
	Channel string `json:"channel,omitempty"` // the door's own name of the place
	Thread  string `json:"thread,omitempty"`  // the conversation inside it; questions and answers are bound to it
	Message string `json:"message,omitempty"` // the door's id of the message, for de-duplication
}

// Request is an intent as plain data: what the one road carries from a door to the engine.
//
// Slots hold canonical values (INTENTS.md "Slot values are canonical"): inventory names, Go durations, run ids; a slot with one value is a
// list of one. The zero value asks for nothing.
type Request struct {
	Cause   string              `json:"cause"` // derived from what caused it; the same cause is the same run
	Intent  string              `json:"intent"`
	Slots   map[string][]string `json:"slots,omitempty"`
	Options map[string]string   `json:"options,omitempty"` // flags that are no slots, such as soft
	Text    string              `json:"text"`              // the canonical command
	Actor   Actor               `json:"actor"`
	Origin  Origin              `json:"origin"`
	At      time.Time           `json:"at"`
	// Reach are the tenants whose things the answer may show; nil means all. It is of the moment of asking, and never stored.
	Reach []string `json:"-"`
}

// Reaches tells whether the answer may show what is of a tenant. What is of nobody known is shown to nobody whose rights have a limit.
func (r Request) Reaches(tenant string) bool {
	return r.Reach == nil || tenant != "" && (slices.Contains(r.Reach, tenant) || slices.Contains(r.Reach, "*"))
}

// One returns the first value of a slot, or "".
func (r Request) One(slot string) string {
	if v := r.Slots[slot]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// All returns every value of a slot, in order.
func (r Request) All(slot string) []string { return slices.Clone(r.Slots[slot]) }

// Has tells whether an option was given and not denied.
func (r Request) Has(option string) bool { v, ok := r.Options[option]; return ok && v != "false" }

// Duration returns the duration in a slot, or def when the slot is empty or holds none.
func (r Request) Duration(slot string, def time.Duration) time.Duration {
	if d, err := time.ParseDuration(r.One(slot)); err == nil {
		return d
	}
	return def
}

// Encode marshals the arguments of a step. It panics on a value that JSON cannot hold, which is a bug of the caller's type.
func Encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("actions: step arguments that JSON cannot hold: " + err.Error())
	}
	return b
}
