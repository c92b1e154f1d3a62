package intents

import "fmt"

// Risk says what an intent can do to viewers. The classes are ordered; Rank compares them.
type Risk string

// The four risk classes, from harmless to grave.
const (
	Read        Risk = "read"        // changes nothing
	Reversible  Risk = "reversible"  // one command takes it back
	Disruptive  Risk = "disruptive"  // viewers may feel it
	Destructive Risk = "destructive" // loses state or moves service
)

// ParseRisk returns the class called s, or an error that lists the four.
func ParseRisk(s string) (Risk, error) {
	switch r := Risk(s); r {
	case Read, Reversible, Disruptive, Destructive:
		return r, nil
	}
	return "", fmt.Errorf("risk %q: must be read, reversible, disruptive or destructive", s)
}

// Rank returns 0 for Read up to 3 for Destructive, so that the graver of two classes has the higher number.
// An unknown class ranks above all of them: what nobody classed is treated as the worst.
func (r Risk) Rank() int {
	switch r {
	case Read:
		return 0
	case Reversible:
		return 1
	case Disruptive:
		return 2
	case Destructive:
		return 3
	}
	return 4
}

// Changes reports whether an intent of this class changes anything.
func (r Risk) Changes() bool { return r != Read }

// Decision says what is to happen with an utterance.
type Decision string

// The five decisions, from the freest to the strictest.
const (
	Act     Decision = "act"     // do it now
	Confirm Decision = "confirm" // show the plan; a yes is needed
	Answer  Decision = "answer"  // help with something to read
	Ask     Decision = "ask"     // a slot is missing or ambiguous; Parsed.Question says what
	Refuse  Decision = "refuse"  // not for the bot, or not clearly a command
)

// rank orders decisions by strictness; of a compound the strictest counts.
func (d Decision) rank() int {
	switch d {
	case Act:
		return 0
	case Confirm:
		return 1
	case Answer:
		return 2
	case Ask:
		return 3
	}
	return 4
}

// Exact returns the decision that an exact command of class r leads to.
func (r Risk) Exact() Decision {
	if r.Rank() >= Destructive.Rank() {
		return Confirm
	}
	return Act
}
