package intents

import (
	"net/url"
	"slices"
	"strings"
)

// urls reads one URL, or a list of them.
func (m *matcher) urls(h *hole, i int) int {
	next := -1
	for {
		v, _ := cleanURL(m.toks[i].raw)
		if v == "" {
			return next
		}
		if !contains(m.vals, v) {
			m.vals = append(m.vals, v)
		}
		next = i + 1
		if !h.list || next == len(m.toks) {
			return next
		}
		i = next
		if m.toks[i].word == wordAnd && !m.toks[i].quoted && i+1 < len(m.toks) {
			i++
		}
		if !isURL(m.toks[i].raw) {
			return next
		}
	}
}

// contains reports whether v is among the values of the hole that is being read.
func contains(values []string, v string) bool {
	for i := len(values) - 1; i >= 0; i-- {
		if values[i] == v {
			return true
		}
	}
	return false
}

// faultyURLs reads URLs at word i of which some cannot be fetched.
func (m *matcher) faultyURLs(h *hole, i int) int {
	mark, before, next := len(m.vals), len(m.faults), -1
	for i < len(m.toks) && isURL(m.toks[i].raw) && len(m.faults) < mostFaults {
		clean, why := cleanURL(m.toks[i].raw)
		switch {
		case why != "":
			m.faults = append(m.faults, &fault{kind: faultForm, slot: h.slot, of: h.kind, said: m.toks[i].raw, text: why, at: len(m.vals) - mark})
		case !slices.Contains(m.vals[mark:], clean):
			m.vals = append(m.vals, clean)
		}
		if next = i + 1; !h.list {
			break
		}
		if i = next; i+1 < len(m.toks) && m.toks[i].word == wordAnd && !m.toks[i].quoted {
			i++
		}
	}
	if len(m.faults) == before {
		return -1
	}
	return next
}

// cleanURL returns text where it is an absolute http or https URL that can be fetched, else "" and what is wrong.
func cleanURL(text string) (clean, why string) {
	if !isURL(text) {
		return "", "a URL begins with http:// or https://"
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", "this URL cannot be read"
	case u.Host == "" || u.Hostname() == "":
		return "", "this URL names no host"
	case u.User != nil:
		return "", "a URL with a user or a password in it is not taken"
	case strings.ContainsAny(text, " \"<>\\^`{|}"):
		return "", "this URL has characters in it that must be percent-encoded"
	}
	if _, err := normalise(u.Host); err != nil {
		return "", "the host of this URL has " + err.Error()
	}
	return text, ""
}
