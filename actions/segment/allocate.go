package segment

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// AllocatorOptions are what an Allocator needs. KV is required.
type AllocatorOptions struct {
	KV         store.KV         // the bucket of VNIs
	Within     overlay.Range    // zero = every VNI that may be given
	Quarantine time.Duration    // how long a VNI rests once it is given back; 0 = overlay.DefaultQuarantine
	Now        func() time.Time // nil = time.Now
}

// Allocator gives VNIs, each once among all replicas: what decides is the create of the VNI's key in the store.
//
// A block of VNIs is leased to a tenant and region by the create of the block's key, so that the replicas of one region meet no others. What
// is remembered between calls are hints alone: which VNIs of our blocks are known to be taken. It is safe for concurrent use.
type Allocator struct {
	opt AllocatorOptions

	mu     sync.Mutex
	blocks map[int]*block
	owned  map[overlay.Owner][]int // blocks in order of their lease
	marks  map[string]overlay.VNI  // by the mark of the step that took it
	next   int                     // blocks below it are leased
}

// block is a block of VNIs as far as it is known.
type block struct {
	owner  overlay.Owner
	loaded bool
	used   [overlay.BlockSize / 64]uint64
	rests  map[overlay.VNI]time.Time
	skew   int       // word at which the search begins
	read   time.Time // when it was loaded
}

