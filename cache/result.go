package cache

import (
	"fmt"
	"strings"
	"time"
)

// Verdict is what a look through the viewer's side showed after an operation.
type Verdict string

// The verdicts. The zero value means that nobody has looked.
const (
	Unknown Verdict = ""      // not looked at, or nothing to compare by
	Fresh   Verdict = "fresh" // the edge serves what the origin serves
	Stale   Verdict = "stale" // the edge serves something else than the origin
)

// String returns "unknown" for the zero value.
func (v Verdict) String() string {
	if v == Unknown {
		return "unknown"
	}
	return string(v)
}

// Result is the honest answer to one operation on one cache. Where the operation returned an error, Accepted holds what the server
// said instead of accepting.
type Result struct {
	Method   string        `json:"method"`             // how: "ban", "purge", "soft purge", "xkey", "soft xkey"
	Accepted Proof         `json:"accepted"`           // the server's own words
	Removed  *int64        `json:"removed,omitempty"`  // objects, as the server counts: one on its way out may count again; nil = it does not say
	Held     *int64        `json:"held,omitempty"`     // objects held, give or take a few, when a flush invalidated them all; nil = no counters
	Verified Verdict       `json:"verified,omitempty"` // what viewers get now
	Why      string        `json:"why,omitempty"`      // what the verdict rests on
	Took     time.Duration `json:"took"`               // from call to answer, settling and verifying included
	Attempts int           `json:"attempts"`           // operations sent to the server, retries included
	Repeated bool          `json:"repeated,omitempty"` // the mark was already known: nothing was done this time
	Age      time.Duration `json:"age,omitempty"`      // of a repeated ban, on the server's clock, rounded down to a second
}

// settleLeft is what a repetition still has to wait of the settling time.
func (r Result) settleLeft(settle time.Duration) time.Duration {
	return max(0, settle-r.Age)
}

// Proof is what shows that the right server understood.
type Proof struct {
	Status int    `json:"status"`            // of HTTP or of the CLI
	Reason string `json:"reason,omitempty"`  // reason phrase of the answer
	ID     string `json:"id,omitempty"`      // X-Varnish of the answer
	Server string `json:"server,omitempty"`  // Server header of the answer
	Ban    string `json:"ban,omitempty"`     // expression that was banned
	Since  string `json:"since,omitempty"`   // server's time of a ban that was already there
	Via    string `json:"address,omitempty"` // address that was asked
}

// String says the result in one line: "ban: accepted, about 2000 objects invalidated, verified fresh (...) in 2.1s".
func (r Result) String() string {
	var b strings.Builder
	if r.Accepted.Status == 0 {
		return fmt.Sprintf("%s: not accepted, took %s", r.Method, r.Took.Round(time.Millisecond))
	}
	fmt.Fprintf(&b, "%s: accepted", r.Method)
	if r.Repeated {
		b.WriteString(" before, not repeated")
	}
	switch {
	case r.Removed != nil:
		fmt.Fprintf(&b, ", %d removed", *r.Removed)
	case r.Held != nil:
		fmt.Fprintf(&b, ", about %d objects invalidated", *r.Held)
	default:
		b.WriteString(", number removed not told by the server")
	}
	if r.Verified == Unknown {
		b.WriteString(", not verified")
	} else {
		fmt.Fprintf(&b, ", verified %s", r.Verified)
	}
	if r.Why != "" {
		fmt.Fprintf(&b, " (%s)", r.Why)
	}
	fmt.Fprintf(&b, ", took %s", r.Took.Round(time.Millisecond))
	return b.String()
}

// Health is the state of one cache server.
type Health struct {
	OK        bool          `json:"ok"`                 // no problem found
	Admin     bool          `json:"admin"`              // the management port answered
	Listening bool          `json:"listening"`          // viewers' port accepts connections
	Child     string        `json:"child,omitempty"`    // state of the worker as the server says it: "running", "stopped"
	Version   string        `json:"version,omitempty"`  // "varnish-7.1.1 revision ..."
	RTT       time.Duration `json:"rtt"`                // of the ping
	Bans      int           `json:"bans"`               // bans not yet worked off
	Problems  []string      `json:"problems,omitempty"` // what is wrong, a sentence each
}
