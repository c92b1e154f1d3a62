package intents

import (
	"slices"
	"strings"
)

// freeValue reads values whose words the inventory need not know: reasons, services, times, commands and new names of jobs.
func (m *matcher) freeValue(k kind, i int) int {
	switch k {
	case kindReason:
		return m.reason(i)
	case kindService:
		return m.service(i)
	case kindSchedule:
		return m.schedule(i)
	case kindCommand:
		return m.command(i)
	case kindJobName:
		return m.jobName(i)
	case kindAddress:
		return m.address(i)
	case kindTime:
		return m.moment(i)
	}
	return -1
}

// reason reads why somebody does something: a quotation, or all words up to the end. Words that may take back what was said before them are no
// reason unless they stand in quotation marks.
func (m *matcher) reason(i int) int {
	if t := &m.toks[i]; t.quoted {
		if strings.TrimSpace(t.raw) == "" {
			return -1
		}
		m.vals = append(m.vals, t.raw)
		return i + 1
	}
	for j := i; j < len(m.toks); j++ {
		switch m.toks[j].low {
		case "no", "not", "don't", "dont", "never", "if", "unless", "wait", "actually", "sorry", "scratch", "rather", "instead", "oops", "mean", "only":
			return -1
		}
	}
	m.vals = append(m.vals, m.text(i, len(m.toks)))
	return len(m.toks)
}

// service reads the name of a service: one that is known, in any case; a quotation; or the word behind "service".
func (m *matcher) service(i int) int {
	t := &m.toks[i]
	if t.quoted {
		if strings.TrimSpace(t.raw) == "" {
			return -1
		}
		m.vals = append(m.vals, m.p.serviceName(t.raw))
		return i + 1
	}
	longest, name := 0, ""
	for _, known := range m.p.inv.Services {
		if n := m.fits(i, known); n > longest {
			longest, name = n, known
		}
	}
	if longest == 0 && i > 0 && m.toks[i-1].low == "service" && !m.toks[i-1].quoted && freeName(t.raw) && !joining(t.low) {
		longest, name = 1, m.p.serviceName(t.raw)
	}
	if longest == 0 {
		return -1
	}
	m.vals = append(m.vals, name)
	return i + longest
}

// serviceName returns the name of the known service that is written like text but for its case, else text.
func (p *Parser) serviceName(text string) string {
	if slices.Contains(p.inv.Services, text) {
		return text
	}
	for _, known := range p.inv.Services {
		if strings.EqualFold(known, text) {
			return known
		}
	}
	return text
}

// fits returns how many words from i on say name, 0 where they do not.
func (m *matcher) fits(i int, name string) int {
	n := 0
	for w := range strings.FieldsSeq(name) {
		if i+n >= len(m.toks) || n > 0 && m.toks[i+n-1].comma || m.toks[i+n].quoted || !strings.EqualFold(m.toks[i+n].raw, w) {
			return 0
		}
		n++
	}
	return n
}

// job reads the name of a job: one that is known, however it is written, else a word that has the form of a name. One that is a slip away from a
// known name is neither: it is asked back.
func (m *matcher) job(i int) int {
	if next := m.named(kindJob, i); next > 0 {
		return next
	}
	t := &m.toks[i]
	if m.p.names.mistyped(kindJob, t.raw) != "" {
		return -1
	}
	if i > 1 && m.toks[i-2].word == wordThe && !t.quoted && !strings.ContainsAny(t.raw, "-_.0123456789") {
		return -1 // "the job description"
	}
	return m.jobName(i)
}

// jobName reads a word that has the form of a name. A word of the grammar must stand behind "as" or in quotation marks.
func (m *matcher) jobName(i int) int {
	t := &m.toks[i]
	as := i > 0 && m.toks[i-1].low == "as" && !m.toks[i-1].quoted // behind "as" no word is anything but a name
	if !freeName(t.raw) || !t.quoted && (t.word != wordNone && !as || joining(t.low)) {
		return -1
	}
	m.vals = append(m.vals, t.raw)
	return i + 1
}

// freeName reports whether text has the form of a name: letters, digits, hyphens, dots and underscores, a letter first.
func freeName(text string) bool {
	for i := range len(text) {
		c := text[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '_' && c != '.') {
			return false
		}
	}
	return text != ""
}

// text returns the words from i to next as they could be typed again.
func (m *matcher) text(i, next int) string {
	var b strings.Builder
	for first := i; i < next; i++ {
		t := &m.toks[i]
		glued := !t.quoted && (t.low == "'s" || t.low == ":")
		if i > first && !glued {
			b.WriteByte(' ')
		}
		if t.quoted {
			b.WriteString(quote(t.raw))
		} else {
			b.WriteString(t.raw)
		}
		if t.comma && i+1 < next {
			b.WriteByte(',')
		}
	}
	return b.String()
}
