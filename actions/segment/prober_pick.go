package segment

import (
	"cmp"
	"maps"
	"net/netip"
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

// each calls do for every seat of other nodes in the segments that a node is in. Do must not keep or change the record, nor call the Store.
func (s *Store) each(node string, do func(r *Record, seat *Seat)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name := range s.view.byNode[node] {
		r := s.view.records[name]
		if r.VNI == 0 || !r.has(node) {
			continue
		}
		for i := range r.Seats {
			if r.Seats[i].Node != node {
				do(&r, &r.Seats[i])
			}
		}
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

// pick chooses what a node is to probe: with each peer the segment whose turn it is, which is the same one for all nodes that share it, a sample of
// the others, and what was not well.
func (p *Prober) pick(node string, there map[string]bool, worries []pairKey) []overlay.ProbeTarget {
	p.mu.Lock()
	round := p.round
	p.mu.Unlock()
	bad, worried := map[pairKey]bool{}, map[string]int{}
	for _, k := range worries {
		bad[k] = true
		worried[k.to]++
	}
	first := map[string]candidate{}
	var out []overlay.ProbeTarget
	var sample []candidate
	p.o.Segments.opt.Store.each(node, func(r *Record, seat *Seat) {
		if !there[seat.Node] {
			return
		}
		key := pairKey{r.VNI, hop{node, seat.Node}}
		if again, ok := bad[key]; ok {
			if again {
				out = append(out, targetOf(r, seat.Node, seat.VTEP))
			}
			bad[key] = false // once, however many seats the peer has there
			return
		}
		turn := turnOf(round, r.VNI, "")
		if have, ok := first[seat.Node]; worried[seat.Node] < worstMost && (!ok || turn < have.turn) {
			first[seat.Node] = candidate{turn, targetOf(r, seat.Node, seat.VTEP)}
		}
		if worried[seat.Node] == 0 {
			sample = keepLowest(sample, turnOf(round, r.VNI, seat.Node), r, seat)
		}
	})
	for _, peer := range sortedKeys(first) {
		out = append(out, first[peer].target)
	}
	for _, c := range sample {
		if !slices.Contains(out, c.target) {
			out = append(out, c.target)
		}
	}
	return out
}

// keepLowest keeps the candidates with the lowest turns, each once.
func keepLowest(list []candidate, turn uint64, r *Record, seat *Seat) []candidate {
	if len(list) == sampleMost && turn >= list[len(list)-1].turn {
		return list
	}
	i, have := slices.BinarySearchFunc(list, turn, func(c candidate, turn uint64) int { return cmp.Compare(c.turn, turn) })
	if have {
		return list
	}
	list = slices.Insert(list, i, candidate{turn, targetOf(r, seat.Node, seat.VTEP)})
	return list[:min(len(list), sampleMost)]
}

func targetOf(r *Record, node string, vtep netip.Addr) overlay.ProbeTarget {
	return overlay.ProbeTarget{Segment: r.Name, VNI: r.VNI, Node: node, VTEP: vtep, MTU: r.MTU}
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
