package intents

import "time"

// Door says by which kind of door an utterance came in.
type Door string

// The kinds of doors. The zero Door is treated as DoorChat.
const (
	DoorChat     Door = "chat"     // a mention of the bot, a slash command's name and chat markup are taken off
	DoorTerminal Door = "terminal" // the line is taken as typed
)

// Utterance is one message as it came in, with everything that its meaning depends on.
type Utterance struct {
	Text    string
	Now     time.Time      // the clock; needed for "until 6pm" alone
	Zone    *time.Location // the person's zone; nil means UTC
	Door    Door
	Self    string // the bot's own user id at this door; where it is set, no other mention is taken off
	Explain bool   // fill Parsed.Trace

	Exact   bool     // the exact grammar alone: what rules and jobs say is never guessed
	Context *Context // what "it" and "that" can mean; may be nil
}

// Parsed is what an utterance was understood as. As JSON it is one line of `opsbot parse`.
type Parsed struct {
	Text       string   `json:"text"`
	Decision   Decision `json:"decision"`
	Commands   []Intent `json:"commands"` // in the order said; with Ask what is understood so far; empty with Refuse
	Confidence float64  `json:"confidence"`
	Because    string   `json:"because"`            // one short line for a person
	Question   string   `json:"question,omitempty"` // what to ask back, only with Ask
	Trace      []string `json:"trace,omitempty"`    // what each layer found, only where Utterance.Explain asked for it

	Missing *Missing `json:"-"` // with Ask: what the next line may answer; nil where it cannot
	Risk    Risk     `json:"-"` // the gravest class among Commands; Read where nothing would change
}

// Missing says what a question of the parser is about, so that the next line can answer it (Parser.Answer).
// It is plain data and may be journaled with the question.
type Missing struct {
	Command  int      // index into Parsed.Commands
	Slot     string   // the slot to fill, "url|deployment" where one of several; SlotCommand where a whole command is to be chosen
	Choices  []string // what may be answered by number or by name; may be empty
	At       int      // where in the slot's list the answer goes; -1 means that it is the whole value
	Question string
	Next     *Missing // what else is missing, asked when this is answered; nil at the end
}

// SlotCommand is Missing.Slot where the choice is between whole commands: Choices holds them as canonical text.
const SlotCommand = "whole command"
