package intents

import (
	"errors"
	"fmt"
	"strings"
)

// Phrase is one way in which people say something in their own words: a `~` line of a catalogue file, a line of none.txt, or an operator's example.
// It may hold {slot} holes where any value may stand.
type Phrase struct {
	Text string
	Line int    // in its file, from 1
	From string // the file, or who taught it
}

// noneFile holds what people write that asks for nothing that the bot does.
const noneFile = "none.txt"

// phrasing reads a `~` line of a catalogue file.
func (f *file) phrasing(line int, text string) error {
	if err := checkPhrase(text); err != nil {
		return err
	}
	f.spec.Phrases = append(f.spec.Phrases, Phrase{Text: text, Line: line, From: f.spec.Name + ".txt"})
	return nil
}

// parseNone reads the file of what asks for nothing: one line of text each, # before comments.
func parseNone(text string) ([]Phrase, error) {
	var out []Phrase
	var mistakes []error
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if err := checkPhrase(line); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s:%d: %w", noneFile, i+1, err))
			continue
		}
		out = append(out, Phrase{Text: line, Line: i + 1, From: noneFile})
	}
	return out, errors.Join(mistakes...)
}

// checkPhrase reports a phrase that is empty or has a hole that nothing fills.
func checkPhrase(text string) error {
	if text == "" {
		return errors.New("a phrase without words")
	}
	if tooLong(text) {
		return errTooLong
	}
	_, err := unhole(text)
	return err
}

// unhole returns text with the mask of each {hole} in its place.
func unhole(text string) (string, error) {
	var b strings.Builder
	for {
		head, rest, found := strings.Cut(text, "{")
		b.WriteString(head)
		if !found {
			return b.String(), nil
		}
		name, tail, closed := strings.Cut(rest, "}")
		mask, known := maskOf(name)
		switch {
		case !closed:
			return "", fmt.Errorf("%q has no closing }", "{"+rest)
		case !known:
			return "", fmt.Errorf("{%s} is no hole; known are %s", name, strings.Join(holeNames(), ", "))
		}
		b.WriteString(mask)
		text = tail
	}
}

// maskOf returns the word that stands in a text in place of the value of a slot or of a type, false where there is none.
func maskOf(hole string) (string, bool) {
	switch hole {
	case "node", "nodes", "to":
		return maskNode, true
	case "duration", "period":
		return maskDuration, true
	case "time", "start", "schedule":
		return maskTime, true
	case "url", "prefix":
		return maskURL, true
	case "deployment":
		return maskDeployment, true
	case "run":
		return maskRun, true
	case "service":
		return maskService, true
	case "segment":
		return maskSegment, true
	case "vni":
		return maskVNI, true
	case "site": // it stands for its nodes
		return maskNode, true
	case "address":
		return maskAddress, true
	case "platform":
		return maskPlatform, true
	case "person":
		return maskPerson, true
	case "job":
		return maskJob, true
	case "rule":
		return maskRule, true
	case "count", "rate":
		return maskNumber, true
	case "tag":
		return maskTag, true
	case "intent", "topic":
		return maskIntent, true
	case "tenant":
		return maskTenant, true
	case "reason", "text", "command":
		return maskText, true
	}
	return "", false
}

// holeNames lists what may stand between { and } in a phrase.
func holeNames() []string {
	return []string{
		"node", "duration", "time", "url", "deployment", "run", "service", "segment", "vni", "site", "platform", "person", "job", "rule", "count", "tag", "address",
		"tenant", "reason", "text", "intent",
	}
}

// The masks: the words that stand in a text in place of the values of slots, so that what is learned about one machine is known about all.
const (
	maskNode       = "xnode"
	maskDuration   = "xdur"
	maskTime       = "xtime"
	maskURL        = "xurl"
	maskDeployment = "xdep"
	maskRun        = "xrun"
	maskService    = "xsvc"
	maskSegment    = "xseg"
	maskVNI        = "xvni"
	maskAddress    = "xaddr"
	maskPlatform   = "xplat"
	maskPerson     = "xperson"
	maskJob        = "xjob"
	maskRule       = "xrule"
	maskNumber     = "xnum"
	maskTag        = "xtag"
	maskIntent     = "xintent"
	maskTenant     = "xtenant"
	maskText       = "xtext"
)
