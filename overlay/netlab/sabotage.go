//go:build linux

package netlab

import (
	"strings"
	"testing"
)

// Survives does something by hand, a line of shell in a space, and holds that it is noticed, that one pass on the first node repairs it, and that all
// works afterwards.
func (w *World) Survives(t *testing.T, in *Space, name, line string, works func()) {
	t.Helper()
	if out, err := in.Try("sh", "-c", line); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	first := w.Pass(t, 0)
	if first.Empty() {
		t.Errorf("%s: not noticed", name)
	}
	if again := w.Pass(t, 0); !again.Empty() {
		t.Errorf("%s: after\n%s a second pass would do\n%s", name, first, again)
	}
	works()
	if t.Failed() {
		t.Fatalf("%s: stopped here, after\n%s", name, first)
	}
}

// LeavesAlone makes something foreign on the first node by a line of shell, and holds that a pass does nothing but say what is in the way, and that
// the devices stay as they were.
func (w *World) LeavesAlone(t *testing.T, name, line, want string) {
	t.Helper()
	n := w.Lab.Nodes[0]
	n.Run(t, "sh", "-c", line)
	before := n.Run(t, "ip", "-d", "link")
	changes := w.Pass(t, 0)
	if len(changes.Blocked) == 0 || !strings.Contains(changes.String(), want) || !changes.Empty() {
		t.Errorf("%s: plan\n%s, want nothing but %q", name, changes, want)
	}
	if after := n.Run(t, "ip", "-d", "link"); after != before {
		t.Errorf("%s: touched:\n%s\nbefore:\n%s", name, after, before)
	}
}
