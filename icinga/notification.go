package icinga

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// NotificationType says why a notification was sent, in Icinga2's words.
type NotificationType string

// The types. Only TypeProblem is a reason to act.
const (
	TypeProblem           NotificationType = "PROBLEM"
	TypeRecovery          NotificationType = "RECOVERY"
	TypeAcknowledgement   NotificationType = "ACKNOWLEDGEMENT"
	TypeCustom            NotificationType = "CUSTOM"
	TypeDowntimeStart     NotificationType = "DOWNTIMESTART"
	TypeDowntimeEnd       NotificationType = "DOWNTIMEEND"
	TypeDowntimeCancelled NotificationType = "DOWNTIMECANCELLED" // Icinga2's DOWNTIMEREMOVED is taken as this
	TypeFlappingStart     NotificationType = "FLAPPINGSTART"
	TypeFlappingEnd       NotificationType = "FLAPPINGEND"
)

func (t NotificationType) known() bool {
	switch t {
	case TypeProblem, TypeRecovery, TypeAcknowledgement, TypeCustom, TypeDowntimeStart, TypeDowntimeEnd, TypeDowntimeCancelled,
		TypeFlappingStart, TypeFlappingEnd:
		return true
	default:
		return false
	}
}

// Notification is what a monitoring server reports of one object: from [ParseNotification], [ParseWebhook] or [NotificationFromEnv]. The times
// are whole seconds in UTC, zero when the sender did not tell them.
type Notification struct {
	Type      NotificationType
	Host      string
	Service   string // "" = the host itself
	State     State  // "" in a webhook about no incident
	StateType StateType
	Number    int // Icinga2's notification number, see Trigger; 0 when the sender has none

	Output   string // of the check; hostile text
	Perfdata string
	Author   string // of an acknowledgement, a downtime, a custom notification
	Comment  string // likewise; hostile text
	User     string // who is notified; each gets a notification of their own
	Incident string // the sender's own id of the incident, where it has one
	Sender   string // who sent it, by its proof: set by whoever verified that, never by the body

	ExecutionEnd        time.Time // of the check that found the state
	LastStateChange     time.Time // soft ones included
	LastHardStateChange time.Time
	LastGood            time.Time // when the object was last OK or UP
	At                  time.Time // when it was sent
}

// Limits of a notification, in bytes.
const (
	MaxBody   = 256 << 10 // of a whole body
	maxText   = 64 << 10  // of output, performance data, comment
	maxPerson = 255       // of user and author
)

// Name returns "host" or "host!service".
func (n Notification) Name() string { return name(n.Host, n.Service) }

// Problem returns the problem that the notification is about. open is the problem that was last known of the object, zero for none: see
// Object.Problem. A recovery is about the problem that it ends.
//
// Without LastHardStateChange the check's execution end stands in, and the time of sending where that is not known either.
func (n Notification) Problem(open Problem) Problem {
	if n.Type == TypeRecovery && open.Host == n.Host && open.Service == n.Service && !open.Since.After(n.hardSince()) {
		return open
	}
	return standing(open, n.Host, n.Service, n.hardSince(), n.LastGood)
}

func (n Notification) hardSince() time.Time {
	for _, t := range []time.Time{n.LastHardStateChange, n.ExecutionEnd} {
		if !t.IsZero() {
			return t
		}
	}
	return n.At
}

// Trigger returns the reason to act that the notification is, the users folded together. open is as in Problem.
func (n Notification) Trigger(open Problem) Trigger {
	return Trigger{Problem: n.Problem(open), Type: n.Type, State: n.State, Number: n.Number}
}

// Check returns what is wrong with the notification, all of it, or nil. Parsers return checked ones. The error holds ErrInvalid.
func (n Notification) Check() error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if err := checkName(n.Host, n.Service); err != nil {
		say("%v", err)
	}
	if !n.Type.known() {
		say("type %q is not one of Icinga2's", clip(string(n.Type)))
	}
	loose := n.Type == TypeCustom // a webhook about no incident tells no state
	if !n.State.of(n.Service) && (n.State != "" || !loose) {
		say("state %q is none of a %s", clip(string(n.State)), strings.ToLower(kindOfObject(n.Service).name))
	}
	if n.StateType != Soft && n.StateType != Hard && (n.StateType != "" || !loose) {
		say("state type %q is neither SOFT nor HARD", clip(string(n.StateType)))
	}
	if n.Type == TypeProblem && n.State.Good() || n.Type == TypeRecovery && !n.State.Good() {
		say("a %s cannot have the state %q", n.Type, clip(string(n.State)))
	}
	if n.Number < 0 {
		say("number %d is negative", n.Number)
	}
	n.checkTexts(say)
	if n.hardSince().IsZero() {
		say("no time is told")
	}
	if len(wrong) > 0 {
		return fmt.Errorf("icinga notification: %w: %s", ErrInvalid, strings.Join(wrong, "; "))
	}
	return nil
}

func (n Notification) checkTexts(say func(format string, args ...any)) {
	for _, f := range []struct {
		what, value string
		most        int
	}{
		{"output", n.Output, maxText}, {"perfdata", n.Perfdata, maxText}, {"comment", n.Comment, maxText},
		{"author", n.Author, maxPerson}, {"user", n.User, maxPerson}, {"incident", n.Incident, maxPerson},
	} {
		if len(f.value) > f.most {
			say("%s has %d bytes, at most %d are taken", f.what, len(f.value), f.most)
		}
		if !utf8.ValidString(f.value) {
			say("%s is not UTF-8", f.what)
		}
	}
}

// clip shortens foreign text for an error.
func clip(s string) string {
	const most = 40
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
