package when

import (
	"strconv"
	"strings"
	"time"
)

// endless stands for a span too long to count.
const endless = Longest + 24*time.Hour

// ReadSpan reads how long something lasts, at the head of said: "2h", "90 minutes", "an hour and a half", "half a day", "2 hours and 15 minutes". A bare number is none.
func ReadSpan(said []string) (Found, error) {
	w := words(said)
	d, next, err := w.span(0)
	return w.found(Found{Kind: Span, Span: d}, next, 0, err)
}

// span reads a span at i and returns the word behind it, -1 where there is none. An error holds the place where it ends in next, too.
func (w words) span(i int) (d time.Duration, next int, err *Error) {
	if said := w.at(i); len(said) > 1 && said[0] == '-' {
		if _, next, _ := (append(words{said[1:]}, w[i+1:]...)).span(0); next > 0 {
			return 0, i + next, fault(Past)
		}
		return 0, -1, nil
	}
	if next, err := w.eitherSpan(i); err != nil {
		return 0, next, err
	}
	next = -1
	for last := time.Duration(0); i < len(w); {
		j := i
		if next > 0 && w.at(j) == "and" {
			j++
		}
		part, after := w.spanPart(j, last)
		if after < 0 || next > 0 && part >= last {
			break // what follows a part is smaller: an hour and a half, 1h 30m
		}
		d, i, next, last = min(d+part, endless), after, after, part
		if w.pause(after - 1) {
			break
		}
	}
	if next > 0 && w.is(next, "or", "two") && d > 0 && w.any(i-2, "a", "an") {
		return 0, next + 2, fault(TwoReadings, Short(d), Short(2*d))
	}
	return d, next, checkSpan(d, next)
}

// checkSpan says what is wrong with a span of d.
func checkSpan(d time.Duration, next int) *Error {
	switch {
	case next < 0:
		return nil
	case d <= 0:
		return fault(Nothing)
	case d > Longest:
		return fault(TooFar)
	}
	return nil
}

// eitherSpan finds spans that leave open how long: "1-2 hours", "two or three days", "1 to 2 hours".
func (w words) eitherSpan(i int) (next int, err *Error) {
	a, b, after := 0, 0, -1
	if x, y, ok := strings.Cut(w.at(i), "-"); ok && digits(x) && digits(y) && len(x) < mostDigits && len(y) < mostDigits {
		a, _ = strconv.Atoi(x) // digits only
		b, _ = strconv.Atoi(y)
		after = i + 1
	} else if n, j := w.number(i); j > 0 && w.any(j, "or", "to") {
		if m, k := w.number(j + 1); k > 0 {
			a, b, after = n, m, k
		}
	}
	if after < 0 {
		return -1, nil
	}
	u := unit(w.at(after))
	if u == 0 || a >= b {
		return -1, nil
	}
	return after + 1, fault(TwoReadings, Short(scale(float64(a), u)), Short(scale(float64(b), u)))
}

// spanPart reads one part of a span at i; so is the part before it, of which "a half" and "a quarter" may follow.
func (w words) spanPart(i int, so time.Duration) (time.Duration, int) {
	said := w.at(i)
	if said == "" {
		return 0, -1
	}
	if d, ok := compact(said); ok {
		return d, i + 1
	}
	if d, next := w.fraction(i, so); next > 0 {
		return d, next
	}
	switch said {
	case "a", "an":
		return w.articleSpan(i)
	case "fortnight":
		return 14 * 24 * time.Hour, i + 1
	}
	if n, u, ok := strings.Cut(said, "-"); ok && unit(u) > 0 { // a 90-minute window
		if v, next := (words{n}).number(0); next > 0 {
			return scale(float64(v), unit(u)), i + 1
		}
	}
	n, next := w.amount(i)
	if next < 0 || w.pause(next-1) {
		return 0, -1
	}
	if u := unit(w.at(next)); u > 0 {
		return scale(n, u), next + 1
	}
	return 0, -1
}

// articleSpan reads "an hour", "a couple of hours", "a quarter of an hour".
func (w words) articleSpan(i int) (time.Duration, int) {
	if w.at(i+1) == "couple" {
		next := i + 2
		if w.at(next) == "of" {
			next++
		}
		if u := unit(w.at(next)); u > 0 {
			return 2 * u, next + 1
		}
		return 0, -1
	}
	if w.at(i+1) == "fortnight" {
		return 14 * 24 * time.Hour, i + 2
	}
	if n := w.at(i + 1); len(n) > 1 { // a 90-minute window, a two hour window
		if d, next := w.spanPart(i+1, 0); next > 0 && unit(n) == 0 {
			return d, next
		}
		if u := unit(n); u > 0 {
			return u, i + 2
		}
	}
	return 0, -1
}

