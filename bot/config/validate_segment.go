package config

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/shitops/opsbot/overlay"
)

// segments checks the segments of the inventory, as far as it can be told without their nodes.
func (v *checker) segments() {
	nodes := known(names(v.c.Inventory.Nodes, func(n Node) string { return n.Name }))
	tenants := known(v.c.Inventory.Tenants)
	address := map[string]string{}
	for _, n := range v.c.Inventory.Nodes {
		address[n.Name] = n.Address
	}
	seen, spoken, vnis := map[string]string{}, map[string]string{}, map[uint32]string{}
	for i, s := range v.c.Inventory.Segments {
		key := fmt.Sprintf("inventory.segments[%d]", i)
		v.object(key+".name", s.Name, seen, spoken)
		switch {
		case s.Tenant != "":
			v.refers(key+".tenant", "tenant", s.Tenant, tenants)
		case len(tenants.list) > 1:
			v.warn(key, "segment %s is not made until it says whose it is: there are %d tenants", quote(s.Name), len(tenants.list))
		}
		if s.VNI != 0 {
			v.vni(key+".vni", s, vnis)
		}
		once := map[string]string{}
		for j, n := range s.Nodes {
			at := fmt.Sprintf("%s.nodes[%d]", key, j)
			v.refers(at, "node", n, nodes)
			v.unique(at, n, once)
			if _, err := netip.ParseAddr(address[n]); err != nil && nodes.has[n] {
				v.warn(at, "node %s has no IP address under inventory.nodes, and tunnels need one", quote(n))
			}
		}
	}
}

// probe checks how segments are probed in the background.
func (v *checker) probe() {
	if every := v.c.Probe.Every; every != 0 {
		v.atLeast("probe.every", every, time.Second)
		v.atMost("probe.every", every, time.Hour)
	}
	v.between("probe.alarm_after", v.c.Probe.AlarmAfter, 1, 100)
}

// vni checks the VNI of a segment against the reserved ones and those before it.
func (v *checker) vni(key string, s Segment, vnis map[uint32]string) {
	if err := overlay.VNI(s.VNI).Check(); err != nil {
		v.say(key, "%v; want %d to %d", err, overlay.FirstVNI, overlay.LastVNI)
		return
	}
	if first, ok := vnis[s.VNI]; ok {
		v.say(key, "segment %s has VNI %d, too", quote(first), s.VNI)
		return
	}
	vnis[s.VNI] = s.Name
}
