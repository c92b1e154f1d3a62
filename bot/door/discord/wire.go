package discord

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/bot/reply/embed"
)

// shownAt is where a message of the bot stands, and how it can be edited. The outbox keeps it as text.
type shownAt struct {
	via     byte // one of the ways below
	channel string
	id      string
	// by is the interaction whose token made it, for messages that only that token can edit.
	by string
}

// The ways to a message.
const (
	viaChannel  = 'c' // an ordinary message
	viaResponse = 'o' // a response that everybody sees; after its token ended it is an ordinary message
	viaPrivate  = 'e' // for one person alone: only tokens can edit it
)

func (s shownAt) String() string { return fmt.Sprintf("%c.%s.%s.%s", s.via, s.channel, s.id, s.by) }

func parseShown(text string) (shownAt, error) {
	p := strings.Split(text, ".")
	if len(p) != 4 || len(p[0]) != 1 {
		return shownAt{}, fmt.Errorf("%q is no place of a message", text)
	}
	return shownAt{via: p[0][0], channel: p[1], id: p[2], by: p[3]}, nil
}

// wire is what the outbox asks of Discord.
type wire struct {
	d *Door
}

// sent is a message as Discord answers with it.
type sent struct {
	ID      string `json:"id"`
	Channel string `json:"channel_id"`
	Flags   int    `json:"flags"`
}

// outgoing is a message to be made.
type outgoing struct {
	embed.Message
	Nonce        string     `json:"nonce,omitempty"`
	EnforceNonce bool       `json:"enforce_nonce,omitempty"`
	Flags        int        `json:"flags,omitempty"`
	Reference    *reference `json:"message_reference,omitempty"`
}

type reference struct {
	Message string `json:"message_id"`
	Fail    bool   `json:"fail_if_not_exists"`
}

// Post implements outbox.Wire. The same nonce within some minutes makes no second message (enforce_nonce).
func (w wire) Post(ctx context.Context, p outbox.Place, c reply.Card, nonce string) (string, error) {
	m, err := w.render(ctx, p, c)
	if err != nil {
		return "", err
	}
	h := parseHook(p.Hook)
	if h.token == "" || !w.d.o.Now().Before(p.HookEnds) {
		at, err := w.open(ctx, p, c, m, nonce)
		return at, w.meaning(err)
	}
	at, err := w.answer(ctx, p, h, c, m, nonce)
	if hookDead(err) {
		at, err = w.open(ctx, p, c, m, nonce)
	}
	return at, w.meaning(err)
}

// answer posts by the token of an interaction: into its response where nobody else has taken it, else behind it.
func (w wire) answer(ctx context.Context, p outbox.Place, h hook, c reply.Card, m embed.Message, nonce string) (string, error) {
	private := c.Private && !strings.HasPrefix(p.Channel, "@me/")
	if h.message == "" {
		mine, err := w.d.responses.take(ctx, h.id, nonce)
		if err != nil {
			return "", fmt.Errorf("%w: %w", outbox.ErrNotSent, err)
		}
		if mine && h.private == private {
			return w.respond(ctx, h, m)
		}
		if mine && private {
			if err := w.remove(ctx, h); err != nil {
				return "", err
			}
		} else if mine {
			return w.instead(ctx, p, h, c, m, nonce)
		}
	}
	if !private {
		at, err := w.open(ctx, p, c, m, nonce)
		if err == nil || statusOf(err) != http.StatusForbidden && codeOf(err) != codeUnknownChannel {
			return at, err
		}
	}
	return w.follow(ctx, h, m, private)
}

// respond fills the response of the interaction.
func (w wire) respond(ctx context.Context, h hook, m embed.Message) (string, error) {
	var have sent
	if err := w.send(ctx, http.MethodPatch, w.hookPath(h)+"/messages/@original", outgoing{Message: m}, &have); err != nil {
		return "", err
	}
	at := shownAt{via: viaResponse, channel: have.Channel, id: have.ID, by: h.id}
	if h.private {
		at.via = viaPrivate
	}
	return at.String(), nil
}

