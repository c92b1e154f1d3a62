package classify

// The groups of features. Each group hashes with its own first byte, so that the word "ack" and the characters "ack" are two features.
const (
	groupWord byte = iota + 1
	groupFirst
	groupPair
	groupChars
)

// Character n-grams are from minGram to maxGram bytes long, the marks of the word's ends counted. Measured by cross-validation with a slip in each
// text, 2 to 4 are as good as 3 to 5 without slips and two points better with them, with a fifth less of features.
const (
	minGram = 2
	maxGram = 4
)

// FNV-1a, 64 bits (RFC 9923, section 2).
const (
	fnvOffset uint64 = 14695981039346656037
	fnvPrime  uint64 = 1099511628211
)

// hash continues FNV-1a from h over b.
func hash(h uint64, b []byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

// seed is the state of FNV-1a after the byte of a group.
func seed(group byte) uint64 { return (fnvOffset ^ uint64(group)) * fnvPrime }

// bag is the features of one text by their numbers in a dictionary, with how often each occurs. It is kept and reused: seen has a place for
// every feature of the dictionary, zero where the text has not got it.
type bag struct {
	ids  []uint32
	seen []uint16
}

// add counts feature id once more.
func (b *bag) add(id uint32) {
	if b.seen[id] == 0 {
		b.ids = append(b.ids, id)
	}
	if b.seen[id] < 1<<16-1 {
		b.seen[id]++
	}
}

// clear makes the bag empty again.
func (b *bag) clear() {
	for _, id := range b.ids {
		b.seen[id] = 0
	}
	b.ids = b.ids[:0]
}

// feature is one feature of a text: the bytes from from to to of its words, two words for a pair.
type feature struct {
	hash     uint64
	from, to uint32
	group    byte
}

// extract appends the features of every token of w: the word, the word as first one, the pair with the word before, and its character n-grams.
// Tokens that whole holds are taken as they are, without n-grams.
func extract(into []feature, w *words, whole *table) []feature {
	var before, from uint32
	for i, end := range w.ends {
		to := uint32(end)
		token := w.buf[from:to]
		word := hash(seed(groupWord), token)
		into = append(into, feature{word, from, to, groupWord})
		if i == 0 {
			into = append(into, feature{hash(seed(groupFirst), token), from, to, groupFirst})
		} else {
			into = append(into, feature{hash(seed(groupPair), w.buf[before:to]), before, to, groupPair})
		}
		if _, ok := whole.find(word); !ok {
			into = grams(into, token, from)
		}
		before, from = from, to
	}
	return into
}

// grams appends the character n-grams of a token that begins at from.
func grams(into []feature, token []byte, from uint32) []feature {
	for i := 0; i+minGram <= len(token); i++ {
		h := hash(seed(groupChars), token[i:i+minGram-1])
		for j := i + minGram; j <= min(i+maxGram, len(token)); j++ {
			h = (h ^ uint64(token[j-1])) * fnvPrime
			into = append(into, feature{h, from + uint32(i), from + uint32(j), groupChars})
		}
	}
	return into
}
