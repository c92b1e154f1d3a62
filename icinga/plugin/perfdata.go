package plugin

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Metric is one number for graphs: 'label'=value[unit];warn;crit;min;max.
type Metric struct {
	Label      string
	Value      float64 // NaN and infinities are written as U, which stands for "could not be determined"
	Unit       string  // "", "s", "ms", "%", "B", "c" (a counter), ...
	Decimals   int     // at most that many digits behind the point; 0 = as many as the value has
	Thresholds Thresholds
	Min, Max   *float64 // nil = not told
}

// String returns the metric as it is printed, without the empty fields at its end.
func (m Metric) String() string {
	var b strings.Builder
	b.WriteString(label(m.Label))
	b.WriteByte('=')
	if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
		b.WriteByte('U')
	} else {
		b.WriteString(decimal(m.Value, m.Decimals))
		b.WriteString(unit(m.Unit))
	}
	fields := []string{m.Thresholds.Warning.String(), m.Thresholds.Critical.String(), bound(m.Min), bound(m.Max)}
	return strings.TrimRight(b.String()+";"+strings.Join(fields, ";"), ";")
}

func decimal(v float64, digits int) string {
	if digits > 0 {
		factor := math.Pow10(digits)
		if rounded := math.Round(v*factor) / factor; !math.IsInf(rounded, 0) {
			v = rounded
		}
	}
	return strconv.FormatFloat(v+0, 'f', -1, 64) // +0: no "-0"
}

func bound(v *float64) string {
	if v == nil {
		return ""
	}
	return decimal(*v, 0)
}

// label quotes a label where it holds more than a word: quotes are doubled, and what would end the line or the field is replaced.
func label(s string) string {
	s = strings.Map(func(r rune) rune {
		if unseen(r) || r == '|' || r == '=' {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(s, "_"))
	if s != "" && !strings.ContainsAny(s, " ';") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// unit drops what no unit has: digits, quotes, separators, and what cannot be seen.
func unit(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789;'\"=|.-+\uFFFD", r) || unicode.IsSpace(r) || unseen(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
