package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The most that a calendar file may hold.
const (
	maxCalendar = 4 << 20
	maxEvents   = 20_000
	maxShift    = 366 * 24 * time.Hour // of one event
)

// Calendar says who is on call when: the events of an iCalendar file (RFC 5545) whose summary is a person. It is immutable.
type Calendar struct {
	name   string
	events []event
}

// event is one VEVENT. Start and end are times by the clock on the wall of their zone, so that repeats stay at the same hour when the clock is changed.
type event struct {
	line       int
	person     string
	start, end time.Time
	every      int // days between repeats; 0 for none
	count      int // of all occurrences; 0 for no bound
	until      time.Time
}

// ParseCalendar reads a calendar file. It is strict: what it does not understand and would have to guess is an error with its line. name is what
// errors bear, zone that of times that name none.
//
// Of events it takes SUMMARY (a person), DTSTART, DTEND or DURATION, and of repeats FREQ DAILY and WEEKLY with INTERVAL, COUNT and UNTIL. Events that
// are cancelled are passed over, and so are all parts that are no events: zones are those of the IANA database, as named by TZID.
func ParseCalendar(data []byte, name string, zone *time.Location) (*Calendar, error) {
	if len(data) > maxCalendar {
		return nil, fmt.Errorf("%s: has more than %d bytes, that is no calendar of people on call", name, maxCalendar)
	}
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%s: is not UTF-8", name)
	}
	p := calendarParser{name: name, zone: zone}
	for _, l := range unfold(data) {
		if err := p.line(l); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, l.number, err)
		}
	}
	switch {
	case !p.begun:
		return nil, fmt.Errorf("%s:1: does not begin with BEGIN:VCALENDAR", name)
	case len(p.open) > 0:
		return nil, fmt.Errorf("%s: ends inside of %s", name, p.open[len(p.open)-1])
	}
	return &Calendar{name, p.events}, nil
}

// At returns the people whose events cover a time, in the order in which these began.
func (c *Calendar) At(now time.Time) []string {
	type hit struct {
		start  time.Time
		person string
	}
	var hits []hit
	for _, e := range c.events {
		if start, ok := e.at(now); ok {
			hits = append(hits, hit{start, e.person})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.person, b.person)) })
	var out []string
	for _, h := range hits {
		out = append(out, h.person)
	}
	return unique(out)
}

// People returns everybody whom the calendar names, in the order of the file.
func (c *Calendar) People() []string {
	var out []string
	for _, e := range c.events {
		out = append(out, e.person)
	}
	return unique(out)
}

// at returns the start of the occurrence that covers a time; of several the first.
func (e event) at(now time.Time) (time.Time, bool) {
	if now.Before(e.start) {
		return time.Time{}, false
	}
	if e.every == 0 {
		return e.start, now.Before(e.end)
	}
	period := time.Duration(e.every) * 24 * time.Hour
	// A day on which the clock is changed is an hour longer or shorter: look one occurrence further on both sides.
	first := max(0, int((now.Sub(e.start)-e.end.Sub(e.start))/period)-1)
	last := int(now.Sub(e.start)/period) + 1
	for n := first; n <= last; n++ {
		start, end := e.start.AddDate(0, 0, n*e.every), e.end.AddDate(0, 0, n*e.every)
		if e.count > 0 && n >= e.count || !e.until.IsZero() && start.After(e.until) {
			break
		}
		if !now.Before(start) && now.Before(end) {
			return start, true
		}
	}
	return time.Time{}, false
}

// calendarParser holds the open parts and the event at hand.
type calendarParser struct {
	name   string
	zone   *time.Location
	begun  bool
	open   []string
	events []event
	seen   map[string]bool // properties of the event at hand
	e      event
	lasts  time.Duration
	days   int // of DURATION, by the calendar
	whole  bool
	skip   bool
}

