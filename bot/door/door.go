package door

import (
	"context"
	"net/http"
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
	// Token is that of the question whose button was pressed; the text is then its answer, whoever presses. The desk checks who may.
	Token string
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

// Chat is a platform where people talk to the bot and watch what it does.
type Chat interface {
	// Name tells doors apart, in votes, logs and metrics: slack/T0123, discord/1234567890.
	Name() string
	// Holds tells whether a place is at this door, so that answers go out where they were asked for.
	Holds(o actions.Origin) bool
	// Run connects and serves until ctx ends. It reconnects by itself, for ever.
	Run(ctx context.Context) error
	// Ready returns nil, or why the door hears or says nothing at the moment.
	Ready() error
	// Routes are what the platform posts to, by pattern of net/http; empty where nothing is posted.
	Routes() map[string]http.Handler
	// Deliver brings a card to where a command came from, as after a restart. A card with the ID of one that is there replaces it; the same twice is
	// posted once. It returns once the card is kept, not once it is shown.
	Deliver(ctx context.Context, to actions.Origin, c reply.Card) error
	// Tell brings a card to the channel of alerts, where everybody watches.
	Tell(ctx context.Context, c reply.Card) error
	// Ring brings a card to one person, by the identity that the platform knows (slack:T0123/U0123ABC). It returns once the platform has taken it.
	Ring(ctx context.Context, as string, c reply.Card) error
}
