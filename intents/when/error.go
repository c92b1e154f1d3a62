package when

import (
	"strconv"
	"time"
)

// Reason says why words that say a time cannot be used.
type Reason string

// The reasons.
const (
	Past        Reason = "past"         // it is over already
	TooFar      Reason = "too far"      // longer, or further away, than Longest
	TwoReadings Reason = "two readings" // Error.Readings names them
	NoClock     Reason = "no clock"     // a day without a time of day
	Nothing     Reason = "nothing"      // it lasts no time at all, or ends before it begins
	NoSuch      Reason = "no such time" // no such day, no such time of day, or the zone leaves it out
	NotRegular  Reason = "not regular"  // no clock of jobs comes like that: "every other day"
)

// Error says why words that say a time cannot be used. Its text is for a person.
type Error struct {
	Why      Reason
	Said     string   // the words
	Readings []string // of TwoReadings: both, in words that Read understands in one way
	Detail   string   // of NoSuch and NotRegular: what is wrong with it
	Words    int      // how many words it took; never 0
}

// Error implements error.
func (e *Error) Error() string {
	said := strconv.Quote(e.Said)
	switch e.Why {
	case Past:
		return said + " lies in the past"
	case TooFar:
		return said + " is more than 30 days"
	case NoClock:
		return said + " says no time of day"
	case Nothing:
		return said + " lasts no time at all"
	case TwoReadings:
		return said + " can be " + e.Readings[0] + " or " + e.Readings[1]
	}
	return said + ": " + e.Detail
}

// fault is an Error on its way out: what it is about is known only at the end.
func fault(why Reason, readings ...string) *Error { return &Error{Why: why, Readings: readings} }

// noSuch is the Error of a time that there is not.
func noSuch(detail string) *Error { return &Error{Why: NoSuch, Detail: detail} }

// twice is the Error of words that mean either of two times, the earlier one first.
func twice(a, b time.Time) *Error {
	if b.Before(a) {
		a, b = b, a
	}
	return fault(TwoReadings, Stamp(a), Stamp(b))
}
