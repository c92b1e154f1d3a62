package cache

import (
	"fmt"
	"strings"
	"time"
)

// maxOffenders is how many of the objects that went wrong a report lists.
const maxOffenders = 10

// Report is what priming or verifying one edge came to. Every object is counted in exactly one of Hit, Miss, Stale, Failed,
// Vanished, Uncacheable, Untold and Skipped.
type Report struct {
	Node        string        `json:"node"`
	Total       int           `json:"total"`       // objects asked for, repetitions left out
	Hit         int           `json:"hit"`         // answered from the cache
	Miss        int           `json:"miss"`        // fetched from the origin for this request
	Stale       int           `json:"stale"`       // verify: another version than the origin's
	Failed      int           `json:"failed"`      // no answer, or an error status
	Vanished    int           `json:"vanished"`    // 404 of a live object that was there during the walk: no failure
	Uncacheable int           `json:"uncacheable"` // the origin forbids to keep it: a miss by design
	Untold      int           `json:"untold"`      // answered, but no header tells hit from miss
	Skipped     int           `json:"skipped"`     // not asked: a limit was reached or the caller gave up
	Retried     int           `json:"retried"`     // requests made again after a passing failure
	Bytes       int64         `json:"bytes"`
	Took        time.Duration `json:"took"`
	Offenders   []Offender    `json:"offenders,omitempty"` // the first of those that are not as wanted
}

// Offender is an object that is not as wanted.
type Offender struct {
	URL  string `json:"url"` // without the values of its query
	Role Role   `json:"role"`
	Why  string `json:"why"`
}

// OK reports whether nothing failed, nothing is stale and nothing was skipped. For Verify, Miss must be 0 as well: see Cached.
func (r Report) OK() bool { return r.Failed == 0 && r.Stale == 0 && r.Skipped == 0 }

// Cached reports whether the report is OK and everything that may be cached was a hit.
func (r Report) Cached() bool { return r.OK() && r.Miss == 0 && r.Untold == 0 }

// String says "1000 objects: 998 hit, 2 miss; 16.0 MB in 147ms".
func (r Report) String() string {
	var parts []string
	for _, c := range []struct {
		n    int
		name string
	}{{r.Hit, "hit"}, {r.Miss, "miss"}, {r.Stale, "stale"}, {r.Failed, "failed"}, {r.Vanished, "vanished"},
		{r.Uncacheable, "not cacheable"}, {r.Untold, "untold"}, {r.Skipped, "skipped"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing done"}
	}
	return fmt.Sprintf("%d objects: %s; %.1f MB in %s", r.Total, strings.Join(parts, ", "), float64(r.Bytes)/1e6, r.Took.Round(time.Millisecond))
}

// outcome is what became of one object.
type outcome struct {
	kind    outcomeKind
	why     string // for an offender; "" = as wanted
	bytes   int64
	retried int
}

type outcomeKind int

const (
	outSkipped outcomeKind = iota // the zero value: never asked
	outHit
	outMiss
	outStale
	outFailed
	outVanished
	outUncacheable
	outUntold
)

// tally makes a report of the outcomes, which are in the objects' order.
func tally(node string, objects []Object, outcomes []outcome) Report {
	r := Report{Node: node, Total: len(objects)}
	count := map[outcomeKind]*int{outSkipped: &r.Skipped, outHit: &r.Hit, outMiss: &r.Miss, outStale: &r.Stale, outFailed: &r.Failed,
		outVanished: &r.Vanished, outUncacheable: &r.Uncacheable, outUntold: &r.Untold}
	for i, o := range outcomes {
		*count[o.kind]++
		r.Bytes += o.bytes
		r.Retried += o.retried
		if o.why != "" && len(r.Offenders) < maxOffenders {
			r.Offenders = append(r.Offenders, Offender{URL: shown(objects[i].URL), Role: objects[i].Role, Why: o.why})
		}
	}
	return r
}

// kindOf maps a look-up to the outcome of an answer that was 200.
func kindOf(l Lookup, uncacheable bool) outcomeKind {
	switch {
	case l == LookupHit:
		return outHit
	case uncacheable || l == LookupPass:
		return outUncacheable
	case l == LookupMiss:
		return outMiss
	}
	return outUntold
}
