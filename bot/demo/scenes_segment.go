package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/overlay"
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

// full is the size of the largest packet in a segment: what the underlay passes without the headers around it (RFC 7348 section 5).
const full = 1500 - 50

// Patience of pings, which are repeated until then: for what must come, and for what must not.
const (
	comes = 10 * time.Second
	never = 500 * time.Millisecond
)

// pings verifies that each of the nodes reaches each other one within a segment, by packets of full size out of their namespaces.
func pings(vni overlay.VNI, members ...string) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		var slowest time.Duration
		for _, to := range members {
			address, err := t.World.inside(ctx, to, vni)
			if err != nil {
				return "", err
			}
			for _, from := range members {
				if from == to {
					continue
				}
				took, err := t.World.Nodes.Ping(ctx, from, address, full, comes)
				if err != nil {
					return "", err
				}
				slowest = max(slowest, took)
			}
		}
		return fmt.Sprintf("pings of %d bytes in VNI %d pass between %s, the slowest in %s", full, vni, strings.Join(members, ", "), slowest.Round(time.Microsecond)), nil
	}
}

// lost verifies that pings of a size between two nodes within a segment are not answered, while those of another size are, if it is not 0.
func lost(vni overlay.VNI, from, to string, size, passes int) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		address, err := t.World.inside(ctx, to, vni)
		if err != nil {
			return "", err
		}
		if _, err := t.World.Nodes.Ping(ctx, from, address, size, never); err == nil {
			return "", fmt.Errorf("a ping of %d bytes from %s to %s in VNI %d is answered", size, from, to, vni)
		}
		saw := fmt.Sprintf("a ping of %d bytes from %s to %s (%s) is lost", size, from, to, address)
		if passes == 0 {
			return saw, nil
		}
		_, err = t.World.Nodes.Ping(ctx, from, address, passes, comes)
		return fmt.Sprintf("%s, one of %d passes", saw, passes), err
	}
}

// holds verifies in the kernels which nodes have the device of a segment; no other has it.
func holds(vni overlay.VNI, members ...string) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		for _, n := range t.World.Nodes.Nodes {
			names, err := t.World.overlayDevices(ctx, n.Name)
			if err != nil {
				return "", err
			}
			if want := slices.Contains(members, n.Name); slices.Contains(names, overlay.TunnelName(vni)) != want {
				return "", fmt.Errorf("%s has the devices %q, which should hold VNI %d: %v", n.Name, names, vni, want)
			}
		}
		if len(members) == 0 {
			return fmt.Sprintf("no kernel has the device of VNI %d", vni), nil
		}
		return fmt.Sprintf("the kernels of %s have the device of VNI %d, no other has it", strings.Join(members, ", "), vni), nil
	}
}

// typed types the line of the last answer on a node, and waits until the bot tells that its agent is well.
func typed(node string) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		text := t.last.text(reply.Style{})
		begin := strings.Index(text, "opsbot agent ")
		if begin < 0 {
			return "", fmt.Errorf("the answer has no line to type:\n%s", text)
		}
		line, _, _ := strings.Cut(text[begin:], "\n")
		if err := t.World.Nodes.Agent(ctx, node, strings.Fields(line)[1:]); err != nil {
			return "", err
		}
		err := until(ctx, "the agent of "+node, func() (bool, error) { return strings.Contains(t.ask(ctx, "vik", "show "+node), "agent: ok"), nil })
		return "the agent of " + node + " runs, and the bot hears that it is well", err
	}
}

// bare verifies that no kernel has anything of any segment.
func bare(ctx context.Context, t *Tour) (string, error) {
	for _, n := range t.World.Nodes.Nodes {
		names, err := t.World.overlayDevices(ctx, n.Name)
		if err != nil || len(names) > 0 {
			return "", fmt.Errorf("%s still has %q: %w", n.Name, names, orUnwanted(err))
		}
	}
	return "no kernel has a device of any segment", nil
}

// hop lets the underlay pass only so much to and from a node.
func hop(node string, mtu int) func(context.Context, *Tour) error {
	return func(ctx context.Context, t *Tour) error { return t.World.Nodes.Hop(ctx, node, mtu) }
}

// sabotage deletes the device of a segment on a node, by hand.
func sabotage(node string, vni overlay.VNI) func(context.Context, *Tour) error {
	return func(ctx context.Context, t *Tour) error {
		return t.World.Nodes.Delete(ctx, node, overlay.TunnelName(vni))
	}
}

// repaired waits until a kernel has the device and the address of a segment again.
func repaired(node string, vni overlay.VNI) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		began := time.Now()
		err := until(ctx, fmt.Sprintf("VNI %d on %s", vni, node), func() (bool, error) {
			names, err := t.World.overlayDevices(ctx, node)
			if err != nil || !slices.Contains(names, overlay.TunnelName(vni)) {
				return false, err
			}
			_, err = t.World.inside(ctx, node, vni)
			return err == nil, nil // it has the device and not yet the address
		})
		return fmt.Sprintf("%s holds VNI %d again after %s", node, vni, time.Since(began).Round(time.Millisecond)), err
	}
}

