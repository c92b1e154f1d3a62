package embed

import (
	"slices"
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/shitops/opsbot/bot/reply"
)

// TextField is the custom id of the one text field of a modal.
const TextField = "text"

// board collects the rows of components of one message.
type board struct {
	rows  []discordgo.MessageComponent
	keep  map[string]Action
	place int
	left  []string // what found no room, to be typed
}

// components returns what can be pressed on a card, and what of it found no room.
func components(c reply.Card) board {
	b := board{keep: map[string]Action{}}
	if c.Token != "" {
		b.question(c)
	}
	b.buttons(c)
	return b
}

func (b *board) next() int {
	b.place++
	return b.place - 1
}

// question adds the choices, as buttons where they are few and short, or the way to a text field where there are none.
func (b *board) question(c reply.Card) {
	choices := distinct(c.Choices)
	switch {
	case len(choices) == 0 && len(c.Buttons) == 0 && c.Kind == reply.Question:
		b.row(discordgo.Button{Label: "Answer…", Style: discordgo.PrimaryButton, CustomID: Action{Verb: Open, Token: c.Token}.id(b.next(), b.keep)})
	case len(choices) <= maxInRow && !slices.ContainsFunc(choices, func(s string) bool { return length(label(s)) > maxLabel }):
		var row []discordgo.MessageComponent
		for _, choice := range choices {
			style := discordgo.SecondaryButton
			if choice == "yes" {
				style = discordgo.SuccessButton
			}
			row = append(row, discordgo.Button{Label: label(choice), Style: style, CustomID: Action{Verb: Press, Token: c.Token, Text: choice}.id(b.next(), b.keep)})
		}
		b.row(row...)
	default:
		b.selects(c.Token, choices)
	}
}

// selects adds menus of 25 options each, as many as there are rows.
func (b *board) selects(token string, choices []string) {
	for part := range slices.Chunk(choices, maxOptions) {
		if len(b.rows) == maxRows {
			b.left = append(b.left, part...)
			continue
		}
		menu := discordgo.SelectMenu{
			MenuType: discordgo.StringSelectMenu, CustomID: Action{Verb: Choose, Token: token}.id(b.next(), b.keep),
			Placeholder: cut(label(part[0])+" … "+label(part[len(part)-1]), maxPlaceholder), MaxValues: 1,
		}
		for _, choice := range part {
			value := choice
			if likeKept, err := ParseAction(choice); length(choice) > maxOption || err == nil && likeKept.Verb == Kept {
				value = Action{Verb: Press, Token: token, Text: choice}.kept(b.next(), b.keep)
			}
			menu.Options = append(menu.Options, discordgo.SelectMenuOption{Label: cut(label(choice), maxOption), Value: value})
		}
		b.row(menu)
	}
}

// buttons adds the commands of a card, five a row.
func (b *board) buttons(c reply.Card) {
	for part := range slices.Chunk(c.Buttons, maxInRow) {
		var row []discordgo.MessageComponent
		for _, button := range part {
			if len(b.rows) == maxRows {
				b.left = append(b.left, button.Say)
				continue
			}
			id := Action{Verb: Press, Token: c.Token, Text: button.Say}.id(b.next(), b.keep)
			row = append(row, discordgo.Button{Label: cut(label(button.Label), maxLabel), Style: style(button.Look), CustomID: id})
		}
		b.row(row...)
	}
}

func (b *board) row(components ...discordgo.MessageComponent) {
	if len(components) > 0 {
		b.rows = append(b.rows, discordgo.ActionsRow{Components: components})
	}
}

// label returns text fit to stand on something that is pressed: clean and never blank.
func label(text string) string {
	if text = strings.TrimSpace(reply.Clean(strings.ReplaceAll(text, "\n", " "))); text != "" {
		return text
	}
	return "…"
}

func style(l reply.Look) discordgo.ButtonStyle {
	switch l {
	case reply.Primary:
		return discordgo.PrimaryButton
	case reply.Danger:
		return discordgo.DangerButton
	default:
		return discordgo.SecondaryButton
	}
}

// distinct drops what is blank or there before: the values of a menu must differ.
func distinct(choices []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, c := range choices {
		if strings.TrimSpace(c) != "" && !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	return out
}

// Modal returns the form that asks for the answer to a question that has no choices. Asked is the question's title.
func Modal(asked, token string) *discordgo.InteractionResponseData {
	field := discordgo.TextInput{
		CustomID: TextField, Label: cut(label(asked), maxModalTitle), Style: discordgo.TextInputShort, Required: true, MinLength: 1, MaxLength: maxAnswer,
	}
	return &discordgo.InteractionResponseData{
		CustomID:   Action{Verb: Submit, Token: token}.id(0, map[string]Action{}),
		Title:      "Your answer",
		Components: []discordgo.MessageComponent{discordgo.ActionsRow{Components: []discordgo.MessageComponent{field}}},
	}
}
