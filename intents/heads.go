package intents

// heads tells at a glance whether any name of a kind begins like a word: most words begin none. It knows names by their first two letters or digits.
type heads struct {
	kinds [headSlots * headSlots]uint32 // for each pair which kinds have a name that begins with it
	first [headSlots]uint32             // the same for the first letter alone
}

// headSlots is how many letters and digits there are, and one slot for everything else.
const headSlots = 37

// headSlot returns the slot of c, which is in lower case; 0 where it is neither a letter nor a digit of ASCII.
func headSlot(c byte) int {
	switch {
	case c >= 'a' && c <= 'z':
		return 1 + int(c-'a')
	case c >= '0' && c <= '9':
		return 27 + int(c-'0')
	}
	return 0
}

// add takes in the key of a name of kind k.
func (h *heads) add(k kind, key []byte) {
	if len(key) == 0 {
		return
	}
	first, second := headSlot(key[0]), 0
	if len(key) > 1 {
		second = headSlot(key[1])
	}
	h.first[first] |= 1 << k
	h.kinds[first*headSlots+second] |= 1 << k
}

// may reports whether a name of kind k may begin with word, which is in lower case.
func (h *heads) may(k kind, word string) bool {
	if word == "" {
		return false
	}
	first, second := headSlot(word[0]), 0
	if first == 0 {
		return true // a separator, or a letter that keys write in another way
	}
	if len(word) > 1 {
		second = headSlot(word[1])
	}
	if second == 0 {
		return h.first[first]&(1<<k) != 0
	}
	return h.kinds[first*headSlots+second]&(1<<k) != 0
}
