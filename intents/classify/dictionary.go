package classify

import "math/bits"

// table maps hashes to numbers counted from 0 in the order of their arrival: open addressing, at most half full.
type table struct {
	keys  []uint64 // 0 is a free place
	ids   []uint32
	count uint32
	shift uint // 64 - log2(len(keys))
}

// newTable returns a table with room for size keys before it has to grow.
func newTable(size int) *table {
	width := max(4, bits.Len(uint(2*size)))
	return &table{keys: make([]uint64, 1<<width), ids: make([]uint32, 1<<width), shift: uint(64 - width)}
}

// place is where key is, or would be.
func (t *table) place(key uint64) int {
	mask := len(t.keys) - 1
	at := int((key * 0x9E3779B97F4A7C15) >> t.shift) // Fibonacci hashing: 2^64 over the golden ratio
	for t.keys[at&mask] != 0 && t.keys[at&mask] != key {
		at++
	}
	return at & mask
}

// find returns the number of key, and whether it is known.
func (t *table) find(key uint64) (uint32, bool) {
	at := t.place(key)
	return t.ids[at], t.keys[at] == key && key != 0
}

// put returns the number of key, a new one if it was not known.
func (t *table) put(key uint64) uint32 {
	at := t.place(key)
	if t.keys[at] == key {
		return t.ids[at]
	}
	if 2*int(t.count+1) > len(t.keys) {
		t.grow()
		at = t.place(key)
	}
	id := t.count
	t.keys[at], t.ids[at] = key, id
	t.count++
	return id
}

// grow doubles the table.
func (t *table) grow() {
	old := *t
	*t = *newTable(len(old.keys))
	for i, key := range old.keys {
		if key != 0 {
			at := t.place(key)
			t.keys[at], t.ids[at] = key, old.ids[i]
		}
	}
	t.count = old.count
}

// dictionary knows the features of the training texts and what each is worth.
type dictionary struct {
	table *table
	whole *table    // hashes of the words that have no character n-grams
	group []byte    // by feature
	idf   []float32 // by feature: rarity times the weight of its group
}

// len is how many features there are.
func (d *dictionary) len() int { return int(d.table.count) }

// learn enters the features and counts them in b.
func (d *dictionary) learn(features []feature, b *bag) {
	for _, f := range features {
		id := d.table.put(f.hash)
		if int(id) == len(d.group) {
			d.group = append(d.group, f.group)
			b.seen = append(b.seen, 0)
		}
		b.add(id)
	}
}

// count counts in b the features that are known, drops the others, and returns how many words were known.
func (d *dictionary) count(features []feature, b *bag) (words int) {
	for _, f := range features {
		id, ok := d.table.find(f.hash)
		if !ok {
			continue
		}
		b.add(id)
		if f.group == groupWord {
			words++
		}
	}
	return words
}
