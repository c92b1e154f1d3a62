package discord

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"
)

// The commands and their parts.
const (
	wordsCommand = "opsbot" // takes what people say
	formCommand  = "ops"    // the catalogue as a form
	wordsOption  = "text"
)

// Limits of commands (https://discord.com/developers/docs/interactions/application-commands).
const (
	maxOptions     = 25
	maxDescription = 100
	maxCommand     = 8000 // characters of all names and descriptions
	maxWords       = 2000
	maxChoice      = 100
)

// register tells Discord the commands, until it has taken them.
func (d *Door) register(ctx context.Context) {
	all := d.commands()
	for wait := time.Second; ; wait = min(2*wait, 5*time.Minute) {
		err := d.rest.patient(ctx, http.MethodPut, "applications/"+d.o.Application+"/commands", all, nil)
		if err == nil || ctx.Err() != nil {
			return
		}
		d.o.Log.Error("Discord does not take the commands", "err", err)
		if !sleep(ctx, wait) {
			return
		}
	}
}

// commands returns what is registered: the words, and the form where it fits.
func (d *Door) commands() []*discordgo.ApplicationCommand {
	everywhere := []discordgo.InteractionContextType{discordgo.InteractionContextGuild, discordgo.InteractionContextBotDM}
	words := &discordgo.ApplicationCommand{
		Name: wordsCommand, Type: discordgo.ChatApplicationCommand, Contexts: &everywhere,
		Description: "Say what you want, in the words you would use at a prompt",
		Options: []*discordgo.ApplicationCommandOption{{
			Type: discordgo.ApplicationCommandOptionString, Name: wordsOption, Description: "such as: flush edge-1, or: help", Required: true, Autocomplete: true,
			MaxLength: maxWords,
		}},
	}
	out := []*discordgo.ApplicationCommand{words}
	for _, longest := range []int{maxDescription, 60, 30, 0} { // descriptions give way until all fits
		form := &discordgo.ApplicationCommand{
			Name: formCommand, Type: discordgo.ChatApplicationCommand, Contexts: &everywhere, Description: "Everything the bot can do, as a form",
			Options: form(d.o.Commands, longest),
		}
		if len(form.Options) == 0 {
			break
		}
		if size(form.Options)+len(form.Name)+len(form.Description) <= maxCommand {
			return append(out, form)
		}
	}
	return out
}

// form turns the catalogue into subcommands, grouped by what stands before the dot of their names. What Discord has no room for is left out: it can
// be said.
func form(all []Command, longest int) []*discordgo.ApplicationCommandOption {
	groups := map[string]*discordgo.ApplicationCommandOption{}
	var out []*discordgo.ApplicationCommandOption
	for _, c := range all {
		room, verb, grouped := strings.Cut(c.Name, ".")
		if !grouped {
			room, verb = "", c.Name
		}
		sub := &discordgo.ApplicationCommandOption{
			Type: discordgo.ApplicationCommandOptionSubCommand, Name: optionName(verb), Description: describe(c.Help, c.Name, longest), Options: fields(c.Slots, longest),
		}
		switch g := groups[room]; {
		case grouped && g != nil && len(g.Options) < maxOptions:
			g.Options = append(g.Options, sub)
		case grouped && g == nil && len(out) < maxOptions:
			g = &discordgo.ApplicationCommandOption{
				Type: discordgo.ApplicationCommandOptionSubCommandGroup, Name: optionName(room), Description: room, Options: []*discordgo.ApplicationCommandOption{sub},
			}
			groups[room] = g
			out = append(out, g)
		case !grouped && len(out) < maxOptions:
			out = append(out, sub)
		}
	}
	return out
}

// fields turns slots into options, the required ones first as Discord wants them.
func fields(slots []Slot, longest int) []*discordgo.ApplicationCommandOption {
	var out []*discordgo.ApplicationCommandOption
	sorted := slices.Clone(slots)
	slices.SortStableFunc(sorted, func(a, b Slot) int { return order(b) - order(a) })
	for _, s := range sorted[:min(len(sorted), maxOptions)] {
		o := &discordgo.ApplicationCommandOption{
			Type: discordgo.ApplicationCommandOptionString, Name: optionName(s.Name), Description: describe(hint(s), s.Name, longest), Required: s.Required,
			Autocomplete: true, MaxLength: 500,
		}
		if s.Switch {
			o.Type, o.Autocomplete, o.MaxLength, o.Required = discordgo.ApplicationCommandOptionBoolean, false, 0, false
		}
		out = append(out, o)
	}
	return out
}

func order(s Slot) int {
	if s.Required && !s.Switch {
		return 1
	}
	return 0
}

func hint(s Slot) string {
	switch {
	case s.Switch:
		return "yes or no"
	case s.List:
		return s.Kind + ", or several with commas between"
	default:
		return s.Kind
	}
}

// describe returns a description of at most longest characters; there must be one.
func describe(text, name string, longest int) string {
	if text == "" || longest == 0 {
		text = name
	}
	runes := []rune(text)
	if most := max(longest, len([]rune(name))); len(runes) > min(most, maxDescription) {
		runes = append(runes[:min(most, maxDescription)-1], '…')
	}
	return string(runes)
}