// NewAllocator returns an allocator that knows nothing yet: it reads what it needs when it needs it.
func NewAllocator(o AllocatorOptions) (*Allocator, error) {
	if o.KV == nil {
		return nil, errors.New("allocator of VNIs: KV is required")
	}
	if o.Within == (overlay.Range{}) {
		o.Within = overlay.AllVNIs()
	}
	if err := o.Within.Check(); err != nil {
		return nil, err
	}
	if o.Quarantine <= 0 {
		o.Quarantine = overlay.DefaultQuarantine
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Allocator{
		opt: o, blocks: map[int]*block{}, owned: map[overlay.Owner][]int{}, marks: map[string]overlay.VNI{}, next: blockOf(o.Within.First),
	}, nil
}

// Want says who wants a VNI and for what.
type Want struct {
	Owner   overlay.Owner
	Segment string
	Mark    string      // of the step; the same mark gets the same VNI
	Exact   overlay.VNI // 0 = any
	Afresh  bool        // the step may have been done before, by another process perhaps: look in the store first
}

// Take gives a VNI. Its error wraps what package overlay calls it: ErrReserved, ErrTaken, ErrQuarantined, ErrLeased, ErrExhausted.
func (a *Allocator) Take(ctx context.Context, w Want) (overlay.VNI, error) {
	if w.Exact != 0 {
		return w.Exact, a.takeExact(ctx, w)
	}
	if w.Afresh {
		if err := a.refresh(ctx, w.Owner); err != nil {
			return 0, err
		}
	}
	if v, err := a.again(ctx, w); v != 0 || err != nil {
		return v, err
	}
	for tried := -1; ; {
		b, v, err := a.propose(ctx, w.Owner, tried)
		if err != nil {
			return 0, err
		}
		if v == 0 {
			tried = b // full, now that it is known
			continue
		}
		ok, err := a.claim(ctx, v, w)
		if ok || err != nil {
			return v, err
		}
	}
}

// again returns the VNI that this step has taken already, or 0.
func (a *Allocator) again(ctx context.Context, w Want) (overlay.VNI, error) {
	a.mu.Lock()
	v, ok := a.marks[w.Mark]
	a.mu.Unlock()
	if !ok {
		return 0, nil
	}
	e, err := a.opt.KV.Get(ctx, vniKey(v))
	if err != nil {
		return 0, again(fmt.Errorf("read VNI %d: %w", v, err))
	}
	h, err := decode[held](e)
	if err != nil || h.Mark != w.Mark || !h.Until.IsZero() {
		return 0, err
	}
	return v, nil
}

// propose marks a VNI of the owner's blocks as taken in memory, so that callers of one process never meet; it is 0 where block b was full.
func (a *Allocator) propose(ctx context.Context, o overlay.Owner, tried int) (int, overlay.VNI, error) {
	a.mu.Lock()
	mine := a.owned[o]
	a.mu.Unlock()
	for _, b := range mine {
		if b <= tried {
			continue
		}
		if err := a.load(ctx, b); err != nil {
			return b, 0, err
		}
		if v := a.lowest(b); v != 0 {
			return b, v, nil
		}
		if a.stale(b) { // other replicas may have given some back
			if err := a.reload(ctx, b); err != nil {
				return b, 0, err
			}
			return b - 1, a.lowest(b), nil
		}
	}
	b, err := a.leaseNext(ctx, o)
	if err != nil {
		return 0, 0, err
	}
	if err := a.load(ctx, b); err != nil {
		return b, 0, err
	}
	return b, a.lowest(b), nil
}

// lowest takes the lowest VNI of a block that is free as far as is known, or 0.
func (a *Allocator) lowest(b int) overlay.VNI {
	a.mu.Lock()
	defer a.mu.Unlock()
	k, now := a.blocks[b], a.opt.Now()
	for v, until := range k.rests {
		if !until.After(now) {
			delete(k.rests, v)
			k.used[v%overlay.BlockSize/64] &^= 1 << (v % 64)
		}
	}
	for i := range k.used {
		w := (i + k.skew) % len(k.used)
		word := k.used[w]
		for word != ^uint64(0) {
			bit := bits.TrailingZeros64(^word)
			v := overlay.VNI(b*overlay.BlockSize + w*64 + bit)
			if a.opt.Within.Contains(v) {
				k.used[w] |= 1 << bit
				return v
			}
			word |= 1 << bit
		}
	}
	return 0
}

// claim makes the key of a VNI that was proposed. False says that another replica was faster, or that it rests.
func (a *Allocator) claim(ctx context.Context, v overlay.VNI, w Want) (bool, error) {
	err := a.write(ctx, v, w)
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.blocks[blockOf(v)]
	switch {
	case err == nil:
		a.marks[w.Mark] = v
		return true, nil
	case errors.Is(err, overlay.ErrTaken), errors.Is(err, overlay.ErrQuarantined):
		var r restError
		if errors.As(err, &r) {
			k.rests[v] = r.until
		}
		k.skew = rand.IntN(len(k.used)) // another replica is at work here: keep out of its way
		return false, nil
	}
	k.used[v%overlay.BlockSize/64] &^= 1 << (v % 64) // not known: the store decides at the next try
	return false, again(err)
}

// restError says until when a VNI rests.
type restError struct {
	v     overlay.VNI
	until time.Time
}

// Error tells it to people.
func (r restError) Error() string {
	return fmt.Sprintf("VNI %d: %v until %s", r.v, overlay.ErrQuarantined, r.until.UTC().Format(time.RFC3339))
}

// Unwrap returns overlay.ErrQuarantined.
func (r restError) Unwrap() error { return overlay.ErrQuarantined }

// write creates the key of a VNI, or takes it over where it has rested.
func (a *Allocator) write(ctx context.Context, v overlay.VNI, w Want) error {
	value := actions.Encode(held{Schema: schema, VNI: v, Segment: w.Segment, Tenant: w.Owner.Tenant, Mark: w.Mark})
	_, err := store.CreateSure(ctx, a.opt.KV, vniKey(v), value)
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	e, err := a.opt.KV.Get(ctx, vniKey(v))
	if err != nil {
		return actions.Temporary{Err: fmt.Errorf("read VNI %d: %w", v, err)}
	}
	h, err := decode[held](e)
	switch {
	case err != nil:
		return err
	case h.Until.IsZero() && h.Mark == w.Mark:
		return nil
	case h.Until.IsZero():
		return fmt.Errorf("VNI %d: %w by segment %s", v, overlay.ErrTaken, h.Segment)
	case h.Until.After(a.opt.Now()) && h.Mark != w.Mark: // who gave it back may take it again
		return restError{v, h.Until}
	}
	_, err = store.UpdateSure(ctx, a.opt.KV, vniKey(v), value, e.Revision)
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("VNI %d: %w by another just now", v, overlay.ErrTaken)
	}
	return err
}

