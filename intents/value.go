package intents

import (
	"strconv"
	"strings"
)

// value reads the value of h at word i, appends it to m.vals, and returns the word behind it; -1 where there is
// no such value. rangeTo says whether "to" may join two nodes.
func (m *matcher) value(h *hole, i int, rangeTo bool) int {
	switch h.kind {
	case kindNode:
		return m.nodeList(h, i, rangeTo)
	case kindURL:
		return m.urls(h, i)
	case kindDuration, kindPeriod:
		return m.span(i)
	case kindRun:
		return m.run(i)
	case kindSegment:
		return m.segment(i)
	case kindJob:
		return m.job(i)
	case kindSite, kindDeployment, kindTenant, kindPerson, kindRule:
		return m.named(h.kind, i)
	case kindTopic:
		return m.topic(i)
	case kindRate:
		return m.rate(i)
	}
	if h.kind >= kindReason {
		return m.freeValue(h.kind, i)
	}
	t := &m.toks[i]
	if v := wordValue(h.kind, t); v != "" {
		m.vals = append(m.vals, v)
		return i + 1
	}
	return -1
}

// wordValue returns the canonical value of kinds that take one word, "" where t is none.
func wordValue(k kind, t *token) string {
	switch k {
	case kindPlatform:
		switch t.word {
		case wordLinux:
			return "linux"
		case wordMac, wordMacs, wordMacOS, wordDarwin:
			return "darwin"
		}
	case kindState:
		return stateOf(t.low)
	case kindTag:
		if tagWord(t.raw) && (t.quoted || !reserved(t.low)) {
			return t.raw
		}
	case kindPrefix:
		if isURL(t.raw) {
			v, _ := cleanURL(t.raw)
			return v
		}
		if strings.HasPrefix(t.raw, "/") && !strings.ContainsAny(t.raw, " \"<>\\") {
			return t.raw
		}
	case kindCount:
		return number(t.raw, 1, 1<<31-1)
	case kindVNI:
		return number(t.raw, 1, mostVNI)
	case kindText:
		if t.quoted {
			return t.raw
		}
	}
	return ""
}

// number returns text where it is a decimal between least and most without leading zeros, else "".
func number(text string, least, most int) string {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most || strconv.Itoa(n) != text {
		return ""
	}
	return text
}

// stateOf returns the state of a run that w means, "" where it means none.
func stateOf(w string) string {
	switch w {
	case "waiting", "running", "done", "failed", "undone", "cancelled":
		return w
	case "canceled":
		return "cancelled"
	case "active":
		return "running"
	case "finished", "successful":
		return "done"
	}
	return ""
}

// tagWord reports whether text can be the tag of cached objects: what goes unquoted into an xkey header.
func tagWord(text string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.:/", rune(c)) {
			return false
		}
	}
	return text != "" && text[0] != '-'
}

// run reads r-17 or "run 17". A bare number is no run.
func (m *matcher) run(i int) int {
	t := &m.toks[i]
	if t.word == wordRun && !t.quoted && i+1 < len(m.toks) && !t.comma {
		next := &m.toks[i+1]
		said := strings.TrimPrefix(next.low, "#")
		if n := next.number(); n != "" {
			said = n
		}
		if digits(said) {
			return m.putRun(said, i+2)
		}
		t, i = next, i+1
	}
	said, ok := strings.CutPrefix(t.low, "r")
	said = strings.TrimPrefix(said, "-")
	if !ok || !digits(said) {
		return -1
	}
	return m.putRun(said, i+1)
}

// putRun appends the run with number said. Numbers of runs begin at 1 and fit into 64 bits.
func (m *matcher) putRun(said string, next int) int {
	n, err := strconv.ParseUint(said, 10, 64)
	if err != nil || n == 0 || said[0] == '0' {
		return -1
	}
	m.vals = append(m.vals, "r-"+said)
	return next
}

// mostRate bounds requests per second; no single machine plays more viewers.
const mostRate = 1_000_000

// rate reads requests per second: "100/s", "100 rps", "100 requests per second".
func (m *matcher) rate(i int) int {
	said := m.toks[i].low
	bare, unit := strings.CutSuffix(said, "/s")
	if !unit {
		bare, unit = strings.CutSuffix(said, "rps")
	}
	next := i + 1
	if !unit {
		next = m.rateUnit(next)
	}
	if next < 0 || number(bare, 1, mostRate) == "" {
		return -1
	}
	m.vals = append(m.vals, bare)
	return next
}

// rateUnit reads the words of "requests per second" at i and returns the word behind them, -1 where they are none.
func (m *matcher) rateUnit(i int) int {
	at := func(j int) string {
		if j < len(m.toks) {
			return m.toks[j].low
		}
		return ""
	}
	if w := at(i); w == "rps" || w == "/s" {
		return i + 1
	}
	if w := at(i); w == "requests" || w == "request" || w == "req" {
		i++
	}
	switch {
	case at(i) == "/" && at(i+1) == "s", (at(i) == "per" || at(i) == "a") && (at(i+1) == "second" || at(i+1) == "s"):
		return i + 2
	case at(i) == "/s":
		return i + 1
	}
	return -1
}

// topic reads a subject of `help`: an intent, a verb, or a noun of the catalogue, in up to three words.
func (m *matcher) topic(i int) int {
	const most = 3
	said, found, next := "", "", -1
	for j := i; j < min(i+most, len(m.toks)); j++ {
		if j > i {
			said += " "
		}
		said += m.toks[j].low
		if topic, ok := m.p.catalog.topics[said]; ok {
			found, next = topic, j+1
		}
	}
	if next > 0 {
		m.vals = append(m.vals, found)
	}
	return next
}
