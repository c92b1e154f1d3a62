package intents

import (
	"net/url"
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
	case kindSite, kindDeployment, kindTenant, kindPerson, kindRule, kindJob:
		return m.named(h.kind, i)
	case kindTopic:
		return m.topic(i)
	case kindRate:
		return m.rate(i)
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

// named reads one name of kind k, with or without what it is: "news", "channel news", "the news channel".
func (m *matcher) named(k kind, i int) int {
	found, next := m.lookup(k, i)
	if found < 0 && i+1 < len(m.toks) && !m.toks[i].quoted {
		the := m.toks[i].word == wordThe
		if the {
			i++
		}
		if m.noun(k, i) {
			found, next = m.typedName(k, i+1)
		} else if found, next = m.lookup(k, i); the && (found < 0 || !m.noun(k, next)) {
			return -1 // "the news" may be anybody's
		}
	}
	if found < 0 {
		return -1
	}
	if m.noun(k, next) && !m.toks[next-1].comma {
		next++
	}
	m.vals = append(m.vals, m.p.names.names[found].text)
	return next
}

// noun reports whether word i says what a name of kind k is.
func (m *matcher) noun(k kind, i int) bool {
	if i >= len(m.toks) || m.toks[i].quoted {
		return false
	}
	return m.toks[i].low == k.String() || k == kindDeployment && m.toks[i].word == wordChannel
}

// segment reads the name of a segment, or "segment 5001" and "vni 5001": its name where the VNI is known, else
// the VNI itself. A bare number is none.
func (m *matcher) segment(i int) int {
	if next := m.named(kindSegment, i); next > 0 {
		return next
	}
	t := &m.toks[i]
	typed := t.word == wordSegment || t.word == wordVNI
	if t.quoted || t.comma {
		return -1
	}
	if typed && i+1 < len(m.toks) {
		if t.word == wordSegment {
			if next := m.named(kindSegment, i+1); next > 0 {
				return next
			}
		}
		i++
	} else if i == 0 || m.toks[i-1].word != wordSegment && m.toks[i-1].word != wordVNI {
		return -1
	}
	said := number(m.toks[i].raw, 1, mostVNI)
	if said == "" {
		return -1
	}
	for j := range m.p.inv.Segments {
		if s := &m.p.inv.Segments[j]; s.VNI != 0 && strconv.FormatUint(uint64(s.VNI), 10) == said {
			said = s.Name
			break
		}
	}
	m.vals = append(m.vals, said)
	return i + 1
}

// mostVNI is the highest VNI: 24 bits, RFC 7348 section 5.
const mostVNI = 1<<24 - 1

// typedName is lookup behind a word that says what the name is of: so typed, a name may be any word.
func (m *matcher) typedName(k kind, i int) (found int32, next int) {
	if found, next = m.lookup(k, i); found >= 0 || i >= len(m.toks) || m.toks[i].quoted {
		return found, next
	}
	var ok bool
	if m.key, ok = appendKey(m.key[:0], m.toks[i].raw); !ok {
		return -1, -1
	}
	if found, ambiguous := m.p.names.find(k, m.key, m.toks[i].raw); found >= 0 && !ambiguous {
		return found, i + 1
	}
	return -1, -1
}

// lookup finds the name of kind k that begins at word i and takes the most words. It returns -1 where there is
// none, and where several names are written alike.
func (m *matcher) lookup(k kind, i int) (found int32, next int) {
	if i >= len(m.toks) {
		return -1, -1
	}
	t := &m.toks[i]
	x := m.p.names
	var ok bool
	if m.key, ok = appendKey(m.key[:0], t.raw); !ok {
		return -1, -1
	}
	found, next = -1, -1
	if t.quoted || !reserved(t.low) && !digits(t.raw) {
		if id, ambiguous := x.find(k, m.key, t.raw); id >= 0 && !ambiguous {
			found, next = id, i+1
		}
	}
	if t.quoted || x.longest == 1 {
		return found, next
	}
	begins := reserved(t.low) // then a number alone may follow: "edge 2" is a name, "run r-17" is a run
	for j := i + 1; j < len(m.toks) && j < i+x.longest; j++ {
		t := &m.toks[j]
		if t.quoted || m.toks[j-1].comma || reserved(t.low) || begins && t.number() == "" {
			break
		}
		if !m.extend(t) {
			break
		}
		if id, ambiguous := x.find(k, m.key, ""); id >= 0 && !ambiguous {
			found, next = id, j+1
		}
	}
	return found, next
}

// extend appends the word t to the key in m.key, a number word as its digits.
func (m *matcher) extend(t *token) bool {
	text := t.raw
	if n := t.number(); n != "" {
		text = n
	}
	last := m.key[len(m.key)-1]
	if classOf(rune(last)) == classOf(rune(text[0])) {
		m.key = append(m.key, '-')
	}
	var ok bool
	m.key, ok = appendKey(m.key, text)
	return ok
}

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
