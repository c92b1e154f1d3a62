package segment

import (
	"context"
	"errors"
	"fmt"
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
// is remembered between calls are hints alone, by which a pool proposes what is free. It is safe for concurrent use.
type Allocator struct {
	opt AllocatorOptions

	pool *overlay.Pool // what is known to be taken, and whose the blocks are

	mu    sync.Mutex
	read  map[int]time.Time      // blocks, and when what is taken of them was read
	marks map[string]overlay.VNI // by the mark of the step that took it
}

// NewAllocator returns an allocator that knows nothing yet: it reads what it needs when it needs it.
func NewAllocator(o AllocatorOptions) (*Allocator, error) {
	if o.KV == nil {
		return nil, errors.New("allocator of VNIs: KV is required")
	}
	if o.Within == (overlay.Range{}) {
		o.Within = overlay.AllVNIs()
	}
	pool, err := overlay.NewPool(o.Within)
	if err != nil {
		return nil, err
	}
	if o.Quarantine <= 0 {
		o.Quarantine = overlay.DefaultQuarantine
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Allocator{opt: o, pool: pool, read: map[int]time.Time{}, marks: map[string]overlay.VNI{}}, nil
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
	for {
		v, err := a.propose(ctx, w.Owner)
		if err != nil {
			return 0, err
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

// propose marks a VNI of the owner's blocks as taken in memory, so that callers of one process never meet.
func (a *Allocator) propose(ctx context.Context, o overlay.Owner) (overlay.VNI, error) {
	for {
		v, full := a.pool.Take(o, a.opt.Now())
		if full == nil && !a.readAt(v.Block()).IsZero() {
			return v, nil
		}
		var err error
		if full == nil {
			a.pool.Free(v) // no more than a guess: what is taken of its block is not known yet
			err = a.load(ctx, v.Block())
		} else {
			err = a.widen(ctx, o, full)
		}
		if err != nil {
			return 0, err
		}
	}
}

// claim makes the key of a VNI that was proposed. False says that another replica was faster, or that it rests.
func (a *Allocator) claim(ctx context.Context, v overlay.VNI, w Want) (bool, error) {
	err := a.write(ctx, v, w)
	switch {
	case err == nil:
		a.mu.Lock()
		a.marks[w.Mark] = v
		a.mu.Unlock()
		return true, nil
	case errors.Is(err, overlay.ErrTaken), errors.Is(err, overlay.ErrQuarantined):
		var r restError
		if errors.As(err, &r) {
			a.pool.Rest(v, r.until)
		}
		a.pool.Begin(overlay.VNI(v.Block()*overlay.BlockSize + rand.IntN(overlay.BlockSize))) // another replica is at work here: keep out of its way
		return false, nil
	}
	a.pool.Free(v) // not known: the store decides at the next try
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
	if err := a.leaseBlock(ctx, w.Owner, w.Exact.Block()); err != nil {
		return err
	}
	if err := a.write(ctx, w.Exact, w); err != nil {
		return again(err)
	}
	a.pool.Hold(w.Exact)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.marks[w.Mark] = w.Exact
	return nil
}

// mayTake checks what needs no write.
func (a *Allocator) mayTake(ctx context.Context, o overlay.Owner, v overlay.VNI) error {
	if err := a.pool.Check(o, v); err != nil {
		return err
	}
	if err := a.know(ctx, v.Block()); err != nil {
		return err
	}
	return a.pool.Check(o, v)
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
	a.pool.Rest(v, h.Until)
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.marks, mark)
	return h.Until, nil
}
