package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/bot/reply/embed"
)

// work is one event that is stored and acknowledged, and waits for the desk.
type work struct {
	id      string
	message door.Message
	place   outbox.Place
}

// ack is what an interaction is answered with, and what is to be done afterwards.
type ack struct {
	response *discordgo.InteractionResponse
	work     *work // nil where nothing is to be done
}

// storeWithin leaves time for the answer: Discord waits three seconds for it.
const storeWithin = 1500 * time.Millisecond

// take makes out what an interaction wants, stores it, and returns how to acknowledge it. An error means that the body is no interaction for
// this application.
func (d *Door) take(ctx context.Context, body []byte) (interaction, ack, error) {
	i, err := readInteraction(body)
	if err != nil {
		return i, ack{}, err
	}
	if i.Application != d.o.Application {
		return i, ack{}, fmt.Errorf("interaction for application %.30q, this is %s", i.Application, d.o.Application)
	}
	switch {
	case i.Kind == kindPing:
		return i, ack{response: &discordgo.InteractionResponse{Type: discordgo.InteractionResponsePong}}, nil
	case i.Kind == kindAutocomplete:
		return i, ack{response: d.suggest(&i)}, nil
	case !d.serves(i.Guild):
		return i, ack{response: notice("I am not set up for this server. Ask who runs me to add it (discord: guilds), or write to me directly.")}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	a, err := d.wanted(ctx, &i)
	switch {
	case errors.Is(err, embed.ErrForeign):
		return i, ack{response: notice("That is not one of my buttons any more. Say the command again.")}, nil
	case err != nil:
		d.o.Log.Warn("cannot make out what a button does", "interaction", i.ID, "err", err)
		return i, ack{response: notice("I cannot look up what that does at the moment, so nothing was done. Try again in a minute.")}, nil
	case a.Verb == embed.Open:
		form := &discordgo.InteractionResponse{Type: discordgo.InteractionResponseModal, Data: embed.Modal(i.Message.title(), a.Token)}
		return i, ack{response: form}, nil
	case len(d.queue) == cap(d.queue):
		return i, ack{response: notice("I am too busy at the moment, so nothing was done. Try again in a minute.")}, nil
	}
	return i, d.accept(ctx, &i, a, body), nil
}

// accept stores the interaction and returns the acknowledgement of it.
func (d *Door) accept(ctx context.Context, i *interaction, a embed.Action, body []byte) ack {
	e := entry{ID: i.ID, Kind: "interaction", At: d.o.Now(), Body: body}
	e.Private = i.Kind == kindCommand && i.Guild != "" && d.o.Private(a.Text)
	out := ack{response: deferred(i, e.Private)}
	switch err := d.inbox.put(ctx, e); {
	case errors.Is(err, errTwice):
		d.o.Count("duplicate")
		return out
	case err != nil:
		d.o.Log.Error("an interaction is not stored", "interaction", i.ID, "err", err)
		d.o.Count("unstored")
		return ack{response: notice("I cannot write down what you want at the moment, so nothing was done. Try again in a minute.")}
	}
	if i.Kind == kindCommand {
		d.responses.begin(i.ID)
	}
	w := d.interactionWork(i, a, e)
	out.work = &w
	return out
}

// deferred promises an answer: for commands a message of its own, for what is pressed none, since the message that it is on will change.
func deferred(i *interaction, private bool) *discordgo.InteractionResponse {
	if i.Kind != kindCommand && i.Message != nil {
		return &discordgo.InteractionResponse{Type: discordgo.InteractionResponseDeferredMessageUpdate}
	}
	data := &discordgo.InteractionResponseData{}
	if private {
		data.Flags = discordgo.MessageFlagsEphemeral
	}
	return &discordgo.InteractionResponse{Type: discordgo.InteractionResponseDeferredChannelMessageWithSource, Data: data}
}

// notice answers at once, for the eyes of one person alone.
func notice(text string) *discordgo.InteractionResponse {
	return &discordgo.InteractionResponse{Type: discordgo.InteractionResponseChannelMessageWithSource, Data: &discordgo.InteractionResponseData{
		Content: text, Flags: discordgo.MessageFlagsEphemeral, AllowedMentions: &discordgo.MessageAllowedMentions{Parse: []discordgo.AllowedMentionType{}},
	}}
}

// wanted returns what the interaction asks for: what is said, and to which question.
func (d *Door) wanted(ctx context.Context, i *interaction) (embed.Action, error) {
	if i.Kind == kindCommand {
		return embed.Action{Verb: embed.Press, Text: d.said(i)}, nil
	}
	if i.Kind != kindComponent && i.Kind != kindForm {
		return embed.Action{}, fmt.Errorf("interaction of kind %d: %w", i.Kind, embed.ErrForeign)
	}
	a, err := d.action(ctx, i.Data.CustomID)
	switch {
	case err != nil:
		return a, err
	case a.Verb == embed.Submit && i.Kind == kindForm:
		a.Text = i.typed(embed.TextField)
		return a, nil
	case a.Verb == embed.Choose && i.Kind == kindComponent && len(i.Data.Values) > 0:
		a.Text = i.Data.Values[0]
		if kept, err := embed.ParseAction(a.Text); err == nil && kept.Verb == embed.Kept {
			return d.action(ctx, a.Text)
		}
		return a, nil
	case (a.Verb == embed.Press || a.Verb == embed.Open) && i.Kind == kindComponent:
		return a, nil
	default:
		return a, fmt.Errorf("custom id %.120q on an interaction of kind %d: %w", i.Data.CustomID, i.Kind, embed.ErrForeign)
	}
}

// interactionWork is what the desk gets of an interaction.
func (d *Door) interactionWork(i *interaction, a embed.Action, e entry) work {
	h := hook{id: i.ID, token: i.Token, private: e.Private}
	if i.Kind != kindCommand && i.Message != nil {
		h.message = i.Message.ID
		h.private = discordgo.MessageFlags(i.Message.Flags)&discordgo.MessageFlagsEphemeral != 0
	}
	where := place(i.Guild, i.Channel)
	return work{
		id: i.ID,
		message: door.Message{
			ID: i.ID, Text: a.Text, Token: a.Token, As: "discord:" + i.who(), At: e.At, Patient: true,
			Origin: actions.Origin{Door: "discord", Channel: where, Message: i.ID},
		},
		place: outbox.Place{Channel: spot(where), User: i.who(), Hook: h.String(), HookEnds: e.At.Add(hookFor)},
	}
}

// hear takes in a message. What is not for the bot is dropped without being stored.
func (d *Door) hear(ctx context.Context, body []byte) (*work, error) {
	var kind struct {
		Nonce json.RawMessage `json:"nonce"`
	}
	m, err := readMessage(body)
	if err != nil {
		return nil, err
	}
	self := d.selfID()
	if m.Author.ID == self {
		if json.Unmarshal(body, &kind) == nil && len(kind.Nonce) > 2 {
			d.echoes.note(strings.Trim(string(kind.Nonce), `"`), shownAt{via: viaChannel, channel: m.Channel, id: m.ID}.String())
		}
		return nil, nil
	}
	text, token, ours := d.addressed(&m, self)
	if !ours {
		return nil, nil
	}
	e := entry{ID: m.ID, Kind: "message", At: d.o.Now(), Body: body}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	switch err := d.inbox.put(ctx, e); {
	case errors.Is(err, errTwice):
		d.o.Count("duplicate")
		return nil, nil
	case err != nil:
		d.o.Count("unstored")
		d.sorry(ctx, m)
		return nil, err
	}
	w := messageWork(&m, text, token, e)
	return &w, nil
}

// sorry tells that a message could not be written down. There is no store to remember it by: it is tried once.
func (d *Door) sorry(ctx context.Context, m message) {
	text := embed.Render(reply.Card{Kind: reply.Error, Title: "I cannot write down what you want at the moment, so nothing was done", Hint: "try again in a minute"}, embed.Options{})
	out := outgoing{Message: text, Nonce: m.ID, EnforceNonce: true, Reference: &reference{Message: m.ID}}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := d.rest.call(ctx, http.MethodPost, "channels/"+m.Channel+"/messages", out, nil); err != nil {
		d.o.Log.Warn("nor is its author told", "message", m.ID, "err", err)
	}
}

// kinds of messages that people write: a plain one and an answer to another.
const (
	plainMessage = 0
	answering    = 19
)

// addressed tells whether a message is for the bot, and returns what it says, and which question it answers.
func (d *Door) addressed(m *message, self string) (text, token string, ours bool) {
	if m.Author.Bot || m.Webhook != "" || m.Type != plainMessage && m.Type != answering || !d.serves(m.Guild) {
		return "", "", false
	}
	text = strings.TrimSpace(m.Content)
	mentioned := false
	for _, who := range m.Mentions {
		mentioned = mentioned || who.ID == self
	}
	if mentioned {
		text = strings.TrimSpace(strings.NewReplacer("<@"+self+">", " ", "<@!"+self+">", " ").Replace(text))
	}
	answers := m.Referenced != nil && m.Referenced.Author.ID == self
	rest, prefixed := d.prefixed(text)
	switch {
	case prefixed:
		text = rest
	case m.Guild != "" && !mentioned && !answers:
		return "", "", false
	case answers && text == "" && !mentioned: // without the mention Discord hides the text of an answer
		return "", "", false
	}
	if answers {
		token = m.Referenced.asks(text)
	}
	if text == "" {
		text = "help"
	}
	return text, token, true
}

// prefixed cuts the prefix off where the operator has set one.
func (d *Door) prefixed(text string) (rest string, ok bool) {
	n := len(d.o.Prefix)
	if n == 0 || len(text) < n || !strings.EqualFold(text[:n], d.o.Prefix) {
		return "", false
	}
	rest = text[n:]
	if rest != "" && rest[0] != ' ' && rest[0] != '\n' {
		return "", false
	}
	return strings.TrimSpace(rest), true
}

// asks returns the token of the question that the message asks, where text is one of its choices or it takes any text.
func (m *shownMessage) asks(text string) string {
	for _, p := range m.pressable() {
		a, err := embed.ParseAction(p.CustomID)
		switch {
		case err != nil || a.Token == "":
		case a.Verb == embed.Open, a.Verb == embed.Press && strings.EqualFold(a.Text, text):
			return a.Token
		case a.Verb == embed.Choose:
			for _, o := range p.Options {
				if strings.EqualFold(o.Value, text) {
					return a.Token
				}
			}
		}
	}
	return ""
}

func messageWork(m *message, text, token string, e entry) work {
	where := place(m.Guild, m.Channel)
	return work{
		id: m.ID,
		message: door.Message{
			ID: m.ID, Text: text, Token: token, As: "discord:" + m.Author.ID, At: e.At, Patient: true,
			Origin: actions.Origin{Door: "discord", Channel: where, Message: m.ID},
		},
		place: outbox.Place{Channel: spot(where), User: m.Author.ID, Hook: "re|" + m.ID},
	}
}

// again makes out what a stored event wants, after a restart.
func (d *Door) again(ctx context.Context, e entry) (work, error) {
	if e.Kind == "message" {
		m, err := readMessage(e.Body)
		if err != nil {
			return work{}, err
		}
		text, token, ours := d.addressed(&m, d.selfID())
		if !ours {
			return work{}, fmt.Errorf("message %s is not for this bot any more", m.ID)
		}
		return messageWork(&m, text, token, e), nil
	}
	i, err := readInteraction(e.Body)
	if err != nil {
		return work{}, err
	}
	a, err := d.wanted(ctx, &i)
	if err != nil {
		return work{}, err
	}
	return d.interactionWork(&i, a, e), nil
}
