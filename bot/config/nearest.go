package config

import (
	"slices"
	"strings"
)

// nearest returns the candidate that text was most likely meant to be, or "" when none is near: at most a third of its letters may be
// wrong. Of equally near ones the first wins.
func nearest(text string, candidates []string) string {
	text = strings.ToLower(text)
	if len(text) > 64 {
		return ""
	}
	best, least := "", 1+max(1, len(text)/3)
	for _, c := range candidates {
		if d := distance(text, strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// didYouMean returns a closing clause that names the nearest candidate, or all of a few, or nothing.
func didYouMean(text string, candidates []string) string { return suggest(text, candidates, nil) }

// suggest is didYouMean with candidates that are near enough to be meant, but not worth to be listed.
func suggest(text string, candidates, silent []string) string {
	if n := nearest(text, slices.Concat(candidates, silent)); n != "" {
		return "; did you mean " + quote(n) + "?"
	}
	if n := len(candidates); n > 0 && n <= 16 {
		return "; known: " + strings.Join(candidates, ", ")
	}
	return ""
}

// distance is the optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours, each counted 1, over bytes.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
