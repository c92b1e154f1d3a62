package intents

import (
	"fmt"
	"slices"
)

// hole is a place in a pattern where a slot's value stands. Patterns of several intents share it.
type hole struct {
	slot string
	kind kind
	list bool
}

// holeEdge leads from a state over a value to the next state.
type holeEdge struct {
	hole int32 // index into automaton.holes
	to   int32
	// rangeTo says that "to" between two nodes means a range, since the pattern itself wants no "to" here.
	rangeTo bool
}

// state is one state of the automaton. Its edges over words are in automaton.over.
type state struct {
	words   []word // the words that lead on, for completion and questions
	holes   []holeEdge
	accepts []*rule // the rules that end here: several only where one intent has the same pattern twice
}

// automaton recognises the patterns of all intents at once. Over words it is deterministic, so that its speed
// does not depend on how many intents there are; values of slots are tried in the order of the edges.
type automaton struct {
	over   map[uint64]int32 // state<<32 | word → state
	states []state
	holes  []hole
}

// step returns the state that word w leads to from state s.
func (a *automaton) step(s int32, w word) (int32, bool) {
	to, ok := a.over[uint64(s)<<32|uint64(uint32(w))]
	return to, ok
}

// netState is one state of the net that patterns are laid out in before it is made deterministic.
type netState struct {
	free  []int32 // edges that consume nothing
	words []netEdge
	holes []netEdge
	rule  *rule
}

// netEdge is an edge over a word or a hole.
type netEdge struct{ over, to int32 }

// net collects patterns and becomes an automaton.
type net struct {
	states  []netState
	lexicon map[string]word
	holes   []hole
}

// newNet returns a net that holds the start state alone.
func newNet() *net {
	n := &net{states: make([]netState, 1), lexicon: map[string]word{}}
	for i, w := range structureWords() {
		if w != "" {
			n.lexicon[w] = word(i)
		}
	}
	return n
}

// add lays out the pattern of r.
func (n *net) add(r *rule) error {
	end, err := n.lay(r.pattern, 0, r.spec)
	if err != nil {
		return err
	}
	last := n.state()
	n.free(end, last)
	n.states[last].rule = r
	return nil
}

// state adds an empty state.
func (n *net) state() int32 {
	n.states = append(n.states, netState{})
	return int32(len(n.states) - 1)
}

// free adds an edge that consumes nothing.
func (n *net) free(from, to int32) { n.states[from].free = append(n.states[from].free, to) }

// mostNetStates bounds the net: patterns that grow beyond it are nested choices that nobody meant.
const mostNetStates = 200_000

// lay adds e behind state from and returns the state behind e.
func (n *net) lay(e *expr, from int32, spec *Spec) (int32, error) {
	if len(n.states) > mostNetStates {
		return 0, fmt.Errorf("intent %s: the patterns are too large", spec.Name)
	}
	switch e.op {
	case opWord:
		to := n.state()
		n.states[from].words = append(n.states[from].words, netEdge{n.word(e.text), to})
		return to, nil
	case opHole:
		to := n.state()
		n.states[from].holes = append(n.states[from].holes, netEdge{n.hole(e.text, spec), to})
		return to, nil
	case opSeq:
		for _, kid := range e.kids {
			var err error
			if from, err = n.lay(kid, from, spec); err != nil {
				return 0, err
			}
		}
		return from, nil
	case opSet:
		return n.laySet(e, from, spec)
	}
	to := n.state()
	for _, kid := range e.kids {
		end, err := n.lay(kid, from, spec)
		if err != nil {
			return 0, err
		}
		n.free(end, to)
	}
	if e.op == opOpt {
		n.free(from, to)
	}
	return to, nil
}

// laySet adds phrases of which each may be said once, in any order: one state for each subset that was said.
func (n *net) laySet(e *expr, from int32, spec *Spec) (int32, error) {
	const most = 5 // 2^5 states; more would be a sentence that nobody types
	if len(e.kids) > most {
		return 0, fmt.Errorf("intent %s: a set of %d phrases is too large, the most is %d", spec.Name, len(e.kids), most)
	}
	said := make([]int32, 1<<len(e.kids))
	said[0] = from
	for i := 1; i < len(said); i++ {
		said[i] = n.state()
	}
	to := n.state()
	for mask, at := range said {
		for i, kid := range e.kids {
			if mask&(1<<i) != 0 {
				continue
			}
			end, err := n.lay(kid, at, spec)
			if err != nil {
				return 0, err
			}
			n.free(end, said[mask|1<<i])
		}
		n.free(at, to)
	}
	return to, nil
}

// word returns the number of the word w, a new one if need be.
func (n *net) word(w string) word {
	id, ok := n.lexicon[w]
	if !ok {
		id = firstFreeWord + word(len(n.lexicon))
		n.lexicon[w] = id
	}
	return id
}

// hole returns the number of the hole for the slot called name.
func (n *net) hole(name string, spec *Spec) int32 {
	slot, _ := spec.Slot(name)
	h := hole{slot: name, kind: slot.kind, list: slot.List}
	if i := slices.Index(n.holes, h); i >= 0 {
		return int32(i)
	}
	n.holes = append(n.holes, h)
	return int32(len(n.holes) - 1)
}
