package icinga

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// Problem is an object and the time of its first hard not-OK state: what one incident is about, however often it is reported, by whichever way,
// and through all states until the object is well again. The zero value is no problem. Problems are comparable when made by this package.
type Problem struct {
	Host    string    `json:"host"`
	Service string    `json:"service,omitempty"` // "" = the host itself
	Since   time.Time `json:"since"`             // whole seconds, UTC: the floor of that check's execution end
}

// ID is the identity as text, such as "edge-1!Cache Hit Rate@1795334043".
func (p Problem) ID() string {
	return name(p.Host, p.Service) + "@" + strconv.FormatInt(p.Since.Unix(), 10)
}

// IsZero tells whether there is no problem.
func (p Problem) IsZero() bool { return p == Problem{} }

// Trigger is one reason to act: a problem in a state, reported for the n-th time. All users who are notified of it share one trigger.
type Trigger struct {
	Problem Problem          `json:"problem"`
	Type    NotificationType `json:"type"` // all but PROBLEM are news rather than reasons
	State   State            `json:"state"`
	// Number is Icinga2's notification number. It tells reminders apart and nothing more: acknowledgements count too, a change of state
	// counts on, and after a recovery the next problem's first number is 2. A reminder is a trigger whose Problem and State were seen before.
	Number int `json:"number"`
}

// ID is the identity as text, such as "edge-1!Cache Hit Rate@1795334043/WARNING/1"; for other types than PROBLEM the type follows.
func (t Trigger) ID() string {
	id := fmt.Sprintf("%s/%s/%d", t.Problem.ID(), t.State, t.Number)
	if t.Type != TypeProblem {
		id += "/" + string(t.Type)
	}
	return id
}

// Key is a digest of ID in 32 letters and digits, for stores whose keys hold no blanks.
func (t Trigger) Key() string {
	sum := sha256.Sum256([]byte(t.ID()))
	return hex.EncodeToString(sum[:16])
}

// standing returns the problem that an object has, given what was last known of it.
//
// An object in WARNING that turns CRITICAL gets a new time of its hard state, but keeps its problem. So a problem that is already open goes on,
// unless the object was well since then. Without one the hard state tells when it began.
func standing(open Problem, host, service string, hard, wellAt time.Time) Problem {
	same := open.Host == host && open.Service == service && !open.Since.IsZero()
	// Whole seconds on both sides: an object may have been well earlier in the second in which its problem began.
	if same && !wellAt.Truncate(time.Second).After(open.Since) && !hard.Truncate(time.Second).Before(open.Since) {
		return open
	}
	return Problem{Host: host, Service: service, Since: hard.UTC().Truncate(time.Second)}
}
