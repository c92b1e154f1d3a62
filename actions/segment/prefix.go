package segment

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// Prefixes gives the segments of a tenant their IPv4 prefixes, each once within the tenant: what decides is the create of the prefix's key.
type Prefixes struct {
	KV   store.KV     // the bucket of VNIs
	Pool netip.Prefix // zero = overlay.DefaultV4
	Bits int          // 0 = 24
}

func (p Prefixes) bounds() (netip.Prefix, int) {
	if !p.Pool.IsValid() {
		p.Pool = overlay.DefaultV4()
	}
	if p.Bits == 0 {
		p.Bits = 24
	}
	return p.Pool, p.Bits
}

// at is the prefix with the number given, counted around.
func (p Prefixes) at(i int) netip.Prefix {
	pool, size := p.bounds()
	n := 1 << (size - pool.Bits())
	b := pool.Addr().As4()
	first := binary.BigEndian.Uint32(b[:])
	binary.BigEndian.PutUint32(b[:], first+uint32(i%n)<<(32-size))
	return netip.PrefixFrom(netip.AddrFrom4(b), size)
}

// Take gives a segment its prefix. The VNI's own place in the pool is asked for first, so that it is free at once nearly always. Taken tells of
// prefixes that the tenant has beside the pool's; the same mark gets the same prefix.
func (p Prefixes) Take(ctx context.Context, tenant, segment string, vni overlay.VNI, mark string, taken func(netip.Prefix) bool) (netip.Prefix, error) {
	pool, size := p.bounds()
	n := 1 << (size - pool.Bits())
	value := actions.Encode(claim{Schema: schema, Segment: segment, Mark: mark})
	for i := range n {
		at := p.at(int(vni)%n + i)
		if taken != nil && taken(at) {
			continue
		}
		_, err := store.CreateSure(ctx, p.KV, netKey(tenant, at), value)
		if err == nil {
			return at, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return at, again(fmt.Errorf("take %s for segment %s: %w", at, segment, err))
		}
	}
	return netip.Prefix{}, fmt.Errorf("addresses of tenant %s: %w: all %d prefixes of /%d in %s are taken", tenant, overlay.ErrExhausted, n, size, pool)
}

// Release gives a prefix back that has this mark. It tells whether it was so.
func (p Prefixes) Release(ctx context.Context, tenant string, at netip.Prefix, mark string) (bool, error) {
	e, err := p.KV.Get(ctx, netKey(tenant, at))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, again(fmt.Errorf("read prefix %s: %w", at, err))
	}
	c, err := decode[claim](e)
	if err != nil {
		return false, err
	}
	if c.Mark != mark {
		return false, fmt.Errorf("prefix %s belongs to segment %s now: it stays", at, c.Segment)
	}
	if err := p.KV.Delete(ctx, netKey(tenant, at), e.Revision); err != nil {
		return false, again(fmt.Errorf("give prefix %s back: %w", at, err))
	}
	return true, nil
}

// ByMark returns the prefix that a step took for a VNI, if any: undo of a step whose answer was lost needs it.
func (p Prefixes) ByMark(ctx context.Context, tenant string, vni overlay.VNI, mark string) (netip.Prefix, error) {
	pool, size := p.bounds()
	n := 1 << (size - pool.Bits())
	for i := range n {
		at := p.at(int(vni)%n + i)
		e, err := p.KV.Get(ctx, netKey(tenant, at))
		if errors.Is(err, store.ErrNotFound) {
			return netip.Prefix{}, nil
		}
		if err != nil {
			return netip.Prefix{}, again(fmt.Errorf("read prefix %s: %w", at, err))
		}
		if c, err := decode[claim](e); err != nil {
			return netip.Prefix{}, err
		} else if c.Mark == mark {
			return at, nil
		}
	}
	return netip.Prefix{}, nil
}
