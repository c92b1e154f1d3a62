package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// ParseDuration reads what time.ParseDuration reads, and before that whole weeks and days: 2w, 90d, 1d12h, 1h30m. A day has 24 hours.
func ParseDuration(text string) (time.Duration, error) {
	rest, total := strings.TrimSpace(text), time.Duration(0)
	for _, unit := range []struct {
		letter string
		is     time.Duration
	}{{"w", week}, {"d", day}} {
		number, after, found := strings.Cut(rest, unit.letter)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || n > uint64(maxDuration/unit.is) {
			return 0, badDuration(text)
		}
		total, rest = total+time.Duration(n)*unit.is, after
		if rest == "" {
			return bounded(total, text)
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > maxDuration {
		return 0, badDuration(text)
	}
	return bounded(total+d, text)
}

// maxDuration is a hundred years: far above every sensible age and far below an overflow.
const maxDuration = 100 * 365 * day

func bounded(d time.Duration, text string) (time.Duration, error) {
	if d > maxDuration {
		return 0, badDuration(text)
	}
	return d, nil
}

func badDuration(text string) error {
	return fmt.Errorf("%q is no duration; write one such as 30s, 24h, 90d, 2w", clip(text))
}

// FormatDuration writes d so that ParseDuration reads it back, in the largest units that fit: 90d, 1d12h, 2s.
func FormatDuration(d time.Duration) string {
	if d < day {
		return trimZeros(d.String())
	}
	days, rest := d/day, d%day
	if rest == 0 {
		return fmt.Sprintf("%dd", days)
	}
	return fmt.Sprintf("%dd%s", days, trimZeros(rest.String()))
}

// trimZeros turns 2h0m0s into 2h.
func trimZeros(text string) string {
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// parseClock reads HH:MM.
func parseClock(text string) (ClockTime, error) {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("%q is no time of day; write one such as \"03:15\"", clip(text))
	}
	return ClockTime(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute), nil
}
