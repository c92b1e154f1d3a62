package segment

import (
	"cmp"
	"maps"
	"slices"

	"github.com/shitops/opsbot/overlay"
)

// Bounds of what a node is asked in a round beside one segment of each peer.
const (
	sampleMost = 16 // segments of peers that were well
	worstMost  = 3  // segments that are not well, before no other is tried with that peer: then it is the pair, not a segment
)

// peopled names the nodes that are in segments, sorted.
func (s *Store) peopled() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.view.byNode))
}

// brief is what a probe needs of a segment.
type brief struct {
	name string
	vni  overlay.VNI
	mtu  int
}

// each calls do for every segment that a node is in, with all its seats. Do must not keep or change them, nor call the Store.
func (s *Store) each(node string, do func(b brief, seats []Seat)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name := range s.view.byNode[node] {
		r := s.view.records[name]
		if r.VNI == 0 || len(r.Left) > 0 && !r.has(node) {
			continue
		}
		do(brief{r.Name, r.VNI, r.MTU}, r.Seats)
	}
}

// has tells whether a node is in the segment.
func (r Record) has(node string) bool {
	return slices.ContainsFunc(r.Seats, func(s Seat) bool { return s.Node == node })
}

// candidate is a target, and how early it has its turn in this round: the lowest goes first.
type candidate struct {
	turn   uint64
	target overlay.ProbeTarget
}

// peer is what is known of another node while targets are chosen.
type peer struct {
	there   bool // its agent answers
	worries int  // segments in which it is not well
	first   candidate
	chosen  bool
}

// picker chooses the targets of one node.
type picker struct {
	node   string
	round  uint64
	there  map[string]bool
	bad    map[pairKey]bool // true until it is among the targets
	peers  map[string]*peer
	sample []candidate
	out    []overlay.ProbeTarget
}

// pick chooses what a node is to probe: with each peer the segment whose turn it is, which is the same one for all nodes that share it, a sample of
// the others, and what was not well.
func (p *Prober) pick(node string, there map[string]bool, worries []pairKey) []overlay.ProbeTarget {
	p.mu.Lock()
	x := picker{node: node, round: p.round, there: there, bad: map[pairKey]bool{}, peers: map[string]*peer{}}
	p.mu.Unlock()
	for _, k := range worries {
		x.bad[k] = true
		x.peer(k.to).worries++
	}
	p.o.Segments.opt.Store.each(node, x.segment)
	for _, name := range sortedKeys(x.peers) {
		if o := x.peers[name]; o.chosen {
			x.out = append(x.out, o.first.target)
		}
	}
	for _, c := range x.sample {
		if !slices.Contains(x.out, c.target) {
			x.out = append(x.out, c.target)
		}
	}
	return x.out
}

func (x *picker) peer(name string) *peer {
	o := x.peers[name]
	if o == nil {
		o = &peer{there: x.there[name]}
		x.peers[name] = o
	}
	return o
}

// segment considers the peers in one segment.
func (x *picker) segment(b brief, seats []Seat) {
	turn := turnOf(x.round, b.vni, "")
	for i := range seats {
		if seats[i].Node == x.node {
			continue
		}
		o := x.peer(seats[i].Node)
		if !o.there || o.worries > 0 && x.worry(b, &seats[i]) {
			continue
		}
		if o.worries < worstMost && (!o.chosen || turn < o.first.turn) {
			o.chosen, o.first = true, candidate{turn, b.target(&seats[i])}
		}
	}
	x.try(b, seats)
}

// worry puts a pair that was not well among the targets, once however many seats the peer has there, and tells whether it is one.
func (x *picker) worry(b brief, s *Seat) bool {
	k := pairKey{b.vni, hop{x.node, s.Node}}
	first, is := x.bad[k]
	if first {
		x.bad[k] = false
		x.out = append(x.out, b.target(s))
	}
	return is
}

// try takes a segment into the sample, with one of its peers, if its turn comes early enough.
func (x *picker) try(b brief, seats []Seat) {
	turn := turnOf(x.round, b.vni, x.node)
	if len(x.sample) == sampleMost && turn >= x.sample[sampleMost-1].turn {
		return
	}
	for i := range seats {
		s := &seats[(turn+uint64(i))%uint64(len(seats))]
		if o := x.peers[s.Node]; s.Node == x.node || !o.there || o.worries > 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(x.sample, turn, func(c candidate, turn uint64) int { return cmp.Compare(c.turn, turn) })
		x.sample = slices.Insert(x.sample, at, candidate{turn, b.target(s)})
		x.sample = x.sample[:min(len(x.sample), sampleMost)]
		return
	}
}

func (b brief) target(s *Seat) overlay.ProbeTarget {
	return overlay.ProbeTarget{Segment: b.name, VNI: b.vni, Node: s.Node, VTEP: s.VTEP, MTU: b.mtu}
}

// turnOf scatters rounds, VNIs and nodes evenly, and equally for everybody in one process.
func turnOf(round uint64, vni overlay.VNI, node string) uint64 {
	x := round*0x9e3779b97f4a7c15 ^ uint64(vni)*0xbf58476d1ce4e5b9 ^ hashOf(node)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9 // the mixing of splitmix64
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hashOf is FNV-1a.
func hashOf(text string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 0x100000001b3
	}
	return h
}
