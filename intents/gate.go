package intents

// clocked reports whether s speaks of a job or of a schedule, outside the command that the job is to say.
func (fr *frame) clocked(s *saying) bool {
	for i := range s.words {
		if s.of[i] >= 0 || s.words[i].quoted || i >= fr.command[0] && i < fr.command[1] {
			continue
		}
		switch s.words[i].low {
		case "job", "jobs", "schedule", "scheduled", "timer", "cron", "crontab", "recurring", "automate", "automatically", "plan", "regularly", "periodically", "add", "create", "set", "make", "run", "do", "repeat", "register", "have", "let", "say":
			return true
		}
	}
	return false
}

// fitting returns the frame of the second best intent where the things that are spoken of fit that one alone: a tag is purged, not flushed.
func (p *Parser) fitting(m *matcher, s *saying, f feeling, fr *frame, g guess, l *learned) *frame {
	if fr.class != g.class || g.second < 0 || g.secondary < l.limits.Low || f.mood != moodCommand || !fr.spec.Risk.Changes() || fr.whole() && len(fr.spare) == 0 {
		return nil
	}
	other := p.frame(m, s, l, g.second, f)
	if heads := l.vocab.headClass(s.words[max(f.verb, 0)].low); heads == fr.class {
		return nil // the verb itself says which
	}
	if !other.whole() || len(other.spare) > 0 || !other.verb || other.contra || other.object != "" || len(other.faults) > 0 || !other.spec.Risk.Changes() {
		return nil
	}
	other.bare = true // less sure
	return other
}

// flagged applies the flags of pt to fr and returns what is wrong with one, "" where none is.
func (p *Parser) flagged(m *matcher, pt *part, fr *frame) string {
	if len(pt.flags) == 0 {
		return ""
	}
	m.part = pt
	f := match{rule: &rule{spec: fr.spec}, slots: fr.slots, options: fr.options}
	m.flags(&f)
	f.contradiction()
	fr.slots, fr.options = f.slots, f.options
	fr.faults = append(fr.faults, f.faults...)
	return f.err
}

// strange reports whether s holds a word, wherever it stands, that nobody knows.
func (s *saying) strange(v *vocabulary) bool {
	for i := range s.words {
		if s.strangeAt(v, i) {
			return true
		}
	}
	return false
}

// strangeAt reports whether word i is one that nobody knows.
func (s *saying) strangeAt(v *vocabulary, i int) bool {
	return s.of[i] < 0 && !s.words[i].quoted && s.cues[i] == cueNone && s.words[i].word == wordNone && lettered(s.words[i].low) && !s.info[i].known
}

// against returns what speaks against doing what the frame says, "" where nothing does.
func (fr *frame) against(s *saying, f feeling, sure bool) string {
	switch {
	case f.mood != moodCommand || f.verb < 0:
		return "it gives no order"
	case f.weak && !s.info[f.verb].known:
		return shown(s.words[f.verb].low) + " is no verb that I know"
	case !fr.verb && !(fr.light && (fr.own || sure)) && !(fr.borrowed && sure):
		return "no verb of " + fr.spec.Name + " is in it"
	case fr.takesCommand() && !fr.clocked(s):
		return "it is for another time"
	case fr.wide != "":
		return shown(fr.wide) + " may widen what is meant"
	case len(fr.spec.Require) == 0 && (!fr.own && len(s.words) > 2 || len(fr.alien) > 0 || len(s.slips) > 0 || len(s.words) > 12):
		return "nothing in it is clearly about " + fr.spec.Name
	case fr.contra:
		return "the words speak for the contrary, " + fr.spec.Opposite
	case fr.later:
		return "it is for another time"
	case fr.twice != "":
		return "two things could be the " + fr.twice
	case fr.shift != "":
		return shown(fr.shift) + " may change what is meant"
	case len(fr.weak) > 0:
		return shown(fr.weak[0]) + " could be a word like any other"
	case fr.odd != "":
		return shown(fr.odd) + " is nothing that I know"
	}
	if len(fr.spare) > 0 {
		e := &s.ents[fr.spare[0]]
		if e.kind == kindCount {
			fr.counts = shown(s.words[e.from].raw)
		}
		return fr.spec.Name + " takes no " + e.kind.String() + " like " + shown(s.words[e.from].raw)
	}
	if fr.object != "" {
		return shown(fr.object) + " is nothing that " + fr.spec.Name + " is about"
	}
	if len(fr.alien) > 2 {
		return "too many words that I do not know, such as " + shown(fr.alien[0])
	}
	return ""
}

// gated decides where something speaks against a change: a question where the rest is clear, else a refusal.
func (p *Parser) gated(o *outcome, fr *frame, g guess, l *learned, why string) outcome {
	clear := g.margin >= l.limits.High && fr.whole() && fr.object == "" && fr.odd == "" && len(fr.alien) < 2
	text := p.catalog.canonical(&o.intent)
	switch {
	case fr.twice != "":
		return outcome{spec: o.spec, intent: o.intent, decision: Ask, sure: 0.5, because: why, question: "Which is meant? Say the whole command again"}
	case fr.counts != "" && fr.whole():
		o.decision, o.sure, o.because = Ask, 0.5, why
		o.question = "What does " + fr.counts + " mean? Without it, type: " + text
		return *o
	case fr.shift != "", fr.contra, fr.wide != "": // what it would be without these words is not to be recommended
		return outcome{decision: Refuse, because: why + "; nothing is done"}
	case fr.later && fr.whole():
		o.decision, o.sure, o.because = Ask, 0.6, "it is for another time; nothing is done now"
		o.question = "Now, or by the clock? Now: " + text + ". By the clock: schedule " + quote(text) + " and the times"
		return *o
	case !clear && fr.twice == "":
		return outcome{decision: Refuse, because: why + "; nothing is done"}
	case o.risk() == Destructive:
		return outcome{decision: Refuse, because: why + "; to do it, type: " + text}
	case fr.contra:
		return outcome{decision: Ask, sure: 0.5, because: why, question: "Is it " + fr.spec.Name + " or " + fr.spec.Opposite + "? To do the first, type: " + text}
	}
	o.decision, o.sure, o.because = Ask, 0.5, why
	o.question = "Do you mean this? Then type: " + text
	return *o
}