// takeExact gives the VNI that was asked for, in a block that is nobody else's.
func (a *Allocator) takeExact(ctx context.Context, w Want) error {
	if err := a.mayTake(ctx, w.Owner, w.Exact); err != nil {
		return err
	}
	if err := a.leaseBlock(ctx, w.Owner, blockOf(w.Exact)); err != nil {
		return err
	}
	if err := a.write(ctx, w.Exact, w); err != nil {
		return again(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.marks[w.Mark] = w.Exact
	if k := a.blocks[blockOf(w.Exact)]; k != nil {
		k.used[w.Exact%overlay.BlockSize/64] |= 1 << (w.Exact % 64)
	}
	return nil
}

// mayTake checks what needs no write.
func (a *Allocator) mayTake(ctx context.Context, o overlay.Owner, v overlay.VNI) error {
	if err := v.Check(); err != nil {
		return err
	}
	if !a.opt.Within.Contains(v) {
		return fmt.Errorf("VNI %d: outside of the pool %s", v, a.opt.Within)
	}
	have, ok, err := a.ownerOf(ctx, blockOf(v))
	if err != nil {
		return err
	}
	if ok && have != o {
		return leasedError(v, have)
	}
	return nil
}

func leasedError(v overlay.VNI, have overlay.Owner) error {
	first := overlay.VNI(blockOf(v) * overlay.BlockSize)
	return fmt.Errorf("VNI %d: its block %s is %w (%s); leave the VNI out, and a free one is taken",
		v, overlay.Range{First: first, Last: first + overlay.BlockSize - 1}, overlay.ErrLeased, have)
}

// Check tells whether a VNI could be given to owner now, and writes nothing.
func (a *Allocator) Check(ctx context.Context, o overlay.Owner, v overlay.VNI) error {
	if err := a.mayTake(ctx, o, v); err != nil {
		return err
	}
	e, err := a.opt.KV.Get(ctx, vniKey(v))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read VNI %d: %w", v, err)
	}
	h, err := decode[held](e)
	switch {
	case err != nil:
		return err
	case h.Until.IsZero():
		return fmt.Errorf("VNI %d: %w by segment %s", v, overlay.ErrTaken, h.Segment)
	case h.Until.After(a.opt.Now()):
		return restError{v, h.Until}
	}
	return nil
}

// ByMark returns the VNI that a step took, as the store has it; 0 where it took none. Exact is the VNI that it asked for, or 0.
func (a *Allocator) ByMark(ctx context.Context, w Want) (overlay.VNI, error) {
	if w.Exact != 0 {
		e, err := a.opt.KV.Get(ctx, vniKey(w.Exact))
		if errors.Is(err, store.ErrNotFound) {
			return 0, nil
		}
		if err != nil {
			return 0, again(err)
		}
		if h, err := decode[held](e); err != nil || h.Mark != w.Mark {
			return 0, err
		}
		return w.Exact, nil
	}
	if err := a.refresh(ctx, w.Owner); err != nil {
		return 0, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.marks[w.Mark], nil
}

// Release gives a VNI back that has this mark. It rests before it is given again. One that has another mark by now stays.
func (a *Allocator) Release(ctx context.Context, v overlay.VNI, mark string) (until time.Time, err error) {
	e, err := a.opt.KV.Get(ctx, vniKey(v))
	if errors.Is(err, store.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, again(fmt.Errorf("read VNI %d: %w", v, err))
	}
	h, err := decode[held](e)
	switch {
	case err != nil:
		return time.Time{}, err
	case h.Mark != mark:
		return time.Time{}, fmt.Errorf("VNI %d belongs to segment %s now: it stays", v, h.Segment)
	case !h.Until.IsZero():
		return h.Until, nil
	}
	h.Until = a.opt.Now().Add(a.opt.Quarantine).UTC().Truncate(time.Second)
	if _, err := store.UpdateSure(ctx, a.opt.KV, vniKey(v), actions.Encode(h), e.Revision); err != nil {
		return time.Time{}, again(fmt.Errorf("give VNI %d back: %w", v, err))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.marks, mark)
	if k := a.blocks[blockOf(v)]; k != nil && k.loaded {
		k.rests[v] = h.Until
	}
	return h.Until, nil
}
