package intents_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/intents"
)

// TestRestrictionsAreNeverDropped: words that should narrow down what is changed, and that nobody understands, must not leave it wider than it was meant.
func TestRestrictionsAreNeverDropped(t *testing.T) {
	t.Parallel()
	p := newParser(t, heldOutWorld())
	commands := []string{
		"flush N", "empty the caches of N", "purge news on N", "get rid of kids on N", "prime sport-1 on N", "warm up kids on N please", "ack N", "unack N for me", "downtime N for 2h", "put N into maintenance for an hour",
		"recheck N", "could you check N again", "remove the downtime from N", "acknowledge everything on N",
	}
	unknown := []string{"lisbonn", "perlin", "hamburgh", "paris", "mars", "rack-7", "the lab", "row four", "group b", "tier silver", "production", "staging", "the north", "datacenter 2"}
	frames := []string{
		"every node in W", "all nodes in W", "all edges at W", "every edge of W", "all the nodes on W", "all nodes except W", "all nodes but W", "all nodes without W", "all nodes not in W", "edge-1 and W", "W and edge-1",
		"all macs in W", "edge-1 through edge-4 except W", "every linux node from W", "all nodes in berlin and W", "all nodes in berlin except W", "edge-1 thry edge-3", "edge-1 thruogh edge-3", "edge-1 but not W",
		"the W nodes", "every W node", "all W edges", "edge-1, edge-2 and W", "only W", "edge-1 in W",
	}
	lines, wide := 0, map[string]int{}
	for _, command := range commands {
		for _, frame := range frames {
			for _, word := range unknown {
				text := strings.Replace(command, "N", strings.Replace(frame, "W", word, 1), 1)
				lines++
				out := hearsay(t, p, text)
				if right := slipRight(text); right != text && changing(out) {
					if want := hearsay(t, p, right); cmp.Equal(nodesOf(out), nodesOf(want)) && out.Decision == intents.Confirm {
						continue // put right, shown, and done after a yes alone
					}
				}
				if changing(out) && !newName(out, word) {
					if wide[frame]++; wide[frame] <= 3 {
						t.Errorf("Parse(%q) = %s", text, brief(out))
					}
				}
			}
		}
	}
	t.Logf("%d lines with a restriction that is not understood, of which these would change something all the same: %v", lines, wide)
}

// slipRight puts the slips in text right.
func slipRight(text string) string {
	return strings.NewReplacer("lisbonn", "lisbon", "perlin", "berlin", "hamburgh", "hamburg", "thruogh", "through", "thry", "thru").Replace(text)
}

// nodesOf returns the nodes of every command of out.
func nodesOf(out intents.Parsed) []string {
	var nodes []string
	for _, c := range out.Commands {
		nodes = append(nodes, c.Slots.All("node")...)
	}
	return nodes
}

// newName reports whether word names what out makes, which nobody needs to know.
func newName(out intents.Parsed, word string) bool {
	return len(out.Commands) == 1 && out.Commands[0].Name == "node.add" && out.Commands[0].Slots.One("node") == word
}

// TestScopesAreExact: what is understood is exactly what was said, however it is put.
func TestScopesAreExact(t *testing.T) {
	t.Parallel()
	p := newParser(t, heldOutWorld())
	for scope, want := range map[string]string{
		"edge-1": "edge-1", "edge-1 and edge-2": "edge-1,edge-2", "edge-1, edge-2 and edge-5": "edge-1,edge-2,edge-5", "edge-1 through edge-3": "edge-1,edge-2,edge-3", "all nodes in lisbon": "edge-7,edge-8",
		"every edge in lisbon": "edge-7,edge-8", "all macs": "mac-1,mac-2", "all macs in berlin": "mac-2", "the lisbon nodes": "edge-7,edge-8", "all nodes in lisbon except edge-8": "edge-7", "all linux nodes in hamburg": "edge-4,edge-5,edge-6",
		"every node in hamburg except mac-1": "edge-4,edge-5,edge-6", "edge two": "edge-2", "EDGE-7": "edge-7", "edge-7 & edge-8": "edge-7,edge-8", "edge-2 to edge-4": "edge-2,edge-3,edge-4",
	} {
		for command, intent := range map[string]string{
			"flush N": "cache.flush", "please empty the caches of N": "cache.flush", "purge news on N": "cache.purge", "could you prime kids on N": "cache.prime", "ack N": "alert.ack", "recheck N": "check.rerun", "check N again": "check.rerun",
			"put N into maintenance for an hour": "downtime.add", "lift the downtime of N": "downtime.remove", "N needs a downtime of 2h": "downtime.add",
		} {
			text := strings.Replace(command, "N", scope, 1)
			out := hearsay(t, p, text)
			if !changing(out) {
				continue // TestHeldOut counts what is understood
			}
			got := ""
			if len(out.Commands) == 1 {
				got = out.Commands[0].Name + " " + strings.Join(out.Commands[0].Slots.All("node"), ",")
			}
			if got != intent+" "+want {
				t.Errorf("Parse(%q) = %s, want %s on %s", text, brief(out), intent, want)
			}
		}
	}
}
