package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/bot/reply/blockkit"
)

// wire brings cards to Slack. It is safe for concurrent use.
type wire struct {
	api *api
	o   Options

	mu    sync.Mutex
	rooms map[string]string // channels of direct messages, by user
	uses  map[string]use    // of response_urls
}

type use struct {
	n    int
	ends time.Time
}

var _ outbox.Wire = (*wire)(nil)

// The kinds of message ids: those of chat.postMessage are timestamps; the others begin so and cannot be edited by chat.update.
const (
	ephemeralID = "e:" // shown to one person
	hookID      = "h:" // posted through a response_url into a channel that we are not in
	fileID      = "f:"
)

// fileSuffix marks the card that is the whole of another one as a file.
const fileSuffix = ".file"

// eventType names our metadata, by which a message is found again.
const eventType = "opsbot_card"

// short tells whether a message is too short for the card.
func short(c reply.Card) bool { return blockkit.Render(c).Short }

// Post implements outbox.Wire.
func (w *wire) Post(ctx context.Context, p outbox.Place, c reply.Card, nonce string) (string, error) {
	channel, err := w.room(ctx, p)
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(c.ID, fileSuffix) {
		return w.upload(ctx, p, channel, c, nonce)
	}
	if c.Private && p.User != "" && !strings.HasPrefix(channel, "D") {
		return w.whisper(ctx, p, channel, blockkit.RenderFor(c, threadOf(p)), nonce)
	}
	m := blockkit.Render(c)
	client, err := w.api.get()
	if err != nil {
		return "", err
	}
	options := append(shown(m), slack.MsgOptionMetadata(slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"nonce": nonce}}))
	if thread := threadOf(p); thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
	}
	_, ts, err := client.PostMessageContext(ctx, channel, options...)
	if outside(err) && w.useHook(p) {
		return hookID + nonce, w.hook(ctx, p, m, slack.ResponseTypeInChannel, false)
	}
	return ts, outcome(err, "chat.postMessage")
}

// Edit implements outbox.Wire.
func (w *wire) Edit(ctx context.Context, p outbox.Place, id string, c reply.Card) error {
	channel, err := w.room(ctx, p)
	if err != nil {
		return err
	}
	m := blockkit.Render(c)
	switch kind := id[:min(len(id), 2)]; {
	case kind == fileID:
		_, err := w.upload(ctx, p, channel, c, strings.TrimPrefix(id, fileID))
		return err
	case kind == hookID && (c.Live || !w.useHook(p)):
		return nil // nothing can be done; the end is told below if it can be
	case kind == hookID:
		return w.hook(ctx, p, m, slack.ResponseTypeInChannel, false)
	case kind == ephemeralID && pressedCard(p) == c.ID && w.useHook(p):
		return w.hook(ctx, p, m, slack.ResponseTypeEphemeral, true)
	case kind == ephemeralID:
		return nil // only who presses its buttons can change it; they are told that it is closed when they do
	}
	client, err := w.api.get()
	if err != nil {
		return err
	}
	_, _, _, err = client.UpdateMessageContext(ctx, channel, id, shown(m)...)
	return outcome(err, "chat.update")
}

// shown are the options that a message is made of, whether it is new or replaced. Links unfurl nowhere and names call nobody.
func shown(m blockkit.Message) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false),
	}
}

func threadOf(p outbox.Place) string {
	if p.Thread != "" {
		return p.Thread
	}
	if strings.Contains(p.Root, ":") { // a message that has no thread
		return ""
	}
	return p.Root
}

// outside tells whether we are not in the channel.
func outside(err error) bool {
	c := code(err)
	return c == "not_in_channel" || c == "channel_not_found"
}

// Find implements outbox.Wire: it reads back what stands in the channel or thread and looks for the nonce.
func (w *wire) Find(ctx context.Context, p outbox.Place, nonce string) (string, bool, error) {
	channel, err := w.room(ctx, p)
	if err != nil {
		return "", false, err
	}
	client, err := w.api.get()
	if err != nil {
		return "", false, err
	}
	messages, err := recent(ctx, client, channel, threadOf(p))
	if err != nil {
		return "", false, err
	}
	for _, m := range messages {
		if m.Metadata.EventType == eventType && m.Metadata.EventPayload["nonce"] == nonce {
			return m.Timestamp, true, nil
		}
		for _, f := range m.Files {
			if strings.Contains(f.Name, nonce[:8]) {
				return fileID + nonce, true, nil
			}
		}
	}
	return "", false, nil
}

// recent returns the newest messages of a channel, or those of a thread.
func recent(ctx context.Context, client *slack.Client, channel, thread string) ([]slack.Message, error) {
	const most = 200
	if thread != "" {
		all, _, _, err := client.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: channel, Timestamp: thread, Limit: 5 * most, IncludeAllMetadata: true,
		})
		if code(err) == "thread_not_found" {
			return nil, nil
		}
		return all, outcome(err, "conversations.replies")
	}
	r, err := client.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{ChannelID: channel, Limit: most, IncludeAllMetadata: true})
	if err != nil {
		return nil, outcome(err, "conversations.history")
	}
	return r.Messages, nil
}

// room returns Slack's id of a place. Direct messages are opened first.
func (w *wire) room(ctx context.Context, p outbox.Place) (string, error) {
	channel := strings.TrimPrefix(p.Channel, w.o.Workspace+"/")
	user, direct := strings.CutPrefix(channel, "@")
	if !direct {
		return channel, nil
	}
	w.mu.Lock()
	known := w.rooms[user]
	w.mu.Unlock()
	if known != "" {
		return known, nil
	}
	client, err := w.api.get()
	if err != nil {
		return "", err
	}
	c, _, _, err := client.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{user}})
	if err != nil {
		if err = outcome(err, "conversations.open"); !known429(err) && !errors.Is(err, outbox.ErrGone) && !errors.Is(err, outbox.ErrAuth) {
			err = fmt.Errorf("%w (%w)", err, outbox.ErrNotSent)
		}
		return "", err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rooms[user] = c.ID
	return c.ID, nil
}