// instead posts into the channel what a response for one person alone was declared for, and removes the response. Where the bot may not write, the
// answer stays with the person.
func (w wire) instead(ctx context.Context, p outbox.Place, h hook, c reply.Card, m embed.Message, nonce string) (string, error) {
	at, err := w.open(ctx, p, c, m, nonce)
	if statusOf(err) == http.StatusForbidden || codeOf(err) == codeUnknownChannel {
		return w.respond(ctx, h, m)
	}
	if err != nil {
		return "", err
	}
	if err := w.remove(ctx, h); err != nil { // the answer is there; the other message says that the bot is thinking until its token ends
		w.d.o.Log.Warn("a response stays open", "interaction", h.id, "err", err)
	}
	return at, nil
}

// remove takes the response away.
func (w wire) remove(ctx context.Context, h hook) error {
	err := w.call(ctx, http.MethodDelete, w.hookPath(h)+"/messages/@original", nil, nil)
	if err != nil && codeOf(err) != codeUnknownMessage {
		return err
	}
	if err := w.d.responses.drop(ctx, h.id); err != nil { // at worst another attempt removes it again
		w.d.o.Log.Warn("a response is gone, which is not written down", "err", err)
	}
	return nil
}

// follow posts behind the response.
func (w wire) follow(ctx context.Context, h hook, m embed.Message, private bool) (string, error) {
	out := outgoing{Message: m}
	at := shownAt{via: viaResponse, by: h.id}
	if private {
		out.Flags, at.via = int(discordgo.MessageFlagsEphemeral), viaPrivate
	}
	var have sent
	if err := w.send(ctx, http.MethodPost, w.hookPath(h), out, &have); err != nil {
		return "", err
	}
	at.channel, at.id = have.Channel, have.ID
	return at.String(), nil
}

// open posts into the channel itself. What is for one person alone goes to their direct messages; questions stay, since nobody else can answer
// them.
func (w wire) open(ctx context.Context, p outbox.Place, c reply.Card, m embed.Message, nonce string) (string, error) {
	channel, err := w.channel(ctx, p, c)
	if err != nil {
		return "", err
	}
	out := outgoing{Message: m, Nonce: short(nonce), EnforceNonce: true}
	if re := refers(p.Hook); re != "" && strings.HasSuffix(p.Channel, "/"+channel) {
		out.Reference = &reference{Message: re}
	}
	if p.Root != "" {
		if channel, out.Reference, err = w.under(ctx, p, channel); err != nil {
			return "", err
		}
	}
	var have sent
	if w.d.doubts.take(out.Nonce) {
		if have.ID, err = w.readBack(ctx, channel, out); err != nil {
			w.d.doubts.add(out.Nonce)
			return "", err
		}
	}
	if have.ID == "" {
		if err := w.send(ctx, http.MethodPost, "channels/"+channel+"/messages", out, &have); err != nil {
			return "", err
		}
	}
	at := shownAt{via: viaChannel, channel: channel, id: have.ID}
	w.d.posted(p, at)
	return at.String(), nil
}

// short returns a nonce as Discord takes it.
func short(nonce string) string { return nonce[:min(len(nonce), 25)] }

// channel returns the id of the channel that a card goes to.
func (w wire) channel(ctx context.Context, p outbox.Place, c reply.Card) (string, error) {
	guild, id, _ := strings.Cut(p.Channel, "/")
	if guild == toPerson {
		return w.d.direct(ctx, id)
	}
	if c.Private && c.Kind != reply.Question && guild != "@me" && p.User != "" {
		return w.d.direct(ctx, p.User)
	}
	if !number(id) {
		return "", fmt.Errorf("%w: %q is no channel of Discord", outbox.ErrGone, p.Channel)
	}
	return id, nil
}

// toPerson is the first part of the name of a place that is a person and not a channel.
const toPerson = "@user"

