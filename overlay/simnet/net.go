package simnet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/shitops/opsbot/overlay"
)

// Net is an underlay. Safe for concurrent use.
type Net struct {
	mu    sync.Mutex
	rng   *rand.Rand
	nodes map[string]*Node
	vteps map[netip.Addr]*Node
	loss  float64
	delay time.Duration
	group map[string]int // of a partition; nodes without one are together
	mtu   map[string]int // of the hop to a node; none is enough for all
}

// New makes an empty underlay whose chances follow from seed.
func New(seed uint64) *Net {
	return &Net{
		rng: rand.New(rand.NewPCG(seed, seed)), nodes: map[string]*Node{}, vteps: map[netip.Addr]*Node{},
		group: map[string]int{}, mtu: map[string]int{},
	}
}

// Node returns the node with the name given, and connects it at the VTEP given when it is new.
func (n *Net) Node(name string, vtep netip.Addr) *Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	if have := n.nodes[name]; have != nil {
		return have
	}
	node := &Node{net: n, name: name, vtep: vtep}
	n.nodes[name], n.vteps[vtep] = node, node
	return node
}

// Loss lets a share of packets vanish, 0 to 1.
func (n *Net) Loss(share float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = share
}

// Delay is what a packet takes from node to node.
func (n *Net) Delay(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay = d
}

// Partition cuts the underlay: nodes reach those of their own group alone. Nodes that are named nowhere form one of their own.
func (n *Net) Partition(groups ...[]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.group)
	for i, g := range groups {
		for _, name := range g {
			n.group[name] = i + 1
		}
	}
}

// Heal ends loss, delay, partition and hidden hops.
func (n *Net) Heal() {
	n.Partition()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss, n.delay = 0, 0
	clear(n.mtu)
}

// HideHop puts a hop with the MTU given before a node: larger packets vanish.
func (n *Net) HideHop(node string, mtu int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mtu[node] = mtu
}

// Why a ping is not answered.
var (
	ErrLost    = errors.New("lost on the underlay")
	ErrNoRoute = errors.New("no entry leads there")
	ErrDropped = errors.New("dropped by the node it came to")
)

// Ping walks an echo request of a node's endpoint (empty: of the node itself) to an address in a segment, and the answer back. The error
// says where it got lost.
func (n *Net) Ping(from, endpoint string, vni overlay.VNI, to netip.Addr) error {
	_, err := n.Probe(from, endpoint, vni, to, 84)
	return err
}

// Probe is [Net.Ping] with a size in bytes of the IP packet; it returns how long the way there and back takes.
func (n *Net) Probe(from, endpoint string, vni overlay.VNI, to netip.Addr, size int) (time.Duration, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	src := n.nodes[from]
	if src == nil {
		return 0, fmt.Errorf("ping from %s: no such node", from)
	}
	self := src.addressOf(vni, endpoint, to)
	if !self.IsValid() {
		return 0, fmt.Errorf("ping %s from %s in VNI %d: %w (no address of its own)", to, from, vni, ErrNoRoute)
	}
	dst, at, there, err := n.carry(src, vni, to, size)
	if err != nil {
		return 0, fmt.Errorf("ping %s from %s in VNI %d: %w", to, from, vni, err)
	}
	back, where, home, err := n.carry(dst, vni, self, size)
	if err != nil {
		return 0, fmt.Errorf("answer of %s (%s) to %s in VNI %d: %w", to, dst.name, from, vni, err)
	}
	if back != src || where != endpoint {
		return 0, fmt.Errorf("answer of %s (%s at %q) in VNI %d went to %s at %q", to, dst.name, at, vni, back.name, where)
	}
	return there + home, nil
}

// carry walks a packet from a node to the endpoint that has the address to.
func (n *Net) carry(src *Node, vni overlay.VNI, to netip.Addr, size int) (dst *Node, endpoint string, took time.Duration, err error) {
	if e, ok := src.endpointWith(vni, to); ok {
		return src, e, 0, nil // within the node
	}
	vtep, mac, err := src.forward(vni, to)
	if err != nil {
		return nil, "", 0, err
	}
	dst = n.vteps[vtep]
	outer := size + overlay.Overhead4
	if !vtep.Is4() {
		outer = size + overlay.Overhead6
	}
	switch hop := n.mtu[src.name]; {
	case dst == nil, n.group[src.name] != n.group[dst.name], n.rng.Float64() < n.loss:
		return nil, "", 0, fmt.Errorf("%w (to %s)", ErrLost, vtep)
	case hop != 0 && outer > hop, n.mtu[dst.name] != 0 && outer > n.mtu[dst.name]:
		return nil, "", 0, fmt.Errorf("%w (%d bytes to %s)", ErrLost, outer, vtep)
	}
	if endpoint, ok := dst.deliver(vni, mac, to); ok {
		return dst, endpoint, n.delay, nil
	}
	return nil, "", 0, fmt.Errorf("%w (%s)", ErrDropped, dst.name)
}
