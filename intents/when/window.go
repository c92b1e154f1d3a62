package when

import (
	"strings"
	"time"
)

// ReadWindow reads from when and how long at the head of said: "from 22:00 to 02:00", "tomorrow 02:00 for 2h", "until 6pm", "for 2h starting at 22:00".
// "for 2h" alone is a Span, "from 22:00" alone a Moment.
func ReadWindow(said []string, now time.Time) (Found, error) {
	return words(said).window(now, false)
}

// window reads a window at the head of w. Where bare is set, it may begin with an hour alone.
func (w words) window(now time.Time, bare bool) (Found, error) {
	if f, next, lead, err := w.until(now); next > 0 {
		return w.found(f, next, lead, err)
	}
	if f, next, lead, err := w.forSpan(now); next > 0 {
		return w.found(f, next, lead, err)
	}
	if split, at := w.hyphen(); at >= 0 {
		f, err := split.window(now, at == 0)
		if f.Words >= at+3 {
			f.Words -= 2
			return f, err
		}
		if e, ok := err.(*Error); ok && e.Words >= at+3 {
			e.Words -= 2
			e.Said = w.text(e.Words)
			return f, e
		}
	}
	f, next, lead, err := w.fromTo(now, bare)
	return w.found(f, next, lead, err)
}

// until reads "until 6pm": a window that begins at once.
func (w words) until(now time.Time) (f Found, next, lead int, err *Error) {
	if !w.any(0, "until", "till", "til", "'til") {
		return f, -1, 0, nil
	}
	t, next, err := w.moment(1, now, true)
	if err != nil && err.Why == NoClock {
		if d, _, _ := w.day(1, now); d.part == anyPart { // until it begins, or until it is over?
			_, err = eitherOf(d.date, clock{}, d.date.plus(1), clock{}, now.Location())
		}
	}
	if next > 0 && err == nil {
		err = ahead(t, now)
	}
	if next > 0 && err == nil && !t.After(now) {
		err = fault(Past)
	}
	return Found{Kind: Window, Span: t.Sub(now).Round(time.Second)}, next, 1, err
}

// forSpan reads "for 2h", "for the next 30 minutes", "for 2h from 22:00 on", "for 2h tomorrow at 6am".
func (w words) forSpan(now time.Time) (f Found, next, lead int, err *Error) {
	i := 0
	if w.at(0) == "for" {
		i = 1
		if w.at(i) == "the" {
			i++
		}
		if w.at(i) == "next" {
			i++
		}
		if w.at(i-1) == "the" && i > 1 {
			return f, -1, 0, nil
		}
	}
	d, next, err := w.span(i)
	if next < 0 || i == 0 && w.is(next, "from", "now") {
		return f, -1, 0, nil
	}
	f = Found{Kind: Span, Span: d}
	if err != nil {
		return f, next, i, err
	}
	j, bare := w.preposition(next)
	if j == next && i == 0 {
		return f, next, i, nil
	}
	t, after, err := w.moment(j, now, bare)
	if after < 0 || after > 0 && j == next && w.at(next) == "in" {
		return f, next, i, nil
	}
	if err == nil {
		err = ahead(t, now)
	}
	return Found{Kind: Window, Start: t, Span: d}, after, i, err
}

// hyphen splits the first word that is a window in itself, 22:00-02:00 or 9am-11am, and returns where it stands, -1 where there is none.
func (w words) hyphen() (words, int) {
	for i := range min(len(w), 6) {
		a, b, ok := strings.Cut(w.at(i), "-")
		if !ok {
			a, b, ok = strings.Cut(w.at(i), "\u2013")
		}
		if !ok || !clockLike(a) && !digits(a) || !clockLike(b) {
			continue
		}
		split := append(words{}, w[:i]...)
		split = append(split, a, "to", b)
		return append(split, w[i+1:]...), i
	}
	return nil, -1
}

// clockLike reports whether s is a time of day in one word that nothing else could be.
func clockLike(s string) bool {
	stem, sun := halfOfDay(s)
	h, m, colon := strings.Cut(stem, ":")
	return s == "noon" || s == "midnight" || (colon || sun != "") && digits(h) && len(h) <= 2 && (!colon || digits(m) && len(m) == 2)
}