// optionName returns a name as Discord takes it: lower case, letters, digits, "-" and "_", at most 32.
func optionName(name string) string {
	out := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	return out[:min(len(out), 32)]
}

// size counts the characters that Discord counts against its limit.
func size(options []*discordgo.ApplicationCommandOption) int {
	n := 0
	for _, o := range options {
		n += len([]rune(o.Name)) + len([]rune(o.Description)) + size(o.Options)
	}
	return n
}

// said returns what the command of an interaction says, as text.
func (d *Door) said(i *interaction) string {
	if i.Data.Name == wordsCommand {
		for _, o := range i.Data.Options {
			if o.Name == wordsOption {
				return strings.TrimSpace(fmt.Sprint(o.Value))
			}
		}
		return "help"
	}
	c, options := d.chosen(i.Data.Options)
	if c == nil {
		return strings.TrimSpace(i.Data.Name)
	}
	return c.text(options)
}

// chosen finds the command that a filled-in form means, and its options.
func (d *Door) chosen(options []option) (*Command, []option) {
	name := ""
	for len(options) == 1 && (options[0].Type == 1 || options[0].Type == 2) {
		name = strings.TrimPrefix(name+"."+options[0].Name, ".")
		nested := options[0].Type == 2
		options = options[0].Options
		if !nested {
			break
		}
	}
	for i := range d.o.Commands {
		room, verb, grouped := strings.Cut(d.o.Commands[i].Name, ".")
		shown := optionName(room)
		if grouped {
			shown += "." + optionName(verb)
		}
		if shown == name {
			return &d.o.Commands[i], options
		}
	}
	return nil, nil
}

// text says a filled-in form in the long form of the language: the intent's name and a flag for each slot.
func (c *Command) text(options []option) string {
	var b strings.Builder
	b.WriteString(c.Name)
	for _, s := range c.Slots {
		n := slices.IndexFunc(options, func(o option) bool { return o.Name == optionName(s.Name) })
		if n < 0 {
			continue
		}
		value := options[n].Value
		if s.Switch {
			if value == true {
				b.WriteString(" --" + s.Name)
			}
			continue
		}
		for _, v := range s.values(fmt.Sprint(value)) {
			if v = strings.TrimSpace(v); v != "" {
				b.WriteString(" --" + s.Name + " " + quoted(v))
			}
		}
	}
	return b.String()
}

// values splits what stands in a field that takes several. The commas of addresses are their own.
func (s *Slot) values(field string) []string {
	switch {
	case !s.List:
		return []string{field}
	case strings.Contains(field, "://"):
		return strings.Fields(strings.ReplaceAll(field, ", ", " "))
	default:
		return strings.Split(field, ",")
	}
}

// quoted returns a value as one word of the language.
func quoted(value string) string {
	if strings.ContainsAny(value, " \t\n\";,'") {
		return strconv.Quote(value)
	}
	return value
}

// suggest answers a request for completion. It is not stored, since it does nothing.
func (d *Door) suggest(i *interaction) *discordgo.InteractionResponse {
	var choices []*discordgo.ApplicationCommandOptionChoice
	seen := map[string]bool{}
	for _, line := range d.candidates(i) {
		if n := len([]rune(line)); n < 1 || n > maxChoice || seen[line] {
			continue
		}
		seen[line] = true
		choices = append(choices, &discordgo.ApplicationCommandOptionChoice{Name: line, Value: line})
		if len(choices) == maxOptions {
			break
		}
	}
	if choices == nil {
		choices = []*discordgo.ApplicationCommandOptionChoice{}
	}
	return &discordgo.InteractionResponse{Type: discordgo.InteractionApplicationCommandAutocompleteResult, Data: &discordgo.InteractionResponseData{Choices: choices}}
}

// candidates returns whole values for the field that is being filled in: what is typed, with its last word completed.
func (d *Door) candidates(i *interaction) []string {
	if i.Data.Name == wordsCommand {
		for _, o := range i.Data.Options {
			if o.Focused {
				typed := fmt.Sprint(o.Value)
				return completed(typed, " \n;,", d.o.Complete(typed))
			}
		}
		return nil
	}
	c, options := d.chosen(i.Data.Options)
	n := slices.IndexFunc(options, func(o option) bool { return o.Focused })
	if c == nil || n < 0 {
		return nil
	}
	s := slices.IndexFunc(c.Slots, func(s Slot) bool { return optionName(s.Name) == options[n].Name })
	if s < 0 {
		return nil
	}
	typed, stops := fmt.Sprint(options[n].Value), ""
	if c.Slots[s].List {
		stops = ", "
	}
	last := typed[strings.LastIndexAny(typed, stops)+1:]
	if d.o.Names != nil {
		return completed(typed, stops, d.o.Names(c.Slots[s].Kind, last))
	}
	return completed(typed, stops, d.o.Complete(c.Name+" "+last))
}

// completed puts words in the place of the last word of what is typed.
func completed(typed, stops string, words []string) []string {
	head := typed[:strings.LastIndexAny(typed, stops)+1]
	out := make([]string, 0, len(words)+1)
	for _, w := range words {
		out = append(out, head+w)
	}
	if strings.TrimSpace(typed) != "" {
		out = append(out, typed)
	}
	return out
}
