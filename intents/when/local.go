package when

import "time"

// local returns the moment when clocks in zone show c on d. Clocks that go forward leave times out, clocks that go back show some twice: both are errors.
func local(d date, c clock, zone *time.Location) (time.Time, *Error) {
	if c.zone != nil {
		return time.Date(d.year, d.month, d.day+c.later, c.hour, c.minute, c.second, 0, c.zone).In(zone), nil
	}
	first, second := wall(d, c, zone)
	switch {
	case first.IsZero():
		return time.Time{}, noSuch("the clocks go forward then, there is no such time")
	case !second.IsZero():
		return time.Time{}, twice(first, second)
	}
	return first, nil
}

// wall returns when clocks in zone show c on d: once, twice where they go back, never where they go forward.
func wall(d date, c clock, zone *time.Location) (first, second time.Time) {
	plain := time.Date(d.year, d.month, d.day+c.later, c.hour, c.minute, c.second, 0, time.UTC)
	for _, near := range [...]time.Duration{-26 * time.Hour, 26 * time.Hour} { // on either side of any change
		_, offset := plain.Add(near).In(zone).Zone()
		t := plain.Add(-time.Duration(offset) * time.Second).In(zone)
		shown := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
		if !shown.Equal(plain) || t.Equal(first) {
			continue
		}
		if first.IsZero() {
			first = t
			continue
		}
		second = t
	}
	return first, second
}

// ahead says what is wrong with a moment that somebody wants something to happen at.
func ahead(t, now time.Time) *Error {
	switch {
	case t.Before(now):
		return fault(Past)
	case t.Sub(now) > Longest:
		return fault(TooFar)
	}
	return nil
}
