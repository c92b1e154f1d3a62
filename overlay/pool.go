package overlay

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// BlockSize is the number of VNIs that are leased at once to an [Owner], so that a region gives VNIs without asking the others.
const BlockSize = 4096

// DefaultQuarantine is how long a released VNI rests: ten passes of the agents, so that no node still holds it when it is given again.
const DefaultQuarantine = 10 * time.Minute

// Block is the number of the block that v lies in.
func (v VNI) Block() int { return int(v) / BlockSize }

// Owner is whom a block of VNIs is leased to. An empty region is fine.
type Owner struct {
	Tenant string `json:"tenant"`
	Region string `json:"region,omitempty"`
}

// String gives the owner as "tenant" or "tenant in region".
func (o Owner) String() string {
	if o.Region == "" {
		return o.Tenant
	}
	return o.Tenant + " in " + o.Region
}

// Pool remembers whose the blocks of VNIs are and which VNIs of them are taken or rest, and proposes free ones. The clock is handed in. Safe
// for concurrent use.
//
// It knows what it was told, by this process alone. What makes a lease or an allocation is the store's create of its record: where the store
// says that another was faster, tell it to the pool and ask again.
type Pool struct {
	within Range

	mu     sync.Mutex
	blocks [1 << 24 / BlockSize]*block
	leases map[Owner]*lease
	next   int               // no block below it is without owner
	until  map[VNI]time.Time // what rests
	rests  []resting         // the same in order of time, with some that rest no more
}

// block is what is known of a block that somebody has.
type block struct {
	lease *lease
	used  bitmap // taken, resting, or outside of the range
	free  int    // those that are not
	begin int    // at which the search begins
}

// lease is what one owner has: its blocks, the ones with room first asked.
type lease struct {
	owner  Owner
	blocks []int
	hint   int // index into blocks: none before it has room
}

// resting is a released VNI and the end of its quarantine.
type resting struct {
	vni   VNI
	until time.Time
}

// NewPool makes a pool of the VNIs in r that knows of nobody who has any.
func NewPool(r Range) (*Pool, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	return &Pool{within: r, leases: map[Owner]*lease{}, next: r.First.Block(), until: map[VNI]time.Time{}}, nil
}

// Take proposes the lowest VNI of owner's blocks that is free as far as is known, and notes it as taken. It leases no block.
//
// Returns an error that wraps [ErrExhausted] and says what holds them when owner's blocks are full.
func (p *Pool) Take(owner Owner, now time.Time) (VNI, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake(now)
	l := p.leases[owner]
	if l == nil {
		l = &lease{owner: owner}
	}
	for ; l.hint < len(l.blocks); l.hint++ {
		n := l.blocks[l.hint]
		if b := p.blocks[n]; b.free > 0 {
			i := b.used.lowest(BlockSize, b.begin)
			b.used.set(i)
			b.free--
			return VNI(n*BlockSize + i), nil
		}
	}
	return 0, p.exhausted(l)
}

// exhausted says what holds the blocks of l.
func (p *Pool) exhausted(l *lease) error {
	held, rest := 0, 0
	for _, n := range l.blocks {
		held += p.size(n) - p.blocks[n].free
	}
	for v := range p.until {
		if p.blocks[v.Block()].lease == l {
			rest++
		}
	}
	return fmt.Errorf("VNIs %s for %s: %w (%d held, %d in quarantine, in %d blocks of %d)", p.within, l.owner, ErrExhausted, held-rest, rest, len(l.blocks), BlockSize)
}

