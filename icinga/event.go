package icinga

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// EventType says what happened, in Icinga2's words. There are more than those below; they are passed on as they come.
type EventType string

// The types that a stream asks for, and EventSkipped.
const (
	EventStateChange    EventType = "StateChange" // of soft states too
	EventCheckResult    EventType = "CheckResult" // each one, whatever it found
	EventAckSet         EventType = "AcknowledgementSet"
	EventAckCleared     EventType = "AcknowledgementCleared"
	EventDowntimeAdded  EventType = "DowntimeAdded" // it may begin later
	EventDowntimeEnded  EventType = "DowntimeRemoved"
	EventDowntimeStart  EventType = "DowntimeStarted"   // fixed ones only
	EventDowntimeEffect EventType = "DowntimeTriggered" // fixed ones when they begin, flexible ones with the first problem
	EventFlapping       EventType = "Flapping"          // it began or ended
	EventCreated        EventType = "ObjectCreated"
	EventDeleted        EventType = "ObjectDeleted"
	// EventSkipped is made by the stream itself: a line was too long or made no sense, and whatever it told is not known. Event.Comment says why.
	EventSkipped EventType = "(skipped)"
)

// EventTypes returns the types that a stream asks for.
func EventTypes() []EventType {
	return []EventType{
		EventStateChange, EventCheckResult, EventAckSet, EventAckCleared, EventDowntimeAdded, EventDowntimeEnded, EventDowntimeStart,
		EventDowntimeEffect, EventFlapping, EventCreated, EventDeleted,
	}
}

// Event is one line of a stream. Which fields are set depends on its type.
type Event struct {
	Type    EventType
	At      time.Time // when Icinga2 wrote it, about 1 ms after the check's end
	Host    string    // "" for objects that are no hosts or services
	Service string    // "" = the host itself

	// Of StateChange, CheckResult, acknowledgements and Flapping: how the object is now.
	State     State
	StateType StateType
	// Of StateChange and CheckResult.
	Was           State     // the hard state before; "" = not known, as before the first check
	CheckEnd      time.Time // execution end
	Output        string    // hostile text
	Reachable     bool
	Acknowledged  bool
	DowntimeDepth int

	Author  string // of an acknowledgement or a downtime
	Comment string // likewise; hostile text
	Expiry  time.Time

	Flapping bool              // of Flapping: it began
	Downtime ScheduledDowntime // of the events of downtimes

	Object     string // of ObjectCreated and ObjectDeleted: its full name
	ObjectKind string // and what it is, such as Host
}

// Name returns "host" or "host!service".
func (e Event) Name() string { return name(e.Host, e.Service) }

type wireEvent struct {
	Type      EventType  `json:"type"`
	At        float64    `json:"timestamp"`
	Host      string     `json:"host"`
	Service   string     `json:"service"`
	State     float64    `json:"state"`
	StateType float64    `json:"state_type"`
	Check     *wireCheck `json:"check_result"`
	Ack       bool       `json:"acknowledgement"`
	Depth     float64    `json:"downtime_depth"`
	Author    string     `json:"author"`
	Expiry    float64    `json:"expiry"`
	Flapping  bool       `json:"is_flapping"`
	Object    string     `json:"object_name"`
	Kind      string     `json:"object_type"`

	Downtime json.RawMessage `json:"downtime"`
	Remark   json.RawMessage `json:"comment"` // a text in acknowledgements, an object in CommentAdded
}

type wireCheck struct {
	End    float64  `json:"execution_end"`
	Output string   `json:"output"`
	State  float64  `json:"state"`
	Was    *float64 `json:"previous_hard_state"`
	After  *struct {
		StateType float64 `json:"state_type"`
		Reachable bool    `json:"reachable"`
	} `json:"vars_after"`
}

// decodeEvent reads one line.
func decodeEvent(line []byte) (Event, error) {
	var w wireEvent
	if err := json.Unmarshal(line, &w); err != nil {
		return Event{}, err
	}
	if w.Type == "" {
		return Event{}, errors.New("it has no type")
	}
	e := Event{
		Type: w.Type, At: seconds(w.At), Host: w.Host, Service: w.Service, Author: w.Author, Expiry: seconds(w.Expiry), Flapping: w.Flapping,
		Object: w.Object, ObjectKind: w.Kind, Acknowledged: w.Ack, DowntimeDepth: int(w.Depth),
	}
	_ = json.Unmarshal(w.Remark, &e.Comment) // an object is no text
	switch {
	case len(w.Downtime) > 0:
		d, err := decodeDowntime(result{Attrs: w.Downtime, Name: downtimeName(w.Downtime)})
		if err != nil {
			return Event{}, err
		}
		e.Downtime, e.Host, e.Service, e.Author, e.Comment = d, d.Host, d.Service, d.Author, d.Comment
	case w.Kind == "Host" || w.Kind == "Service":
		e.Host, e.Service, _ = strings.Cut(w.Object, "!")
	case w.Host == "": // of another object
		return e, nil
	default:
		e.state(w)
	}
	if err := checkName(e.Host, e.Service); err != nil {
		return Event{}, err
	}
	return e, nil
}

// state takes what is told of the object's state. A host's own number is 0 or 1; that of its check is on the services' scale, on which it is down from 2.
func (e *Event) state(w wireEvent) {
	e.State, e.StateType = stateOf(w.Service, w.State), Soft
	kind := w.StateType
	if c := w.Check; c != nil {
		e.CheckEnd, e.Output = seconds(c.End), strings.TrimSpace(c.Output)
		if c.Was != nil && *c.Was <= 3 { // 99 before the first check
			e.Was = stateOfCheck(w.Service, *c.Was)
		}
		if c.After != nil {
			e.Reachable = c.After.Reachable
		}
		if w.Type == EventCheckResult {
			e.State = stateOfCheck(w.Service, c.State)
			if c.After != nil {
				kind = c.After.StateType
			}
		}
	}
	if kind == 1 {
		e.StateType = Hard
	}
}

// stateOfCheck translates the number of a check result.
func stateOfCheck(service string, n float64) State {
	if service == "" {
		return stateOf("", max(0, n-1))
	}
	return stateOf(service, n)
}

func downtimeName(raw json.RawMessage) string {
	var n struct {
		Name string `json:"__name"`
	}
	if err := json.Unmarshal(raw, &n); err != nil {
		return "" // the decoding of the rest says so
	}
	return n.Name
}

// skipped is the event in the place of a line that was not understood.
func skipped(why error) Event {
	return Event{Type: EventSkipped, Comment: oneLine(fmt.Sprintf("a line of the stream was left out: %v", why))}
}
