package plugin

import (
	"fmt"
	"strings"
	"unicode"
)

// Status is what a check found, as its exit code.
type Status int

// The statuses.
const (
	OK Status = iota
	Warning
	Critical
	Unknown
)

// Exit returns the exit code of the plugin.
func (s Status) Exit() int {
	if s < OK || s > Unknown {
		return int(Unknown)
	}
	return int(s)
}

// String returns OK, WARNING, CRITICAL or UNKNOWN.
func (s Status) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[s.Exit()] }

// Result is what a plugin prints.
type Result struct {
	Name    string // of the check, in capitals: "HIT RATE"
	Status  Status
	Text    string   // one sentence
	Metrics []Metric // performance data
	Details []string // further lines, for those who look closer
}

// Failed returns the result of a check that could not be made.
func Failed(name string, err error) Result {
	return Result{Name: name, Status: Unknown, Text: err.Error()}
}

// String returns the output with its line ends. All performance data are on the first line: Icinga2 before 2.13.8 breaks labels behind further
// lines. Line ends and bars inside texts are replaced, as the first bar ends the text.
func (r Result) String() string {
	var b strings.Builder
	b.WriteString(r.text())
	for i, m := range r.Metrics {
		if i == 0 {
			b.WriteString(" |")
		}
		b.WriteString(" " + m.String())
	}
	b.WriteByte('\n')
	for _, d := range r.Details {
		b.WriteString(clean(d) + "\n")
	}
	return b.String()
}

// text is the first line without its performance data.
func (r Result) text() string {
	return fmt.Sprintf("%s %s: %s", clean(r.Name), r.Status, clean(r.Text))
}

// Worst returns the more alarming of two statuses: OK, UNKNOWN, WARNING, CRITICAL.
func Worst(a, b Status) Status {
	rank := func(s Status) int { return [...]int{0, 2, 3, 1}[s.Exit()] }
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// unseen tells characters that change how others look: line ends, escapes, marks that turn the direction of writing.
func unseen(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '|':
			return '/'
		case unseen(r):
			return ' '
		default:
			return r
		}
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.TrimSpace(s)
}
