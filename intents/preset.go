package intents

import (
	"slices"
	"strings"
)

// preset fills the slots that words of the language fill: states of runs, subjects of help, commands of jobs.
func (p *Parser) preset(m *matcher, s *saying, fr *frame) {
	for _, slot := range fr.spec.Slots {
		if fr.slots.Has(slot.Name) {
			continue
		}
		switch slot.kind {
		case kindState:
			for i := range s.words {
				v := stateOf(s.words[i].low)
				if w := s.words[i].low; w == "wrong" || w == "broke" || w == "crashed" || w == "failing" || w == "broken" {
					v = "failed"
				}
				if v != "" && s.of[i] < 0 {
					fr.slots = fr.slots.With(slot.Name, v)
				}
			}
		case kindJobName:
			if name := s.called(); name != "" && !fr.slots.Has("node") && slot.Name == "job" {
				fr.slots = fr.slots.With(slot.Name, name)
			}
		case kindTopic:
			if fr.spec.Name != "help" {
				continue
			}
			if topic := p.topicOf(s); topic != "" {
				fr.slots = fr.slots.With(slot.Name, topic)
			}
		case kindCommand:
			if text, from, to := p.commandOf(m, s); text != "" {
				fr.slots = fr.slots.With(slot.Name, text)
				fr.command = [2]int{from, to}
				fr.spare = slices.DeleteFunc(fr.spare, func(i int) bool { return s.ents[i].from >= from && s.ents[i].to <= to })
			}
		}
	}
}

// called returns the name behind "as", "called" or "named", "" where there is none.
func (s *saying) called() string {
	for i := 1; i < len(s.words); i++ {
		switch s.words[i-1].low {
		case "as", "called", "named":
			if s.of[i-1] < 0 && (s.of[i] < 0 || s.ents[s.of[i]].kind == kindText) && freeName(s.words[i].raw) {
				return s.words[i].raw
			}
		}
	}
	return ""
}

// topicOf returns the subject of help that s names, "" where it names none.
func (p *Parser) topicOf(s *saying) string {
	const most = 3
	for n := most; n > 0; n-- {
		for i := 0; i+n <= len(s.words); i++ {
			if w := s.words[i].low; s.of[i] >= 0 || s.cues[i] != cueNone && n == 1 || w == "help" || w == "show" && len(s.words) > 1 {
				continue
			}
			var said strings.Builder
			said.WriteString(s.words[i].low)
			for j := i + 1; j < i+n; j++ {
				said.WriteString(" " + s.words[j].low)
			}
			if topic, ok := p.catalog.topics[said.String()]; ok {
				return topic
			}
		}
	}
	for i := range s.words {
		if l, ok := p.lemma(s.words[i].low); ok && s.of[i] < 0 {
			if topic, ok := p.catalog.topics[l]; ok && l != "help" {
				return topic
			}
		}
	}
	return ""
}

// lemma returns the base of the verb w.
func (p *Parser) lemma(w string) (string, bool) {
	l, err := p.catalog.lessons()
	if err != nil || l == nil {
		return "", false
	}
	f, ok := l.vocab.forms[w]
	return f.base, ok
}

// commandOf returns the command that s wants a job to say and its words, "" where it holds no exact one.
func (p *Parser) commandOf(m *matcher, s *saying) (text string, from, to int) {
	if m.nested {
		return "", 0, 0
	}
	end := len(s.words)
	for i := range s.ents {
		if s.ents[i].kind == kindSchedule && s.ents[i].from > 0 {
			end = s.ents[i].from
		}
	}
	m.toks = s.words
	for i := 0; i < end; i++ {
		if s.of[i] >= 0 {
			continue
		}
		if _, verb := p.catalog.auto.step(0, s.words[i].word); !verb || s.words[i].word == wordNone || s.words[i].low == "schedule" {
			continue
		}
		if text, _ := p.jobCommand(m.text(i, end)); text != "" {
			return text, i, end
		}
	}
	return "", 0, 0
}

// reasonOf fills why somebody does something from the words behind "because".
func (p *Parser) reasonOf(m *matcher, s *saying, fr *frame) {
	why := s.find(cueReason, 0)
	if why < 0 || why+1 >= len(s.words) || s.words[why].low == "reason" {
		return
	}
	i := why
	for i < len(s.words) && s.cues[i] == cueReason {
		i++
	}
	if i >= len(s.words) {
		return
	}
	m.toks = s.words
	text := m.text(i, len(s.words))
	if s.words[i].quoted && i+1 == len(s.words) {
		text = s.words[i].raw
	}
	for _, slot := range fr.spec.Slots {
		if slot.kind == kindReason && !fr.slots.Has(slot.Name) {
			fr.slots = fr.slots.With(slot.Name, text)
			return
		}
	}
	if option, ok := fr.spec.Option("reason"); ok && option.Value {
		fr.options = map[string]string{option.Name: text}
	}
}

// switches sets the options of the intent that s says as words: "purge news softly".
func (fr *frame) switches(s *saying) {
	for _, option := range fr.spec.Options {
		if option.Value || option.Name == "break-glass" {
			continue
		}
		first, second, two := strings.Cut(option.Name, "-")
		for i := range s.words {
			w := s.words[i].low
			if s.of[i] >= 0 || w != option.Name && w != option.Name+"ly" && (!two || w != first || i+1 == len(s.words) || s.words[i+1].low != second) {
				continue
			}
			if fr.options == nil {
				fr.options = map[string]string{}
			}
			fr.options[option.Name] = "true"
		}
	}
}

// contradict notes that more than one slot is filled of a group that wants one.
func (fr *frame) contradict() {
	for _, group := range fr.spec.Require {
		var filled []string
		for _, name := range group {
			if fr.slots.Has(name) {
				filled = append(filled, name)
			}
		}
		if len(filled) > 1 {
			fr.twice = orList(filled)
		}
	}
}