func known429(err error) bool {
	var slow outbox.RetryAfter
	return errors.As(err, &slow)
}

// whisper shows a message to one person alone: through the response_url while it works, which needs no membership in the channel and has no
// rate, else as an ephemeral message.
func (w *wire) whisper(ctx context.Context, p outbox.Place, channel string, m blockkit.Message, nonce string) (string, error) {
	if w.useHook(p) {
		if err := w.hook(ctx, p, m, slack.ResponseTypeEphemeral, false); err == nil {
			return ephemeralID + nonce, nil
		}
	}
	client, err := w.api.get()
	if err != nil {
		return "", err
	}
	options := shown(m)
	if thread := whisperThread(p); thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
	}
	ts, err := client.PostEphemeralContext(ctx, channel, p.User, options...)
	return ephemeralID + ts, outcome(err, "chat.postEphemeral")
}

// A response_url works five times within thirty minutes. https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
const (
	hookUses = 5
	hookLife = 29 * time.Minute
)

// useHook takes one use of the place's response_url, if there is one left.
func (w *wire) useHook(p outbox.Place) bool {
	address := hookOf(p)
	now := w.o.Now()
	if address == "" || now.After(p.HookEnds) || !w.trusted(address) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for a, u := range w.uses {
		if now.After(u.ends) {
			delete(w.uses, a)
		}
	}
	u := w.uses[address]
	if u.n >= hookUses {
		return false
	}
	w.uses[address] = use{n: u.n + 1, ends: p.HookEnds}
	return true
}

// trusted tells whether an address to answer to is Slack's.
func (w *wire) trusted(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	if api, err := url.Parse(w.o.APIURL); err == nil && u.Host == api.Host && u.Scheme == api.Scheme {
		return true
	}
	return u.Scheme == "https" && (u.Host == "hooks.slack.com" || u.Host == "hooks.slack-gov.com")
}

// A hook is three lines: the ID of the card whose button was pressed, which alone may be replaced through the response_url; the response_url; and
// whether what one person alone sees is to stay out of the thread.
func newHook(card, address string) string {
	if address == "" {
		return ""
	}
	return card + "\n" + address
}

// aside marks a hook for a thread that nobody has open yet: Slack shows ephemeral messages in active threads alone.
// https://docs.slack.dev/reference/methods/chat.postEphemeral
func aside(hook string) string {
	if hook == "" {
		hook = "\n"
	}
	return hook + "\naside"
}

func hookLine(p outbox.Place, n int) string {
	lines := strings.SplitN(p.Hook, "\n", 3)
	if n >= len(lines) {
		return ""
	}
	return lines[n]
}

func hookOf(p outbox.Place) string { return hookLine(p, 1) }

// whisperThread is the thread for what one person alone sees.
func whisperThread(p outbox.Place) string {
	if hookLine(p, 2) != "" {
		return ""
	}
	return threadOf(p)
}

func pressedCard(p outbox.Place) string { return hookLine(p, 0) }

// hook posts through the place's response_url.
func (w *wire) hook(ctx context.Context, p outbox.Place, m blockkit.Message, kind string, replace bool) error {
	no, thread := false, threadOf(p)
	if kind == slack.ResponseTypeEphemeral {
		thread = whisperThread(p)
	}
	msg := &slack.WebhookMessage{
		Text: m.Text, Blocks: &slack.Blocks{BlockSet: m.Blocks}, ResponseType: kind, ReplaceOriginal: replace, ThreadTimestamp: thread,
		Parse: "none", UnfurlLinks: &no, UnfurlMedia: &no,
	}
	err := slack.PostWebhookCustomHTTPContext(ctx, hookOf(p), w.api.http, msg)
	var status slack.StatusCodeError
	if errors.As(err, &status) && status.Code == http.StatusNotFound {
		return fmt.Errorf("response_url: it works no more: %w", outbox.ErrGone)
	}
	return outcome(err, "response_url")
}

// upload brings the whole of a card as a file, in the three calls that Slack wants.
func (w *wire) upload(ctx context.Context, p outbox.Place, channel string, c reply.Card, nonce string) (string, error) {
	client, err := w.api.get()
	if err != nil {
		return "", err
	}
	f := blockkit.Whole(c)
	name := strings.TrimSuffix(f.Name, ".txt") + "-" + nonce[:min(8, len(nonce))] + ".txt"
	u, err := client.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{FileName: name, FileSize: len(f.Content)})
	if err != nil {
		return "", notYet(outcome(err, "files.getUploadURLExternal"))
	}
	if err := client.UploadToURL(ctx, slack.UploadToURLParameters{UploadURL: u.UploadURL, Content: f.Content, Filename: name}); err != nil {
		return "", notYet(outcome(err, "upload"))
	}
	_, err = client.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
		Files: []slack.FileSummary{{ID: u.FileID, Title: f.Title}}, Channel: channel, ThreadTimestamp: threadOf(p),
	})
	return fileID + nonce, outcome(err, "files.completeUploadExternal")
}

// notYet marks an error of a call that shows nothing to anybody.
func notYet(err error) error {
	if known429(err) || errors.Is(err, outbox.ErrAuth) || errors.Is(err, outbox.ErrGone) {
		return err
	}
	return fmt.Errorf("%w (%w)", err, outbox.ErrNotSent)
}
