package intents_test

import (
	"strings"
	"testing"
)

// TestReportsOfCommandsChangeNothing: a command with words behind it that tell what became of it is no command, nor is the noun of its deed.
func TestReportsOfCommandsChangeNothing(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	tails := []string{
		"failed", "failed again", "again failed", "is broken", "looks wrong", "looks good", "expired", "timed out", "went wrong", "went fine", "did nothing", "does nothing", "had no effect", "is over", "over", "was wrong", "was a mistake", "helped", "worked",
		"never worked", "still failing", "keeps failing", "fails often", "hung", "got stuck", "crashed", "ended", "completed", "happened", "took ages", "returned an error", "gives errors", "seems broken", "is running", "is done", "done", "has finished", "succeeded",
		"was rejected", "needs approval", "came too late",
	}
	heads := map[string]string{
		"ack edge-2": "ack of edge-2", "unack edge-2": "unack of edge-2", "recheck edge-2": "recheck of edge-2", "prime news": "prime of news", "reject r-17": "reject of r-17", "approve r-17": "approval of r-17", "retry r-17": "retry of r-17",
		"cancel r-17": "cancellation of r-17", "undo r-17": "undo of r-17", "pause automation": "pause of automation", "resume automation": "resume of automation", "unschedule morning-prime": "removal of morning-prime", "flush edge-2": "flush of edge-2",
		"purge news": "purge of news", "end downtime edge-2": "end of downtime on edge-2", "downtime edge-2 for 2h": "downtime of edge-2 for 2h", "add node edge-9 192.0.2.19": "addition of edge-9 at 192.0.2.19", "loadtest news": "loadtest of news",
		"disable flush-on-low-hit-rate": "disabling of flush-on-low-hit-rate", "enable flush-on-low-hit-rate": "enabling of flush-on-low-hit-rate", "remove node edge-2": "removal of edge-2",
	}
	lines, bad := 0, 0
	for command, noun := range heads {
		for _, tail := range tails {
			for _, head := range []string{command, noun, strings.Replace(noun, " of ", " for ", 1), "the " + noun} {
				lines++
				text := head + " " + tail
				if out := say(t, p, text); changes(t, out) {
					if bad++; bad <= 40 {
						t.Errorf("Parse(%q) = %s because %s", text, brief(out), out.Because)
					}
				}
			}
		}
	}
	t.Logf("%d reports, %d of them obeyed", lines, bad)
}
