package when

import "time"

// ReadBack reads how far somebody looks back at the head of said: "the last 2 hours", "over the past day", "last 30m", "today", "this week", "since 6am".
func ReadBack(said []string, now time.Time) (Found, error) {
	w := words(said)
	if w.at(0) == "since" {
		d, next, err := w.since(now)
		return w.found(Found{Kind: Back, Span: d}, next, 1, err)
	}
	switch {
	case w.at(0) == "today":
		d := now.Sub(midnight(dateOf(now), now.Location()))
		return w.found(Found{Kind: Back, Span: d.Round(time.Second)}, 1, 0, checkSpan(d, 1))
	case w.is(0, "this", "week"):
		ahead := (int(now.Weekday()) + 6) % 7 // it begins on Monday
		d := now.Sub(midnight(dateOf(now).plus(-ahead), now.Location()))
		return w.found(Found{Kind: Back, Span: d.Round(time.Second)}, 2, 0, checkSpan(d, 2))
	}
	lead := 0
	if w.any(0, "over", "in", "for", "during", "within") {
		lead++
	}
	i := lead
	if w.at(i) == "the" {
		i++
	}
	if !w.any(i, "last", "past", "previous") || w.pause(i) {
		return Found{}, nil
	}
	d, next, err := w.span(i + 1)
	if u := unit(w.at(i + 1)); next < 0 && u > 0 {
		d, next = u, i+2
		err = checkSpan(d, next)
	}
	if err != nil && err.Why == TwoReadings {
		return w.found(Found{}, next, lead, err)
	}
	return w.found(Found{Kind: Back, Span: d}, next, lead, err)
}

// since reads "since 6am", "since monday at 8:00", "since yesterday", and returns how long ago that is.
func (w words) since(now time.Time) (time.Duration, int, *Error) {
	today := dateOf(now)
	d, next, err := w.day(1, now)
	at := clock{}
	if next > 0 && err == nil {
		j := next
		if w.at(j) == "at" {
			j++
		}
		c, after, wrong := w.clock(j, d.part, j > next)
		if after > 0 {
			at, next, err = c, after, wrong
		}
		if today.before(d.date) {
			d.date = d.date.plus(-7)
		}
	} else if next < 0 {
		d.date = today
		at, next, err = w.clock(1, anyPart, false)
	}
	if next < 0 || err != nil {
		return 0, next, err
	}
	if at.half {
		return 0, next, fault(NoClock)
	}
	t, err := local(d.date, at, now.Location())
	if err == nil && t.After(now) && d.date == today {
		t, err = local(today.plus(-1), at, now.Location())
	}
	if err != nil {
		return 0, next, err
	}
	ago := now.Sub(t).Round(time.Second)
	return ago, next, checkSpan(ago, next)
}

// midnight returns when d begins in zone; where clocks leave that out, the first moment behind.
func midnight(d date, zone *time.Location) time.Time {
	first, _ := wall(d, clock{}, zone)
	if first.IsZero() {
		return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, zone)
	}
	return first
}
