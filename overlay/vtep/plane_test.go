//go:build linux

package vtep_test

import (
	"testing"
)

func TestPingsBetweenProgramAndKernels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	s := w.segment(t, 5001, 0, 1, 2)
	w.segment(t, 0xb05001, 0, 1)
	w.settle(t)
	w.pingAll(t, s)
	w.pingAll(t, w.segments[1])
	ping(t, w.lab.Nodes[0], w.members[1].IPs[0], true, "-s", "1422", "-M", "do")
	ping(t, w.lab.Nodes[1], w.members[0].IPs[0], true, "-s", "1422", "-M", "do")
	ping(t, w.lab.Nodes[0], w.members[1].IPs[0], true, "-s", "4000") // in pieces
	ping(t, w.lab.Nodes[1], w.members[0].IPs[0], true, "-s", "4000")
	t.Logf("%+v", w.user.Counters())
}
