//go:build linux

package vtep_test

import (
	"os"
	"testing"

	"github.com/shitops/opsbot/overlay/netlab"
	"github.com/shitops/opsbot/overlay/vtep"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// need skips the test, with the reason, where there are no TUN devices. With OPSBOT_REQUIRE_REAL=1 it fails instead.
func need(t testing.TB) {
	t.Helper()
	netlab.Need(t)
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err == nil {
		_ = f.Close() // nothing was made
		return
	}
	if os.Getenv("OPSBOT_REQUIRE_REAL") == "1" {
		t.Fatalf("TUN devices are required: %v", err)
	}
	t.Skipf("needs TUN devices: %v", err)
}

// world is a lab whose first node is a userspace VTEP and whose others are kernels.
type world struct {
	*netlab.World
	user *vtep.Plane
}

func newWorld(t testing.TB, nodes int) *world {
	t.Helper()
	need(t)
	return newWorldIn(t, netlab.New(t, nodes))
}

func newWorldIn(t testing.TB, lab *netlab.Lab) *world {
	t.Helper()
	w := &world{&netlab.World{Lab: lab}, newVTEP(t, lab.Nodes[0])}
	w.Planes = append(w.Planes, w.user)
	for _, n := range lab.Nodes[1:] {
		n.FillChecksums(t, "e0")
		w.Planes = append(w.Planes, netlab.NewKernel(t, n))
	}
	return w
}

func newVTEP(t testing.TB, n *netlab.Space) *vtep.Plane {
	t.Helper()
	p, err := vtep.New(vtep.Options{Node: n.Name, Instance: "test", VTEP: n.Addr, Namespace: n.Path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the VTEP of %s: %v", n.Name, err)
		}
	})
	return p
}