// fromTo reads a beginning and what follows it: an end or a length.
func (w words) fromTo(now time.Time, bare bool) (f Found, next, lead int, err *Error) {
	lead, at := w.preposition(0)
	bare = bare || at
	if w.at(0) == "between" {
		lead, bare = 1, true
	}
	s := span12{}
	start, i, err := w.moment(lead, now, bare)
	if i < 0 {
		return f, -1, 0, nil
	}
	if err != nil && err.Why == TwoReadings {
		s.unclear(w, lead, i)
	}
	if err != nil && !s.open {
		if _, after, _ := w.ending(i, now, start, w.between(i)); after > 0 {
			i = after
		}
		return Found{Kind: Window}, i, lead, err
	}
	if w.at(i) == "for" && (err == nil || !s.open) {
		d, after, wrong := w.span(i + 1)
		if after > 0 {
			if wrong == nil {
				wrong = ahead(start, now)
			}
			return Found{Kind: Window, Start: start, Span: d}, after, lead, wrong
		}
	}
	return w.closed(now, start, i, lead, err, s)
}

// between reports whether "and" may join the ends of a window whose beginning ends before i.
func (w words) between(i int) bool {
	for j := range i {
		if w.at(j) == "between" {
			return true
		}
	}
	return false
}

// span12 is a window whose beginning is an hour of which nobody said which half of the day it is in: "from 9 to 11am".
type span12 struct {
	open bool
	at   clock
	day  int // where the clock stands
}

// unclear notes that the moment between i and end has such an hour and nothing else that is unclear.
func (s *span12) unclear(w words, i, end int) {
	for j := i; j < end; j++ {
		if c, next, err := w.clock(j, anyPart, true); err == nil && next == end && c.half {
			s.open, s.at, s.day = true, c, j
			return
		}
	}
}

// closed reads the end of a window that begins at start. unclear is what is wrong with its beginning, which the end may put right.
func (w words) closed(now, start time.Time, i, lead int, unclear *Error, s span12) (f Found, next, at int, err *Error) {
	end, next, err := w.ending(i, now, start, w.between(i))
	switch {
	case next < 0:
		return f, -1, 0, nil
	case unclear != nil && err == nil:
		start, err = s.before(w, lead, end, now, unclear)
	case unclear != nil:
		err = unclear
	}
	if err != nil {
		return Found{Kind: Window}, next, lead, err
	}
	d := end.Sub(start)
	if e := w.running(now, start, end, lead, i, next); e != nil {
		return Found{Kind: Window}, next, lead, e
	}
	if err = ahead(start, now); err == nil {
		err = checkSpan(d, next)
	}
	return Found{Kind: Window, Start: start, Span: d}, next, lead, err
}

// before returns the beginning that lies at most half a day before end.
func (s *span12) before(w words, lead int, end, now time.Time, unclear *Error) (time.Time, *Error) {
	if s.day == lead { // no day was said
		for _, day := range [...]date{dateOf(end), dateOf(end).plus(-1)} {
			for _, hour := range [...]int{s.at.hour, (s.at.hour + 12) % 24} {
				t, err := local(day, clock{hour: hour, minute: s.at.minute}, now.Location())
				if err == nil && t.Before(end) && end.Sub(t) <= 12*time.Hour {
					return t, nil
				}
			}
		}
	}
	return time.Time{}, unclear
}

// ending reads "to 02:00", "until tomorrow 6am", "- 23:00" at i; "and 5pm" where the beginning said "between".
func (w words) ending(i int, now, start time.Time, between bool) (time.Time, int, *Error) {
	if !w.any(i, "to", "until", "till", "til", "-", "\u2013", "through") && !(between && w.at(i) == "and") || w.pause(i) {
		return time.Time{}, -1, nil
	}
	base := now
	if start.After(now) {
		base = start
	}
	c, next, err := w.clock(i+1, anyPart, true)
	if next > 0 && err == nil {
		if _, after, _ := w.moment(i+1, now, true); after <= next {
			end, err := comes(c, base)
			return end, next, err
		}
	}
	end, next, err := w.moment(i+1, now, true)
	return end, next, err
}

// running finds a window of which no day was said, and which may be the one that runs already: from 12:00 to 18:00, said at 14:00.
func (w words) running(now, start, end time.Time, lead, i, next int) *Error {
	c, after, err := w.clock(lead, anyPart, true)
	if after != i || err != nil || c.zone != nil || c.half || !start.After(now) {
		return nil
	}
	e, last, err := w.clock(i+1, anyPart, true)
	if last != next || err != nil {
		return nil
	}
	begun, err := local(dateOf(now), c, now.Location())
	if err != nil || begun.After(now) {
		return nil
	}
	over, err := comes(e, begun)
	if err != nil || !over.After(now) || over.Equal(end) {
		return nil
	}
	return fault(TwoReadings, "until "+Stamp(over), Stamp(start)+" to "+Stamp(end))
}
