package fake

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// journal is the durable part of a log.
type journal struct {
	name    string
	records []store.Record
	ids     map[string]known
}

// log is one handle's view of a journal.
type log struct {
	h *Handle
	l *journal
}

// Append implements store.Log.
func (g *log) Append(ctx context.Context, id string, data []byte, after uint64) (uint64, error) {
	if err := store.CheckID(id); err != nil {
		return 0, err
	}
	if err := store.CheckValue("record "+id+" in "+g.l.name, data); err != nil {
		return 0, err
	}
	var sequence uint64
	err := g.h.do(ctx, Op{Name: "log.append", Bucket: g.l.name, Key: id}, func() error {
		now := time.Now()
		if n, ok := recall(g.l.ids, id, now); ok {
			sequence = n
			return nil
		}
		if last := uint64(len(g.l.records)); after != store.AnySequence && after != last {
			return fmt.Errorf("append %s to %s after %d, last is %d: %w", id, g.l.name, after, last, store.ErrConflict)
		}
		sequence = uint64(len(g.l.records)) + 1
		g.l.records = append(g.l.records, store.Record{Sequence: sequence, ID: id, Data: bytes.Clone(data), At: now})
		g.l.ids[id] = known{sequence: sequence, at: now}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return sequence, nil
}

// Read implements store.Log.
func (g *log) Read(ctx context.Context, from uint64, most int) ([]store.Record, error) {
	var out []store.Record
	err := g.h.do(ctx, Op{Name: "log.read", Bucket: g.l.name}, func() error {
		for i := max(from, 1) - 1; i < uint64(len(g.l.records)) && len(out) < most; i++ {
			out = append(out, clone(g.l.records[i]))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Last implements store.Log.
func (g *log) Last(ctx context.Context) (store.Record, error) {
	var out store.Record
	err := g.h.do(ctx, Op{Name: "log.last", Bucket: g.l.name}, func() error {
		if len(g.l.records) == 0 {
			return fmt.Errorf("last record of %s: %w", g.l.name, store.ErrNotFound)
		}
		out = clone(g.l.records[len(g.l.records)-1])
		return nil
	})
	if err != nil {
		return store.Record{}, err
	}
	return out, nil
}

func clone(r store.Record) store.Record {
	r.Data = bytes.Clone(r.Data)
	return r
}
