package bot_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// quiet is an inventory whose caches nobody answers at: plans can be made, steps fail.
const quiet = `
inventory:
  nodes:
    - {name: edge-1, site: berlin, caches: [{name: front, kind: varnish, url: "http://127.0.0.1:9", admin: {address: "127.0.0.1:9"}, settle: 1ms}]}
    - {name: edge-2, site: berlin, caches: [{name: front, kind: varnish, url: "http://127.0.0.1:9", admin: {address: "127.0.0.1:9"}, settle: 1ms}]}
    - {name: edge-3, site: hamburg}
    - {name: far-1, site: oslo}
  deployments:
    - {name: news, origin: "http://127.0.0.1:9/ts/master.m3u8", nodes: [edge-1, edge-2]}
`

// TestDestructiveNeedsAYes shows the plan, acts on nothing, and binds the answer to the person, the thread and the time.
func TestDestructiveNeedsAYes(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	ask := func() { h.expect(h.say("flush edge-1"), door.Refused, "flush", "edge-1", "--yes") }
	ask()
	h.expect(h.say("yes", as("vik")), door.NotFound, "no question")
	h.expect(h.say("yes", thread("other")), door.NotFound, "no question")
	h.expect(h.say("yes", later(3*time.Minute)), door.NotFound, "expires")
	h.expect(h.say("no"), door.OK, "nothing was done")
	h.expect(h.say("yes"), door.NotFound, "no question")
	if got := h.say("runs"); strings.Contains(got.text(), "r-") {
		t.Errorf("a run was made without a yes:\n%s", got.text())
	}
}

// TestRightsFailClosed refuses who has no right or is nobody, says why, writes it down and does nothing.
func TestRightsFailClosed(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	h.expect(h.say("flush edge-1", as("vik"), withYes), door.Refused, "viewer", "cache.flush")
	h.expect(h.say("flush edge-1", as("mallory"), withYes), door.Refused, "unix:mallory")
	h.expect(h.say("flush far-1", withYes), door.Refused, "oslo")
	h.expect(h.say("nodes", as("mallory")), door.Refused, "unix:mallory")
	h.expect(h.say("nodes", as("vik")), door.OK, "edge-1")
	h.expect(h.say("flush edge-1; nodes", as("vik"), withYes), door.Refused, "viewer")
	if got := h.say("runs"); strings.Contains(got.text(), "r-") {
		t.Errorf("a run was made without the right:\n%s", got.text())
	}
}

// TestRightsAtTheYes counts the rights of the moment of the yes, not those of the question.
func TestRightsAtTheYes(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	h.expect(h.say("flush edge-1"), door.Refused, "yes")
	h.rewrite("anna, roles: [operator]", "anna, roles: [viewer]")
	h.expect(h.say("yes"), door.Refused, "viewer")
	if got := h.say("runs"); strings.Contains(got.text(), "r-") {
		t.Errorf("a run was made without the right:\n%s", got.text())
	}
}

// rewrite changes the configuration file and reloads it.
func (h *house) rewrite(old, new string) {
	h.tb.Helper()
	text, err := os.ReadFile(h.file)
	if err != nil {
		h.tb.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		h.tb.Fatalf("the configuration has no %q", old)
	}
	if err := os.WriteFile(h.file, []byte(strings.ReplaceAll(string(text), old, new)), 0o600); err != nil {
		h.tb.Fatal(err)
	}
	if err := h.Reload(h.tb.Context()); err != nil {
		h.tb.Fatal(err)
	}
}

// TestChangedWorldAsksAgain does nothing on a yes to a plan that would now be another one: it shows the difference and asks again.
func TestChangedWorldAsksAgain(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	h.expect(h.say("flush edge-1"), door.Refused, "news")
	h.rewrite("nodes: [edge-1, edge-2]}", "nodes: [edge-2]}")
	got := h.expect(h.say("yes"), door.Refused, "plan has changed", "- ", "news")
	if got.last().Kind != reply.Question {
		t.Errorf("card is %q, want a question", got.last().Kind)
	}
	h.expect(h.say("no"), door.OK, "nothing was done")
}

// TestMissingWordIsAskedFor takes the next line as the answer, unless that is a command of its own.
func TestMissingWordIsAskedFor(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	h.expect(h.say("flush"), door.NotFound, "Which node")
	h.expect(h.say("edge-1"), door.Refused, "edge-1", "yes / no")
	h.expect(h.say("no"), door.OK, "nothing was done")
	h.expect(h.say("flush"), door.NotFound, "node")
	h.expect(h.say("whoami"), door.OK, "anna")
	h.expect(h.say("flush edge-9", withYes), door.NotFound, "edge-9")
	h.expect(h.say("fliegenpilz", thread("other")), door.Usage, "help")
}

