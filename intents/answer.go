package intents

import (
	"slices"
	"strconv"
	"strings"
)

// Answer takes text, the next line of the same person, as the answer to what pending asked: a number or a name
// from its choices, or a value for the slot that is missing. u gives the clock and the door; its Text is not read.
//
// It returns false where text is no answer: nothing was asked, text is a command of its own, or it is something
// else altogether. Then text is to be parsed as every line is.
func (p *Parser) Answer(pending Parsed, text string, u Utterance) (Parsed, bool) {
	missing := pending.Missing
	if pending.Decision != Ask || missing == nil {
		return Parsed{}, false
	}
	u.Text = text
	said, err := clean(&u)
	if err != nil {
		return Parsed{}, false
	}
	said = strings.TrimSpace(strings.TrimRight(said, ".!"))
	value, chosen := missing.choose(said)
	if _, no := YesNo(said); no && !chosen {
		return Parsed{}, false
	}
	if missing.Slot == SlotCommand {
		if !chosen {
			value, chosen = p.chooseCommand(missing, said)
		}
		return p.answerCommand(pending, value, chosen)
	}
	if missing.Command < 0 || missing.Command >= len(pending.Commands) {
		return Parsed{}, false
	}
	o := outcome{intent: pending.Commands[missing.Command]}
	if o.spec = p.catalog.spec(o.intent.Name); o.spec == nil {
		return Parsed{}, false
	}
	slot, values, wrong := p.answerValue(&u, o.spec, missing, value)
	if values == nil && !p.isCommand(u) {
		m := p.scratch(u.clock())
		if loose, found := p.looseAnswer(m, missing, o.spec, said); found != nil {
			slot, values, chosen = loose, found, true
		}
		p.release(m)
	}
	switch {
	case values != nil && (chosen || !slot.kind.loose() || !p.isCommand(u)):
		had := len(o.intent.Slots.All(slot.Name))
		o.intent.Slots = o.spec.ordered(put(o.intent.Slots, slot, missing.At, values...))
		pending.Missing = missing.moved(len(o.intent.Slots.All(slot.Name)) - had)
		return p.answered(pending, o.intent), true
	case wrong == nil || wrong.shapeless() || p.isCommand(u) || len(strings.Fields(said)) > 4:
		return Parsed{}, false
	}
	again := *missing
	again.Choices = wrong.choices
	again.Question = capital(wrong.text) + ". " + prompt([]string{slot.Name})
	if len(wrong.choices) > 0 {
		again.Question = capital(wrong.text) + "; did you mean " + numberedList(wrong.choices) + "?"
	}
	pending.Missing, pending.Question, pending.Because = &again, again.Question, wrong.text
	return pending, true
}

// choose returns the choice that said names by number or by name, and else said itself. Where there is one choice, a yes takes it.
func (m *Missing) choose(said string) (value string, chosen bool) {
	number := strings.TrimSuffix(strings.TrimPrefix(said, "#"), ")")
	if n, err := strconv.Atoi(number); err == nil && n >= 1 && n <= len(m.Choices) && digits(number) {
		return m.Choices[n-1], true
	}
	if i := slices.IndexFunc(m.Choices, func(c string) bool { return strings.EqualFold(c, said) }); i >= 0 {
		return m.Choices[i], true
	}
	if yes, _ := YesNo(said); yes && len(m.Choices) == 1 {
		return m.Choices[0], true
	}
	return said, false
}

// loose reports whether almost any word is a value of kind k.
func (k kind) loose() bool {
	switch k {
	case kindTag, kindPrefix, kindText, kindTopic, kindReason, kindService, kindJobName:
		return true
	}
	return false
}

// chooseCommand returns the one of several whole commands that said points at: "the first one".
func (p *Parser) chooseCommand(missing *Missing, said string) (string, bool) {
	toks, err := p.catalog.tokenise(nil, said)
	if err != nil || len(missing.Choices) == 0 {
		return said, false
	}
	var s saying
	pt := p.catalog.part(toks)
	s.take(p.catalog, &pt)
	for i := range s.words {
		if w := s.words[i].low; !answering(w) && ordinal(w, len(missing.Choices)) < 0 {
			return said, false
		}
	}
	if i := p.pointed(&s, missing.Choices); i >= 0 {
		return missing.Choices[i], true
	}
	return said, false
}

// isCommand reports whether u is a command of its own, though it may lack something, or have a slip in its verb.
func (p *Parser) isCommand(u Utterance) bool {
	text, err := clean(&u)
	if err != nil {
		return false
	}
	toks, err := p.catalog.tokenise(nil, text)
	if err != nil || len(toks) == 0 {
		return false
	}
	if _, known := p.catalog.auto.step(0, toks[0].word); known && toks[0].word != wordNone {
		return p.Parse(u).Decision != Refuse
	}
	if len(toks) < 2 {
		return false
	}
	l, err := p.catalog.lessons()
	if err != nil || l == nil {
		return false
	}
	m := p.scratch(u.clock())
	defer p.release(m)
	pt := p.catalog.part(toks)
	if _, f := p.hear(m, &pt, l, &tracer{}); f.verb < 0 && f.mood < moodAdvice {
		return false
	}
	return p.Parse(u).Decision != Refuse
}

