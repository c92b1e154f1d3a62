package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door"
)

// twoPeople makes primes, which nothing can go wrong with here but the cache that nobody answers at, need a second person.
const twoPeople = quiet + `
approvals:
  - {intents: [cache.prime], role: operator, people: 1, within: 30m}
break_glass: {roles: [operator], for: 15m}
`

// TestASecondPersonAgrees runs a plan only after somebody else has said yes, with their own rights, to the plan that was asked for.
func TestASecondPersonAgrees(t *testing.T) {
	t.Parallel()
	h := startHouse(t, twoPeople)
	got := h.expect(h.say("prime news on edge-1"), door.Temporary, "waits", "ben", "approve r-")
	run := got.last().Run
	h.expect(h.say("approve "+run), door.Refused, "anna")
	h.expect(h.say("approve "+run, as("vik")), door.Refused, "viewer")
	h.expect(h.say("approve "+run, as("mallory")), door.Refused, "unix:mallory")
	if text := h.say("show " + run).text(); !strings.Contains(text, "wait") {
		t.Errorf("the run does not wait any more:\n%s", text)
	}
	h.expect(h.say("approve "+run, as("ben")), door.OK, "approve")
	h.expect(h.say("show "+run+" --follow"), door.Failure, "failed") // nobody answers at its cache
}

// TestApprovalSurvivesARestart and is still refused to the one who asked.
func TestApprovalSurvivesARestart(t *testing.T) {
	t.Parallel()
	h := startHouse(t, twoPeople)
	run := h.expect(h.say("prime news on edge-1"), door.Temporary).last().Run
	h.halt()
	h2 := startIn(t, h.dir, h.file)
	h2.expect(h2.say("show "+run+" --follow"), door.Temporary, "waits")
	h2.expect(h2.say("approve "+run), door.Refused, "anna")
	h2.expect(h2.say("approve "+run, as("ben"), later(time.Hour)), door.Refused, run)
	h2.expect(h2.say("approve "+run, as("ben")), door.OK)
	h2.expect(h2.say("reject "+run, as("ben")), door.Failure, "cannot be rejected")
}

// TestApprovalOfAChangedPlan is refused, with the difference.
func TestApprovalOfAChangedPlan(t *testing.T) {
	t.Parallel()
	h := startHouse(t, twoPeople)
	run := h.expect(h.say("prime news"), door.Temporary).last().Run
	h.rewrite("nodes: [edge-1, edge-2]}", "nodes: [edge-2]}")
	h.expect(h.say("approve "+run, as("ben")), door.Refused, "plan of "+run, "- ")
	h.expect(h.say("reject "+run, as("ben")), door.OK)
	h.expect(h.say("show "+run), door.OK, "cancelled", "rejected by ben")
}

// TestBreakGlass lets one person act alone, with a reason, and tells everybody.
func TestBreakGlass(t *testing.T) {
	t.Parallel()
	h := startHouse(t, twoPeople)
	feed := h.Feed(t.Context())
	h.expect(h.say("prime news on edge-1 --break-glass"), door.Refused, "reason")
	h.expect(h.say(`prime news on edge-1 --break-glass --reason "channel is black"`), door.Failure)
	card := <-feed
	if text := card.Title + strings.Join(card.Lines, " "); !strings.Contains(text, "anna broke the glass") || !strings.Contains(text, "channel is black") {
		t.Errorf("everybody heard %q", text)
	}
	h.expect(h.say("audit"), door.OK, "prime news", "accepted", "verified")
}

// TestQuotaAndFreeze hold people back, and say until when.
func TestQuotaAndFreeze(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet+`
quotas:
  - {role: operator, intents: [cache.prime], at_most: 1, per: 1h}
freeze:
  - {name: always, from: "00:00", to: "00:00", risk: destructive}
`)
	h.say("prime news on edge-1")
	h.expect(h.say("prime news on edge-1"), door.Refused, "used up")
	h.expect(h.say("flush edge-1", withYes), door.Refused, "always")
}

// TestPersonsDisableRulesAndMakeJobs says what steers what acts by itself.
func TestPersonsDisableRulesAndMakeJobs(t *testing.T) {
	t.Parallel()
	h := startHouse(t, strings.ReplaceAll(quiet, "oslo", "hamburg")+seedRule+"jobs: [{name: nightly, at: \"15 4 * * *\", do: \"prime news\", owner: anna}]\n")
	h.expect(h.say("rules"), door.OK, "flush-on-low-hit-rate")
	h.expect(h.say("disable rule flush-on-low-hit-rate for 2h"), door.OK, "flush-on-low-hit-rate")
	h.expect(h.say("enable rule flush-on-low-hit-rate", withYes), door.OK)
	h.expect(h.say("stop everything"), door.OK)
	h.expect(h.say("status"), door.Failure, "anna paused")
	h.expect(h.say("resume"), door.Refused, "yes / no")
	h.expect(h.say("yes"), door.OK, "resumed")
	h.expect(h.say("status"), door.OK)
	h.expect(h.say("jobs"), door.OK, "nightly", "prime news")
	h.expect(h.say(`schedule.add "30 5 * * *" "prime news" --job early`), door.OK, "early")
	h.expect(h.say("jobs"), door.OK, "early")
	h.expect(h.say("schedule.remove early"), door.OK, "early")
	h.expect(h.say("schedule.remove nightly"), door.Failure, "file")
}
