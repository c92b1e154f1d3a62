package bot_test

import (
	"testing"

	"github.com/shitops/opsbot/bot/door"
)

// TestWhy tells how the line before was read and what was decided about it, to the person who said it, where it was said.
func TestWhy(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	h.expect(h.say("flush edge-1", as("vik")), door.Refused, "viewer")
	h.expect(h.say("why not?", as("vik")), door.OK, `"flush edge-1": confirm`, "grammar: cache.flush", "then: flush edge-1: refused", "role viewer may not")
	h.expect(h.say("flush edge-1"), door.Refused)
	h.expect(h.say("why?"), door.OK, "then: flush edge-1: held for a yes: it is destructive")
	h.expect(h.say("no"), door.OK, "nothing was done")
	h.expect(h.say("prime news on edge-1"), door.Failure)
	h.expect(h.say("Why?"), door.OK, "accepted as r-")
	if s := h.say("why?", thread("other")); s.exit == door.OK {
		t.Errorf("in a conversation where nothing was said: %s", s.text())
	}
}
