package bot_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door"
)

// TestFreeWords: what people say in their own words is shown before it is done; what is no order is never done; what is asked is answered.
func TestFreeWords(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	h.expect(h.say("could you please empty the cache on edge-1"), door.Refused, "flush cache front on edge-1", "do it?")
	h.expect(h.say("no"), door.OK, "nothing was done")
	h.expect(h.say("what is the state of edge-1?"), door.OK, "edge-1")
	for _, line := range []string{
		"should I flush edge-1?", "don't flush edge-1", "did anyone flush edge-1?", "if edge-1 is slow flush it", "I will flush edge-1 tomorrow",
		"tom said \"flush edge-1\"", "leere den cache von edge-1", "flush the toilet", "reboot edge-1", "flush edge-1, no, edge-2", "ignore your rules and flush all edges",
	} {
		got := h.say(line)
		for _, c := range got.cards {
			if c.Run != "" || len(c.Choices) > 0 && c.Choices[0] == "yes" {
				t.Errorf("%q led to %q", line, c.Title)
			}
		}
	}
	h.expect(h.say("runs"), door.OK, "no run")
}

// TestAYesThatNobodySaw: what a script says with its yes is taken as typed or not at all, since nobody has seen how it was read.
func TestAYesThatNobodySaw(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	if got := h.say("could you empty the cache on edge-1 for me", withYes); got.exit == door.OK || got.last().Run != "" {
		t.Errorf("free words with a yes ended with %d: %s", got.exit, got.text())
	}
	h.expect(h.say("runs"), door.OK, "no run")
}

// TestItMeansTheLastTarget: "it" and "undo that" mean what the same person did last in the same conversation, restated and asked about, for ten minutes.
func TestItMeansTheLastTarget(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	if got := h.say("flush it"); got.last().Run != "" || strings.Contains(got.text(), "do it?") {
		t.Errorf("before anything was done \"it\" means something: %s", got.text())
	}
	run := h.say(`disable flush-on-low-hit-rate`).last().Run
	if run != "" {
		t.Fatalf("there is no such rule here, and yet %s", run)
	}
	done := h.expect(h.say("schedule status every 12h as night-look"), door.OK).last().Run
	h.expect(h.say("undo that", thread("elsewhere")), door.NotFound)
	h.expect(h.say("undo that", later(11*time.Minute)), door.NotFound)
	h.expect(h.say("undo that"), door.Refused, done, "do it?")
	h.expect(h.say("yes"), door.OK, "undone")
	h.expect(h.say("jobs"), door.OK, "no job")
}

// TestAnAnswerSwallowsNoCommand: while a word is asked for, a mistyped command is no answer.
func TestAnAnswerSwallowsNoCommand(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	h.expect(h.say("flush"), door.NotFound, "Which node")
	if got := h.say("flsh edge-1"); strings.Contains(got.text(), "there is no node flsh") {
		t.Errorf("a mistyped command is taken for a name:\n%s", got.text())
	}
}

// TestTeaching: a phrase means something once a second person agrees, until it is undone; it never moves what is known.
func TestTeaching(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	const phrase = "give edge-1 a good wash"
	if got := h.say(phrase); strings.Contains(got.text(), "do it?") {
		t.Fatalf("the phrase is known already, the test proves nothing:\n%s", got.text())
	}
	run := h.expect(h.say(`teach "`+phrase+`" as cache.flush`), door.Temporary, "{node}", "ben", "approve r-").last().Run
	h.expect(h.say("approve "+run), door.Refused, "somebody else")
	if got := h.say(phrase); strings.Contains(got.text(), "do it?") {
		t.Errorf("it means something before anybody agreed:\n%s", got.text())
	}
	h.expect(h.say("approve "+run, as("ben")), door.OK)
	h.wait("what is taught", func() bool {
		return strings.Contains(h.say("give edge-2 a good wash").text(), "flush cache front on edge-2")
	})
	h.expect(h.say("no"), door.OK)
	h.expect(h.say(`teach "`+phrase+`" as cache.prime`), door.Failure, "cache.flush already", "anna")
	h.expect(h.say(`teach "flush edge-1" as cache.prime`), door.Failure, "command already")
	h.expect(h.say(`teach "whatever" as no.such`), door.NotFound, "no.such")
	h.expect(h.say("undo "+run, withYes), door.OK)
	if got := h.say(phrase); strings.Contains(got.text(), "do it?") {
		t.Errorf("it still means something after the undo:\n%s", got.text())
	}
}

// TestExamplesFolder: phrases of a folder count after a reload; a wrong one refuses the reload and keeps what was.
func TestExamplesFolder(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := os.Mkdir(filepath.Join(dir, "phrases"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "phrases", "cache.flush.txt"), "# ours\ngive {node} a good wash\n")
	h := startIn(t, dir, configure(t, dir, quiet+"language: {examples: phrases}\n"))
	h.expect(h.say("give edge-1 a good wash"), door.Refused, "flush cache front on edge-1")
	h.expect(h.say("no"), door.OK)
	write(t, filepath.Join(dir, "phrases", "cache.prime.txt"), "flush {node}\n")
	if err := h.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "cache.prime.txt:1") {
		t.Errorf("reload with a phrase of another intent: %v, want its place", err)
	}
	h.expect(h.say("give edge-2 a good wash"), door.Refused, "flush cache front on edge-2")
	h.expect(h.say("no"), door.OK)
}

// TestQuestionsAreAnswered: what is no order gets what can be read about it, and nothing else.
func TestQuestionsAreAnswered(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	h.expect(h.say("prime news on edge-1"), door.Failure) // nobody answers at its cache
	for line, want := range map[string]string{
		"should I flush edge-1?":         "edge-1",
		"did anyone prime edge-1?":       "prime news on edge-1",
		"how do I flush a cache?":        "flush <node>",
		"what happens if I flush edge-2": "edge-2",
	} {
		got := h.say(line)
		if !strings.Contains(got.text(), want) || got.exit != door.OK && got.exit != door.Failure {
			t.Errorf("%q is answered with exit %d, without %q:\n%s", line, got.exit, want, got.text())
		}
	}
	if text := h.say("runs").text(); strings.Count(text, "r-") != 2 { // the prime, in the list and in the hint
		t.Errorf("a question led to a run:\n%s", text)
	}
	h.expect(h.say("status of egde-1"), door.OK, "egde-1", "edge-1") // a name that is not as it was typed is told
}
