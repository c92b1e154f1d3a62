package slack

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/shitops/opsbot/bot/reply/blockkit"
)

// item is one thing that a person did, as it is kept until it is handled.
type item struct {
	ID       string    `json:"id"` // Slack's own, the same in every delivery
	Text     string    `json:"text,omitempty"`
	User     string    `json:"user,omitempty"`
	Channel  string    `json:"channel,omitempty"`
	Thread   string    `json:"thread,omitempty"`
	Message  string    `json:"message,omitempty"` // the timestamp of it, or the trigger
	Token    string    `json:"token,omitempty"`   // of the question that is answered
	Hook     string    `json:"hook,omitempty"`
	HookEnds time.Time `json:"hook_ends,omitzero"`
	At       time.Time `json:"at"`
	// Aside is set when the thread only begins with the answer: what one person alone sees would be hidden in it.
	Aside bool `json:"aside,omitempty"`
	// Overheard is set on what was said in a thread we are in, but not to us by name.
	Overheard bool `json:"overheard,omitempty"`
	// Receipt tells two deliveries of the same thing apart.
	Receipt string `json:"receipt"`
}

// answer is what becomes of something that was brought: kept and worked on, or one of the others.
type verdict struct {
	keep *item // nil where nothing is to be kept
	form *form // to be opened
	why  string
}

// form is a press on the button that opens one.
type form struct {
	trigger, question string
	private           formState
	hook              string
	user, channel     string
}

// formState comes back with what is typed into a form.
type formState struct {
	Token   string `json:"token"`
	Card    string `json:"card,omitempty"`
	Channel string `json:"channel"`
	Thread  string `json:"thread,omitempty"`
	Hook    string `json:"hook,omitempty"`
}

func ignore(why string) verdict { return verdict{why: why} }

// slash reads a slash command.
func (d *Door) slash(c slack.SlashCommand) verdict {
	switch {
	case c.Command != d.o.Command:
		return ignore("another command")
	case !id(c.UserID, "U", "W") || c.ChannelID == "" || c.TriggerID == "":
		return ignore("a command without a user, channel or trigger")
	}
	now := d.o.Now()
	return verdict{keep: &item{
		ID: "slash." + c.TriggerID, Text: c.Text, User: c.UserID, Channel: c.ChannelID, Message: c.TriggerID,
		Hook: newHook("", c.ResponseURL), HookEnds: now.Add(hookLife), At: now,
	}}
}

// outer is the envelope of an event. https://docs.slack.dev/apis/events-api#event-type-structure
type outer struct {
	Type           string          `json:"type"`
	Challenge      string          `json:"challenge"`
	Team           string          `json:"team_id"`
	EventID        string          `json:"event_id"`
	Event          json.RawMessage `json:"event"`
	Authorizations []struct {
		Team string `json:"team_id"`
		User string `json:"user_id"`
		Bot  bool   `json:"is_bot"`
	} `json:"authorizations"`
}

// said is an event of the type message or app_mention.
type said struct {
	Type     string `json:"type"`
	Subtype  string `json:"subtype"`
	User     string `json:"user"`
	BotID    string `json:"bot_id"`
	Text     string `json:"text"`
	TS       string `json:"ts"`
	Thread   string `json:"thread_ts"`
	Parent   string `json:"parent_user_id"`
	Channel  string `json:"channel"`
	Kind     string `json:"channel_type"`
	Edited   any    `json:"edited"`
	HiddenIn bool   `json:"hidden"`
}

// event reads an event. Ours tells whether we are in a thread.
func (d *Door) event(raw []byte, ours func(channel, thread string) bool) (verdict, error) {
	var o outer
	if err := json.Unmarshal(raw, &o); err != nil {
		return verdict{}, fmt.Errorf("read an event: %w", err)
	}
	var e said
	if len(o.Event) > 0 {
		if err := json.Unmarshal(o.Event, &e); err != nil {
			return verdict{}, fmt.Errorf("read event %.80q: %w", o.EventID, err)
		}
	}
	self := d.api.self()
	for _, a := range o.Authorizations {
		if a.Bot && (a.Team == "" || a.Team == d.o.Workspace) && a.User != "" {
			self = a.User
		}
	}
	switch {
	case e.Type != "message" && e.Type != "app_mention":
		return ignore("an event of another type"), nil
	case e.Subtype != "" && e.Subtype != "thread_broadcast" && e.Subtype != "file_share" && e.Subtype != "me_message":
		return ignore("no new message"), nil
	case e.BotID != "" || e.User == self || e.User == "USLACKBOT" || !id(e.User, "U", "W"):
		return ignore("no person says it"), nil
	case e.Channel == "" || e.TS == "" || e.Edited != nil:
		return ignore("no message that could be answered"), nil
	}
	return d.addressed(e, self, ours), nil
}

