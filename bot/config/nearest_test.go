package config

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"listeners", "limits", "log", "people", "roles", "store", "zone"}
	for _, test := range []struct{ given, want string }{
		{"listners", "listeners"},
		{"lisetners", "listeners"},
		{"LISTENERS", "listeners"},
		{"lgo", "log"},
		{"role", "roles"},
		{"limit", "limits"},
		{"poeple", "people"},
		{"x", ""},
		{"", ""},
		{"nothing-like-it", ""},
		{strings.Repeat("listeners", 10), ""},
	} {
		if got := nearest(test.given, known); got != test.want {
			t.Errorf("nearest(%q) = %q, want %q", test.given, got, test.want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	many := make([]string, 17)
	for i := range many {
		many[i] = "name-" + strings.Repeat("x", i)
	}
	for _, test := range []struct {
		given string
		known []string
		want  string
	}{
		{"opz", []string{"ops"}, `; did you mean "ops"?`},
		{"web", []string{"ops", "agents"}, `; known: ops, agents`},
		{"web", nil, ""},
		{"web", many, ""},
	} {
		if got := didYouMean(test.given, test.known); got != test.want {
			t.Errorf("didYouMean(%q, %d names) = %q, want %q", test.given, len(test.known), got, test.want)
		}
	}
}

// TestDistance: it is a measure of difference, and never more than writing the longer word anew.
func TestDistance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"edge", "edge", 0}, {"edge", "egde", 1}, {"edge", "edges", 1}, {"edge", "adge", 1}, {"ab", "ba", 1}, {"abc", "ca", 3}, {"kitten", "sitting", 3}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-c]{0,6}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := distance(a, b)
		if d != distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) {
			t.Fatalf("distance(%q, %q) = %d, back %d", a, b, d, distance(b, a))
		}
	})
}

// TestLaterKeysAreNotThereYet: when a key is supported at last, it must leave the list of later ones, or it would be refused.
func TestLaterKeysAreNotThereYet(t *testing.T) {
	t.Parallel()
	now := map[string]bool{}
	for _, k := range Keys() {
		now[k] = true
	}
	for _, l := range later() {
		if now[l] {
			t.Errorf("%s is supported and listed as later", l)
		}
		if i := strings.LastIndex(l, "."); i >= 0 && !now[strings.TrimSuffix(l[:i], "[]")] {
			t.Errorf("%s is listed as later, but nothing is known around it", l)
		}
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ given, want string }{
		{"short", `"short"`},
		{"two\nlines", `"two\nlines"`},
		{strings.Repeat("a", 61), `"` + strings.Repeat("a", 60) + `\u2026"`},
		{strings.Repeat("a", 59) + "ü", `"` + strings.Repeat("a", 59) + `\u2026"`},
		{"xoxb-" + "1234567890-abc", `"***"`},
	} {
		if got := quote(test.given); got != test.want {
			t.Errorf("quote(%q) = %s, want %s", test.given, got, test.want)
		}
	}
}