// Edit implements outbox.Wire.
func (w wire) Edit(ctx context.Context, p outbox.Place, id string, c reply.Card) error {
	at, err := parseShown(id)
	if err != nil {
		return err
	}
	m, err := w.render(ctx, p, c)
	if err != nil {
		return err
	}
	h := parseHook(p.Hook)
	alive := h.token != "" && w.d.o.Now().Before(p.HookEnds)
	if at.via != viaChannel && alive && (h.id == at.by || h.message == at.id) {
		path := w.hookPath(h) + "/messages/" + at.id
		if h.message == at.id {
			path = w.hookPath(h) + "/messages/@original"
		}
		err := w.send(ctx, http.MethodPatch, path, outgoing{Message: m}, nil)
		if !hookDead(err) {
			return w.meaning(err)
		}
	}
	if at.via == viaPrivate {
		if c.Kind == reply.Question || c.Run == "" || c.Live {
			w.d.o.Count("private_ended")
			return nil // a second message would say nothing that its reader misses
		}
		return outbox.ErrMessageGone
	}
	return w.meaning(w.send(ctx, http.MethodPatch, "channels/"+at.channel+"/messages/"+at.id, outgoing{Message: m}, nil))
}

// Find implements outbox.Wire. What the gateway has shown of our own messages is known. For the rest, Post looks: it has what the message says.
func (w wire) Find(_ context.Context, _ outbox.Place, nonce string) (string, bool, error) {
	at, ok := w.d.echoes.find(short(nonce))
	if !ok {
		w.d.doubts.add(short(nonce))
	}
	return at, ok, nil
}

// render makes the message of a card, and keeps first what its buttons stand for.
func (w wire) render(ctx context.Context, p outbox.Place, c reply.Card) (embed.Message, error) {
	m := embed.Render(c, embed.Options{Loud: strings.HasPrefix(p.Channel, toPerson) || w.d.o.Alerts != "" && strings.HasSuffix(p.Channel, "/"+w.d.o.Alerts)})
	if err := w.d.keep(ctx, m.Keep); err != nil {
		return m, fmt.Errorf("%w: %w", outbox.ErrNotSent, err)
	}
	return m, nil
}

func (w wire) hookPath(h hook) string { return "webhooks/" + w.d.o.Application + "/" + h.token }

// send makes a call with a message, and with its file where it has one.
func (w wire) send(ctx context.Context, method, path string, m outgoing, out any) error {
	if m.File == nil {
		return w.call(ctx, method, path, m, out)
	}
	file := &discordgo.File{Name: m.File.Name, ContentType: "text/plain; charset=utf-8", Reader: strings.NewReader(string(m.File.Text))}
	kind, body, err := discordgo.MultipartBodyWithJSON(m, []*discordgo.File{file})
	if err != nil {
		return fmt.Errorf("encode a message with a file: %w", err)
	}
	return w.call(ctx, method, path, raw{kind, body}, out)
}

// call makes a call. A response that was given a moment ago may not be known yet where its token is used.
func (w wire) call(ctx context.Context, method, path string, in, out any) error {
	var err error
	for wait := 50 * time.Millisecond; wait < time.Second; wait *= 2 {
		err = w.d.rest.call(ctx, method, path, in, out)
		if codeOf(err) != codeUnknownWebhook || !sleep(ctx, wait) {
			return err
		}
	}
	return err
}

// hookDead tells whether an error means that the token of an interaction does not work, or not any more.
func hookDead(err error) bool {
	switch codeOf(err) {
	case codeUnknownWebhook, codeHookEnded, codeUnknownInteraction:
		return true
	default:
		return false
	}
}

// meaning says in the outbox's words what an error of a call means.
func (w wire) meaning(err error) error {
	var p *problem
	if err == nil || !errors.As(err, &p) {
		return err
	}
	switch {
	case p.retry > 0:
		return outbox.RetryAfter{D: p.retry, Everywhere: p.everywhere}
	case p.unsent:
		return fmt.Errorf("%w: %w", outbox.ErrNotSent, err)
	case p.code == codeUnknownMessage:
		return fmt.Errorf("%w: %w", outbox.ErrMessageGone, err)
	case p.code == codeUnknownChannel, p.status == http.StatusForbidden:
		return fmt.Errorf("%w: %w", outbox.ErrGone, err)
	case p.status == http.StatusUnauthorized:
		w.d.denied()
		return fmt.Errorf("%w: %w", outbox.ErrAuth, err)
	case p.status >= 400 && p.status < 500:
		return fmt.Errorf("%w: %w", outbox.ErrRefused, err)
	default:
		return fmt.Errorf("%w: %w", outbox.ErrUnknown, err)
	}
}
