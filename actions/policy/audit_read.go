package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/shitops/opsbot/actions/store"
)

// ErrBroken is in the chain of Verify's error when a record is not what it was, or not in its place.
var ErrBroken = errors.New("the chain is broken")

// pageSize is how many records are read at once.
const pageSize = 100

// Seen is a recorded decision and its place in the chain.
type Seen struct {
	Entry

	Sequence uint64 `json:"sequence"`
	Hash     string `json:"hash"`
}

// Verify walks the whole chain and returns how many records hold, and the hash of the last of them: the head, which proves all before it to
// whoever noted it elsewhere. At the first record that does not hold it stops with an error that names it and has ErrBroken in its chain.
//
// Records leave the log by age, so the oldest one that is left is believed about its predecessor.
func (a *Audit) Verify(ctx context.Context) (n int, head string, err error) {
	for from := uint64(1); ; {
		page, err := a.log.Read(ctx, from, pageSize)
		if err != nil {
			return n, head, fmt.Errorf("verify the audit from record %d on: %w", from, err)
		}
		if len(page) == 0 {
			return n, head, nil
		}
		for _, rec := range page {
			r, err := open(rec)
			if err != nil {
				return n, head, err
			}
			if n == 0 {
				head = r.Prev
			}
			if err := r.check(rec.Sequence, head); err != nil {
				return n, head, err
			}
			n, head, from = n+1, r.Hash, rec.Sequence+1
		}
	}
}

func (r record) check(sequence uint64, prev string) error {
	var e Entry
	switch {
	case digest(r.Prev, r.Nonce, r.Entry) != r.Hash:
		return fmt.Errorf("audit record %d was changed after it was written: %w", sequence, ErrBroken)
	case r.Prev != prev:
		return fmt.Errorf("audit record %d does not follow the one before it, something is missing or was put in: %w", sequence, ErrBroken)
	case json.Unmarshal(r.Entry, &e) != nil:
		return fmt.Errorf("audit record %d holds no decision: %w", sequence, ErrBroken)
	}
	return nil
}

// Tail returns the last n decisions, oldest first.
func (a *Audit) Tail(ctx context.Context, n int) ([]Seen, error) {
	last, err := a.log.Last(ctx)
	if errors.Is(err, store.ErrNotFound) || n <= 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the last decisions: %w", err)
	}
	from := uint64(1)
	if uint64(n) < last.Sequence {
		from = last.Sequence - uint64(n) + 1
	}
	var out []Seen
	for len(out) < n {
		page, err := a.log.Read(ctx, from, min(n-len(out), pageSize))
		if err != nil {
			return out, fmt.Errorf("read decisions from record %d on: %w", from, err)
		}
		if len(page) == 0 {
			break
		}
		for _, rec := range page {
			s, err := see(rec)
			if err != nil {
				return out, err
			}
			out = append(out, s)
		}
		from = page[len(page)-1].Sequence + 1
	}
	return out, nil
}

func see(rec store.Record) (Seen, error) {
	r, err := open(rec)
	if err != nil {
		return Seen{}, err
	}
	s := Seen{Sequence: rec.Sequence, Hash: r.Hash}
	if err := json.Unmarshal(r.Entry, &s.Entry); err != nil {
		return Seen{}, fmt.Errorf("audit record %d: %w: %w", rec.Sequence, ErrBroken, err)
	}
	return s, nil
}
