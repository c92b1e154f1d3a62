package intents

import (
	"slices"
	"strconv"
	"strings"
)

// askFor makes o a question for one of the slots in group.
func (p *Parser) askFor(o *outcome, group []string) {
	o.missing = &Missing{Slot: strings.Join(group, "|"), At: -1}
	o.because = orList(group) + " is missing"
	if len(group) == 1 {
		slot, _ := o.spec.Slot(group[0])
		const most = 9
		if names := p.names.ofKind[slot.kind]; len(names) <= most {
			o.missing.Choices = slices.Clone(names)
		}
		if slot.kind == kindState {
			o.missing.Choices = states()
		}
	}
	o.question = prompt(group)
	if len(o.missing.Choices) > 1 {
		o.question += " " + capital(numberedList(o.missing.Choices)) + "."
	} else if sample := p.sample(o.spec, o.intent.Slots); sample != "" {
		o.question += " For example: " + sample
	}
	o.missing.Question = o.question
}

// prompt asks for one of the slots in group.
func prompt(group []string) string {
	said := make([]string, len(group))
	for i, name := range group {
		said[i] = slotPhrase(name)
	}
	return "Which " + orList(said) + "?"
}

// slotPhrase returns the words for a slot in a question.
func slotPhrase(name string) string {
	switch name {
	case "url":
		return "URL"
	case "prefix":
		return "path prefix"
	case "run":
		return "run, as r-17"
	case "duration", "period":
		return "time span"
	case "rate":
		return "rate"
	case "schedule":
		return `times, as "30 5 * * *" or every day at 5:30`
	}
	return name
}

// shown returns what somebody typed in quotation marks, short enough for a sentence.
func shown(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}

// numberedList joins choices for a person who may answer by number.
func numberedList(choices []string) string {
	if len(choices) == 1 {
		return choices[0]
	}
	said := make([]string, len(choices))
	for i, c := range choices {
		said[i] = strconv.Itoa(i+1) + ") " + c
	}
	return orList(said)
}

// sample returns a whole command of spec that holds what is filled, with names that the inventory has.
func (p *Parser) sample(spec *Spec, filled Slots) string {
	slots := filled
	for _, group := range spec.Require {
		slot, ok := p.sampleSlot(spec, group)
		if spec.missing(slots) == nil {
			break
		}
		if ok {
			slots = slots.With(slot.Name, slot.Values...)
		}
	}
	i := Intent{Name: spec.Name, Slots: spec.ordered(slots)}
	return p.catalog.canonical(&i)
}

// sampleSlot fills one slot of group, preferring one that the inventory has a name for.
func (p *Parser) sampleSlot(spec *Spec, group []string) (Slot, bool) {
	var other Slot
	for _, name := range group {
		slot, _ := spec.Slot(name)
		if names := p.names.ofKind[slot.kind]; len(names) > 0 {
			return Slot{Name: name, Values: names[:1]}, true
		}
		if v := sampleValue(slot.kind); v != "" && other.Name == "" {
			other = Slot{Name: name, Values: []string{v}}
		}
	}
	return other, other.Name != ""
}

// sampleValue returns a value of kind k for an example.
func sampleValue(k kind) string {
	switch k {
	case kindNode:
		return "edge-1"
	case kindDeployment:
		return "news"
	case kindURL:
		return "http://origin.example/news/master.m3u8"
	case kindTag:
		return "ch-news"
	case kindPrefix:
		return "/news/"
	case kindRun:
		return "r-17"
	case kindState:
		return "failed"
	case kindDuration, kindPeriod:
		return "2h0m0s"
	case kindRate:
		return "100"
	case kindCount:
		return "3"
	case kindVNI:
		return "5001"
	case kindPlatform:
		return "linux"
	case kindSchedule:
		return "30 5 * * *"
	case kindCommand:
		return "status"
	case kindJobName:
		return "edge-77"
	case kindAddress:
		return "192.0.2.19"
	case kindService:
		return "Cache Hit Rate"
	case kindJob:
		return "morning-prime"
	case kindRule:
		return "flush-on-low-hit-rate"
	}
	return ""
}