// TestDryRunAndByHand show what would be done and do nothing.
func TestDryRunAndByHand(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	h.expect(h.say("flush edge-1 --dry-run"), door.OK, "dry run", "edge-1")
	h.expect(h.say("flush edge-1 --by-hand", withYes), door.OK, "varnishadm", "127.0.0.1:9")
	if got := h.say("runs"); strings.Contains(got.text(), "r-") {
		t.Errorf("a dry run made a run:\n%s", got.text())
	}
}

// TestCompoundStopsAtTheFirstFailure names what was not begun.
func TestCompoundStopsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	got := h.expect(h.say("flush edge-3 then nodes", withYes), door.Failure)
	if strings.Contains(got.text(), "far-1") {
		t.Errorf("the second command was done:\n%s", got.text())
	}
}

// TestRepeatedMessageIsOneRun gives a message that a door brings twice to the same run.
func TestRepeatedMessageIsOneRun(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	first := h.say("prime news on edge-1", id("same"), withYes)
	again := h.say("prime news on edge-1", id("same"), withYes)
	if a, b := first.last().Run, again.last().Run; a == "" || a != b {
		t.Errorf("runs %q and %q, want one and the same", a, b)
	}
	if got := again.cards[0].Title; !strings.Contains(got, "already accepted") {
		t.Errorf("the second answer begins with %q", got)
	}
}

// TestHelpNamesEveryIntent holds help, catalogue and actions against each other.
func TestHelpNamesEveryIntent(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	text := h.expect(h.say("help"), door.OK).text()
	for _, name := range []string{"flush", "purge", "prime", "verify", "undo", "resume"} {
		if !strings.Contains(text, name) {
			t.Errorf("help lacks %q:\n%s", name, text)
		}
	}
	h.expect(h.say("help flush"), door.OK, "destructive", "flush")
	if text := h.expect(h.say("help", as("vik")), door.OK, "need a role that vik has not").text(); strings.Contains(text, "flush <node>") {
		t.Errorf("help offers a viewer what viewers may not do:\n%s", text)
	}
	h.expect(h.say("status"), door.OK, "store", "well")
}

// TestBadReloadKeepsTheRunningConfiguration refuses a broken file and goes on.
func TestBadReloadKeepsTheRunningConfiguration(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	if err := os.WriteFile(h.file, []byte("data_dir: /x\nnonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("Reload = %v, want an error that names the key", err)
	}
	h.expect(h.say("nodes"), door.OK, "edge-1")
}

// TestOrphansAreShownAndKept shows a node that vanished from the file, and refuses to change it.
func TestOrphansAreShownAndKept(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	h.rewrite("nodes: [edge-1, edge-2]}", "nodes: [edge-1]}")
	h.rewrite("    - {name: edge-2,", "    - {name: edge-4,")
	h.expect(h.say("nodes"), door.OK, "edge-2")
	h.expect(h.say("show node edge-2"), door.Failure, "configuration")
	h.expect(h.say("flush edge-2", withYes), door.Failure, "configuration")
}

// TestHostileLines refuses what no person types, and is not slow about it.
func TestHostileLines(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	for name, line := range map[string]string{
		"control characters": "flush edge-1\x00\x1b[2J",
		"cyrillic e":         "flush \u0435dge-1",
		"one megabyte":       strings.Repeat("flush edge-1 ", 80_000),
		"quoted":             `tom said "flush edge-1"`,
		"empty":              "",
	} {
		got := h.say(line, withYes)
		if got.exit == door.OK || got.last().Run != "" {
			t.Errorf("%s: exit %d, run %q, want a refusal:\n%s", name, got.exit, got.last().Run, got.text())
		}
	}
	if got := h.say("runs"); strings.Contains(got.text(), "r-") {
		t.Errorf("a hostile line made a run:\n%s", got.text())
	}
}

// TestUnreachableCacheIsTold ends the run with the node, the address and what to look at.
func TestUnreachableCacheIsTold(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	got := h.expect(h.say("purge http://127.0.0.1:9/ts/seg000.ts on edge-1", withYes), door.Failure, "edge-1", "127.0.0.1:9")
	run := got.last().Run
	h.expect(h.say(fmt.Sprintf("show %s", run)), door.Failure, "failed", "retry "+run)
}
