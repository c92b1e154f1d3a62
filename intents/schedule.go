package intents

import (
	"strings"
	"time"

	"github.com/shitops/opsbot/intents/when"
)

// schedule reads when a job comes: five fields as in crontab, "@every 30m", "every 30 minutes", "every day at 5:30", "every sunday at 4". Its value
// is five fields, or @every and a duration.
func (m *matcher) schedule(i int) int {
	value, next := m.scheduleAt(i)
	if next > 0 {
		m.vals = append(m.vals, value)
	}
	return next
}

// scheduleAt returns the schedule at word i and the word behind it, -1 where there is none.
func (m *matcher) scheduleAt(i int) (string, int) {
	if t := &m.toks[i]; !t.quoted && !beginsSchedule(t.low) {
		return "", -1
	}
	f, next, err := m.said(i, when.ReadSchedule)
	if err != nil || tooOften(f.Cron) && m.toks[i].low[0] != '@' {
		return "", -1
	}
	return f.Cron, next
}

// tooOften reports whether a schedule comes more than once a minute: said in words, that is a slip of the tongue; @every 2s means what it says.
func tooOften(schedule string) bool {
	span, every := strings.CutPrefix(schedule, "@every ")
	d, err := time.ParseDuration(span)
	return every && err == nil && d < time.Minute
}

// beginsSchedule tells at a glance whether a schedule may begin with w.
func beginsSchedule(w string) bool {
	switch c := w[0]; {
	case c >= '0' && c <= '9', c == '*', c == '@':
		return true
	}
	switch w {
	case "every", "each", "daily", "nightly", "hourly", "weekly", "monthly", "once", "twice", "three", "four", "six", "noon", "midnight", "on":
		return true
	}
	return w[len(w)-1] == 's' && when.Begins(w) // mondays, weekends
}

// faultySchedule says in f what is wrong with the words at i that stand where a schedule should.
func (m *matcher) faultySchedule(f *fault, i int) int {
	found, next, err := m.said(i, when.ReadSchedule)
	if next > 0 && err == nil && tooOften(found.Cron) && m.toks[i].low[0] != '@' {
		f.kind, f.text = faultRefused, "a job comes once a minute at most"
		return next
	}
	if next > 0 && err != nil {
		if m.wrongTime(f, err); err.Why == when.NoClock {
			f.text = "the time of day is missing"
		}
		f.kind = faultForm
		return next
	}
	if t := &m.toks[i]; t.quoted {
		f.text = shown(t.raw) + " says no times that I know"
		return i + 1
	}
	return -1
}
