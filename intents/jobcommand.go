package intents

import "strings"

// command reads the command of a job: a quotation, or words up to the times that it comes at, or up to the end. Its value is the command's own
// canonical text.
func (m *matcher) command(i int) int {
	said, next := m.commandWords(i)
	if next < 0 {
		return -1
	}
	text, _ := m.p.jobCommand(said)
	if text == "" {
		return -1
	}
	m.vals = append(m.vals, text)
	return next
}

// commandWords returns what stands at i where the command of a job should, and the word behind it.
func (m *matcher) commandWords(i int) (said string, next int) {
	if m.nested {
		return "", -1 // a job makes no jobs
	}
	t := &m.toks[i]
	if t.quoted {
		return t.raw, i + 1
	}
	if _, verb := m.p.catalog.auto.step(0, t.word); !verb || t.word == wordNone {
		return "", -1
	}
	end := len(m.toks)
	for j := i + 1; j < len(m.toks); j++ {
		if _, n := m.scheduleAt(j); n == len(m.toks) || n > 0 && m.toks[n].low == "as" {
			end = j
			if m.toks[j-1].low == "at" && !m.toks[j-1].quoted {
				end--
			}
			break
		}
	}
	return m.text(i, end), end
}

// jobCommand reads text as the command of a job. It returns its canonical text, or else what it was understood as.
func (p *Parser) jobCommand(text string) (canonical string, out Parsed) {
	out = p.parse(&Utterance{Text: text, Door: DoorTerminal}, &tracer{}, true)
	if out.Decision != Act && out.Decision != Confirm || out.Confidence < 1 {
		return "", out
	}
	parts := make([]string, len(out.Commands))
	for i := range out.Commands {
		parts[i] = p.catalog.canonical(&out.Commands[i])
	}
	return strings.Join(parts, " then "), out
}

// commandValues reads text, which fills a slot, as the command of a job, or says what is wrong with it.
func (p *Parser) commandValues(slot SlotSpec, text string) ([]string, []*fault) {
	if toks, err := p.catalog.tokenise(nil, text); err == nil && len(toks) == 1 && toks[0].quoted {
		text = toks[0].raw
	}
	canonical, out := p.jobCommand(text)
	if canonical != "" {
		return []string{canonical}, nil
	}
	f := &fault{kind: faultForm, slot: slot.Name, of: slot.kind, said: text, at: -1}
	f.noCommand(&out)
	return nil, []*fault{f}
}

// faultyCommand says in f what is wrong with the words at i that stand where the command of a job should.
func (m *matcher) faultyCommand(f *fault, i int) int {
	said, next := m.commandWords(i)
	if next < 0 {
		return -1
	}
	canonical, out := m.p.jobCommand(said)
	if canonical != "" {
		return -1
	}
	f.said = said
	f.noCommand(&out)
	return next
}

// noCommand says why the words of f are no command that a job could say. What is refused by itself is refused in a job.
func (f *fault) noCommand(out *Parsed) {
	why := out.Because
	if out.Question != "" {
		why = strings.TrimRight(out.Question, ".?")
	}
	f.text = shown(f.said) + " is no exact command: " + why
	if out.Decision == Refuse {
		f.kind = faultRefused
	}
}

// weigh finds out how grave the command is that o puts into a job: the job is as grave as what it says.
func (p *Parser) weigh(o *outcome) {
	for i := range o.intent.Slots {
		slot := &o.intent.Slots[i]
		if spec, ok := o.spec.Slot(slot.Name); !ok || spec.kind != kindCommand || len(slot.Values) == 0 {
			continue
		}
		if _, out := p.jobCommand(slot.Values[0]); out.Risk.Rank() > o.grave.Rank() || o.grave == "" {
			o.grave = out.Risk
		}
	}
}

// swallows reports whether the words of a job's command reach up to a "then": nobody but the person knows whether what follows is part of the job.
func (o *outcome) swallows(pt *part) bool {
	if o.spec == nil || len(pt.toks) == 0 {
		return false
	}
	last := &pt.toks[len(pt.toks)-1]
	if last.quoted || last.end || o.intent.Slots.One("job") == last.raw {
		return false
	}
	for _, slot := range o.spec.Slots {
		if slot.kind == kindCommand && o.intent.Slots.Has(slot.Name) {
			return true
		}
	}
	return false
}

// askWhole makes o a question for what the whole command of the job is.
func (o *outcome) askWhole() {
	o.decision, o.sure = Ask, 0.5
	o.because = `what stands behind "then" could be part of the job`
	o.question = "Which is the whole command of the job? Put it into quotation marks and say all of it again"
	o.missing = nil
}
