package segment

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// know reads who has leased a block, unless it is known. What is leased once stays leased, so that what is remembered is right.
func (a *Allocator) know(ctx context.Context, b int) error {
	if a.pool.Leased(b) {
		return nil
	}
	e, err := a.opt.KV.Get(ctx, blockKey(b))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return again(fmt.Errorf("read block %d of VNIs: %w", b, err))
	}
	l, err := decode[lease](e)
	if err != nil {
		return err
	}
	return a.pool.Lease(l.Owner, b)
}

// leaseBlock leases one block to an owner, unless another has it.
func (a *Allocator) leaseBlock(ctx context.Context, o overlay.Owner, b int) error {
	_, err := store.CreateSure(ctx, a.opt.KV, blockKey(b), actions.Encode(lease{Schema: schema, Owner: o}))
	if errors.Is(err, store.ErrConflict) {
		err = a.know(ctx, b)
	}
	if err != nil {
		return again(fmt.Errorf("lease block %d of VNIs: %w", b, err))
	}
	return a.pool.Lease(o, b)
}

// widen finds room for an owner whose blocks are full as far as is known, or returns why they are full.
func (a *Allocator) widen(ctx context.Context, o overlay.Owner, full error) error {
	mine := a.pool.Blocks(o)
	for _, b := range mine {
		if a.opt.Now().Sub(a.readAt(b)) >= a.opt.Quarantine { // other replicas may have given some back
			return a.load(ctx, b)
		}
	}
	if len(mine) == 0 { // perhaps another replica got it one
		if err := a.loadLeases(ctx); err != nil || len(a.pool.Blocks(o)) > 0 {
			return err
		}
	}
	for {
		b, ok := a.pool.Unleased()
		if !ok {
			return fmt.Errorf("%w: every block is leased; delete segments, or configure a wider range", full)
		}
		if err := a.leaseBlock(ctx, o, b); !errors.Is(err, overlay.ErrLeased) {
			return err
		}
	}
}

// loadLeases reads whose the blocks are.
func (a *Allocator) loadLeases(ctx context.Context) error {
	entries, err := a.opt.KV.List(ctx, blockPrefix)
	if err != nil {
		return again(fmt.Errorf("read the leases of VNIs: %w", err))
	}
	for _, e := range entries {
		b, err := strconv.Atoi(strings.TrimPrefix(e.Key, blockPrefix))
		if err != nil {
			return fmt.Errorf("read %s: not the number of a block", e.Key)
		}
		l, err := decode[lease](e)
		if err != nil {
			return err
		}
		if err := a.pool.Lease(l.Owner, b); err != nil {
			return fmt.Errorf("read %s: %w", e.Key, err)
		}
	}
	return nil
}

// readAt is when a block was read; zero is never.
func (a *Allocator) readAt(b int) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.read[b]
}

// load reads what is taken of a block. What is taken in memory alone stays so: its key is being made.
func (a *Allocator) load(ctx context.Context, b int) error {
	entries, err := a.opt.KV.List(ctx, vnisOf(b))
	if err != nil {
		return again(fmt.Errorf("read VNIs %d to %d: %w", b*overlay.BlockSize, (b+1)*overlay.BlockSize-1, err))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range entries {
		h, err := decode[held](e)
		if err != nil {
			return err
		}
		if h.VNI.Block() != b {
			return fmt.Errorf("read %s: holds VNI %d", e.Key, h.VNI)
		}
		if h.Until.IsZero() {
			a.marks[h.Mark] = h.VNI
			a.pool.Hold(h.VNI)
		} else {
			a.pool.Rest(h.VNI, h.Until)
		}
	}
	a.read[b] = a.opt.Now()
	a.pool.Begin(overlay.VNI(b * overlay.BlockSize))
	return nil
}

// refresh reads all blocks of an owner again.
func (a *Allocator) refresh(ctx context.Context, o overlay.Owner) error {
	if err := a.loadLeases(ctx); err != nil {
		return err
	}
	for _, b := range a.pool.Blocks(o) {
		if err := a.load(ctx, b); err != nil {
			return err
		}
	}
	return nil
}
