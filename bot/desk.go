package bot

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door"
	alertdoor "github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/intents"
)

// Engine is what the desk needs of the run engine.
type Engine interface {
	Accept(ctx context.Context, p actions.Plan) (id string, first bool, err error)
	Get(ctx context.Context, id string) (actions.Run, error)
	Follow(ctx context.Context, id string) (<-chan run.Event, error)
	List(ctx context.Context, f run.Filter) ([]actions.Run, error)
	ByHand(ctx context.Context, p actions.Plan) ([]string, error)
}

// Audit is what the desk needs of the audit log.
type Audit interface {
	Append(ctx context.Context, e policy.Entry) error
}

// View is everything that a reload replaces, swapped as one: a message sees one view from its first word to its plan.
type View struct {
	Parser *intents.Parser
	Policy *policy.Policy
	World  actions.World
	Names  intents.Inventory
	OnCall *policy.OnCall // nil where nobody is
	Binder *binder        // reads the commands of rules and jobs
	Zone   *time.Location // times in replies, unless the person has a zone
	Limits Limits
}

// Limits bound what one message may ask for.
type Limits struct {
	PlanSteps int // steps of one plan
	Fanout    int // nodes of one plan
}

// Desk is the one road: it turns a message into intents, an intent into a request, a request into a plan, asks policy and the person, hands
// the plan to the engine and tells how it goes. Every door brings its messages here, and nothing changes the world by another way.
//
// A Desk is safe for concurrent use.
type Desk struct {
	view      atomic.Pointer[View]
	verbs     map[string]actions.Verb
	catalog   []intents.Spec
	engine    Engine
	audit     Audit
	questions *questions
	contexts  contexts
	memory    memory
	quotas    *policy.Quotas
	rules     Rules
	tell      func(reply.Card)                                      // to everybody who watches
	bound     func(as string) *policy.Bound                         // what a job that was made at run time is bound to; nil for everybody else
	owners    func(actions.Request, *actions.Plan) []policy.Segment // whose the segments are that are touched
	importer  Importer
	status    func(context.Context) []StatusLine
	incidents func(context.Context) (map[string][]alertdoor.Incident, error) // open ones, by node
	count     func(doorName, decision string)
	log       *slog.Logger
}

// Importer tells whether the store holds an import that nobody has looked at yet, and ends that state.
type Importer interface {
	ObserveOnly(ctx context.Context) (bool, store.ImportInfo, error)
	LeaveObserveOnly(ctx context.Context, by string) error
}

// Rules is what the desk needs of the rules: commands of people count in their cooldowns, and one switch holds them all.
type Rules interface {
	Note(ctx context.Context, r actions.Request, nodes []string) error
	Paused(ctx context.Context) (on bool, why string, err error)
	Resume(ctx context.Context) (ended []string, err error)
}

// StatusLine is the state of one part of the program, for status.show.
type StatusLine struct {
	Part, State string
	OK          bool
}

// SetView swaps what a reload replaces. Messages under way finish with the view they began with.
func (d *Desk) SetView(v *View) { d.view.Store(v) }

// Complete returns what the line could go on with.
func (d *Desk) Complete(line string) []string { return d.view.Load().Parser.Complete(line) }

