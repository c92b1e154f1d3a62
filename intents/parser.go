package intents

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Parser understands utterances against one inventory. It is immutable and safe for concurrent use; where the
// inventory changes, a new one takes its place.
type Parser struct {
	catalog  *Catalog
	inv      Inventory
	names    *nameIndex
	series   []series // of each node
	fuzzy    *fuzzyIndex
	prefixes map[string]bool // what stands before the number in nodes' names: "edge"
	problems []string
	matchers *sync.Pool
}

// NewParser returns a parser for the intents of c and the names of inv. It keeps inv, which must not change.
func NewParser(c *Catalog, inv Inventory) (*Parser, error) {
	if c == nil || c.auto == nil {
		return nil, errors.New("new parser: no catalogue")
	}
	p := &Parser{catalog: c, inv: inv, prefixes: map[string]bool{}}
	p.names, p.problems = newNameIndex(&p.inv, sitesOf(&p.inv))
	p.fuzzy = newFuzzyIndex(p.names)
	p.series = make([]series, len(inv.Nodes))
	for i := range inv.Nodes {
		p.series[i] = seriesOf(inv.Nodes[i].Name)
		if s := &p.series[i]; s.number >= 0 && s.suffix == "" && s.prefix != "" {
			p.prefixes[s.prefix] = true
		}
	}
	p.matchers = newMatchers(p)
	return p, nil
}

// Problems returns a sentence for each name of the inventory that is hard to say: two that differ in separators
// alone, or one that no command can hold. Such an inventory still parses; what is ambiguous is asked back.
func (p *Parser) Problems() []string { return p.problems }

// mostCommands bounds the commands of one utterance.
const mostCommands = 20

// outcome is what one command of an utterance came to.
type outcome struct {
	spec     *Spec // nil where nothing was understood
	intent   Intent
	decision Decision
	because  string
	question string
	missing  *Missing
	sure     float64
	grave    Risk      // of the command within, where there is one
	more     []outcome // in place of all that: the commands that the words are made of
}

// Parse says what u means. It never fails: what it does not understand, it refuses.
func (p *Parser) Parse(u Utterance) Parsed {
	tr := tracer{on: u.Explain}
	out := p.parse(&u, &tr, false)
	tr.add("decision: ", string(out.Decision), ", ", out.Because)
	out.Text, out.Trace = u.Text, tr.lines
	return out
}

// parse reads u layer by layer.
func (p *Parser) parse(u *Utterance, tr *tracer, nested bool) Parsed {
	text, err := clean(u)
	if err != nil {
		tr.add("text: ", err.Error())
		return refused(refusal(err))
	}
	tr.add("text: ", text)
	m := p.scratch(u.clock())
	defer p.release(m)
	m.nested, m.exact = nested, nested || u.Exact
	if m.last = u.recall(); m.last != nil {
		m.lastRun = u.Context.Run
	}
	toks, err := p.catalog.tokenise(m.typed[:0], text)
	m.typed = toks
	if err != nil {
		tr.add("words: ", err.Error())
		return refused(refusal(err))
	}
	parts, err := p.catalog.split(m.parts[:0], toks)
	m.parts = parts
	switch {
	case err != nil:
		return refused(refusal(err))
	case len(parts) == 0:
		return refused(refusal(errEmpty))
	case len(parts) > mostCommands:
		return refused("more than " + strconv.Itoa(mostCommands) + " commands in one message")
	}
	tr.add("commands: ", strconv.Itoa(len(parts)))
	if len(parts) == 1 {
		o := p.understand(m, &parts[0], tr)
		if o.more != nil {
			return compound(o.more)
		}
		return single(&o)
	}
	outcomes := make([]outcome, 0, len(parts))
	for i := range parts {
		o := p.understand(m, &parts[i], tr)
		if i+1 < len(parts) && o.swallows(&parts[i]) {
			o.askWhole()
		}
		if o.more == nil {
			o.more = []outcome{o}
		}
		for k := range o.more {
			outcomes = append(outcomes, o.more[k])
			m.remember(&o.more[k])
		}
	}
	return compound(outcomes)
}

// remember keeps what o says, so that a later command of the same message can refer to it.
func (m *matcher) remember(o *outcome) {
	if o.spec != nil {
		m.prior = append(m.prior, o.intent)
	}
}