// fraction reads "half an hour", "half a day", "half hour", "three quarters of an hour", and behind a whole unit "a half" or "a quarter".
func (w words) fraction(i int, so time.Duration) (time.Duration, int) {
	whole := time.Duration(0)
	for _, u := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute} {
		if so > 0 && so%u == 0 {
			whole = u
			break
		}
	}
	quarters := time.Duration(0)
	switch said := w.at(i); {
	case whole > 0 && w.is(i, "a", "half"):
		return whole / 2, i + 2
	case whole > 0 && w.is(i, "a", "quarter"):
		return whole / 4, i + 2
	case said == "half-hour":
		return 30 * time.Minute, i + 1
	case said == "half", w.is(i, "a", "half"):
		quarters = 2
	case said == "quarter", w.is(i, "a", "quarter"):
		quarters = 1
	case w.is(i, "three", "quarters"), w.is(i, "three", "quarter"):
		quarters = 3
	default:
		return 0, -1
	}
	for w.any(i, "a", "three", "half", "quarter", "quarters") {
		i++
	}
	if w.at(i) == "of" {
		i++
	}
	if w.any(i, "a", "an") {
		i++
	}
	if u := unit(w.at(i)); u > 0 {
		return u * quarters / 4, i + 1
	}
	return 0, -1
}

// amount reads how many: "2", "1.5", "two", "two and a half", "1:30" where hours follow.
func (w words) amount(i int) (float64, int) {
	said := w.at(i)
	n, next := w.number(i)
	if next < 0 {
		if h, m, ok := strings.Cut(said, ":"); ok && digits(h) && digits(m) && len(h) <= 3 && len(m) == 2 && m < "60" && unit(w.at(i+1)) == time.Hour {
			whole, _ := strconv.Atoi(h) // three digits at most
			part, _ := strconv.Atoi(m)
			return float64(whole) + float64(part)/60, i + 1
		}
		if !decimal(said) {
			return 0, -1
		}
		f, err := strconv.ParseFloat(said, 64)
		if err != nil {
			return 0, -1
		}
		return f, i + 1
	}
	if w.is(next, "and", "a", "half") {
		return float64(n) + 0.5, next + 3
	}
	return float64(n), next
}

// decimal reports whether s is digits around one point.
func decimal(s string) bool {
	whole, part, ok := strings.Cut(s, ".")
	return ok && digits(whole) && digits(part) && len(whole) <= mostDigits && len(part) <= mostDigits
}

// scale returns n times u, endless where that is too long to count.
func scale(n float64, u time.Duration) time.Duration {
	d := n * float64(u)
	if d > float64(endless) {
		return endless
	}
	return time.Duration(d).Round(time.Millisecond)
}

// unit returns how long one of s is, 0 where s is no unit of time. Months and years are all too long.
func unit(s string) time.Duration {
	switch s {
	case "ms", "millisecond", "milliseconds":
		return time.Millisecond
	case "s", "sec", "secs", "second", "seconds":
		return time.Second
	case "m", "min", "mins", "minute", "minutes":
		return time.Minute
	case "h", "hr", "hrs", "hour", "hours":
		return time.Hour
	case "d", "day", "days":
		return 24 * time.Hour
	case "w", "wk", "week", "weeks":
		return 7 * 24 * time.Hour
	case "month", "months", "year", "years":
		return endless
	}
	return 0
}

// compact reads a span in one word: 2h, 90min, 1h30m, 1.5h, 2d12h, 2h30.
func compact(s string) (time.Duration, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	var sum, last time.Duration
	for s != "" {
		n := 0
		for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.') {
			n++
		}
		end := n
		for end < len(s) && s[end] >= 'a' && s[end] <= 'z' {
			end++
		}
		if n == 0 || !decimal(s[:n]) && !digits(s[:n]) {
			return 0, false
		}
		u := unit(s[n:end])
		if end == n && last == time.Hour && end == len(s) && n == 2 && s < "60" {
			u = time.Minute // 2h30
		}
		if u == 0 || last > 0 && u >= last {
			return 0, false
		}
		f, err := strconv.ParseFloat(s[:n], 64)
		if err != nil {
			return 0, false
		}
		sum, last, s = min(sum+scale(f, u), endless), u, s[end:]
	}
	return sum, true
}

// Unit returns how long one of s is ("h", "minutes", "day"), 0 where s is no unit of time that is at most a week.
func Unit(s string) time.Duration {
	if u := unit(s); u < endless {
		return u
	}
	return 0
}
