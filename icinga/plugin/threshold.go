package plugin

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Range says which values are alarming (Monitoring Plugins Development Guidelines, "Threshold and Ranges"). The zero value alarms at nothing.
//
//	10      below 0 or above 10
//	10:     below 10
//	~:10    above 10
//	10:20   below 10 or above 20
//	@10:20  from 10 to 20, both included
type Range struct {
	text       string // as it was written, "" = alarms at nothing
	start, end float64
	inside     bool
}

// ErrRange is held by the errors of ParseRange and ParseThresholds.
var ErrRange = errors.New("no threshold range")

// ParseRange reads a range. "" alarms at nothing.
func ParseRange(text string) (Range, error) {
	r := Range{text: text, end: math.Inf(1)}
	if text == "" {
		return Range{}, nil
	}
	rest, inside := strings.CutPrefix(text, "@")
	r.inside = inside
	first, last, both := strings.Cut(rest, ":")
	if !both {
		first, last = "0", first
		if last == "" {
			return Range{}, fmt.Errorf("%w: %q", ErrRange, text)
		}
	}
	var err error
	switch first {
	case "~":
		r.start = math.Inf(-1)
	case "": // ":10" is 0 to 10
	default:
		r.start, err = number(first)
	}
	if last != "" && err == nil {
		r.end, err = number(last)
	}
	if err != nil {
		return Range{}, fmt.Errorf("%w: %q: %w", ErrRange, text, err)
	}
	if r.start > r.end {
		return Range{}, fmt.Errorf("%w: %q begins behind its end", ErrRange, text)
	}
	return r, nil
}

func number(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || strings.ContainsAny(s, "xXpP_") {
		return 0, fmt.Errorf("%q is no number", s)
	}
	return f, nil
}

// Alarms tells whether the value is alarming. No number at all is, for every range but the one of nothing.
func (r Range) Alarms(v float64) bool {
	switch {
	case r.text == "":
		return false
	case math.IsNaN(v):
		return true
	default:
		return (v >= r.start && v <= r.end) == r.inside
	}
}

// String returns the range as it was written.
func (r Range) String() string { return r.text }

// Thresholds are the two ranges of a check. The zero value finds everything well.
type Thresholds struct{ Warning, Critical Range }

// ParseThresholds reads what was given as -w and -c.
func ParseThresholds(warning, critical string) (Thresholds, error) {
	w, err := ParseRange(warning)
	if err != nil {
		return Thresholds{}, fmt.Errorf("warning: %w", err)
	}
	c, err := ParseRange(critical)
	if err != nil {
		return Thresholds{}, fmt.Errorf("critical: %w", err)
	}
	return Thresholds{w, c}, nil
}

// Judge returns the worst status that the value has earned.
func (t Thresholds) Judge(v float64) Status {
	switch {
	case t.Critical.Alarms(v):
		return Critical
	case t.Warning.Alarms(v):
		return Warning
	default:
		return OK
	}
}
