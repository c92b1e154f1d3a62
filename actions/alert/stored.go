package alert

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/icinga"
)

// Stored is an alert as it was accepted. Its ID and Problem are what the notification alone could tell: which problem it belongs to is known once it
// is read in its order.
type Stored struct {
	actions.Alert
	Good    time.Time `json:"good,omitzero"` // when the object was last well
	User    string    `json:"user,omitempty"`
	Comment string    `json:"comment,omitempty"` // of an acknowledgement, a downtime, a custom notification
	Until   time.Time `json:"until,omitzero"`    // when an acknowledgement or a downtime ends by itself
	At      time.Time `json:"at,omitzero"`       // when it happened, by the clock of the monitoring; zero = found so
	// Exact is when the state became hard, to the microsecond, where the way it came by tells: it tells apart what happened in one second.
	Exact time.Time `json:"exact,omitzero"`
	Vague bool      `json:"vague,omitempty"` // Since is about when it was told, as nothing else was known
	// Looked is the last check of an object that was looked at: that its state is as told at that time outweighs what was heard before.
	Looked time.Time `json:"looked,omitzero"`
}

// The kinds of what a stream and a look at everything tell and no notification does.
const (
	KindUnacknowledged = "ACKNOWLEDGEMENTCLEARED"
	KindRemoved        = "REMOVED" // the object is no longer monitored
)

// The senders of what the bot has found out by itself.
const (
	SenderStream  = "stream"
	SenderCatchUp = "catch-up"
)

// outputMost is how much of a check's output is kept, in bytes.
const outputMost = 8 << 10

// NewStored returns a notification as it is stored. node is the inventory's node behind the host.
func NewStored(n icinga.Notification, node string, received time.Time) Stored {
	p := n.Problem(icinga.Problem{})
	checked := n.ExecutionEnd
	if checked.IsZero() {
		checked = n.At
	}
	checked = checked.Truncate(time.Second)
	return Stored{
		Alert: actions.Alert{
			ID: n.Trigger(icinga.Problem{}).ID(), Problem: p.ID(), Host: n.Host, Service: n.Service, Node: node, Kind: string(n.Type), State: string(n.State),
			Hard: n.StateType == icinga.Hard, Reminder: n.Number, Output: cut(n.Output), Author: n.Author, Since: p.Since, Checked: checked, Received: received.UTC(), Sender: n.Sender,
		},
		Good: n.LastGood, User: n.User, Comment: cut(n.Comment), At: n.At, Vague: n.LastHardStateChange.IsZero(),
	}
}

// Notification returns what tells the problem and the trigger of the alert once more.
func (s Stored) Notification() icinga.Notification {
	n := icinga.Notification{
		Type: icinga.NotificationType(s.Kind), Host: s.Host, Service: s.Service, State: icinga.State(s.State), StateType: icinga.Soft, Number: s.Reminder,
		ExecutionEnd: s.Checked, LastHardStateChange: s.Since, LastGood: s.Good, At: s.Checked, Sender: s.Sender,
	}
	if s.Hard {
		n.StateType = icinga.Hard
	}
	return n
}

func cut(s string) string {
	if len(s) <= outputMost {
		return s
	}
	n := outputMost
	for n > 0 && s[n]&0xC0 == 0x80 { // not within a character
		n--
	}
	return s[:n] + " ..."
}

// batch is one record of the log ALERTS: what arrived within a few milliseconds.
type batch struct {
	Schema int               `json:"schema"`
	Alerts []json.RawMessage `json:"alerts"`
}

const batchSchema = 1

// EncodeBatch returns the record of alerts that were encoded one by one.
func EncodeBatch(alerts []json.RawMessage) ([]byte, error) {
	return json.Marshal(batch{batchSchema, alerts})
}

// DecodeBatch reads a record of the log ALERTS.
func DecodeBatch(data []byte) ([]Stored, error) {
	var b struct {
		Schema int      `json:"schema"`
		Alerts []Stored `json:"alerts"`
	}
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, fmt.Errorf("record of alerts: %w", err)
	}
	if b.Schema != batchSchema {
		return nil, fmt.Errorf("record of alerts: schema %d, only %d is known", b.Schema, batchSchema)
	}
	return b.Alerts, nil
}
