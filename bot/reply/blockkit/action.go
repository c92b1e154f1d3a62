package blockkit

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/shitops/opsbot/bot/reply"
)

// Deed says what a press asks for.
type Deed string

// The deeds.
const (
	Choose Deed = "choose" // the value is the answer to a question
	Say    Deed = "say"    // the value is a command
	Ask    Deed = "ask"    // a form is to be opened
)

// Action is what a press on one of our controls means.
type Action struct {
	Deed  Deed
	Token string // of the question, "" for a command
}

// lead begins every action id of ours.
const lead = "opsbot"

// id returns the action id; n tells the controls of a message apart.
func (a Action) id(n int) string { return fmt.Sprintf("%s:%s:%d:%s", lead, a.Deed, n, a.Token) }

// ParseAction reads an action id. It is not ours where ok is false.
func ParseAction(id string) (a Action, ok bool) {
	parts := strings.SplitN(id, ":", 4)
	if len(parts) != 4 || parts[0] != lead {
		return Action{}, false
	}
	a = Action{Deed: Deed(parts[1]), Token: parts[3]}
	return a, a.Deed == Choose || a.Deed == Say || a.Deed == Ask && a.Token != ""
}

// board is what can be pressed.
type board struct {
	card   string // its ID
	thread string
	blocks []slack.Block
	left   []string // what found no room, to be typed
	weight int      // letters of the labels and values
}

func controls(c reply.Card, thread string) board {
	b := board{card: c.ID, thread: thread}
	switch {
	case c.Token == "" || len(Action{Deed: Choose, Token: c.Token}.id(999)) > maxActionID:
	case len(c.Choices) == 0:
		if c.Kind == reply.Question {
			b.form(c)
		}
	case len(c.Choices) <= maxRow && fit(c.Choices, maxValue):
		b.choices(c)
	case len(c.Choices) <= maxOptions && fit(c.Choices, maxChosen):
		b.menu(c)
	default:
		b.form(c)
	}
	b.commands(c)
	return b
}

// fit tells whether every choice may be a value, and all of them together.
func fit(choices []string, most int) bool {
	sum := 0
	for _, c := range choices {
		sum += length(c) + min(length(c), maxButton)
		if length(c) > most || strings.TrimSpace(c) == "" {
			return false
		}
	}
	return sum <= maxControls
}

// row adds controls beside each other. The id of their block tells which card they are on, and the thread it belongs into.
func (b *board) row(id string, elements []slack.BlockElement) {
	name := fmt.Sprintf("%s:%s:%d:", lead, id, len(b.blocks))
	if more := b.thread + ":" + b.card; len(name)+len(more) <= maxActionID {
		name += more
	}
	b.blocks = append(b.blocks, slack.NewActionBlock(name, elements...))
}

// CardOf returns the ID of the card whose control was pressed and the thread that it was rendered for, both "" where the id of the block does
// not tell.
func CardOf(blockID string) (card, thread string) {
	parts := strings.SplitN(blockID, ":", 5)
	if len(parts) != 5 || parts[0] != lead {
		return "", ""
	}
	return parts[4], parts[3]
}

// form adds the button that opens a form.
func (b *board) form(c reply.Card) {
	b.row("answer", []slack.BlockElement{button(Action{Ask, c.Token}.id(0), "ask", "Answer…", reply.Primary)})
}

// choices adds a button for each choice, the first of which stands out.
func (b *board) choices(c reply.Card) {
	var row []slack.BlockElement
	for i, choice := range c.Choices {
		look := reply.Plain
		if i == 0 {
			look = reply.Primary
		}
		b.weight += length(choice) + maxButton
		row = append(row, button(Action{Choose, c.Token}.id(i), choice, label(choice), look))
	}
	b.row("answer", row)
}

// menu adds a select of the choices.
func (b *board) menu(c reply.Card) {
	var options []*slack.OptionBlockObject
	for _, choice := range c.Choices {
		b.weight += length(choice) + maxOption
		options = append(options, slack.NewOptionBlockObject(choice, plain(cut(oneLine(choice), maxOption)), nil))
	}
	menu := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plain("Choose…"), Action{Choose, c.Token}.id(0), options...)
	b.row("answer", []slack.BlockElement{menu})
}

// commands adds the buttons that say a command.
func (b *board) commands(c reply.Card) {
	var row []slack.BlockElement
	for i, x := range c.Buttons {
		id := Action{Say, ""}.id(i)
		heavy := 2*length(x.Say) + maxButton
		if strings.TrimSpace(x.Say) == "" || length(x.Say) > maxValue || len(b.blocks) >= mostRows || b.weight+heavy > maxControls {
			b.left = append(b.left, x.Say)
			continue
		}
		b.weight += heavy
		e := button(id, x.Say, label(cmp.Or(x.Label, x.Say)), x.Look)
		if x.Look == reply.Danger {
			e.Confirm = confirm(x)
		}
		if row = append(row, e); len(row) == maxRow {
			b.row("do", row)
			row = nil
		}
	}
	if len(row) > 0 {
		b.row("do", row)
	}
}

func button(id, value, text string, look reply.Look) *slack.ButtonBlockElement {
	e := slack.NewButtonBlockElement(id, value, plain(text))
	switch look {
	case reply.Primary:
		e.Style = slack.StylePrimary
	case reply.Danger:
		e.Style = slack.StyleDanger
	}
	return e
}

// confirm asks once more before what destroys is said.
func confirm(x reply.Button) *slack.ConfirmationBlockObject {
	what := slack.NewTextBlockObject(slack.PlainTextType, cut(oneLine(x.Say), maxConfirm), false, false)
	return slack.NewConfirmationBlockObject(plain("Are you sure?"), what, plain("Do it"), plain("No")).WithStyle(slack.StyleDanger)
}

func label(text string) string {
	text = strings.TrimSpace(oneLine(text))
	return cut(cmp.Or(text, "…"), maxButton)
}

func plain(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

// The ids of a form's parts.
const (
	FormID    = lead + ":form"
	FormBlock = lead + ":answer"
	FormInput = "text"
)

// Form returns the form that asks for a text. Private comes back with what is typed; it must be at most 3,000 letters.
func Form(question, private string) (slack.ModalViewRequest, error) {
	if length(private) > maxPrivate {
		return slack.ModalViewRequest{}, fmt.Errorf("form for %.80q: %d letters come along with it, at most %d may", question, length(private), maxPrivate)
	}
	input := slack.NewPlainTextInputBlockElement(nil, FormInput)
	input.MaxLength = maxInput
	blocks := []slack.Block{}
	if text := strings.TrimSpace(oneLine(question)); text != "" {
		o := slack.NewTextBlockObject(slack.PlainTextType, cut(text, maxSection), false, false)
		blocks = append(blocks, slack.NewSectionBlock(o, nil, nil))
	}
	blocks = append(blocks, slack.NewInputBlock(FormBlock, plain("Your answer"), nil, input))
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: FormID, PrivateMetadata: private, Blocks: slack.Blocks{BlockSet: blocks},
		Title: plain(cut("Answer OpsBot", maxTitle)), Submit: plain("Answer"), Close: plain("Not now"),
	}, nil
}
