package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/bot/reply"
)

// Place is where a card goes. Channel and Thread are those of actions.Origin.
type Place struct {
	Channel string `json:"channel"`
	Thread  string `json:"thread,omitempty"`
	// User is who asked, as the platform names them: private cards are for them, and they hear of it when the channel is gone.
	User string `json:"user,omitempty"`
	// Hook is a way to answer that ends by itself, such as a response_url or the token of an interaction. It is the wire's own and a secret.
	Hook string `json:"hook,omitempty"`
	// HookEnds is when Hook stops working.
	HookEnds time.Time `json:"hook_ends,omitzero"`
	// Root is the message of the card that a card names in Under: where there are threads, the card belongs into its thread. It is filled in
	// for the wire.
	Root string `json:"-"`
	// Moved is set on what could not be brought to the place it was meant for.
	Moved bool `json:"moved,omitempty"`
}

// Wire is what a door knows of its platform. Calls for one channel come one at a time; those for several channels come at once.
type Wire interface {
	// Post makes a new message and returns its id on the platform. The nonce is the same in every attempt to post the same message.
	Post(ctx context.Context, p Place, c reply.Card, nonce string) (id string, err error)
	// Edit replaces what a message shows.
	Edit(ctx context.Context, p Place, id string, c reply.Card) error
	// Find looks for the message that a Post with the nonce may have made.
	Find(ctx context.Context, p Place, nonce string) (id string, found bool, err error)
}

// The errors of a Wire that mean something to the outbox. Any other error of Post is taken as ErrUnknown, any other error of Edit and Find as one
// that goes away.
var (
	// ErrGone says that nothing can be written to the place any more: no such channel, archived, or we were removed from it.
	ErrGone = errors.New("the channel is gone")
	// ErrMessageGone says that the message to edit was deleted.
	ErrMessageGone = errors.New("the message is gone")
	// ErrAuth says that the platform does not know us any more.
	ErrAuth = errors.New("the platform refuses our token")
	// ErrUnknown says that the call may or may not have had its effect.
	ErrUnknown = errors.New("outcome unknown")
	// ErrRefused says that the platform will never take this content.
	ErrRefused = errors.New("the platform refuses the content")
	// ErrNotSent says that the call surely had no effect and may work later.
	ErrNotSent = errors.New("not sent")
)

// RetryAfter says that the platform wants to be left alone for a while. The call had no effect.
type RetryAfter struct {
	D time.Duration
	// Everywhere is set when the limit holds for all channels and not for this one alone.
	Everywhere bool
}

// Error implements error.
func (e RetryAfter) Error() string { return fmt.Sprintf("the platform wants a pause of %s", e.D) }
