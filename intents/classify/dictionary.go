package classify

import "math/bits"

// table maps hashes to numbers counted from 0 in the order of their arrival: open addressing, at most half full.
type table struct {
	places []place
	count  uint32
	shift  uint // 64 - log2(len(places))
}

// place holds one key and its number, side by side since both are read at once.
type place struct {
	key uint64 // 0 is free
	id  uint32
}

// newTable returns a table with room for size keys before it has to grow.
func newTable(size int) *table {
	width := max(4, bits.Len(uint(2*size)))
	return &table{places: make([]place, 1<<width), shift: uint(64 - width)}
}

// at is where key is, or would be.
func (t *table) at(key uint64) *place {
	mask := len(t.places) - 1
	at := int((key * 0x9E3779B97F4A7C15) >> t.shift) // Fibonacci hashing: 2^64 over the golden ratio
	for {
		p := &t.places[at&mask]
		if p.key == 0 || p.key == key {
			return p
		}
		at++
	}
}

// find returns the number of key, and whether it is known.
func (t *table) find(key uint64) (uint32, bool) {
	p := t.at(key)
	return p.id, p.key == key && key != 0
}

// put returns the number of key, a new one if it was not known.
func (t *table) put(key uint64) uint32 {
	p := t.at(key)
	if p.key == key {
		return p.id
	}
	if 2*int(t.count+1) > len(t.places) {
		t.grow()
		p = t.at(key)
	}
	*p = place{key, t.count}
	t.count++
	return p.id
}

// grow doubles the table.
func (t *table) grow() {
	old := *t
	*t = *newTable(len(old.places))
	for _, p := range old.places {
		if p.key != 0 {
			*t.at(p.key) = p
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
