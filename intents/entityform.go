package intents

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/intents/when"
)

// formed reads what its form gives away: URLs, paths, runs, segments by number, tags, services.
func (m *matcher) formed(e *entity, i int) int {
	t := &m.toks[i]
	if isURL(t.raw) {
		next := m.urls(&hole{kind: kindURL, list: true}, i)
		m.putThing(e, kindURL, true)
		if next < 0 {
			_, why := cleanURL(t.raw)
			e.fault = &fault{kind: faultForm, slot: "url", of: kindURL, said: t.raw, text: why, at: -1}
			return i + 1
		}
		return next
	}
	switch {
	case t.raw[0] == '/' && len(t.raw) > 1:
		if v := wordValue(kindPrefix, t); v != "" {
			m.vals = append(m.vals, v)
			m.putThing(e, kindPrefix, true)
			return i + 1
		}
	case t.word == wordRun || t.low[0] == 'r':
		if next := m.run(i); next > 0 {
			m.putThing(e, kindRun, true)
			return next
		}
	case t.word == wordVNI || t.word == wordSegment:
		if next := m.segment(i); next > 0 {
			k := kindSegment
			if t.word == wordVNI && digits(m.vals[0]) {
				k = kindVNI
			}
			m.putThing(e, k, true)
			return next
		}
	case (t.low == "tag" || t.low == "tagged") && i+1 < len(m.toks) && !t.comma:
		if v := wordValue(kindTag, &m.toks[i+1]); v != "" && m.toks[i+1].word == wordNone {
			m.vals = append(m.vals, v)
			m.putThing(e, kindTag, true)
			return i + 2
		}
	}
	if strings.IndexByte(t.low, '.') > 0 && m.p.catalog.spec(t.low) != nil {
		m.vals = append(m.vals, t.low)
		m.putThing(e, kindTopic, true)
		return i + 1
	}
	if t.word == wordNone && !letters(t.raw) && strings.ContainsAny(t.raw, ".:") && isAddress(t.raw) {
		m.vals = append(m.vals, strings.ToLower(t.raw))
		m.putThing(e, kindAddress, true)
		return i + 1
	}
	return m.serviceThing(e, i)
}

// serviceThing reads the name of a service that is known, or the word behind "service".
func (m *matcher) serviceThing(e *entity, i int) int {
	if m.toks[i].low == "service" && i+1 < len(m.toks) && !m.toks[i].comma && (m.toks[i+1].quoted || m.toks[i+1].word == wordNone && strings.ToLower(m.toks[i+1].raw) != m.toks[i+1].raw) {
		if next := m.service(i + 1); next > 0 {
			m.putThing(e, kindService, true)
			return next
		}
	}
	for _, known := range m.p.inv.Services {
		if n := m.fits(i, known); n > 0 {
			m.vals = append(m.vals, known)
			m.putThing(e, kindService, true)
			return i + n
		}
	}
	return -1
}

// amount reads times, durations, platforms and numbers.
func (m *matcher) amount(e *entity, i int) int {
	t := &m.toks[i]
	if next := m.rate(i); next > 0 {
		m.putThing(e, kindRate, true)
		return next
	}
	if when.Begins(t.low) && !(t.low == "at" && i+1 < len(m.toks) && m.isRate(i+1)) {
		if next := m.timeThing(e, i); next > 0 {
			return next
		}
	}
	if p := wordValue(kindPlatform, t); p != "" {
		m.vals = append(m.vals, p)
		m.putThing(e, kindPlatform, true)
		return i + 1
	}
	if n := t.number(); n != "" && t.low != "one" {
		m.vals = append(m.vals, n)
		m.putThing(e, kindCount, true)
		return i + 1
	}
	return -1
}

// isRate reports whether requests per second stand at i.
func (m *matcher) isRate(i int) bool {
	mark := len(m.vals)
	next := m.rate(i)
	m.vals = m.vals[:mark]
	return next > 0
}

// timeThing reads how long, when, since when or how often.
func (m *matcher) timeThing(e *entity, i int) int {
	found, err := when.Read(m.hearTime(i), m.now)
	var wrong *when.Error
	if errors.As(err, &wrong) {
		if wrong.Words == 0 || wrong.Why == when.NoClock && !comes(m.toks[i].low) {
			return -1
		}
		m.vals = append(m.vals, wrong.Said)
		m.putThing(e, kindTime, true)
		e.later = true
		e.fault = &fault{kind: faultForm, of: kindTime, said: wrong.Said, text: err.Error(), choices: wrong.Readings, at: -1}
		if wrong.Why == when.TooFar || wrong.Why == when.Past || wrong.Why == when.Nothing {
			e.fault.kind = faultRefused
		}
		return i + wrong.Words
	}
	if err != nil || found.Words == 0 || m.now.IsZero() && found.Kind != when.Span && found.Kind != when.Schedule {
		return -1
	}
	switch found.Kind {
	case when.Span:
		if last := i + found.Words - 1; found.Lead == 0 && m.toks[last].low == "second" && last+1 < len(m.toks) && !m.toks[last].comma && m.toks[last].raw != "1" && found.Words == 2 {
			return -1 // "a second chance"
		}
		m.vals = append(m.vals, found.Span.String())
		m.putThing(e, kindDuration, true)
	case when.Back:
		m.vals = append(m.vals, found.Span.Round(time.Second).String())
		m.putThing(e, kindPeriod, true)
	case when.Schedule:
		m.vals = append(m.vals, found.Cron)
		m.putThing(e, kindSchedule, true)
		e.later = true
	default:
		e.span = found.Span
		if found.Start.IsZero() {
			m.vals = append(m.vals, found.Span.Round(time.Second).String())
			m.putThing(e, kindDuration, true)
			break
		}
		m.vals = append(m.vals, found.Start.Format(time.RFC3339))
		m.putThing(e, kindTime, true)
		e.later = true
	}
	return i + found.Words
}

// comes reports whether w begins a day that is to come, although no time of day is said.
func comes(w string) bool {
	switch w {
	case "tomorrow", "tonight", "on", "next":
		return true
	}
	return slices.Contains([]string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}, w)
}

// hearTime returns the words from i on that may say a time, each with its comma.
func (m *matcher) hearTime(i int) []string {
	const most = 16
	m.heard = m.heard[:0]
	for ; i < len(m.toks) && len(m.heard) < most && !m.toks[i].quoted; i++ {
		w := m.toks[i].low
		if m.toks[i].comma {
			w += ","
		}
		m.heard = append(m.heard, w)
	}
	return m.heard
}
