package door

import (
	"context"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/reply"
)

// Message is one line from a person, as a door heard it.
type Message struct {
	ID     string // the door's own id; a repeat of it never acts twice
	Text   string
	As     string // the identity it came with, such as unix:anna
	Origin actions.Origin
	At     time.Time
	Yes    bool // a yes was given together with the command (say --yes)
	// Patient doors stay for the answer: a person at a prompt, who can be asked. Scripts are not.
	Patient bool
}

// Exit is how a message ended, as the exit codes of the program promise it.
type Exit int

// The exit codes (see the table in the manual page).
const (
	OK          Exit = 0
	Failure     Exit = 1
	Usage       Exit = 2
	Partly      Exit = 3
	Refused     Exit = 4 // by policy, or a yes is needed
	NotFound    Exit = 5 // or ambiguous
	Temporary   Exit = 75
	BadConfig   Exit = 78
	Interrupted Exit = 130
)

// Desk is where every door brings its messages. It sends cards as the matter goes on and returns when it is closed, or when ctx ends;
// a run goes on without its listener. Send is called from one goroutine at a time.
type Desk interface {
	Handle(ctx context.Context, m Message, send func(reply.Card)) Exit
	// Complete returns what the line could go on with, for completion at a prompt.
	Complete(line string) []string
}