// answerValue reads said as the value of one of the slots that are missing. Prepositions and the slot's own name
// may stand before it.
func (p *Parser) answerValue(u *Utterance, spec *Spec, missing *Missing, said string) (slot SlotSpec, values []string, wrong *fault) {
	m := p.scratch(u.clock())
	defer p.release(m)
	group := strings.Split(missing.Slot, "|")
	for _, name := range group {
		s, ok := spec.Slot(name)
		if !ok {
			continue
		}
		text := said
		head, rest, spaced := strings.Cut(said, " ")
		switch head = strings.ToLower(head); {
		case spaced && head == name && !s.kind.named() && s.kind != kindRun:
			text = rest
		case s.kind.loose() && len(group) > 1:
			continue // of several slots, one that takes any word must be named
		case spaced && slices.Contains([]string{"on", "in", "at", "of", "for", "from", "with", "to"}, head):
			text = rest
		}
		got, faults := p.values(m, s, text)
		if faults == nil {
			return s, got, nil
		}
		if f := faults[0]; wrong == nil || wrong.shapeless() || !f.shapeless() && f.rank() < wrong.rank() {
			slot, wrong = s, f
		}
	}
	return slot, nil, wrong
}

// answerCommand takes the chosen one of several whole commands.
func (p *Parser) answerCommand(pending Parsed, value string, chosen bool) (Parsed, bool) {
	if !chosen {
		return Parsed{}, false
	}
	out := p.Parse(Utterance{Text: value, Door: DoorTerminal})
	if len(out.Commands) != 1 || out.Decision == Refuse {
		return Parsed{}, false
	}
	at := max(0, min(pending.Missing.Command, len(pending.Commands)))
	pending.Commands = slices.Insert(slices.Clone(pending.Commands), at, out.Commands[0])
	next := pending.Missing.Next.shifted(at)
	pending.Missing = &Missing{Command: at, Next: next}
	return p.answered(pending, out.Commands[0]), true
}

// moved returns m with the later questions about the same list moved by n places, since n values came in before them.
func (m *Missing) moved(n int) *Missing {
	head := *m
	for tail := &head; tail.Next != nil; tail = tail.Next {
		next := *tail.Next
		if next.Command == m.Command && next.Slot == m.Slot && next.At >= 0 && m.At >= 0 {
			next.At += n
		}
		tail.Next = &next
	}
	return &head
}

// shifted returns the chain of questions with one more command before those behind place at.
func (m *Missing) shifted(at int) *Missing {
	if m == nil {
		return nil
	}
	next := *m
	if next.Command >= at {
		next.Command++
	}
	next.Next = m.Next.shifted(at)
	return &next
}

// answered returns pending with intent in place of the command that lacked something, decided anew: the next
// question, or what the table of risks says.
func (p *Parser) answered(pending Parsed, intent Intent) Parsed {
	out := Parsed{Commands: slices.Clone(pending.Commands), Confidence: 1, Risk: Read, Missing: pending.Missing.Next}
	out.Commands[pending.Missing.Command] = intent
	text := make([]string, len(out.Commands))
	out.Decision = Act
	for i := range out.Commands {
		o := outcome{intent: out.Commands[i], spec: p.catalog.spec(out.Commands[i].Name)}
		text[i] = o.intent.Canonical()
		if o.spec == nil {
			return refused("intent " + o.intent.Name + " is not known any more")
		}
		p.weigh(&o)
		if o.risk().Rank() > out.Risk.Rank() {
			out.Risk = o.risk()
		}
		if out.Missing == nil {
			if group := o.spec.missing(o.intent.Slots); group != nil {
				p.askFor(&o, group)
				out.Missing, out.Because = o.missing, o.because
				out.Missing.Command = i
			}
		}
	}
	out.Text = strings.Join(text, "; ")
	out.Decision, out.Because = out.Risk.Exact(), exactBecause(out.Risk)
	if out.Missing != nil {
		out.Decision, out.Question, out.Because = Ask, out.Missing.Question, "one more thing is missing"
	}
	return out
}

// YesNo reports whether text is a plain yes or a plain no, and nothing else: "yes, but only edge-1" is neither.
// What the yes belongs to, the caller knows.
func YesNo(text string) (yes, no bool) {
	text, err := normalise(text)
	if err != nil || len(text) > 40 {
		return false, false
	}
	text = strings.ToLower(strings.TrimRight(strings.TrimSpace(text), ".!"))
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(text, " please"), ","))
	switch text {
	case "yes", "y", "yep", "yeah", "ok", "okay", "sure", "do it", "go", "go ahead", "go for it", "confirm", "confirmed", "proceed",
		"yes do it", "yes, do it", "yes go ahead", "yes, go ahead", "👍", ":+1:", ":thumbsup:":
		return true, false
	case "no", "n", "nope", "nah", "cancel", "abort", "stop", "don't", "dont", "do not", "never mind", "nevermind", "leave it", "forget it",
		"no thanks", "no, thanks", "better not", "not now", "👎", ":-1:", ":thumbsdown:":
		return false, true
	}
	return false, false
}
