package intents

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// subset makes a net deterministic by the subset construction: a state of the automaton is the set of states
// that the net could be in.
type subset struct {
	net   *net
	auto  *automaton
	known map[string]int32 // set of net states → state
	sets  [][]int32
}

// automaton returns the deterministic form of n. Two intents that end in one state are an error: no utterance
// could tell them apart.
func (n *net) automaton() (*automaton, error) {
	s := &subset{
		net:   n,
		auto:  &automaton{over: map[uint64]int32{}, holes: n.holes},
		known: map[string]int32{},
	}
	s.state([]int32{0})
	for i := 0; i < len(s.sets); i++ {
		if err := s.expand(int32(i)); err != nil {
			return nil, err
		}
	}
	s.ranges()
	return s.auto, nil
}

// state returns the state for the net states in from and all that they reach for free.
func (s *subset) state(from []int32) int32 {
	set := s.closure(from)
	key := make([]byte, 0, 4*len(set))
	for _, at := range set {
		key = binary.LittleEndian.AppendUint32(key, uint32(at))
	}
	if id, ok := s.known[string(key)]; ok {
		return id
	}
	id := int32(len(s.sets))
	s.known[string(key)] = id
	s.sets = append(s.sets, set)
	s.auto.states = append(s.auto.states, state{})
	return id
}

// closure returns from and all that it reaches for free, sorted.
func (s *subset) closure(from []int32) []int32 {
	seen := map[int32]bool{}
	var out []int32
	stack := slices.Clone(from)
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		out = append(out, at)
		stack = append(stack, s.net.states[at].free...)
	}
	slices.Sort(out)
	return out
}

// expand fills in the edges and the rules of state id.
func (s *subset) expand(id int32) error {
	words, holes := map[int32][]int32{}, map[int32][]int32{}
	var accepts []*rule
	for _, at := range s.sets[id] {
		from := &s.net.states[at]
		for _, e := range from.words {
			words[e.over] = append(words[e.over], e.to)
		}
		for _, e := range from.holes {
			holes[e.over] = append(holes[e.over], e.to)
		}
		if from.rule != nil {
			accepts = append(accepts, from.rule)
		}
	}
	for _, r := range accepts {
		if r.spec != accepts[0].spec {
			return fmt.Errorf("intents %s (line %d) and %s (line %d) have a pattern in common",
				accepts[0].spec.Name, accepts[0].line, r.spec.Name, r.line)
		}
	}
	for w, to := range words {
		target := s.state(to)
		s.auto.over[uint64(id)<<32|uint64(uint32(w))] = target
		s.auto.states[id].words = append(s.auto.states[id].words, w)
	}
	slices.Sort(s.auto.states[id].words)
	for h, to := range holes {
		target := s.state(to)
		s.auto.states[id].holes = append(s.auto.states[id].holes, holeEdge{hole: h, to: target})
	}
	slices.SortFunc(s.auto.states[id].holes, func(a, b holeEdge) int { return cmp.Compare(a.hole, b.hole) })
	s.auto.states[id].accepts = accepts
	return nil
}

// ranges finds the node holes behind which no pattern wants "to": there it may join the ends of a range.
func (s *subset) ranges() {
	for i := range s.auto.states {
		for j := range s.auto.states[i].holes {
			e := &s.auto.states[i].holes[j]
			_, taken := s.auto.step(e.to, wordTo)
			e.rangeTo = !taken
		}
	}
}
