package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/shitops/opsbot/bot/door"
)

// listed verifies that the bot tells of a segment, or does not.
func listed(segment string, want bool) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		if got := strings.Contains(t.ask(ctx, "vik", "list segments"), segment); got != want {
			return "", fmt.Errorf("the list of segments has %s: %v, want %v", segment, got, want)
		}
		return fmt.Sprintf("the list of segments has %s: %v", segment, want), nil
	}
}

// drained verifies that the bot tells of a node as being drained, or not.
func drained(node string, want bool) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		if got := strings.Contains(t.ask(ctx, "vik", "show "+node), "draining"); got != want {
			return "", fmt.Errorf("%s is being drained: %v, want %v", node, got, want)
		}
		return fmt.Sprintf("%s is being drained: %v", node, want), nil
	}
}

func segmentScenes() []Scene {
	return []Scene{
		{Tell: "A segment is a network over many nodes. Its name, its VNI and its addresses are given once, whoever asks where", As: "anna", Say: "create segment studio-a with vni 5001",
			Want: []string{"VNI 5001", "100.83.137.0/24", "MTU 1450"}, Verify: listed("studio-a", true)},
		{As: "ben", Say: "create segment studio-b with vni 5001", Exit: door.Failure, Want: []string{"already taken by segment studio-a"}, Verify: listed("studio-b", false)},
		{As: "vik", Say: "list segments", Want: []string{"studio-a", "5001"}},
		{As: "vik", Say: "show segment studio-a", Want: []string{"VNI 5001", "nobody is in it"}},
		{As: "anna", Say: "verify segment studio-a", Want: []string{"there is no pair to verify"}},
		{As: "anna", Say: "attach edge-1 to studio-a", Exit: door.Failure, Want: []string{"no agent is enrolled there"}},
		{As: "anna", Say: "detach edge-1 from studio-a", Exit: door.Failure, Want: []string{"edge-1 is not in studio-a"}},
		{As: "anna", Say: "delete segment studio-a", Exit: door.Refused, Want: []string{"do it?", "it rests for"}, Verify: listed("studio-a", true)},
		{As: "anna", Say: "yes", Want: []string{"rests until"}, Verify: listed("studio-a", false), Needs: []string{"segment.delete"}},
		{Tell: "Nothing new is put on a node that is being drained", As: "anna", Say: "drain edge-2", Verify: drained("edge-2", true)},
		{As: "anna", Say: "create segment studio-c on edge-2", Exit: door.Failure, Want: []string{"edge-2 is being drained"}, Needs: []string{"node.drain"}},
		{As: "ben", Say: "undrain edge-2", Verify: drained("edge-2", false)},
	}
}
