package bot_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// hinted is the command that a hint gives to say with --yes, "" where it gives none.
var hinted = regexp.MustCompile(`opsbot say --yes '((?:[^']|'\\'')*)'`)

func hintedCommand(hint string) string {
	m := hinted.FindStringSubmatch(hint)
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(m[1], `'\''`, `'`)
}

// TestTheHintCanBeSaid: a script that is told to say something with --yes can say just that, whatever the words were before.
func TestTheHintCanBeSaid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, before, text, want string // want is the command of the hint, "" for that the words themselves do
	}{
		{name: "a command", text: "flush edge-1"},
		{name: "a chain", text: "flush edge-1 then flush edge-2"},
		{name: "free words", text: "could you please empty the cache on edge-1", want: "flush edge-1"},
		{name: "what was done last", before: "schedule status every 12h as night-look", text: "undo that", want: "undo r-"},
		{name: "a polite chain", text: "please empty the cache on edge-1; please empty the cache on edge-2"},
		{name: "a chain with what was done last", before: "schedule status every 12h as night-look", text: "undo that; schedule status every 12h as day-look", want: "undo r-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := startHouse(t, quiet)
			if tt.before != "" {
				h.expect(h.say(tt.before), door.OK)
			}
			asked := h.say(tt.text)
			if asked.exit != door.Refused || len(asked.last().Choices) != 2 {
				t.Fatalf("%q is not asked about: %d\n%s", tt.text, asked.exit, asked.text())
			}
			hint := asked.last().Hint
			if !strings.Contains(hint, "--yes") || !strings.Contains(hint, "say yes within 2m") {
				t.Errorf("hint of %q = %q, want both ways to say yes", tt.text, hint)
			}
			command := hintedCommand(hint)
			if (tt.want == "") != (command == "") || !strings.HasPrefix(command, tt.want) {
				t.Errorf("hint of %q = %q, want the command %q", tt.text, hint, tt.want)
			}
			if command == "" {
				command = tt.text
			}
			h.expect(h.say("no"), door.OK)
			got := h.say(command, withYes, thread("a script's"))
			if !slices.ContainsFunc(got.cards, func(c reply.Card) bool { return c.Run != "" }) {
				t.Errorf("%q, as the hint says, with a yes: %d, want a run:\n%s", command, got.exit, got.text())
			}
		})
	}
}

// TestTheHintOfAPatientDoor: who can answer is not told of flags.
func TestTheHintOfAPatientDoor(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	got := h.expect(h.say("could you please empty the cache on edge-1", patient), door.Refused, "do it?")
	if hint := got.last().Hint; hint != "yes or no, within 2m" {
		t.Errorf("hint = %q, want that of a door where people wait", hint)
	}
}
