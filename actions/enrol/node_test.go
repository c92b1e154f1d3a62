package enrol_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/icinga"
)

// perform does the only step of a plan.
func (h *home) perform(t *testing.T, p actions.Plan) run.Result {
	t.Helper()
	s := p.Groups[0].Steps[0]
	r, err := h.Executors()[s.Kind].Do(t.Context(), run.Call{Run: "r-1", Args: s.Args})
	if err != nil {
		t.Fatalf("%s: %v", s.Kind, err)
	}
	return r
}

// call does or undoes a step.
func (h *home) call(t *testing.T, s actions.Step, undo bool) (string, error) {
	t.Helper()
	c := run.Call{Run: "r-1", Args: s.Args}
	if undo {
		r, err := h.Executors()[s.Kind].(run.Undoer).Undo(t.Context(), c, run.Result{})
		return r.Say, err
	}
	r, err := h.Executors()[s.Kind].Do(t.Context(), c)
	return r.Say, err
}

// TestNode: a node that was added is watched when the step is done, and one that goes leaves nothing of ours behind.
func TestNode(t *testing.T) {
	t.Parallel()
	w, m := sample(), newMonitoring()
	h := newHome(t, w, m)
	h.pass(t)
	node := actions.Node{Name: "edge-3", Caches: w.nodes[0].Caches}
	w.edit(func(w *world) { w.nodes = append(w.nodes, node) })
	steps, notes, err := h.Added(t.Context(), node)
	if err != nil || len(steps) != 1 || len(notes) != 0 {
		t.Fatalf("%d steps, notes %q, %v", len(steps), notes, err)
	}
	for range 2 {
		if say, err := h.call(t, steps[0], false); err != nil || say != "Icinga2 watches edge-3: the host and 1 service" {
			t.Errorf("register: %q, %v", say, err)
		}
	}
	gone, notes, err := h.Removed(t.Context(), node)
	if err != nil || len(gone) != 1 || !strings.Contains(strings.Join(notes, " "), "cannot be taken back") {
		t.Fatalf("%d steps, notes %q, %v", len(gone), notes, err)
	}
	w.edit(func(w *world) { w.nodes = w.nodes[:3] })
	for _, want := range []string{"Icinga2 has forgotten edge-3: the host and 1 service", "Icinga2 holds nothing of edge-3 that is mine"} {
		if say, err := h.call(t, gone[0], false); err != nil || say != want {
			t.Errorf("unregister: %q, %v, want %q", say, err, want)
		}
	}
	if diff := cmp.Diff(all(), m.names()); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if say, err := h.call(t, gone[0], true); err != nil || !strings.Contains(say, "history is lost") {
		t.Errorf("undo: %q, %v", say, err)
	}
}

// TestNodeUndone: between the undo of the registration and that of the inventory, no pass registers the node again.
func TestNodeUndone(t *testing.T) {
	t.Parallel()
	w, m := sample(), newMonitoring()
	h := newHome(t, w, m)
	steps, _, err := h.Added(t.Context(), w.nodes[2])
	if err != nil {
		t.Fatal(err)
	}
	h.pass(t)
	if say, err := h.call(t, steps[0], true); err != nil || !strings.Contains(say, "has forgotten mac-1") {
		t.Errorf("undo: %q, %v", say, err)
	}
	if h.pass(t); len(m.names()) != 7 {
		t.Errorf("the pass after it made %q", m.drain())
	}
	if say, err := h.call(t, steps[0], false); err != nil || len(m.names()) != 8 {
		t.Errorf("added once more: %q, %v", say, err)
	}
}

// TestNodeSays: whatever keeps a node from being watched, the step says so; a monitoring that is away keeps nobody from adding a node, and nobody
// removes one without it.
func TestNodeSays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit             func(*home, *monitoring)
		added, removed   string
		removalTemporary bool
	}{
		"away":      {func(_ *home, m *monitoring) { m.away = errors.Join(icinga.ErrUnavailable, errors.New("refused")) }, "as soon as Icinga2 lets me", "", true},
		"off":       {func(h *home, _ *monitoring) { h.on = false }, "icinga.register is off", "icinga.register is off", false},
		"foreign":   {func(_ *home, m *monitoring) { m.foreign("mac-1", "") }, "what others have made", "holds nothing of mac-1 that is mine", false},
		"spoilt":    {func(_ *home, m *monitoring) { m.refuse = "mac-1" }, "registered in part", "holds nothing of mac-1", false},
		"templates": {func(_ *home, m *monitoring) { m.templates = nil }, "lacks the templates opsbot-node", "holds nothing of mac-1", false},
	} {
		m := newMonitoring()
		h := newHome(t, sample(), m)
		add, _, err := h.Added(t.Context(), h.world.nodes[2])
		if err != nil {
			t.Fatal(err)
		}
		remove, _, err := h.Removed(t.Context(), h.world.nodes[2])
		if err != nil {
			t.Fatal(err)
		}
		tt.edit(h, m)
		if say, err := h.call(t, add[0], false); err != nil || !strings.Contains(say, tt.added) {
			t.Errorf("%s: added: %q, %v, want %q", name, say, err, tt.added)
		}
		if say, err := h.call(t, remove[0], false); actions.IsTemporary(err) != tt.removalTemporary || !strings.Contains(say, tt.removed) {
			t.Errorf("%s: removed: %q, %v, want %q", name, say, err, tt.removed)
		}
	}
	m := newMonitoring()
	m.swallow = true
	h := newHome(t, sample(), m)
	add, _, err := h.Added(t.Context(), h.world.nodes[2])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.call(t, add[0], false); !actions.IsTemporary(err) {
		t.Errorf("swallowed: %v, want a temporary error", err)
	}
	h.on = false
	if steps, notes, err := h.Added(t.Context(), actions.Node{Name: "x"}); len(steps) != 0 || len(notes) != 1 || err != nil {
		t.Errorf("off: %v, %q, %v", steps, notes, err)
	}
}