// Handle takes one message down the road. It returns when the matter is closed, a question is asked, or ctx ends; a run goes on without it.
func (d *Desk) Handle(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit {
	v := d.view.Load()
	t := &talk{
		Desk: d, view: v, message: m, send: send,
		actor: v.Policy.Who(m.As), bound: d.bound(m.As),
		log: d.log.With("door", m.Origin.Door, "as", m.As),
	}
	if t.bound != nil {
		t.actor.Owner = t.bound.Owner
	}
	exit := t.handle(ctx)
	d.count(m.Origin.Door, t.decision)
	return exit
}

// talk is one message on its way: the desk, the view it began with, and who says it.
type talk struct {
	*Desk
	view     *View
	message  door.Message
	send     func(reply.Card)
	actor    actions.Actor
	bound    *policy.Bound
	log      *slog.Logger
	decision string // for the metrics: how it was read or what became of it
	reading  string // how free words were read, for whoever said them; empty for an exact command
}

// handle finds out whether the message answers a pending question or is something new.
func (t *talk) handle(ctx context.Context) door.Exit {
	pending, err := t.questions.pending(ctx, t.message)
	if err != nil {
		return t.trouble("look up the pending question", err)
	}
	if t.message.Token != "" {
		if exit := t.mayPress(pending); exit != door.OK {
			return exit
		}
	}
	if pending != nil && pending.Asked != nil {
		if parsed, ok := t.view.Parser.Answer(*pending.Asked, t.message.Text, t.utterance()); ok {
			t.forget(ctx, pending)
			return t.understood(ctx, parsed)
		}
	}
	if yes, no := intents.YesNo(t.message.Text); yes || no {
		return t.yesNo(ctx, pending, yes)
	}
	if t.message.Token != "" {
		return t.noAnswer(pending)
	}
	if said, ok := t.memory.of(conversation(t.message)); ok && asksWhy(t.message.Text) {
		return t.why(said)
	}
	u := t.utterance()
	if u.Context, err = t.contexts.get(ctx, t.message); err != nil {
		t.log.Warn("what was done last is not known", "err", err)
	}
	t.memory.note(conversation(t.message), &line{said: u, parser: t.view.Parser})
	return t.understood(ctx, t.view.Parser.Parse(u))
}

// utterance is the message as the parser takes it. Only chat platforms put markup into what people type. What rules and jobs say is never guessed,
// nor is what bears its yes with it: nobody has seen how it was read.
func (t *talk) utterance() intents.Utterance {
	u := intents.Utterance{
		Text: t.message.Text, Now: t.message.At, Zone: t.view.Zone, Door: intents.DoorTerminal,
		Exact: t.message.Yes || t.actor.Kind == actions.Rule || t.actor.Kind == actions.Job,
	}
	if isChat(t.message.Origin) {
		u.Door = intents.DoorChat
	}
	return u
}

// understood goes on with what the parser made of the message.
func (t *talk) understood(ctx context.Context, p intents.Parsed) door.Exit {
	t.decision = string(p.Decision)
	if p.Confidence < 1 && len(p.Commands) > 0 && p.Decision != intents.Ask {
		t.reading = p.Because
	}
	switch p.Decision {
	case intents.Act, intents.Confirm:
		return t.commands(ctx, p)
	case intents.Ask:
		return t.ask(ctx, p)
	case intents.Answer:
		return t.inform(ctx, p)
	default:
		t.record(ctx, policy.Entry{Decision: policy.Refused, Text: p.Text, Why: p.Because})
		t.send(reply.Card{Kind: reply.Refused, Title: p.Because, Hint: `say "help" for what I understand`})
		return door.Usage
	}
}

// inform answers what is no order and can be helped with something to read: the state that is asked about, the record, how a thing is said. Nothing
// changes, whatever the words were.
func (t *talk) inform(ctx context.Context, p intents.Parsed) door.Exit {
	t.record(ctx, policy.Entry{Decision: policy.Answered, Text: p.Text, Why: p.Because})
	var requests []actions.Request
	for i, c := range p.Commands {
		if verb, ok := t.verbs[c.Name]; ok && verb.Answer != nil {
			requests = append(requests, t.request(c, i))
		}
	}
	if requests == nil {
		t.send(reply.Card{Kind: reply.Answer, Title: p.Because, Hint: "an order is said as one: \"help\" lists them"})
		return door.OK
	}
	return inOrder(requests, func(r actions.Request) door.Exit { return t.read(ctx, r) })
}

// commands carries out what was said, in order, and stops at the first that does not end well.
func (t *talk) commands(ctx context.Context, p intents.Parsed) door.Exit {
	requests := make([]actions.Request, len(p.Commands))
	changes := false
	for i, c := range p.Commands {
		requests[i] = t.request(c, i)
		verb := t.verbs[c.Name]
		changes = changes || verb.Plan != nil || verb.Answer != nil && verb.Risk != actions.Read
	}
	if !changes {
		return inOrder(requests, func(r actions.Request) door.Exit { return t.read(ctx, r) })
	}
	return t.propose(ctx, requests, p.Decision == intents.Confirm)
}

// inOrder does one request after another until one does not end well.
func inOrder(requests []actions.Request, do func(actions.Request) door.Exit) door.Exit {
	for _, r := range requests {
		if exit := do(r); exit != door.OK {
			return exit
		}
	}
	return door.OK
}

// request turns an intent into plain data. Its cause is the message, so that a repeat of the message is the same run.
func (t *talk) request(c intents.Intent, index int) actions.Request {
	slots := map[string][]string{}
	for _, s := range c.Slots {
		slots[s.Name] = s.Values
	}
	return actions.Request{
		Cause:   causeOf(t.message, index),
		Intent:  c.Name,
		Slots:   slots,
		Options: c.Options,
		Text:    c.Canonical(),
		Actor:   t.actor,
		Origin:  t.message.Origin,
		At:      t.message.At,
	}
}
