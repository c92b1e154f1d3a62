package simnet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/shitops/opsbot/overlay"
)

// Node is a node of a [Net], and its data plane. Safe for concurrent use.
type Node struct {
	net     *Net
	name    string
	vtep    netip.Addr
	objects []overlay.Object // in the order of CompareObjects
	foreign []overlay.Foreign
	fail    float64
	die     int // changes until it dies; 0 is never
	applied int
}

var _ overlay.DataPlane = (*Node)(nil)

// ErrDied says that a node died while it applied changes.
var ErrDied = errors.New("the node died")

// Probe tells that everything is possible.
func (n *Node) Probe(ctx context.Context) (overlay.Capabilities, error) {
	return overlay.Capabilities{Plane: "simnet", Tunnels: true, Bridges: true, Suppress: true, Endpoints: true, IPv6: true, IPv6Underlay: true, MaxSegments: 1 << 24}, ctx.Err()
}

// Read returns what the node holds.
func (n *Node) Read(ctx context.Context) (overlay.Observed, error) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	return overlay.Observed{
		Node: n.name, Objects: slices.Clone(n.objects), Foreign: slices.Clone(n.foreign),
		Facts: overlay.Facts{Underlay: 1500, Device: "sim0", Addresses: []netip.Addr{n.vtep}, Devices: len(n.objects)},
	}, ctx.Err()
}

// Apply carries out changes one by one. Those that chance lets fail are in the report; a node that dies on the way returns [ErrDied].
func (n *Node) Apply(ctx context.Context, changes overlay.Changes) (overlay.Report, error) {
	began := time.Now()
	var r overlay.Report
	for _, c := range changes.List {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		err := n.apply(c)
		if errors.Is(err, ErrDied) {
			return r, fmt.Errorf("apply changes to %s: %w", n.name, err)
		}
		if err != nil {
			r.Failed = append(r.Failed, overlay.Failure{Change: c, Err: err.Error()})
			continue
		}
		r.Applied++
	}
	r.Took = time.Since(began)
	return r, nil
}

// apply carries out one change.
func (n *Node) apply(c overlay.Change) error {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	if n.die > 0 {
		if n.die--; n.die == 0 {
			return ErrDied
		}
	}
	if n.fail > 0 && n.net.rng.Float64() < n.fail {
		return fmt.Errorf("%s: no buffer space", c)
	}
	if c.Op != overlay.Remove && !n.bears(c.Object) {
		return fmt.Errorf("%s: no such device", c)
	}
	if c.Op == overlay.Remove || c.Op == overlay.Replace {
		n.remove(c.Object)
	}
	if c.Op != overlay.Remove {
		n.put(c.Object)
	}
	n.applied++
	return nil
}

// bears tells whether the devices that o lies on are there.
func (n *Node) bears(o overlay.Object) bool {
	if o.Kind == overlay.Bridge || o.Kind == overlay.Tunnel && o.Bare {
		return true
	}
	device := overlay.Object{Kind: overlay.Tunnel, VNI: o.VNI}
	switch {
	case o.Kind <= overlay.Port, !o.Bare && (o.Kind == overlay.Address || o.Kind == overlay.Neighbour):
		device.Kind = overlay.Bridge
	case o.Endpoint != "":
		device = overlay.Object{Kind: overlay.Port, VNI: o.VNI, Endpoint: o.Endpoint}
	}
	return n.has(device)
}

func (n *Node) has(o overlay.Object) bool {
	_, found := slices.BinarySearchFunc(n.objects, o, overlay.CompareObjects)
	return found
}

func (n *Node) put(o overlay.Object) {
	at, found := slices.BinarySearchFunc(n.objects, o, overlay.CompareObjects)
	if found {
		n.objects[at] = o
		return
	}
	n.objects = slices.Insert(n.objects, at, o)
}

// remove removes an object and, as a kernel does, what lies on a device that goes.
func (n *Node) remove(o overlay.Object) {
	n.objects = slices.DeleteFunc(n.objects, func(h overlay.Object) bool {
		onIt := o.Kind <= overlay.Port && h.Kind > overlay.Port && h.VNI == o.VNI && h.Device() == o.Device()
		onIt = onIt || o.Kind == overlay.Bridge && h.Kind == overlay.BridgeMAC && h.VNI == o.VNI
		return onIt || overlay.CompareObjects(h, o) == 0
	})
	for i, h := range n.objects {
		if o.Kind == overlay.Bridge && h.VNI == o.VNI && h.Kind == overlay.Tunnel {
			n.objects[i].Bare = true
		}
	}
}

// Close does nothing: what the node holds stays.
func (n *Node) Close() error { return nil }

// Fail lets a share of changes fail, 0 to 1.
func (n *Node) Fail(share float64) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	n.fail = share
}

