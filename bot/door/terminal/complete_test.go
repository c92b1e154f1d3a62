package terminal

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		line       string
		candidates []string
		want       string
		show       []string
	}{
		{"nothing fits", "flush x", nil, "flush x", nil},
		{"one word", "flush edge-1", []string{"edge-12"}, "flush edge-12 ", nil},
		{"first word", "fl", []string{"flush"}, "flush ", nil},
		{"after a space", "flush ", []string{"edge-1"}, "flush edge-1 ", nil},
		{"what is common", "flush e", []string{"edge-1", "edge-2"}, "flush edge-", nil},
		{"nothing more is common", "flush edge-", []string{"edge-1", "edge-2"}, "flush edge-", []string{"edge-1", "edge-2"}},
		{"whole lines", "show ed", []string{"show edge-1"}, "show edge-1 ", nil},
		{"another case", "FLUSH EDG", []string{"edge-1"}, "FLUSH edge-1 ", nil},
		{"what does not fit is left out", "flush ed", []string{"edge-1", "mac-1"}, "flush edge-1 ", nil},
		{"control characters", "x", []string{"x\x1b[2J"}, `x\x1b[2J `, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := complete(tt.line, tt.candidates)
			if got.line != tt.want || cmp.Diff(tt.show, got.show) != "" {
				t.Errorf("complete(%q, %q) = %q, show %q, want %q, show %q", tt.line, tt.candidates, got.line, got.show, tt.want, tt.show)
			}
		})
	}
}

func FuzzComplete(f *testing.F) {
	f.Add("flush é", "édge", "É")
	f.Add("", "", "")
	f.Add("\xff\xfe", "\xff", "ﬀ")
	f.Fuzz(func(t *testing.T, line, a, b string) {
		got := complete(line, []string{a, b})
		if utf8.ValidString(line) && !utf8.ValidString(got.line) {
			t.Errorf("complete(%q, %q, %q) = %q, which is no UTF-8", line, a, b, got.line)
		}
		columns([]string{a, b}, 20)
	})
}

func TestColumns(t *testing.T) {
	t.Parallel()
	got := columns([]string{"edge-1", "edge-2", "東京", "mac-1"}, 20)
	if want := "edge-1  edge-2\n東京    mac-1\n"; got != want {
		t.Errorf("columns = %q, want %q", got, want)
	}
}
