package intents

import (
	"time"
)

// entity is a thing that somebody speaks of: a name of the inventory, a time, a URL, a number.
type entity struct {
	site     string // of nodes: the site that they were said by
	kind     kind
	from, to int           // its words in the saying
	values   []string      // canonical
	also     int32         // the first of the names that are written alike, -1 where there is none
	chosen   filter        // of nodes: the description that chose them
	typed    bool          // said with what it is ("channel news"), quoted, or impossible to take for a word
	slip     string        // how a mistyped name was read: "taking egde-2 as edge-2"
	fault    *fault        // what is wrong with it: a name that the inventory does not have
	later    bool          // a time that is not now
	span     time.Duration // of a time: how long from then on
}

// mask returns the word that stands in the text in place of e.
func (e *entity) mask() string {
	switch e.kind {
	case kindNode, kindSite:
		return maskNode
	case kindDeployment:
		return maskDeployment
	case kindTenant:
		return maskTenant
	case kindSegment:
		return maskSegment
	case kindPerson:
		return maskPerson
	case kindRule:
		return maskRule
	case kindJob:
		return maskJob
	case kindPlatform:
		return maskPlatform
	case kindURL, kindPrefix:
		return maskURL
	case kindTag:
		return maskTag
	case kindRun:
		return maskRun
	case kindDuration, kindPeriod:
		return maskDuration
	case kindSchedule, kindTime:
		return maskTime
	case kindAddress:
		return maskAddress
	case kindTopic:
		return maskIntent
	case kindCount, kindRate:
		return maskNumber
	case kindVNI:
		return maskVNI
	case kindService:
		return maskService
	}
	return maskText
}

// things finds every entity of s.
func (m *matcher) things(s *saying) {
	m.toks = s.words
	m.part = &part{toks: s.words}
	for i := 0; i < len(s.words); {
		if s.cues[i] != cueNone { // "if you have a minute"
			i++
			continue
		}
		e := entity{from: i, also: -1}
		next := m.thing(s, &e, i)
		if next <= i {
			i++
			continue
		}
		e.to = next
		at := int16(len(s.ents))
		s.ents = append(s.ents, e)
		for j := i; j < next; j++ {
			s.of[j] = at
		}
		i = next
	}
}

// thing reads one entity at word i and returns the word behind it, -1 where there is none.
func (m *matcher) thing(s *saying, e *entity, i int) int {
	t := &m.toks[i]
	m.vals = m.vals[:0]
	if t.quoted {
		return m.quotedThing(e, i)
	}
	if next := m.formed(e, i); next > 0 {
		return next
	}
	if next := m.typedThing(e, i); next > 0 {
		return next
	}
	if next := m.someNodes(s, e, i); next > 0 {
		return next
	}
	if next := m.anyThing(e, i); next > 0 {
		return next
	}
	if next := m.amount(e, i); next > 0 {
		return next
	}
	return m.almostThing(s, e, i)
}

// put makes e a thing of kind k with the values read last.
func (m *matcher) putThing(e *entity, k kind, typed bool) {
	e.kind, e.typed = k, typed
	e.values = append([]string(nil), m.vals...)
	m.vals = m.vals[:0]
}

// said returns the words of e.
func (e *entity) said(m *matcher) string { return m.words(e.from, max(e.to, e.from+1)) }
