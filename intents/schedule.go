package intents

import (
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// mostScheduleWords bounds how many words a schedule is said in.
const mostScheduleWords = 16

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
	t := &m.toks[i]
	if t.quoted {
		words := strings.Fields(t.low)
		if value, n := scheduleOf(words); n == len(words) && n > 0 {
			return value, i + 1
		}
		return "", -1
	}
	if !beginsSchedule(t.low) {
		return "", -1
	}
	value, n := scheduleOf(m.phrase(i))
	if n == 0 {
		return "", -1
	}
	return value, i + n
}

// beginsSchedule tells at a glance whether a schedule may begin with w.
func beginsSchedule(w string) bool {
	switch c := w[0]; {
	case c >= '0' && c <= '9', c == '*', c == '@':
		return true
	}
	switch w {
	case "every", "each", "daily", "hourly", "noon", "midnight":
		return true
	}
	_, plural := dayOf(strings.TrimSuffix(w, ","))
	return plural
}

// phrase returns the words from i on in lower case, up to a quoted one, each with its comma.
func (m *matcher) phrase(i int) []string {
	var words []string
	for ; i < len(m.toks) && len(words) < mostScheduleWords && !m.toks[i].quoted; i++ {
		w := m.toks[i].low
		if m.toks[i].comma {
			w += ","
		}
		words = append(words, w)
	}
	return words
}

// scheduleOf reads a schedule at the head of words and returns how many it took, 0 where there is none.
func scheduleOf(words []string) (value string, n int) {
	if len(words) == 0 {
		return "", 0
	}
	if value, n = cronFields(words); n > 0 {
		return value, n
	}
	switch words[0] {
	case "@every":
		return everySpan(words[1:], 1)
	case "@hourly", "hourly":
		return "0 * * * *", 1
	case "@daily", "@midnight":
		return "0 0 * * *", 1
	case "@weekly":
		return "0 0 * * 0", 1
	case "@monthly":
		return "0 0 1 * *", 1
	case "@yearly", "@annually":
		return "0 0 1 1 *", 1
	case "every", "each":
		if value, n = everySpan(words[1:], 1); n > 0 {
			return value, n
		}
	}
	return dayAndTime(words)
}

// cronFields reads five fields as in crontab. A list in a field may have been cut at its commas.
func cronFields(words []string) (value string, n int) {
	if c := words[0][0]; c != '*' && (c < '0' || c > '9') {
		return "", 0
	}
	var fields []string
	open := false
	for ; n < len(words); n++ {
		if len(fields) == 5 && !open {
			break
		}
		w := words[n]
		if open {
			fields[len(fields)-1] += w
		} else {
			fields = append(fields, w)
		}
		open = strings.HasSuffix(w, ",")
	}
	if len(fields) != 5 || open {
		return "", 0
	}
	value = strings.Join(fields, " ")
	if _, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(value); err != nil {
		return "", 0
	}
	return value, n
}

// everySpan reads a span of time behind "every": 30m, 30 minutes, hour. A bare day or week needs a time of day instead.
func everySpan(words []string, before int) (value string, n int) {
	if len(words) == 0 {
		return "", 0
	}
	d, ok := compactSpan(words[0])
	n = 1
	switch u := unit(words[0]); {
	case ok:
	case u > 0 && u < 24*time.Hour:
		d = u
	case len(words) > 1:
		t := token{raw: words[0], low: words[0]}
		number := words[0]
		for k, w := range numberWords() {
			if w == words[0] {
				t.word = wordZero + word(k)
				number = t.number()
			}
		}
		d, _ = times(number, unit(words[1]))
		n = 2
	}
	if d < time.Second || d%time.Second != 0 || d > longestSpan {
		return "", 0
	}
	return "@every " + shortSpan(d), before + n
}

// shortSpan writes a duration without parts that are zero: 30m, 1h30m, 90s as 1m30s.
func shortSpan(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// dayAndTime reads "every day at 5:30", "every monday and friday at 6pm", "daily at noon", "weekdays at 7", "5:30 every day".
func dayAndTime(words []string) (value string, n int) {
	if minute, hour, k := dayTime(words); k > 0 {
		days, j := daysOf(words[k:])
		if j == 0 {
			return "", 0
		}
		return atTime(minute, hour, days), k + j
	}
	days, n := daysOf(words)
	if n == 0 || n >= len(words) || words[n] != "at" {
		return "", 0
	}
	minute, hour, k := dayTime(words[n+1:])
	if k == 0 {
		return "", 0
	}
	return atTime(minute, hour, days), n + 1 + k
}

func atTime(minute, hour int, days string) string {
	return strconv.Itoa(minute) + " " + strconv.Itoa(hour) + " * * " + days
}

// dayTime reads a time of day: what "until" takes, and an hour alone.
func dayTime(words []string) (minute, hour, n int) {
	if len(words) == 0 {
		return 0, 0, 0
	}
	said := words[0]
	n = 1
	if len(words) > 1 && (words[1] == "am" || words[1] == "pm") {
		said += words[1]
		n = 2
	}
	if len(said) <= 2 && digits(said) {
		if hour, _ = strconv.Atoi(said); hour > 23 { // two digits at most
			return 0, 0, 0
		}
		return 0, hour, n
	}
	hour, minute, ok := timeOfDay(said)
	if !ok {
		return 0, 0, 0
	}
	return minute, hour, n
}

// daysOf reads which days of the week, as the last field of crontab: "every day", "daily", "every monday and friday", "weekdays", "on sundays".
func daysOf(words []string) (field string, n int) {
	every := false
	if n < len(words) && words[n] == "on" {
		n++
	}
	if n < len(words) {
		switch words[n] {
		case "daily":
			return "*", n + 1
		case "every", "each":
			every = true
			n++
		}
	}
	var days []string
	for n < len(words) {
		w, comma := strings.CutSuffix(words[n], ",")
		day, plural := dayOf(w)
		if day == "" || !every && !plural || len(days) > 6 {
			break
		}
		days = append(days, day)
		n++
		if comma {
			continue
		}
		if n+1 < len(words) && words[n] == "and" {
			if day, _ := dayOf(words[n+1]); day != "" {
				n++
				continue
			}
		}
		return strings.Join(days, ","), n
	}
	return "", 0
}

// dayOf returns the day or days that w names, as crontab counts them, and whether it is said in the plural.
func dayOf(w string) (field string, plural bool) {
	switch w {
	case "day":
		return "*", false
	case "weekday":
		return "1-5", false
	case "weekdays":
		return "1-5", true
	case "weekend":
		return "0,6", false
	case "weekends":
		return "0,6", true
	}
	bare, plural := strings.CutSuffix(w, "s")
	for day, name := range weekdays() {
		if bare == name {
			return strconv.Itoa(day), plural
		}
		if w == name[:3] {
			return strconv.Itoa(day), false
		}
	}
	return "", false
}

// weekdays returns the days as crontab counts them.
func weekdays() [7]string {
	return [7]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
}

// faultySchedule says in f what is wrong with the words at i that stand where a schedule should.
func (m *matcher) faultySchedule(f *fault, i int) int {
	t := &m.toks[i]
	if t.quoted {
		f.text = shown(t.raw) + " says no times that I know"
		return i + 1
	}
	words := m.phrase(i)
	_, n := daysOf(words)
	switch {
	case n == 0:
		return -1
	case n == len(words) || words[n] != "at":
		f.text = "the time of day is missing"
		return i + n
	case n+1 < len(words):
		f.text = shown(words[n+1]) + " is no time of day"
		return i + n + 2
	}
	return -1
}
