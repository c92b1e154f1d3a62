package socket

import (
	"time"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// Line is what a caller says: the body of POST /say.
type Line struct {
	Text string `json:"text"`
	Yes  bool   `json:"yes,omitempty"`
	// Thread is the caller's name of a conversation: the answer to a question goes where the question was. Threads of different callers
	// are different ones.
	Thread string `json:"thread,omitempty"`
	// ID names this very line, so that sending it again does not act again. The server makes one up when it is empty.
	ID string `json:"id,omitempty"`
}

// event is one line of the answer of POST /say.
type event struct {
	Card *reply.Card `json:"card,omitempty"`
	Exit *door.Exit  `json:"exit,omitempty"`
}

// Problem is what went wrong before or instead of an answer: the body of every answer that is not 200, and the error of the client.
type Problem struct {
	Text string    `json:"error"`
	Hint string    `json:"hint,omitempty"`
	Exit door.Exit `json:"exit"`
}

// Error returns what went wrong, and the next step where there is one.
func (p *Problem) Error() string {
	if p.Hint == "" {
		return p.Text
	}
	return p.Text + "; " + p.Hint
}

// Health is the answer of GET /health.
type Health struct {
	Ready bool   `json:"ready"`
	Votes []Vote `json:"votes,omitempty"`
	Facts []Fact `json:"facts,omitempty"`
}

// Misread is something that was said and not understood at once. Who said it is left out.
type Misread struct {
	Text  string    `json:"text"`
	Was   string    `json:"was"` // unclear (asked back) or refused
	Why   string    `json:"why"`
	Times int       `json:"times"`
	Last  time.Time `json:"last"`
}

// Fact is one number about the bot.
type Fact struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"` // s for seconds; empty for a count
}

// Vote is what one room says about itself.
type Vote struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Why  string `json:"why,omitempty"`
}
