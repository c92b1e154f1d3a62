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

	// Token binds the choices of a question to it: what is pressed comes back with the token. Where there are no choices, a text is asked for.
	Token   string   `json:"token,omitempty"`
	Buttons []Button `json:"buttons,omitempty"`
	// Under is the ID of the living card that this one belongs to: where the door has threads, it goes into that card's.
	Under string `json:"under,omitempty"`
	// Private is for the eyes of who asked alone, where the platform can do that.
	Private bool `json:"private,omitempty"`
	// Secret cards hold what lets somebody in: no store ever sees them. They are Private, too.
	Secret bool `json:"secret,omitempty"`
}

// Button is a command that a person can press instead of typing it. Pressing takes the same road as typing, with the rights of who presses.
type Button struct {
	Label string `json:"label"`
	Say   string `json:"say"` // the command
	Look  Look   `json:"look,omitempty"`
}

// Look is how a button is drawn. The zero value is plain.
type Look string

// The looks that both platforms have.
const (
	Plain   Look = ""
	Primary Look = "primary"
	Danger  Look = "danger" // for what destroys
)
