package agent

import (
	"encoding/json"
	"time"

	"github.com/shitops/opsbot/overlay"
)

// Protocol is the version of what the two ends say to each other. Each end understands the one before, too.
const Protocol = 2

// oldest is the lowest version that is understood.
const oldest = Protocol - 1

// MaxReport is the most bytes that an agent may say at once.
const MaxReport = 64 << 10

// maxOrder is the most bytes that the gate may say at once: a state as the store holds it, in its envelope.
const maxOrder = 4 << 20

// The subjects. Those with an id end in it.
const (
	subjectHello  = "agent.hello."  // an agent is here, and this is what it holds
	subjectReport = "agent.report." // the same, later
	subjectResult = "agent.result." // what came of a call
	subjectRenew  = "agent.renew."  // a new token, please
	subjectJoin   = "enrol.join"    // of a newcomer, or of one whose token has ended
	subjectPush   = "push."         // to an agent: an envelope
	subjectSeal   = "seal."         // to a newcomer, by its key: a sealed answer
)

// Report is what an agent tells about its node.
type Report struct {
	Protocol    int               `json:"protocol"`
	Version     string            `json:"version"` // of the program
	Node        string            `json:"node"`
	Boot        string            `json:"boot"` // names one life of the agent's process
	Incarnation string            `json:"incarnation,omitempty"`
	Generation  uint64            `json:"generation"` // of the state that it took last; 0 for none
	Keys        uint64            `json:"keys"`       // serial of the set of keys that it trusts
	Converged   bool              `json:"converged"`  // it holds what it must, as read back
	Hash        string            `json:"hash,omitempty"`
	Segments    int               `json:"segments"`          // that it holds something of
	Objects     int               `json:"objects"`           // that it holds
	Open        int               `json:"open,omitempty"`    // changes that are still to be done
	Applied     int               `json:"applied,omitempty"` // changes that the latest pass made
	Failed      []string          `json:"failed,omitempty"`  // what the latest pass could not do; the first ones
	Blocked     []string          `json:"blocked,omitempty"` // segments left alone because something foreign is in the way; the first ones
	Held        string            `json:"held,omitempty"`    // why removals wait for a yes
	Strays      []overlay.VNI     `json:"strays,omitempty"`  // what those removals are of; the first ones
	Refused     string            `json:"refused,omitempty"` // why the newest push was not taken
	RefusedGen  uint64            `json:"refused_generation,omitempty"`
	Leaving     bool              `json:"leaving,omitempty"` // the agent is being stopped in good order
	Facts       overlay.Facts     `json:"facts"`
	Foreign     []overlay.Foreign `json:"foreign,omitempty"` // devices of others that may be in the way; the first ones
	Took        time.Duration     `json:"took"`              // of the latest pass
	At          time.Time         `json:"at"`                // by the node's clock
}

// same tells whether two reports tell the same, but for clocks and counters.
func (r Report) same(o Report) bool {
	for _, x := range []*Report{&r, &o} {
		x.Took, x.At, x.Applied, x.Facts.At = 0, time.Time{}, 0, time.Time{}
	}
	a, aerr := json.Marshal(r)
	b, berr := json.Marshal(o)
	return aerr == nil && berr == nil && string(a) == string(b)
}

// The names of handlers that both ends know. Probe takes a list of overlay.ProbeTarget and answers with one of overlay.ProbeResult.
const (
	HandlerPass   = "pass"   // compare everything now
	HandlerReport = "report" // the report of now
	HandlerProbe  = "probe"
)

// most is how many sentences a report carries of a kind, and mostStrays how many VNIs.
const (
	most       = 20
	mostStrays = 1000
)

// order is the signed body of an envelope: one of its parts is set.
type order struct {
	Protocol int       `json:"protocol"` // of the sender
	Oldest   int       `json:"oldest"`   // version that understands it
	Node     string    `json:"node"`     // whom it is for, and nobody else
	At       time.Time `json:"at"`
	State    *State    `json:"state,omitempty"`
	Call     *Order    `json:"call,omitempty"`
	Token    string    `json:"token,omitempty"` // a new one
	Trust    *trust    `json:"trust,omitempty"` // by what the bot is known from now on
}

// State is what a node must hold, as it is stored and pushed.
type State struct {
	Desired overlay.Desired `json:"desired"`
	Yes     uint64          `json:"yes,omitempty"` // removals up to this generation were agreed to by a person
	By      string          `json:"by,omitempty"`  // the step or person that changed it last
}

// Order is one imperative call of node.do.
type Order struct {
	Key    string          `json:"key"`             // idempotency key
	Run    string          `json:"run"`             // whose epoch it is
	Epoch  uint64          `json:"epoch"`           // a lower one than was seen is refused
	Name   string          `json:"name"`            // of the handler
	Reads  bool            `json:"reads,omitempty"` // it changes nothing: neither fenced nor remembered
	Args   json.RawMessage `json:"args,omitempty"`
	Within time.Duration   `json:"within,omitempty"` // how long it may take; 0 is a minute
}

// Answer is what came of a call.
type Answer struct {
	Key    string          `json:"key"`
	Epoch  uint64          `json:"epoch"`
	Data   json.RawMessage `json:"data,omitempty"`
	Err    string          `json:"error,omitempty"`
	Fenced bool            `json:"fenced,omitempty"` // refused, since a later owner of the run has spoken
	Again  bool            `json:"again,omitempty"`  // the call was done before, this is what came of it then
}