// addressed decides whether a message is for us.
func (d *Door) addressed(e said, self string, ours func(channel, thread string) bool) verdict {
	text, named := unmention(e.Text, self)
	it := &item{ID: "message." + e.Channel + "." + e.TS, Text: text, User: e.User, Channel: e.Channel, Thread: e.Thread, Message: e.TS, At: d.o.Now()}
	switch direct := e.Kind == "im" || strings.HasPrefix(e.Channel, "D"); {
	case direct:
		return verdict{keep: it}
	case named || e.Type == "app_mention":
		if it.Thread == "" { // the answer begins a thread below it, so that two talks do not mix
			it.Thread, it.Aside = e.TS, true
		}
		return verdict{keep: it}
	case e.Thread == "" || strings.Contains(e.Text, "<@"):
		return ignore("not said to us")
	case self != "" && e.Parent == self || ours(e.Channel, e.Thread):
		it.Overheard = true
		return verdict{keep: it}
	}
	return ignore("not said to us")
}

// unmention takes our name out of a text, and tells whether it was there.
func unmention(text, self string) (string, bool) {
	if self == "" {
		return strings.TrimSpace(text), false
	}
	named := false
	for {
		i := strings.Index(text, "<@"+self)
		if i < 0 {
			return strings.TrimSpace(text), named
		}
		end := strings.IndexByte(text[i:], '>')
		tail := text[i+2+len(self):]
		if end < 0 || tail[0] != '>' && tail[0] != '|' {
			return strings.TrimSpace(text), named
		}
		text, named = text[:i]+" "+strings.TrimLeft(text[i+end+1:], " ,:"), true
	}
}

// interaction reads a press on a control or what was typed into a form.
func (d *Door) interaction(c slack.InteractionCallback) verdict {
	if !id(c.User.ID, "U", "W") {
		return ignore("no person does it")
	}
	switch c.Type {
	case slack.InteractionTypeBlockActions:
		return d.press(c)
	case slack.InteractionTypeViewSubmission:
		return d.filled(c)
	default:
		return ignore("an interaction of another kind")
	}
}

func (d *Door) press(c slack.InteractionCallback) verdict {
	if len(c.ActionCallback.BlockActions) == 0 || c.ActionCallback.BlockActions[0] == nil || c.TriggerID == "" {
		return ignore("a press on nothing")
	}
	a := c.ActionCallback.BlockActions[0]
	deed, ok := blockkit.ParseAction(a.ActionID)
	value := a.Value
	if a.SelectedOption.Value != "" {
		value = a.SelectedOption.Value
	}
	channel, thread := c.Channel.ID, c.Message.ThreadTimestamp
	if channel == "" {
		channel = c.Container.ChannelID
	}
	if thread == "" {
		thread = c.Container.ThreadTs
	}
	if !ok || channel == "" || deed.Deed != blockkit.Ask && strings.TrimSpace(value) == "" {
		return ignore("a control that is not ours")
	}
	card, home := blockkit.CardOf(a.BlockID)
	aside := false
	switch {
	case thread != "" || strings.HasPrefix(channel, "D"):
	case c.Container.IsEphemeral: // it may stand outside the thread that it belongs into
		thread, aside = home, home != ""
	case deed.Deed == blockkit.Say: // what is said by a button is answered below its message, as for an incident
		thread, aside = c.Container.MessageTs, true
	}
	hook := newHook(card, c.ResponseURL)
	if deed.Deed == blockkit.Ask {
		state := formState{Token: deed.Token, Card: card, Channel: channel, Thread: thread, Hook: c.ResponseURL}
		return verdict{form: &form{trigger: c.TriggerID, question: question(c.Message), private: state, hook: hook, user: c.User.ID, channel: channel}}
	}
	now := d.o.Now()
	it := &item{
		ID: "press." + c.TriggerID, Text: value, User: c.User.ID, Channel: channel, Thread: thread, Message: c.TriggerID, Token: deed.Token,
		Hook: hook, HookEnds: now.Add(hookLife), At: now, Aside: aside,
	}
	return verdict{keep: it}
}

// question is what the message with the button asks.
func question(m slack.Message) string {
	text := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(m.Text)
	return strings.TrimPrefix(text, "❓ ")
}

func (d *Door) filled(c slack.InteractionCallback) verdict {
	if c.View.CallbackID != blockkit.FormID || c.View.State == nil {
		return ignore("a form that is not ours")
	}
	var s formState
	if err := json.Unmarshal([]byte(c.View.PrivateMetadata), &s); err != nil || s.Token == "" || s.Channel == "" {
		return ignore("a form without its question")
	}
	value := strings.TrimSpace(c.View.State.Values[blockkit.FormBlock][blockkit.FormInput].Value)
	if value == "" {
		return ignore("an empty form")
	}
	now := d.o.Now()
	return verdict{keep: &item{
		ID: "form." + c.View.ID, Text: value, User: c.User.ID, Channel: s.Channel, Thread: s.Thread, Message: c.View.ID, Token: s.Token,
		Hook: newHook(s.Card, s.Hook), HookEnds: now.Add(hookLife), At: now,
	}}
}
