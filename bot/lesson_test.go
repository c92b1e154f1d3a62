package bot_test

import (
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door"
)

// TestALessonCountsAtOnce: when the yes of the second person is answered, the very next message is read by it; when the undo is, it no longer is.
func TestALessonCountsAtOnce(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	run := h.expect(h.say(`teach "give edge-1 a good wash" as cache.flush`), door.Temporary, "approve r-").last().Run
	begun := time.Now()
	h.expect(h.say("approve "+run, as("ben")), door.OK, "it is done")
	t.Logf("the yes took %s", time.Since(begun).Round(time.Millisecond))
	h.expect(h.say("give edge-2 a good wash"), door.Refused, "flush cache front on edge-2", "do it?")
	h.expect(h.say("no"), door.OK)
	h.expect(h.say("undo "+run, withYes), door.OK)
	if got := h.say("give edge-2 a good wash"); got.exit == door.Refused && got.last().Choices != nil {
		t.Errorf("after the undo it still means something:\n%s", got.text())
	}
}