// clock returns the time of u in its zone, the zero time where u has no clock.
func (u *Utterance) clock() time.Time {
	if u.Zone == nil || u.Now.IsZero() {
		return u.Now.UTC()
	}
	return u.Now.In(u.Zone)
}

// clean returns the text of u as the grammar reads it.
func clean(u *Utterance) (string, error) {
	if tooLong(u.Text) {
		return "", errTooLong
	}
	text := u.Text
	if u.Door != DoorTerminal {
		text = unmark(text)
	}
	text, err := normalise(text)
	if err != nil {
		return "", err
	}
	return unwrap(text, u)
}

// refusal is the reason of a refusal as a person reads it.
func refusal(err error) string {
	switch {
	case errors.Is(err, errEmpty), errors.Is(err, errTooLong):
		return err.Error()
	}
	return err.Error() + "; nothing is done"
}

// refused returns a refusal.
func refused(because string) Parsed {
	return Parsed{Decision: Refuse, Commands: []Intent{}, Because: because, Risk: Read}
}

// single makes the result of one command.
func single(o *outcome) Parsed {
	if o.decision == Refuse || o.spec == nil && o.decision != Ask && o.decision != Answer {
		return refused(o.because)
	}
	out := Parsed{Decision: o.decision, Confidence: o.sure, Because: o.because, Question: o.question, Missing: o.missing, Commands: []Intent{}, Risk: Read}
	if o.spec != nil {
		out.Commands = []Intent{o.intent}
		out.Risk = o.risk()
	}
	return out
}

// risk returns the class of the intent as it is meant: one that only shows what it would do changes nothing.
func (o *outcome) risk() Risk {
	if o.intent.Option("dry-run") || o.intent.Option("by-hand") {
		return Read
	}
	if o.grave != "" && o.grave.Rank() > o.spec.Risk.Rank() {
		return o.grave
	}
	return o.spec.Risk
}

// compound makes the result of several commands: the strictest decision counts for all.
func compound(outcomes []outcome) Parsed {
	strictest, leastSure, gravest := 0, 0, Read
	out := Parsed{Commands: make([]Intent, 0, len(outcomes)), Confidence: 1}
	tail := &out.Missing
	for i := range outcomes {
		o := &outcomes[i]
		if o.decision.rank() > outcomes[strictest].decision.rank() {
			strictest = i
		}
		for missing := o.missing; missing != nil; missing = missing.Next {
			missing.Command = len(out.Commands)
			*tail, tail = missing, &missing.Next
		}
		if o.spec == nil {
			continue
		}
		if o.risk().Rank() > gravest.Rank() {
			gravest = o.risk()
		}
		out.Commands = append(out.Commands, o.intent)
		if out.Confidence = min(out.Confidence, o.sure); o.sure < outcomes[leastSure].sure {
			leastSure = i
		}
	}
	o := &outcomes[strictest]
	place := "command " + strconv.Itoa(strictest+1) + " of " + strconv.Itoa(len(outcomes)) + ": "
	switch o.decision {
	case Refuse:
		return refused(place + o.because)
	case Answer:
		out := single(o)
		out.Because = place + o.because
		return out
	case Ask:
		out.Because = place + o.because
	default:
		out.Because = strconv.Itoa(len(outcomes)) + " exact commands; the gravest is " + string(gravest)
		if o := &outcomes[leastSure]; o.sure < 1 {
			out.Because = "command " + strconv.Itoa(leastSure+1) + " of " + strconv.Itoa(len(outcomes)) + ": " + o.because
		}
	}
	out.Decision, out.Risk, out.Question = o.decision, gravest, o.question
	return out
}

// tracer collects what each layer found, where somebody wants to know.
type tracer struct {
	on    bool
	lines []string
}

// reading notes how a command was read.
func (t *tracer) reading(f *match, how string) {
	if t.on {
		i := f.outcome().intent
		t.add("grammar: ", i.Name, how, "; as text: ", i.Canonical())
	}
}

// add notes a line made of words.
func (t *tracer) add(words ...string) {
	if t.on {
		t.lines = append(t.lines, strings.Join(words, ""))
	}
}
