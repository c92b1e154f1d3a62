package discord

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// The kinds of interactions (https://discord.com/developers/docs/interactions/receiving-and-responding).
const (
	kindPing         = 1
	kindCommand      = 2
	kindComponent    = 3
	kindAutocomplete = 4
	kindForm         = 5
)

// interaction is what a person did with a command, a button, a select or a form, as far as this door reads it.
type interaction struct {
	ID          string `json:"id"`
	Application string `json:"application_id"`
	Kind        int    `json:"type"`
	Token       string `json:"token"`
	Guild       string `json:"guild_id"`
	Channel     string `json:"channel_id"`
	Member      *struct {
		User author `json:"user"`
	} `json:"member"`
	User *author `json:"user"`
	Data struct {
		Name       string          `json:"name"`
		Options    []option        `json:"options"`
		CustomID   string          `json:"custom_id"`
		Values     []string        `json:"values"`
		Components json.RawMessage `json:"components"` // of forms
	} `json:"data"`
	Message *shownMessage `json:"message"`
}

// option is one filled-in option of a command; subcommands hold more of them.
type option struct {
	Name    string   `json:"name"`
	Type    int      `json:"type"`
	Value   any      `json:"value"`
	Focused bool     `json:"focused"`
	Options []option `json:"options"`
}

type author struct {
	ID  string `json:"id"`
	Bot bool   `json:"bot"`
}

// shownMessage is a message of the bot that a person acts on.
type shownMessage struct {
	ID     string `json:"id"`
	Author author `json:"author"`
	Flags  int    `json:"flags"`
	Embeds []struct {
		Title string `json:"title"`
	} `json:"embeds"`
	Components json.RawMessage `json:"components"`
}

// title returns what the message is about.
func (m *shownMessage) title() string {
	if m == nil || len(m.Embeds) == 0 {
		return ""
	}
	return strings.TrimPrefix(m.Embeds[0].Title, "? ")
}

// message is what a person wrote.
type message struct {
	ID         string        `json:"id"`
	Guild      string        `json:"guild_id"`
	Channel    string        `json:"channel_id"`
	Author     author        `json:"author"`
	Webhook    string        `json:"webhook_id"`
	Content    string        `json:"content"`
	Type       int           `json:"type"`
	Mentions   []author      `json:"mentions"`
	Referenced *shownMessage `json:"referenced_message"`
}

// maxEvent is the most bytes of an event that is read.
const maxEvent = 256 << 10

func readInteraction(body []byte) (interaction, error) {
	var i interaction
	if len(body) > maxEvent {
		return i, fmt.Errorf("interaction of %d bytes, want at most %d", len(body), maxEvent)
	}
	if err := json.Unmarshal(body, &i); err != nil {
		return i, fmt.Errorf("read an interaction: %w", err)
	}
	if i.Kind == kindPing {
		return i, nil
	}
	if !number(i.ID) || i.Token == "" || len(i.Token) > 1024 || strings.ContainsAny(i.Token, "/?# \r\n|") || !number(i.Channel) || i.Guild != "" && !number(i.Guild) {
		return i, errors.New("an interaction without an id, a token or a channel of the usual form")
	}
	if !number(i.who()) {
		return i, fmt.Errorf("interaction %s of nobody", i.ID)
	}
	return i, nil
}

// who returns the id of the person: under member in a server, under user elsewhere.
func (i *interaction) who() string {
	switch {
	case i.Member != nil:
		return i.Member.User.ID
	case i.User != nil:
		return i.User.ID
	default:
		return ""
	}
}

func readMessage(body []byte) (message, error) {
	var m message
	if len(body) > maxEvent {
		return m, fmt.Errorf("message of %d bytes, want at most %d", len(body), maxEvent)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("read a message: %w", err)
	}
	if !number(m.ID) || !number(m.Channel) || !number(m.Author.ID) || m.Guild != "" && !number(m.Guild) {
		return m, errors.New("a message without an id, a channel or an author of the usual form")
	}
	return m, nil
}

// place returns the door's name of a channel: "guild/channel", or "@me/channel" for direct messages.
func place(guild, channel string) string {
	if guild == "" {
		guild = "@me"
	}
	return guild + "/" + channel
}

// typed returns the value of the one text field of a form.
func (i *interaction) typed(field string) string {
	var rows []struct {
		Components []struct {
			CustomID string `json:"custom_id"`
			Value    string `json:"value"`
		} `json:"components"`
	}
	if json.Unmarshal(i.Data.Components, &rows) != nil {
		return ""
	}
	for _, r := range rows {
		for _, c := range r.Components {
			if c.CustomID == field {
				return c.Value
			}
		}
	}
	return ""
}

// pressable is a component that can be pressed, or chosen from.
type pressable struct {
	CustomID string `json:"custom_id"`
	Options  []struct {
		Value string `json:"value"`
	} `json:"options"`
}

// pressable returns all of a message, in order.
func (m *shownMessage) pressable() []pressable {
	var rows []struct {
		Components []pressable `json:"components"`
	}
	if m == nil || json.Unmarshal(m.Components, &rows) != nil {
		return nil
	}
	var out []pressable
	for _, r := range rows {
		out = append(out, r.Components...)
	}
	return out
}
