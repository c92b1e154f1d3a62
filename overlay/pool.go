package overlay

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"
)

// BlockSize is the number of VNIs that are leased at once to an [Owner], so that a region gives VNIs without asking the others.
const BlockSize = 4096

// DefaultQuarantine is how long a released VNI rests: ten passes of the agents, so that no node still holds it when it is given again.
const DefaultQuarantine = 10 * time.Minute

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

// Pool gives VNIs out of a range, each at most once until it is released and has rested.
//
// It keeps one bit a VNI, 2 MiB in all, and hands out blocks of [BlockSize] to owners as they need them. The clock is handed in. Safe for
// concurrent use. It proposes; what makes an allocation durable is the store's create of the VNI's record.
type Pool struct {
	rest   time.Duration
	within Range

	mu      sync.Mutex
	used    []uint64                 // a bit a VNI: held or resting
	free    [1 << 24 / BlockSize]int // VNIs of the range that a block has left
	owner   [1 << 24 / BlockSize]*lease
	leases  map[Owner]*lease
	next    int // no block below it is without owner
	rests   []resting
	restSet map[VNI]time.Time
	held    int
}

// lease is what one owner has: its blocks, the ones with room first asked.
type lease struct {
	owner  Owner
	blocks []int
	hint   int // index into blocks: none before it has room
}

// resting is a released VNI and the end of its quarantine; the slice is in order of that time.
type resting struct {
	vni   VNI
	until time.Time
}

// NewPool makes a pool of the VNIs in r; what is released rests for the time given.
func NewPool(r Range, quarantine time.Duration) (*Pool, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	p := &Pool{
		rest: quarantine, within: r, used: make([]uint64, 1<<24/64),
		leases: map[Owner]*lease{}, restSet: map[VNI]time.Time{},
	}
	for b := range p.free {
		first, last := max(VNI(b*BlockSize), r.First), min(VNI(b*BlockSize+BlockSize-1), r.Last)
		if first <= last {
			p.free[b] = int(last-first) + 1
		}
	}
	p.next = int(r.First) / BlockSize
	return p, nil
}

// Take gives the lowest free VNI of owner's blocks, and leases it another block when they are full.
//
// Returns an error that wraps [ErrExhausted] and says what holds the space when nothing is left.
func (p *Pool) Take(owner Owner, now time.Time) (VNI, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake(now)
	l := p.leaseOf(owner)
	for {
		for ; l.hint < len(l.blocks); l.hint++ {
			if b := l.blocks[l.hint]; p.free[b] > 0 {
				return p.takeIn(b), nil
			}
		}
		if _, err := p.leaseNext(l); err != nil {
			return 0, err
		}
	}
}

