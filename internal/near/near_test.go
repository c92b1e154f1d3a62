package near_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shitops/opsbot/internal/near"
	"pgregory.net/rapid"
)

func TestName(t *testing.T) {
	t.Parallel()
	nodes := []string{"edge-1", "edge-2", "mac-1", "origin"}
	tests := []struct {
		name, typed, want string
		known             []string
	}{
		{"exact", "edge-2", "edge-2", nodes},
		{"swapped letters", "egde-2", "edge-2", nodes},
		{"missing letter", "ege-1", "edge-1", nodes},
		{"extra letter", "edgee-1", "edge-1", nodes},
		{"no sign", "EDGE 2", "edge-2", nodes},
		{"digits are not guessed", "edge-3", "", nodes},
		{"nor left out", "edge", "", nodes},
		{"nor added", "origin-1", "", nodes},
		{"too far", "router-1", "", nodes},
		{"empty", "", "", nodes},
		{"none known", "edge-1", "", nil},
		{"first of two", "ab", "aa", []string{"aa", "ac"}},
		{"other letters", "édge-1", "edge-1", nodes},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := near.Name(tt.typed, tt.known); got != tt.want {
				t.Errorf("Name(%q, %q) = %q, want %q", tt.typed, tt.known, got, tt.want)
			}
		})
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	many := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	tests := []struct {
		typed, want string
		known       []string
	}{
		{"egde-2", "did you mean edge-2?", []string{"edge-1", "edge-2"}},
		{"edge-9", "known: edge-1, edge-2", []string{"edge-1", "edge-2"}},
		{"zzz", "known: a, b, c, d, e, f and 2 more", many},
		{"x", "none is known", nil},
	}
	for _, tt := range tests {
		if got := near.Hint(tt.typed, tt.known); got != tt.want {
			t.Errorf("Hint(%q, %q) = %q, want %q", tt.typed, tt.known, got, tt.want)
		}
	}
}

// TestDigitsAreNeverGuessed holds Name to its promise for all inputs: what it offers bears the digits that were typed.
func TestDigitsAreNeverGuessed(t *testing.T) {
	t.Parallel()
	digits := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		known := rapid.SliceOf(rapid.StringMatching(`[a-c]{1,4}-[0-9]{0,2}`)).Draw(t, "known")
		typed := rapid.StringMatching(`[a-c]{0,5}-?[0-9]{0,2}`).Draw(t, "typed")
		got := near.Name(typed, known)
		if got != "" && (digits(got) != digits(typed) || !slices.Contains(known, got)) {
			t.Errorf("Name(%q, %q) = %q, want a known name with the same digits", typed, known, got)
		}
	})
}

func ExampleHint() {
	fmt.Println(near.Hint("egde-2", []string{"edge-1", "edge-2"}))
	// Output: did you mean edge-2?
}
