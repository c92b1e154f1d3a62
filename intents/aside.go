package intents

import "slices"

// aside finds what stands beside the order and may narrow it down, although it is no part of its clause: "flush edge-2, raid", "only for the playlists".
func (fr *frame) aside(s *saying, f feeling) {
	if f.verb < 0 || !fr.spec.Risk.Changes() || fr.narrow != "" {
		return
	}
	for i := f.verb + 1; i < len(s.words); i++ {
		switch {
		case s.words[i].low == "only" && s.of[i] < 0 && i+2 < len(s.words) && preposition(s.words[i+1].low) && s.of[i+1] < 0 && s.of[i+2] < 0:
			fr.narrow = s.words[i+2].low
		case s.clause[i] > s.clause[f.verb] && s.stops(i-1) && fr.besides(s, i):
			fr.narrow = s.words[i].low
		}
	}
}

// besides reports whether the clause that begins with word i is the name of something alone: one word, or two where the intent takes no reason that they could be.
func (fr *frame) besides(s *saying, i int) bool {
	most := 2
	if slices.ContainsFunc(fr.spec.Slots, func(slot SlotSpec) bool { return slot.Name == "reason" }) {
		most = 1
	}
	n := 0
	for j := i; j < len(s.words) && s.clause[j] == s.clause[i]; j++ {
		if n++; n > most || s.of[j] >= 0 || s.cues[j] != cueNone || s.words[j].quoted || s.info[j].function || s.info[j].verb && s.info[j].acts || !lettered(s.words[j].low) {
			return false
		}
	}
	return true
}