// TakeExact gives owner the VNI v, and leases it v's block when nobody has that.
//
// Returns an error that wraps [ErrReserved], [ErrTaken], [ErrQuarantined] or [ErrLeased] and names what is in the way.
func (p *Pool) TakeExact(owner Owner, v VNI, now time.Time) error {
	if err := v.Check(); err != nil {
		return err
	}
	if !p.within.Contains(v) {
		return fmt.Errorf("VNI %d: outside of the pool %s", v, p.within)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake(now)
	b := int(v) / BlockSize
	if l := p.owner[b]; l != nil && l.owner != owner {
		return fmt.Errorf("VNI %d: its block %s is %w (%s)", v, blockRange(b), ErrLeased, l.owner)
	}
	if p.isUsed(v) {
		if until, ok := p.restSet[v]; ok {
			return fmt.Errorf("VNI %d: %w until %s", v, ErrQuarantined, until.UTC().Format(time.RFC3339))
		}
		return fmt.Errorf("VNI %d: %w", v, ErrTaken)
	}
	p.give(b, p.leaseOf(owner))
	p.mark(v)
	return nil
}

// Lease leases owner one more block, so that it can give VNIs while it cannot reach the others.
func (p *Pool) Lease(owner Owner) (Range, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, err := p.leaseNext(p.leaseOf(owner))
	if err != nil {
		return Range{}, err
	}
	return blockRange(b), nil
}

// Restore marks v as held by owner without asking whether it may: it loads what the store holds. A VNI outside of the range or held
// twice is an error, since then the store contradicts itself.
func (p *Pool) Restore(owner Owner, v VNI) error {
	return p.TakeExact(owner, v, time.Time{})
}

// Release gives v back. It is given again only after its quarantine.
func (p *Pool) Release(v VNI, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, rests := p.restSet[v]; rests || v > LastVNI || !p.isUsed(v) {
		return fmt.Errorf("release VNI %d: nobody holds it", v)
	}
	until := now.Add(p.rest)
	at, _ := slices.BinarySearchFunc(p.rests, until, func(r resting, t time.Time) int {
		if r.until.After(t) {
			return 1
		}
		return -1
	})
	p.rests = slices.Insert(p.rests, at, resting{v, until})
	p.restSet[v] = until
	p.held--
	return nil
}

// Usage is how full a pool is.
type Usage struct {
	Total   int `json:"total"`   // VNIs of the range
	Held    int `json:"held"`    // given and not released
	Resting int `json:"resting"` // released, in quarantine
	Blocks  int `json:"blocks"`  // blocks leased
}

// Usage tells how full the pool is.
func (p *Pool) Usage() Usage {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := Usage{Total: p.within.Len(), Held: p.held, Resting: len(p.rests)}
	for _, l := range p.leases {
		u.Blocks += len(l.blocks)
	}
	return u
}

// Owners lists who has leased blocks, in order of their names.
func (p *Pool) Owners() []Owner {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.SortedFunc(maps.Keys(p.leases), func(a, b Owner) int {
		if a.Tenant != b.Tenant {
			return strings.Compare(a.Tenant, b.Tenant)
		}
		return strings.Compare(a.Region, b.Region)
	})
}

// leaseOf returns owner's lease and makes an empty one when it has none.
func (p *Pool) leaseOf(owner Owner) *lease {
	l := p.leases[owner]
	if l == nil {
		l = &lease{owner: owner}
		p.leases[owner] = l
	}
	return l
}

// leaseNext gives l the lowest block that has room and that nobody has.
func (p *Pool) leaseNext(l *lease) (int, error) {
	for ; p.next < len(p.owner); p.next++ {
		if p.owner[p.next] == nil && p.free[p.next] > 0 {
			b := p.next
			p.give(b, l)
			return b, nil
		}
	}
	return 0, fmt.Errorf("VNIs %s for %s: %w (%d held, %d in quarantine, every block of %d leased)",
		p.within, l.owner, ErrExhausted, p.held, len(p.rests), BlockSize)
}

// give leases block b to l unless l has it already.
func (p *Pool) give(b int, l *lease) {
	if p.owner[b] != nil {
		return
	}
	p.owner[b] = l
	at, _ := slices.BinarySearch(l.blocks, b)
	l.blocks = slices.Insert(l.blocks, at, b)
	l.hint = min(l.hint, at)
}

// takeIn takes the lowest free VNI of block b, which has one.
func (p *Pool) takeIn(b int) VNI {
	first, last := max(VNI(b*BlockSize), p.within.First), min(VNI(b*BlockSize+BlockSize-1), p.within.Last)
	for w := int(first) / 64; w <= int(last)/64; w++ {
		word := p.used[w]
		if w == int(first)/64 {
			word |= 1<<(first%64) - 1
		}
		if v := VNI(w*64 + bits.TrailingZeros64(^word)); word != ^uint64(0) && v <= last {
			p.mark(v)
			return v
		}
	}
	panic(fmt.Sprintf("overlay: block %d counts %d free VNIs and has none", b, p.free[b]))
}

// mark notes v as given.
func (p *Pool) mark(v VNI) {
	p.used[v/64] |= 1 << (v % 64)
	p.free[int(v)/BlockSize]--
	p.held++
}

// wake makes VNIs free whose quarantine is over.
func (p *Pool) wake(now time.Time) {
	n := 0
	for ; n < len(p.rests) && !p.rests[n].until.After(now); n++ {
		v := p.rests[n].vni
		b := int(v) / BlockSize
		delete(p.restSet, v)
		p.used[v/64] &^= 1 << (v % 64)
		p.free[b]++
		if l := p.owner[b]; l != nil {
			at, _ := slices.BinarySearch(l.blocks, b)
			l.hint = min(l.hint, at)
		}
	}
	if n > 0 {
		p.rests = slices.Delete(p.rests, 0, n)
	}
}

func (p *Pool) isUsed(v VNI) bool { return p.used[v/64]&(1<<(v%64)) != 0 }

// blockRange is the run of VNIs in block b.
func blockRange(b int) Range {
	return Range{VNI(b * BlockSize), VNI(b*BlockSize + BlockSize - 1)}
}
