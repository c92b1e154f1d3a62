package actions

import "slices"

// Risk is the class of harm that an intent may do (INTENTS.md "Risk classes").
type Risk string

// The risk classes, from harmless to harmful.
const (
	Read        Risk = "read"
	Reversible  Risk = "reversible"
	Disruptive  Risk = "disruptive"
	Destructive Risk = "destructive"
)

var ladder = []Risk{Read, Reversible, Disruptive, Destructive}

// Rank returns 0 for Read up to 3 for Destructive. An unknown class ranks as Destructive, so that a mistake errs on the safe side.
func (r Risk) Rank() int {
	if i := slices.Index(ladder, r); i >= 0 {
		return i
	}
	return len(ladder) - 1
}

// Raise returns the next class up. Read stays Read: looking harms nothing, however much is looked at.
func (r Risk) Raise() Risk {
	if r == Read {
		return Read
	}
	return ladder[min(r.Rank()+1, len(ladder)-1)]
}
