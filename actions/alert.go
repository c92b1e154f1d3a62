package actions

import "time"

// Alert is one trigger as it is stored: a problem in a state, at a reminder, the notified users folded together.
type Alert struct {
	ID       string    `json:"id"`                // of the trigger: problem, state and reminder number
	Problem  string    `json:"problem"`           // of the object and the time of its first hard not-OK state
	Host     string    `json:"host"`              // as the monitoring names it
	Service  string    `json:"service,omitempty"` // empty for an alert of the host itself
	Node     string    `json:"node,omitempty"`    // the inventory's node behind Host; empty when there is none
	Kind     string    `json:"kind"`              // PROBLEM, RECOVERY, ACKNOWLEDGEMENT, DOWNTIMESTART ..., as Icinga2 says it
	State    string    `json:"state"`             // OK, WARNING, CRITICAL, UNKNOWN, UP or DOWN
	Hard     bool      `json:"hard"`
	Reminder int       `json:"reminder"` // notification number, from 1
	Output   string    `json:"output,omitempty"`
	Author   string    `json:"author,omitempty"` // of an acknowledgement, a downtime or a comment
	Since    time.Time `json:"since"`            // when the problem began, whole seconds
	Checked  time.Time `json:"checked"`          // end of the check that found it, whole seconds
	Received time.Time `json:"received"`
	Sender   string    `json:"sender"` // whose proof it bore
}

// Object returns the name of what the alert is about, host or host!service, as Icinga2 writes it.
func (a Alert) Object() string {
	if a.Service == "" {
		return a.Host
	}
	return a.Host + "!" + a.Service
}

// Approval says who else must say yes before a plan is carried out. It is part of the plan, so that what is approved is what was asked.
type Approval struct {
	Rule   string        `json:"rule"`   // why, for people
	Role   string        `json:"role"`   // whose holders may approve
	People int           `json:"people"` // how many, never the one who asked
	Within time.Duration `json:"within"` // then the run is cancelled
}

// Assent is one person's yes to a run that waits for approval.
type Assent struct {
	By  string    `json:"by"`
	As  string    `json:"as"`
	At  time.Time `json:"at"`
	Why string    `json:"why,omitempty"`
}