func (p *calendarParser) line(l contentLine) error {
	prop, err := parseProperty(l.text)
	if err != nil {
		return err
	}
	switch {
	case prop.name == "BEGIN":
		return p.begin(strings.ToUpper(prop.value), l.number)
	case len(p.open) == 0:
		return errors.New("stands outside of BEGIN:VCALENDAR and END:VCALENDAR")
	case prop.name == "END":
		return p.end(strings.ToUpper(prop.value))
	case p.open[len(p.open)-1] == "VEVENT":
		return p.property(prop)
	}
	return nil
}

func (p *calendarParser) begin(part string, line int) error {
	switch {
	case len(p.open) == 0 && part != "VCALENDAR":
		return fmt.Errorf("BEGIN:%s stands outside of BEGIN:VCALENDAR", clipped(part))
	case len(p.open) == 0 && p.begun:
		return errors.New("a second calendar begins here; keep one")
	case len(p.open) > 8:
		return errors.New("parts inside of parts, too deep for a calendar")
	case part == "VEVENT" && len(p.open) != 1:
		return fmt.Errorf("an event inside of %s", p.open[len(p.open)-1])
	case part == "VEVENT":
		if len(p.events) >= maxEvents {
			return fmt.Errorf("more than %d events", maxEvents)
		}
		*p = calendarParser{name: p.name, zone: p.zone, begun: p.begun, open: p.open, events: p.events, seen: map[string]bool{}, e: event{line: line}}
	}
	p.begun, p.open = true, append(p.open, part)
	return nil
}

func (p *calendarParser) end(part string) error {
	inner := p.open[len(p.open)-1]
	if part != inner {
		return fmt.Errorf("END:%s, but %s is open", clipped(part), inner)
	}
	p.open = p.open[:len(p.open)-1]
	if part != "VEVENT" || p.skip {
		return nil
	}
	return p.finish()
}

// finish checks the event as a whole and keeps it.
func (p *calendarParser) finish() error {
	e := &p.e
	switch {
	case e.person == "":
		return fmt.Errorf("the event of line %d has no SUMMARY, which names the person", e.line)
	case e.start.IsZero():
		return fmt.Errorf("the event of line %d has no DTSTART", e.line)
	case !e.end.IsZero() && (p.lasts > 0 || p.days > 0):
		return fmt.Errorf("the event of line %d has DTEND and DURATION", e.line)
	case e.end.IsZero() && (p.lasts > 0 || p.days > 0):
		e.end = e.start.AddDate(0, 0, p.days).Add(p.lasts)
	case e.end.IsZero() && p.whole:
		e.end = e.start.AddDate(0, 0, 1) // RFC 5545 section 3.6.1: a date alone is that day
	case e.end.IsZero():
		return fmt.Errorf("the event of line %d has no end: DTEND or DURATION", e.line)
	}
	if lasts := e.end.Sub(e.start); lasts <= 0 || lasts > maxShift {
		return fmt.Errorf("the event of line %d ends before it begins, or lasts longer than a year", e.line)
	}
	p.events = append(p.events, *e)
	return nil
}

func (p *calendarParser) property(prop property) (err error) {
	if p.seen[prop.name] && slices.Contains([]string{"SUMMARY", "DTSTART", "DTEND", "DURATION", "RRULE", "STATUS"}, prop.name) {
		return fmt.Errorf("%s is here twice", prop.name)
	}
	p.seen[prop.name] = true
	switch prop.name {
	case "SUMMARY":
		p.e.person = strings.TrimSpace(unescape(prop.value))
	case "DTSTART":
		p.e.start, p.whole, err = p.moment(prop)
	case "DTEND":
		p.e.end, _, err = p.moment(prop)
	case "DURATION":
		p.days, p.lasts, err = parseSpell(prop.value)
	case "RRULE":
		err = p.repeat(prop.value)
	case "STATUS":
		p.skip = strings.EqualFold(prop.value, "CANCELLED")
	case "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID":
		err = fmt.Errorf("%s is not supported; write such events out one by one", prop.name)
	}
	return err
}