func segmentScenes() []Scene {
	return slices.Concat(enrolScenes(), paperScenes(), nodeScenes(), []Scene{
		{Tell: "Nothing new is put on a node that is being drained", As: "anna", Say: "drain edge-2", Verify: drained("edge-2", true)},
		{As: "anna", Say: "create segment studio-c on edge-2", Exit: door.Failure, Want: []string{"edge-2 is being drained"}, Needs: []string{"node.drain"}},
		{As: "ben", Say: "undrain edge-2", Verify: drained("edge-2", false)},
	})
}

func enrolScenes() []Scene {
	return []Scene{
		{Tell: "A node gets its agent by a line that is good once and is shown to who asks alone", As: "anna", Say: "enrol edge-2",
			Want: []string{"type this on edge-2", "opsbot agent --bot", "--code"}, On: OnPaper},
		{Tell: "A node gets its agent by a line that is good once and is shown to who asks alone. Here it is typed on edge-3 at once", As: "anna", Say: "enrol edge-3",
			Want: []string{"type this on edge-3", "opsbot agent --bot", "--code"}, On: OnNodes, Verify: typed(third)},
		{As: "vik", Say: "enrol edge-2", Exit: door.Refused, Want: []string{"role viewer may not node.enrol"}},
	}
}

// paperScenes are played where there are no nodes: segments are numbers and addresses then.
func paperScenes() []Scene {
	all := []Scene{
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
	}
	for i := range all {
		all[i].On = OnPaper
	}
	return all
}

// nodeScenes are played where nodes have agents: every effect is looked at in their kernels.
func nodeScenes() []Scene {
	all := []Scene{
		{Tell: "A segment is a network over many nodes. Its name, its VNI and its addresses are given once, and its agents build it", As: "anna",
			Say: "create segment studio-a with vni 5001 on edge-1 and edge-2", Want: []string{"VNI 5001", "100.83.137.0/24", "MTU 1450"},
			Verify: both(holds(5001, "edge-1", "edge-2"), pings(5001, "edge-1", "edge-2"))},
		{As: "ben", Say: "create segment studio-b with vni 5001 on edge-3", Exit: door.Failure, Want: []string{"already taken by segment studio-a"}, Verify: holds(5001, "edge-1", "edge-2")},
		{As: "vik", Say: "list segments", Want: []string{"studio-a", "5001", "edge-1, edge-2"}},
		{Tell: "It grows, and traffic passes between all", As: "anna", Say: "attach edge-3 to studio-a", Want: []string{"edge-3"},
			Verify: both(holds(5001, "edge-1", "edge-2", "edge-3"), pings(5001, "edge-1", "edge-2", "edge-3"))},
		{As: "vik", Say: "show segment studio-a", Want: []string{"VNI 5001", "edge-3", "192.0.2.3"}},
		{As: "anna", Say: "verify segment studio-a", Want: []string{"6/6 pairs ok"}},
		{Tell: "Other segments are other networks, on the same nodes", As: "anna", Say: "create segment studio-b with vni 5002 on edge-1 and edge-3", Want: []string{"VNI 5002"},
			Verify: both(pings(5002, "edge-1", "edge-3"), lost(5002, "edge-2", "edge-3", full, 0))},
		{Tell: "Somewhere on the way to edge-3 a hop is smaller than it should be: small packets pass, large ones vanish, and nobody is told. The probes find it", Before: hop("edge-3", 1400),
			As: "anna", Say: "verify segment studio-a", Exit: door.Failure, Want: []string{"2/6 pairs ok", "edge-1 → edge-3 passes only 1350 of 1450 (a hop of 1400)", "edge-3 → edge-1 passes only 1350 of 1450 (a hop of 1400)"}, Verify: lost(5001, "edge-1", "edge-3", full, 1350)},
		{Before: hop("edge-3", 1500), As: "anna", Say: "verify segment studio-a", Want: []string{"6/6 pairs ok"}, Verify: pings(5001, "edge-1", "edge-2", "edge-3")},
		{Tell: "Somebody deletes the device of studio-a on edge-2 by hand. Its agent sees that and puts it right", Before: sabotage("edge-2", 5001),
			Verify: both(repaired("edge-2", 5001), pings(5001, "edge-1", "edge-2", "edge-3"))},
		{Tell: "It moves to other nodes", As: "anna", Say: "detach edge-1 from studio-a", Verify: both(holds(5001, "edge-2", "edge-3"), both(holds(5002, "edge-1", "edge-3"), pings(5001, "edge-2", "edge-3")))},
		{As: "anna", Say: "detach edge-1 from studio-a", Exit: door.Failure, Want: []string{"edge-1 is not in studio-a"}},
		{Tell: "When a segment is deleted nothing of it stays", As: "anna", Say: "delete segment studio-a", Exit: door.Refused, Want: []string{"do it?", "it rests for"}, Verify: pings(5001, "edge-2", "edge-3")},
		{As: "anna", Say: "yes", Want: []string{"rests until"}, Verify: both(listed("studio-a", false), holds(5001)), Needs: []string{"segment.delete"}},
		{As: "ben", Say: "delete segment studio-b", Verify: bare},
	}
	for i := range all {
		all[i].On = OnNodes
	}
	return all
}
