//go:build linux

package kernel_test

import (
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/netlab"
)

func TestWatchTellsOfSabotageAndRepairsByIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.Segment(t, 5001, 0)
	w.Settle(t)
	told := netlab.Watch(t, w.Planes[0].(*kernel.Plane), kernel.DefaultDebounce)
	n := w.Lab.Nodes[0]
	wait := func(what string) {
		t.Helper()
		select {
		case <-told:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: not told", what)
		}
	}
	for i := 0; ; i++ { // the watch has begun when it tells of the first change
		n.Run(t, "ip", "link", "set", overlay.TunnelName(5001), "alias", "opsbot test 1")
		select {
		case <-told:
		case <-time.After(time.Second):
			if i < 10 {
				continue
			}
			t.Fatal("the watch does not begin")
		}
		break
	}
	for _, c := range []struct{ name, line string }{
		{"an address is deleted", "ip address flush dev ob001389"},
		{"a device is deleted", "ip link delete ob001389"},
		{"a foreign device appears", "ip link add vx7 type vxlan id 77 dstport 4789; ip link delete vx7"},
	} {
		n.Run(t, "sh", "-c", c.line)
		wait(c.name)
		w.Pass(t, 0)
		if again := w.Pass(t, 0); !again.Empty() {
			t.Errorf("%s: still\n%s", c.name, again)
		}
	}
	for len(told) > 0 {
		<-told
	}
	for range 20 { // what the passes did may be told, once or twice
		n.Run(t, "ip", "address", "add", "198.51.100.1/24", "dev", "e0")
		n.Run(t, "ip", "address", "delete", "198.51.100.1/24", "dev", "e0")
	}
	for n, quiet := 0, time.After(2*kernel.DefaultDebounce); quiet != nil; {
		select {
		case <-told:
			if n++; n > 2 {
				t.Fatalf("told %d times of what is not ours", n)
			}
		case <-quiet:
			quiet = nil
		}
	}
}