// moment reads a DATE or DATE-TIME, RFC 5545 sections 3.3.4 and 3.3.5.
func (p *calendarParser) moment(prop property) (at time.Time, date bool, err error) {
	zone := p.zone
	if id := prop.param("TZID"); id != "" {
		if zone, err = location(strings.TrimPrefix(id, "/")); err != nil {
			return at, false, fmt.Errorf("%s: %q is no time zone of the IANA database", prop.name, clipped(id))
		}
	}
	switch {
	case len(prop.value) == len("20060102"):
		at, err = time.ParseInLocation("20060102", prop.value, zone)
		date = true
	case strings.HasSuffix(prop.value, "Z"):
		at, err = time.Parse("20060102T150405Z", prop.value)
	default:
		at, err = time.ParseInLocation("20060102T150405", prop.value, zone)
	}
	if err != nil {
		return at, false, fmt.Errorf("%s: %q is no time; write one such as 20261103T080000", prop.name, clipped(prop.value))
	}
	return at, date, nil
}

// repeat reads a simple RRULE, RFC 5545 section 3.3.10.
func (p *calendarParser) repeat(rule string) error {
	unit, interval := 0, 1
	for part := range strings.SplitSeq(strings.ToUpper(rule), ";") {
		key, value, _ := strings.Cut(part, "=")
		var err error
		switch key {
		case "FREQ":
			unit = map[string]int{"DAILY": 1, "WEEKLY": 7}[value]
		case "INTERVAL":
			interval, err = positive(value, 1000)
		case "COUNT":
			p.e.count, err = positive(value, 1_000_000)
		case "UNTIL":
			p.e.until, err = p.until(value)
		case "WKST": // tells nothing without BYDAY
		default:
			return fmt.Errorf("RRULE: %s is not supported; FREQ=DAILY or WEEKLY, INTERVAL, COUNT and UNTIL are", clipped(key))
		}
		if err != nil {
			return fmt.Errorf("RRULE: %s: %w", key, err)
		}
	}
	if unit == 0 {
		return errors.New("RRULE: FREQ must be DAILY or WEEKLY")
	}
	p.e.every = unit * interval
	return nil
}

// until reads the last moment at which a repeat may begin; a date includes that day.
func (p *calendarParser) until(value string) (time.Time, error) {
	at, date, err := p.moment(property{name: "UNTIL", value: value})
	if date {
		at = at.AddDate(0, 0, 1).Add(-time.Second)
	}
	return at, err
}

func positive(text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%q is no number from 1 to %d", clipped(text), most)
	}
	return n, nil
}

// parseSpell reads a DURATION such as P1W, P1DT12H or PT30M, RFC 5545 section 3.3.6. Weeks and days are those of the calendar, the rest is exact.
func parseSpell(text string) (days int, rest time.Duration, err error) {
	bad := fmt.Errorf("DURATION: %q is none; write one such as P7D or PT12H", clipped(text))
	date, clock, timed := strings.Cut(strings.TrimPrefix(text, "+"), "T")
	date, ok := strings.CutPrefix(date, "P")
	if !ok || timed && clock == "" || !timed && date == "" {
		return 0, 0, bad
	}
	take := func(from *string, unit string) int {
		number, after, found := strings.Cut(*from, unit)
		if !found || err != nil {
			return 0
		}
		n, wrong := positive(number, 1_000_000)
		if wrong != nil {
			err = bad
		}
		*from = after
		return n
	}
	days = 7*take(&date, "W") + take(&date, "D")
	hours, minutes, seconds := take(&clock, "H"), take(&clock, "M"), take(&clock, "S")
	if err == nil && date+clock != "" {
		err = bad
	}
	return days, time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second, err
}

func clipped(text string) string {
	if len(text) > 60 {
		return strings.ToValidUTF8(text[:60], "") + "…"
	}
	return text
}