// Check says why v cannot be owner's whoever may hold it: it wraps [ErrReserved] or, when v's block is known to be another's, [ErrLeased].
func (p *Pool) Check(owner Owner, v VNI) error {
	if err := v.Check(); err != nil {
		return err
	}
	if !p.within.Contains(v) {
		return fmt.Errorf("VNI %d: outside of the pool %s", v, p.within)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.check(owner, v)
}

func (p *Pool) check(owner Owner, v VNI) error {
	if b := p.blocks[v.Block()]; b != nil && b.lease.owner != owner {
		return fmt.Errorf("VNI %d: its block %s is %w (%s); leave the VNI out, and a free one is taken", v, blockRange(v.Block()), ErrLeased, b.lease.owner)
	}
	return nil
}

// Lease notes that a block is owner's, for good. Returns an error that wraps [ErrLeased] when it is another's.
func (p *Pool) Lease(owner Owner, block int) error {
	if block < 0 || block >= len(p.blocks) {
		return fmt.Errorf("block %d of VNIs: there are %d", block, len(p.blocks))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blocks[block] != nil {
		return p.check(owner, blockRange(block).First)
	}
	l := p.leases[owner]
	if l == nil {
		l = &lease{owner: owner}
		p.leases[owner] = l
	}
	p.blocks[block] = p.newBlock(l, block)
	at, _ := slices.BinarySearch(l.blocks, block)
	l.blocks = slices.Insert(l.blocks, at, block)
	l.hint = min(l.hint, at)
	return nil
}

// newBlock is a block of which nothing is taken.
func (p *Pool) newBlock(l *lease, n int) *block {
	b := &block{lease: l, used: newBitmap(BlockSize), free: p.size(n)}
	for i := range BlockSize {
		if b.free < BlockSize && !p.within.Contains(blockRange(n).First+VNI(i)) {
			b.used.set(i)
		}
	}
	return b
}

// size is how many VNIs of the range lie in a block.
func (p *Pool) size(n int) int {
	all := blockRange(n)
	return Range{max(all.First, p.within.First), min(all.Last, p.within.Last)}.Len()
}

// Unleased is the lowest block with VNIs of the range that nobody is known to have; false when there is none.
func (p *Pool) Unleased() (block int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.next <= p.within.Last.Block() && p.blocks[p.next] != nil {
		p.next++
	}
	return p.next, p.next <= p.within.Last.Block()
}

// Leased tells whether somebody is known to have a block.
func (p *Pool) Leased(block int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.blocks[block] != nil
}

// Blocks are the blocks of an owner, in order.
func (p *Pool) Blocks(owner Owner) []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.leases[owner]; l != nil {
		return slices.Clone(l.blocks)
	}
	return nil
}

// Hold notes that v is taken. Like [Pool.Rest] and [Pool.Free] it does nothing outside of the range and of the blocks that somebody has.
func (p *Pool) Hold(v VNI) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.use(v)
	delete(p.until, v)
}

// Rest notes that v was given back and is free at the time given, not before.
func (p *Pool) Rest(v VNI, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if have, ok := p.until[v]; !p.use(v) || ok && have.Equal(until) {
		return
	}
	p.until[v] = until
	at, _ := slices.BinarySearchFunc(p.rests, until, func(r resting, t time.Time) int {
		if r.until.After(t) {
			return 1
		}
		return -1
	})
	p.rests = slices.Insert(p.rests, at, resting{v, until})
}

// Free notes that v is free at once, as when it was proposed and nobody took it.
func (p *Pool) Free(v VNI) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release(v)
}

// Begin lets proposals of v's block begin near v, around which nobody else may be at work.
func (p *Pool) Begin(v VNI) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.of(v); b != nil {
		b.begin = int(v) % BlockSize
	}
}

// of is the block of v, or nil where v is not to be given or nobody has it.
func (p *Pool) of(v VNI) *block {
	if !p.within.Contains(v) {
		return nil
	}
	return p.blocks[v.Block()]
}

// use marks v, and tells whether it is in anybody's block.
func (p *Pool) use(v VNI) bool {
	b := p.of(v)
	if b != nil && !b.used.has(int(v)%BlockSize) {
		b.used.set(int(v) % BlockSize)
		b.free--
	}
	return b != nil
}

// release unmarks v.
func (p *Pool) release(v VNI) {
	delete(p.until, v)
	b := p.of(v)
	if b == nil || !b.used.has(int(v)%BlockSize) {
		return
	}
	b.used.clear(int(v) % BlockSize)
	b.free++
	at, _ := slices.BinarySearch(b.lease.blocks, v.Block())
	b.lease.hint = min(b.lease.hint, at)
}

// wake makes VNIs free whose quarantine is over.
func (p *Pool) wake(now time.Time) {
	n := 0
	for ; n < len(p.rests) && !p.rests[n].until.After(now); n++ {
		r := p.rests[n]
		if until, ok := p.until[r.vni]; ok && until.Equal(r.until) {
			p.release(r.vni)
		}
	}
	p.rests = slices.Delete(p.rests, 0, n)
}

// blockRange is the run of VNIs in block b.
func blockRange(b int) Range {
	return Range{VNI(b * BlockSize), VNI(b*BlockSize + BlockSize - 1)}
}
