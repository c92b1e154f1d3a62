package plugin_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/icinga/plugin"
)

// anyText draws what a foreign server may say: line ends, bars, quotes, control characters, broken UTF-8, right-to-left marks.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringOf(rapid.RuneFrom([]rune("ab |'\"\n\r\t;=\x00\x1b\u202e\u2028ü%"))),
		rapid.SampledFrom([]string{"", "|", "a|b=1", "\xff\xfe", "'", "=", "a\nb", strings.Repeat("x", 3000)}),
	)
}

// TestOutputOfForeignWords draws results: the first line ends the text at its only bar, all performance data are on it, and each is one word but for
// what is quoted in its label.
func TestOutputOfForeignWords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := plugin.Result{Name: anyText().Draw(t, "name"), Status: plugin.Status(rapid.IntRange(-1, 5).Draw(t, "status")), Text: anyText().Draw(t, "text")}
		for range rapid.IntRange(0, 4).Draw(t, "metrics") {
			r.Metrics = append(r.Metrics, plugin.Metric{
				Label: anyText().Draw(t, "label"), Value: rapid.Float64().Draw(t, "value"), Unit: anyText().Draw(t, "unit"),
				Decimals: rapid.IntRange(0, 5).Draw(t, "decimals"),
			})
		}
		for range rapid.IntRange(0, 3).Draw(t, "details") {
			r.Details = append(r.Details, anyText().Draw(t, "detail"))
		}
		out := r.String()
		if !utf8.ValidString(out) || strings.ContainsAny(out, "\x00\x1b\r\t\u202e\u2028") {
			t.Fatalf("%q holds what is no text", out)
		}
		if n := strings.Count(out, "\n"); n != 1+len(r.Details) {
			t.Fatalf("%q has %d lines, want %d", out, n, 1+len(r.Details))
		}
		first, _, _ := strings.Cut(out, "\n")
		if n := strings.Count(first, "|"); n != min(len(r.Metrics), 1) {
			t.Fatalf("%q has %d bars", first, n)
		}
		if _, data, ok := strings.Cut(first, " | "); ok {
			if got := metrics(t, data); got != len(r.Metrics) {
				t.Fatalf("%q has %d metrics, want %d", data, got, len(r.Metrics))
			}
		}
		passive := plugin.Passive(r, 0)
		if len(passive.Perfdata) != len(r.Metrics) || strings.Contains(passive.Output, "|") || passive.Exit != r.Status.Exit() {
			t.Fatalf("Passive(%+v) = %+v", r, passive)
		}
	})
}

// metrics counts the metrics of a line as Icinga2 splits it: at blanks outside of single quotes.
func metrics(t *rapid.T, data string) int {
	n, quoted, label := 0, false, true
	var value strings.Builder
	end := func() {
		number := strings.TrimRightFunc(value.String(), func(r rune) bool { return (r < '0' || r > '9') && r != 'U' })
		if _, err := strconv.ParseFloat(number, 64); err != nil && number != "U" {
			t.Fatalf("%q is no number, in %q", value.String(), data)
		}
		n++
		label = true
		value.Reset()
	}
	for _, r := range data {
		switch {
		case r == '\'' && label:
			quoted = !quoted
		case r == '=' && !quoted:
			label = false
		case r == ' ' && !quoted && !label:
			end()
		case !label:
			value.WriteRune(r)
		}
	}
	end()
	return n
}

// TestRangesAgree draws ranges and values: a range alarms at what lies outside, its @ form exactly at the rest, and reading what it prints changes nothing.
func TestRangesAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float64Range(-1e9, 1e9).Draw(t, "a"), rapid.Float64Range(-1e9, 1e9).Draw(t, "b")
		low, high := min(a, b), max(a, b)
		text := strconv.FormatFloat(low, 'f', -1, 64) + ":" + strconv.FormatFloat(high, 'f', -1, 64)
		outside, err := plugin.ParseRange(text)
		if err != nil {
			t.Fatalf("ParseRange(%q) = %v", text, err)
		}
		inside, err := plugin.ParseRange("@" + text)
		if err != nil {
			t.Fatalf("ParseRange(@%q) = %v", text, err)
		}
		v := rapid.OneOf(rapid.Float64Range(-2e9, 2e9), rapid.Just(low), rapid.Just(high)).Draw(t, "value")
		if got, want := outside.Alarms(v), v < low || v > high; got != want {
			t.Fatalf("%s alarms at %g: %v, want %v", outside, v, got, want)
		}
		if outside.Alarms(v) == inside.Alarms(v) {
			t.Fatalf("%s and %s agree at %g", outside, inside, v)
		}
		if again, err := plugin.ParseRange(outside.String()); err != nil || again != outside {
			t.Fatalf("%q read again is %+v, %v", outside, again, err)
		}
		for _, r := range []plugin.Range{outside, inside} {
			if !r.Alarms(math.NaN()) {
				t.Fatalf("%s does not alarm at what is no number", r)
			}
		}
	})
}
