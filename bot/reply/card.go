package reply

import "github.com/shitops/opsbot/actions"

// Kind says what a card is, so that each door can give it its colour and its buttons.
type Kind string

// The kinds of cards.
const (
	Answer   Kind = "answer"
	Plan     Kind = "plan"     // what would happen, nothing asked
	Question Kind = "question" // a yes, a slot or a choice is asked for
	Progress Kind = "progress" // a run under way
	Done     Kind = "done"
	Partly   Kind = "partly" // done in part
	Failed   Kind = "failed"
	Refused  Kind = "refused" // by the language or by policy
	Error    Kind = "error"   // the bot could not do its part
)

// Card is one neutral message, rendered by each door in its own way.
//
// Cards with the same non-empty ID are one living message: the newer replaces the older.
type Card struct {
	ID      string         `json:"id,omitempty"`
	Kind    Kind           `json:"kind"`
	Title   string         `json:"title"`
	Lines   []string       `json:"lines,omitempty"`
	Table   *actions.Table `json:"table,omitempty"`
	Code    []string       `json:"code,omitempty"`    // commands to copy, one a line
	Hint    string         `json:"hint,omitempty"`    // the next thing to try
	Choices []string       `json:"choices,omitempty"` // what answers the question
	Run     string         `json:"run,omitempty"`
	Live    bool           `json:"live,omitempty"` // more of the same ID will follow
	Data    any            `json:"data,omitempty"`
}
