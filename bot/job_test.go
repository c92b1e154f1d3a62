package bot_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door"
)

// TestAJobTakesTheSameRoad lets the clock say a command, with the rights that its owner has then, and leaves the same kind of journal as a person.
func TestAJobTakesTheSameRoad(t *testing.T) {
	t.Parallel()
	e := startEdge(t, 1)
	h := startHouse(t, e.inventory()+"jobs: [{name: keep-warm, at: \"@every 1s\", do: \"prime news on edge-1\", owner: anna}]\n")
	h.wait("the second run of the job", func() bool { return strings.Count(h.say("done runs").text(), "keep-warm") >= 2 })
	h.expect(h.say("jobs"), door.OK, "keep-warm", "anna")
	job := h.runOf("keep-warm")
	person := h.expect(h.say("prime news on edge-1", withYes), door.OK).last().Run
	if a, b := h.kinds(job), h.kinds(person); a != b || a == "" {
		t.Errorf("the journal of the job's run reads %q, that of the person's %q", a, b)
	}
	h.rewrite("anna, roles: [operator]", "anna, roles: [viewer]")
	h.wait("a refusal", func() bool {
		return strings.Contains(h.say("audit", as("ben")).text(), "job keep-warm") && strings.Contains(h.say("audit", as("ben")).text(), "refused")
	})
	before := strings.Count(h.say("runs", as("ben")).text(), "keep-warm")
	pause(t.Context(), 2500*time.Millisecond)
	if after := strings.Count(h.say("runs", as("ben")).text(), "keep-warm"); after != before {
		t.Errorf("%d runs of the job after its owner lost the right, %d before", after, before)
	}
}

// wait looks again until ok.
func (h *house) wait(what string, ok func() bool) {
	h.tb.Helper()
	ctx, cancel := context.WithTimeout(h.tb.Context(), 30*time.Second)
	defer cancel()
	for !ok() {
		if ctx.Err() != nil {
			h.tb.Fatalf("%s never came:\n%s", what, h.say("runs").text())
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// runOf returns the newest run that somebody made.
func (h *house) runOf(who string) string {
	h.tb.Helper()
	for line := range strings.Lines(h.say("done runs").text()) {
		if f := strings.Fields(line); strings.Contains(line, who) && len(f) > 0 {
			return f[0]
		}
	}
	h.tb.Fatalf("no run of %s", who)
	return ""
}

// kinds reads from the journal which steps were done on which nodes and how they ended.
func (h *house) kinds(run string) string {
	h.tb.Helper()
	c := h.say("show " + run).last()
	var out []string
	if c.Table != nil {
		for _, row := range c.Table.Rows {
			out = append(out, strings.Join(row[:3], " "))
		}
	}
	return strings.Join(out, "; ")
}
