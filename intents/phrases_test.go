package intents_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The least that each intent and what asks for nothing must have: fewer phrasings cost a classifier of words more than ten points.
const (
	fewestPhrasings = 30
	fewestNone      = 800
)

// catalogLines returns the lines of a catalogue file without blank ones.
func catalogLines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// bareWords is a phrasing as the classifier reads it, near enough to find the same one twice.
func bareWords(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" ,.:;!'-", r) }), " ")
}

func TestEveryIntentIsSaidInManyWays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("catalog/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("catalog/*.txt: %v, %v", files, err)
	}
	where := map[string]string{}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		count := 0
		for _, line := range catalogLines(t, path) {
			text, phrasing := strings.CutPrefix(line, "~ ")
			if name == "none" {
				text, phrasing = line, line[0] != '#'
			}
			if !phrasing {
				continue
			}
			count++
			if other, twice := where[bareWords(text)]; twice {
				t.Errorf("%s: %q stands in %s as well", path, text, other)
			}
			where[bareWords(text)] = path
		}
		least := fewestPhrasings
		if name == "none" {
			least = fewestNone
		}
		if count < least {
			t.Errorf("%s: %d phrasings, want %d", path, count, least)
		}
	}
}

// TestNoneMakesRoomForIntents: what stands in none.txt "until" an intent does it, goes when the intent comes.
func TestNoneMakesRoomForIntents(t *testing.T) {
	t.Parallel()
	sections := 0
	for _, line := range catalogLines(t, "catalog/none.txt") {
		intent, ok := strings.CutPrefix(line, "# Until ")
		if !ok {
			continue
		}
		sections++
		intent, _, _ = strings.Cut(strings.TrimSuffix(intent, "."), ":")
		if _, err := os.Stat("catalog/" + intent + ".txt"); err == nil {
			t.Errorf("catalog/none.txt: the lines behind %q are now said to %s: move them there as phrasings", line, intent)
		}
	}
	t.Logf("%d intents have room", sections)
}
