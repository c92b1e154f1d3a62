//go:build linux

package kernel_test

import (
	"context"
	"strings"
	"testing"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/netlab"
)

var _ overlay.DataPlane = (*kernel.Plane)(nil)

func TestProbeTellsWhatTheKernelCanAndLeavesNothing(t *testing.T) {
	t.Parallel()
	netlab.Need(t)
	n := netlab.NewSpace(t, "edge-1")
	p, err := kernel.New(kernel.Options{Node: n.Name, Instance: "test", Namespace: n.Path})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	caps, err := p.Probe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", caps)
	if !caps.Tunnels || !caps.Bridges || !caps.Suppress || !caps.Endpoints || !caps.GroupDelete || caps.Plane != kernel.Kind || caps.Kernel == "" {
		t.Errorf("Probe() = %+v, want the features that the segments need", caps)
	}
	for _, name := range []string{"vlan filtering", "packet filter", "vni filter", "ipv6 underlay"} {
		missing := caps.Missing[name] != ""
		has := map[string]bool{"vlan filtering": caps.VLANFiltering, "packet filter": caps.PacketFilter, "vni filter": caps.VNIFilter, "ipv6 underlay": caps.IPv6Underlay}[name]
		if has == missing {
			t.Errorf("%s: has %v, missing %q", name, has, caps.Missing[name])
		}
	}
	have, err := p.Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if have.Facts.Devices > 6 || len(have.Objects) != 0 || have.Facts.Capability.Plane != kernel.Kind {
		t.Errorf("after the probe the node tells %+v of itself and holds %v", have.Facts, have.Objects)
	}
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    kernel.Options
		want string
	}{
		{kernel.Options{Node: "*", Instance: "test"}, `node "*"`},
		{kernel.Options{Node: "a.b", Instance: "test"}, `node "a.b"`},
		{kernel.Options{Node: "edge-1", Instance: "two words"}, `instance "two words"`},
		{kernel.Options{Node: "edge-1", Instance: "test", Namespace: "/nonexistent"}, "open network namespace /nonexistent"},
	} {
		if p, err := kernel.New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%+v) = %v, %v, want an error with %q", c.o, p, err, c.want)
		}
	}
}
