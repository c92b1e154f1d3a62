package actions

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Plan is what would happen: made from a Request and a World, changing nothing. Groups run one after another.
type Plan struct {
	Request Request       `json:"request"`
	Risk    Risk          `json:"risk"` // of the intent; policy may raise it, never lower it
	Say     string        `json:"say"`  // one line for people
	Groups  []Group       `json:"groups"`
	Notes   []string      `json:"notes,omitempty"`   // what a person must know before the yes: what cannot be undone, what will be felt
	Confirm bool          `json:"confirm,omitempty"` // ask for a yes even where the risk table would not
	Hold    time.Duration `json:"hold,omitempty"`    // a temporary change: done steps are undone by themselves after this long
	Approve *Approval     `json:"approve,omitempty"` // who else must say yes first; set by policy
}

// Group is a set of steps that every one of its nodes goes through in order, Width nodes at a time.
//
// Without Nodes the steps run once. Width 0 means all nodes at once, within the engine's own bound. A failing node stops the group after
// the nodes that are already under way, unless KeepGoing is set: then every node is tried and the outcome is told node by node.
type Group struct {
	Say       string   `json:"say,omitempty"`
	Nodes     []string `json:"nodes,omitempty"`
	Width     int      `json:"width,omitempty"`
	KeepGoing bool     `json:"keep_going,omitempty"`
	Steps     []Step   `json:"steps"`
}

// Step is one act as data, never a closure: after a crash another process must be able to take it up. "{{node}}" in Key and Say stands for
// the node at hand.
type Step struct {
	Kind   string          `json:"kind"` // names the executor
	Key    string          `json:"key"`  // the thing it changes; at most one live step per key in a process
	Args   json.RawMessage `json:"args,omitempty"`
	Say    string          `json:"say"`
	NoUndo string          `json:"no_undo,omitempty"` // why it cannot be taken back; empty when its executor can undo it
}

// On returns the nodes that the steps are done on; for a group without nodes that is once, on "".
func (g Group) On() []string {
	if len(g.Nodes) == 0 {
		return []string{""}
	}
	return g.Nodes
}

// On returns text with "{{node}}" replaced.
func On(text, node string) string { return strings.ReplaceAll(text, "{{node}}", node) }

// Counted returns a count with its noun: "1 job", "2 jobs". It knows nouns that take an s.
func Counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Targets returns the nodes of all groups, in order, each once.
func (p Plan) Targets() []string {
	var out []string
	seen := map[string]bool{}
	for _, g := range p.Groups {
		for _, n := range g.Nodes {
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

// StepCount returns the number of steps, a step on N nodes counted once.
func (p Plan) StepCount() int {
	n := 0
	for _, g := range p.Groups {
		n += len(g.Steps)
	}
	return n
}

// Hash identifies what the plan would do: two plans with the same hash do the same things to the same nodes in the same order. Who asked,
// when and where does not count.
func (p Plan) Hash() string {
	p.Request = Request{Intent: p.Request.Intent, Slots: p.Request.Slots, Options: p.Request.Options}
	sum := sha256.Sum256(Encode(p))
	return hex.EncodeToString(sum[:8])
}

// Lines renders the plan for people, one act a line, for showing and for comparing.
func (p Plan) Lines() []string {
	var out []string
	for _, g := range p.Groups {
		out = append(out, g.lines()...)
	}
	for _, n := range p.Notes {
		out = append(out, "note: "+n)
	}
	return out
}

func (g Group) lines() []string {
	var out []string
	indent := ""
	if len(g.Nodes) > 0 {
		out = append(out, "on "+nodeList(g.Nodes)+pace(g))
		indent = "  "
	}
	for _, s := range g.Steps {
		out = append(out, indent+On(s.Say, soleNode(g.Nodes)))
	}
	return out
}

func soleNode(nodes []string) string {
	if len(nodes) == 1 {
		return nodes[0]
	}
	return "each node"
}

func pace(g Group) string {
	switch {
	case len(g.Nodes) < 2:
		return ":"
	case g.Width == 1:
		return ", one after another:"
	case g.Width == 0 || g.Width >= len(g.Nodes):
		return ", all at once:"
	default:
		return fmt.Sprintf(", %d at a time:", g.Width)
	}
}

// nodeList names up to eight nodes; of more it names the first six and says how many there are in all.
func nodeList(nodes []string) string {
	if len(nodes) <= 8 {
		return strings.Join(nodes, ", ")
	}
	return fmt.Sprintf("%s and %d more (%d nodes)", strings.Join(nodes[:6], ", "), len(nodes)-6, len(nodes))
}

// Diff tells how q differs from p, as lines that start with "- " (only in p) and "+ " (only in q). Equal plans give none; plans that differ
// only in what people are not shown give one line that says so.
func (p Plan) Diff(q Plan) []string {
	if p.Hash() == q.Hash() {
		return nil
	}
	old, now := p.Lines(), q.Lines()
	var out []string
	for _, l := range old {
		if !slices.Contains(now, l) {
			out = append(out, "- "+strings.TrimSpace(l))
		}
	}
	for _, l := range now {
		if !slices.Contains(old, l) {
			out = append(out, "+ "+strings.TrimSpace(l))
		}
	}
	if out == nil {
		out = []string{"~ the steps read the same, their parameters changed"}
	}
	return out
}