// DieAfter lets the node die once, at the change with the number given.
func (n *Node) DieAfter(changes int) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	n.die = changes
}

// Reboot lets the node forget everything that it holds.
func (n *Node) Reboot() {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	n.objects = nil
}

// Sabotage removes or spoils one object by chance, as a person would by hand. It tells which.
func (n *Node) Sabotage() (what string) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	if len(n.objects) == 0 {
		return "nothing there"
	}
	at := n.net.rng.IntN(len(n.objects))
	o := n.objects[at]
	if n.net.rng.IntN(2) == 0 {
		n.remove(o)
		return "removed " + o.String()
	}
	switch o.Kind {
	case overlay.TunnelMAC:
		o.VTEP = netip.AddrFrom4([4]byte{203, 0, 113, 1})
	case overlay.Bridge, overlay.Tunnel, overlay.Port:
		o.MTU = 576
	case overlay.Neighbour:
		o.MAC[5] ^= 0x80
	default:
		o.Flaw = "spoilt"
	}
	n.objects[at] = o
	return "spoilt " + o.String()
}

// Occupy puts a foreign device onto the node.
func (n *Node) Occupy(f overlay.Foreign) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	n.foreign = append(n.foreign, f)
}

// Applied counts the changes that the node carried out.
func (n *Node) Applied() int {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	return n.applied
}

// segment is the objects of one VNI.
func (n *Node) segment(vni overlay.VNI) []overlay.Object {
	at, _ := slices.BinarySearchFunc(n.objects, vni, func(o overlay.Object, v overlay.VNI) int { return int(o.VNI) - int(v) })
	end := at
	for end < len(n.objects) && n.objects[end].VNI == vni {
		end++
	}
	return n.objects[at:end]
}

// addressOf is the address of an endpoint in a segment, of the family of like.
func (n *Node) addressOf(vni overlay.VNI, endpoint string, like netip.Addr) netip.Addr {
	for _, o := range n.segment(vni) {
		own := o.Kind == overlay.Address && endpoint == "" || o.Kind == overlay.EndpointAddress && o.Endpoint == endpoint
		if own && o.IP.Addr().Is4() == like.Is4() && o.IP.Contains(like) {
			return o.IP.Addr()
		}
	}
	return netip.Addr{}
}

// endpointWith is the endpoint on this node that has an address.
func (n *Node) endpointWith(vni overlay.VNI, ip netip.Addr) (string, bool) {
	for _, o := range n.segment(vni) {
		if (o.Kind == overlay.Address || o.Kind == overlay.EndpointAddress) && o.IP.Addr() == ip {
			return o.Endpoint, true
		}
	}
	return "", false
}

// forward finds the VTEP that a packet to ip goes to: neighbour, then the bridge's table, then the tunnel's.
func (n *Node) forward(vni overlay.VNI, ip netip.Addr) (vtep netip.Addr, mac overlay.MAC, err error) {
	var bridge, tunnel, bare bool
	list := n.segment(vni)
	for _, o := range list {
		bridge = bridge || o.Kind == overlay.Bridge
		tunnel = tunnel || o.Kind == overlay.Tunnel
		bare = bare || o.Kind == overlay.Tunnel && o.Bare
		if o.Kind == overlay.Neighbour && o.IP.Addr() == ip {
			mac = o.MAC
		}
	}
	if !tunnel || !bare && !bridge || mac.IsZero() {
		return vtep, mac, fmt.Errorf("%w (%s knows no neighbour %s)", ErrNoRoute, n.name, ip)
	}
	behind := bare
	for _, o := range list {
		behind = behind || o.Kind == overlay.BridgeMAC && o.MAC == mac && o.Endpoint == ""
		if o.Kind == overlay.TunnelMAC && o.MAC == mac {
			vtep = o.VTEP
		}
	}
	if !behind || !vtep.IsValid() {
		return vtep, mac, fmt.Errorf("%w (%s knows no way to %s)", ErrNoRoute, n.name, mac)
	}
	return vtep, mac, nil
}

// deliver finds the endpoint that a frame which came in by the tunnel is for.
func (n *Node) deliver(vni overlay.VNI, mac overlay.MAC, ip netip.Addr) (endpoint string, ok bool) {
	tunnel, known := false, false
	for _, o := range n.segment(vni) {
		switch {
		case o.Kind == overlay.Tunnel && o.VTEP == n.vtep:
			tunnel, known = true, known || o.Bare && o.MAC == mac
		case o.Kind == overlay.Bridge && o.MAC == mac:
			known = true
		case o.Kind == overlay.BridgeMAC && o.MAC == mac && o.Endpoint != "":
			known, endpoint = true, o.Endpoint
		}
	}
	e, has := n.endpointWith(vni, ip)
	return e, tunnel && known && has && e == endpoint
}
