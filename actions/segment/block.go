package segment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// ownerOf tells who has leased a block. What is leased once stays leased, so that an answer from memory is right.
func (a *Allocator) ownerOf(ctx context.Context, b int) (overlay.Owner, bool, error) {
	a.mu.Lock()
	k := a.blocks[b]
	a.mu.Unlock()
	if k != nil {
		return k.owner, true, nil
	}
	e, err := a.opt.KV.Get(ctx, blockKey(b))
	if errors.Is(err, store.ErrNotFound) {
		return overlay.Owner{}, false, nil
	}
	if err != nil {
		return overlay.Owner{}, false, again(fmt.Errorf("read block %d of VNIs: %w", b, err))
	}
	l, err := decode[lease](e)
	if err != nil {
		return overlay.Owner{}, false, err
	}
	a.know(b, l.Owner)
	return l.Owner, true, nil
}

// know notes whose a block is.
func (a *Allocator) know(b int, o overlay.Owner) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.blocks[b] != nil {
		return
	}
	a.blocks[b] = &block{owner: o, rests: map[overlay.VNI]time.Time{}}
	at, _ := slices.BinarySearch(a.owned[o], b)
	a.owned[o] = slices.Insert(slices.Clone(a.owned[o]), at, b)
}

// leaseBlock leases one block to an owner, unless another has it.
func (a *Allocator) leaseBlock(ctx context.Context, o overlay.Owner, b int) error {
	_, err := store.CreateSure(ctx, a.opt.KV, blockKey(b), actions.Encode(lease{Schema: schema, Owner: o}))
	if err == nil {
		a.know(b, o)
		return nil
	}
	if !errors.Is(err, store.ErrConflict) {
		return again(fmt.Errorf("lease block %d of VNIs: %w", b, err))
	}
	have, ok, err := a.ownerOf(ctx, b)
	if err == nil && ok && have != o {
		err = leasedError(overlay.VNI(b*overlay.BlockSize), have)
	}
	return err
}

// leaseNext leases the lowest block that nobody has. An owner whose lease is not known here yet, since another replica got it, finds it so.
func (a *Allocator) leaseNext(ctx context.Context, o overlay.Owner) (int, error) {
	a.mu.Lock()
	b, fresh := a.next, len(a.owned[o]) == 0
	a.mu.Unlock()
	if fresh {
		if err := a.loadLeases(ctx); err != nil {
			return 0, err
		}
		a.mu.Lock()
		mine := a.owned[o]
		a.mu.Unlock()
		if len(mine) > 0 {
			return mine[0], nil
		}
	}
	for ; b <= blockOf(a.opt.Within.Last); b++ {
		a.mu.Lock()
		k := a.blocks[b]
		a.mu.Unlock()
		if k != nil {
			continue
		}
		err := a.leaseBlock(ctx, o, b)
		if errors.Is(err, overlay.ErrLeased) {
			continue
		}
		if err != nil {
			return 0, err
		}
		a.mu.Lock()
		a.next = max(a.next, b)
		a.mu.Unlock()
		return b, nil
	}
	return 0, fmt.Errorf("VNIs %s for %s: %w: every block of %d is leased and ours are full; delete segments, or configure a wider range",
		a.opt.Within, o, overlay.ErrExhausted, overlay.BlockSize)
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
		a.know(b, l.Owner)
	}
	return nil
}

// load reads what is taken of a block, once.
func (a *Allocator) load(ctx context.Context, b int) error {
	a.mu.Lock()
	loaded := a.blocks[b].loaded
	a.mu.Unlock()
	if loaded {
		return nil
	}
	return a.reload(ctx, b)
}

// stale tells whether a block was read so long ago that reading it again may find VNIs that were given back.
func (a *Allocator) stale(b int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.opt.Now().Sub(a.blocks[b].read) >= a.opt.Quarantine
}

// reload reads what is taken of a block. What is taken in memory alone stays so: its key is being made.
func (a *Allocator) reload(ctx context.Context, b int) error {
	entries, err := a.opt.KV.List(ctx, vnisOf(b))
	if err != nil {
		return again(fmt.Errorf("read VNIs %d to %d: %w", b*overlay.BlockSize, (b+1)*overlay.BlockSize-1, err))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.blocks[b]
	for _, e := range entries {
		h, err := decode[held](e)
		if err != nil {
			return err
		}
		if blockOf(h.VNI) != b {
			return fmt.Errorf("read %s: holds VNI %d", e.Key, h.VNI)
		}
		k.used[h.VNI%overlay.BlockSize/64] |= 1 << (h.VNI % 64)
		if h.Until.IsZero() {
			a.marks[h.Mark] = h.VNI
			delete(k.rests, h.VNI)
		} else {
			k.rests[h.VNI] = h.Until
		}
	}
	k.loaded, k.read, k.skew = true, a.opt.Now(), 0
	return nil
}

// refresh reads all blocks of an owner again.
func (a *Allocator) refresh(ctx context.Context, o overlay.Owner) error {
	if err := a.loadLeases(ctx); err != nil {
		return err
	}
	a.mu.Lock()
	mine := a.owned[o]
	a.mu.Unlock()
	for _, b := range mine {
		if err := a.reload(ctx, b); err != nil {
			return err
		}
	}
	return nil
}
