package demo

import (
	"context"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// Bot is what the tour needs of the running bot.
type Bot interface {
	// Desk is where lines are said.
	Desk() door.Desk
	// Understand returns the intents of a line, none for an answer such as "yes".
	Understand(line string) []string
	// Intents are all that the catalogue has.
	Intents() []string
	// Feed brings what everybody sees unasked; it ends with ctx.
	Feed(ctx context.Context) <-chan reply.Card
	// HooksAddr is where the monitoring posts.
	HooksAddr() string
}

// Scene is one line of the conversation, what must come of it, and how that is verified. In Say, Want and Heard {name} stands for a run that an
// earlier scene kept.
type Scene struct {
	Tell   string                             // printed before it
	Before func(context.Context, *Tour) error // what happens first, without the bot
	As     string                             // who says it
	Say    string                             // "" says nothing: something is waited for
	Exit   door.Exit
	Want   []string // what the answer holds
	Keep   string   // the run is kept under this name
	Async  bool     // do not wait for the end: the run goes on while others speak
	Heard  []string // what one card of the feed must hold
	// Verify looks whether it is really so, and says what it saw. Scenes that only read have none where the answer itself is held against Want.
	Verify func(context.Context, *Tour) (saw string, err error)
	Needs  []string // intents without which the scene is left out, besides that of the line itself
	On     Ground   // the scene is left out elsewhere
}

// Ground is what a scene about segments is played on. The zero value is any.
type Ground int

// The grounds.
const (
	OnAny   Ground = iota
	OnNodes        // with agents
	OnPaper        // where this machine lets no nodes be made
)

// Scenes are the whole conversation.
func Scenes() []Scene {
	var all []Scene
	for _, part := range [][]Scene{peopleScenes(), incidentScenes(), purgeScenes(), runScenes(), segmentScenes(), jobScenes(), languageScenes(), alertScenes(), auditScenes()} {
		all = append(all, part...)
	}
	return all
}
