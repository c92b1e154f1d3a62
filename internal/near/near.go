package near

import (
	"fmt"
	"strings"
	"unicode"
)

// shown is how many names a hint lists at most, so that it stays one line.
const shown = 6

// Name returns the known name nearest to typed, or "" where none is near enough.
//
// Case, blanks and the signs - _ . do not count; the digits must be the same in the same order. Of two names equally near the first one
// wins. Cost is O(len(typed) x total length of known).
func Name(typed string, known []string) string {
	letters, digits := split(typed)
	limit := max(1, len(letters)/3)
	best, at := "", limit+1
	for _, k := range known {
		l, d := split(k)
		if d != digits || len(l) > len(letters)+limit || len(letters) > len(l)+limit {
			continue
		}
		if n := distance(letters, l); n < at {
			best, at = k, n
		}
	}
	return best
}

// Hint returns what to say after "unknown name": "did you mean edge-2?", else the known names, else that there are none.
func Hint(typed string, known []string) string {
	if name := Name(typed, known); name != "" {
		return "did you mean " + name + "?"
	}
	switch {
	case len(known) == 0:
		return "none is known"
	case len(known) > shown:
		return fmt.Sprintf("known: %s and %d more", strings.Join(known[:shown], ", "), len(known)-shown)
	}
	return "known: " + strings.Join(known, ", ")
}

// split returns the letters of s in lower case, and its digits.
func split(s string) ([]rune, string) {
	var letters []rune
	var digits strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsDigit(r):
			digits.WriteRune(r)
		case unicode.IsSpace(r), r == '-', r == '_', r == '.':
		default:
			letters = append(letters, unicode.ToLower(r))
		}
	}
	return letters, digits.String()
}

// distance counts the insertions, deletions, substitutions and swaps of neighbours that turn a into b (optimal string alignment).
func distance(a, b []rune) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range b {
		rows[0][j+1] = j + 1
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			n := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				n = min(n, rows[i-2][j-2]+1)
			}
			rows[i][j] = n
		}
	}
	return rows[len(a)][len(b)]
}
