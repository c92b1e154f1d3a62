package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// StoreOptions are what a Store needs. KV is required.
type StoreOptions struct {
	KV store.KV // the bucket of the inventory
	// Changed is called after the nodes have changed, by whomever; nil for nobody. It must not call the Store's Load or Run.
	Changed func(ctx context.Context)
	Log     *slog.Logger // nil = discard
}

// Store knows the nodes that were added at run time. It is safe for concurrent use.
type Store struct {
	opt StoreOptions

	mu    sync.RWMutex
	nodes map[string]Record
}

// NewStore returns a store that knows no node yet: call Load.
func NewStore(o StoreOptions) (*Store, error) {
	if o.KV == nil {
		return nil, errors.New("store of nodes: KV is required")
	}
	if o.Changed == nil {
		o.Changed = func(context.Context) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Store{opt: o, nodes: map[string]Record{}}, nil
}

// Load reads all nodes. Changed is not called.
func (s *Store) Load(ctx context.Context) error {
	entries, err := s.opt.KV.List(ctx, prefix)
	if err != nil {
		return fmt.Errorf("read the nodes that were added: %w", err)
	}
	all := s.takeAll(entries)
	s.mu.Lock()
	s.nodes = all
	s.mu.Unlock()
	return nil
}

// takeAll makes a list of nodes.
func (s *Store) takeAll(entries []store.Entry) map[string]Record {
	all := make(map[string]Record, len(entries))
	for _, e := range entries {
		s.take(all, e)
	}
	return all
}

// take applies an entry to a list of nodes. What cannot be read is left out: one spoilt node must not stop the others.
func (s *Store) take(all map[string]Record, e store.Entry) {
	name := strings.TrimPrefix(e.Key, prefix)
	if e.Deleted {
		delete(all, name)
		return
	}
	r, err := decode(e)
	if err != nil {
		s.opt.Log.Error("node left out", "key", e.Key, "err", err)
		delete(all, name)
		return
	}
	all[name] = r
}

// Nodes returns the nodes by name.
func (s *Store) Nodes() []actions.Node {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]actions.Node, 0, len(s.nodes))
	for _, r := range s.nodes {
		out = append(out, r.Node)
	}
	slices.SortFunc(out, func(a, b actions.Node) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Find returns a node of the store as it is known now.
func (s *Store) Find(name string) (Record, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.nodes[name]
	return r, ok
}

// Run keeps the nodes up to date with the store, also by what other replicas change, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	store.Follow(ctx, s.opt.KV, prefix, store.Follower{
		Whole: func(entries []store.Entry) {
			s.edit(ctx, func(map[string]Record) map[string]Record { return s.takeAll(entries) })
		},
		Change: func(e store.Entry) {
			s.edit(ctx, func(all map[string]Record) map[string]Record { s.take(all, e); return all })
		},
		Broke: func(err error, wait time.Duration) {
			s.opt.Log.Warn("nodes are not followed, trying again", "err", err, "wait", wait)
		},
	})
	return nil
}

// edit changes the list of nodes, and says so where it differs then.
func (s *Store) edit(ctx context.Context, change func(all map[string]Record) map[string]Record) {
	s.mu.Lock()
	next := change(maps.Clone(s.nodes))
	same := maps.EqualFunc(s.nodes, next, func(a, b Record) bool { return a.Mark == b.Mark })
	s.nodes = next
	s.mu.Unlock()
	if !same {
		s.opt.Changed(ctx)
	}
}

// note takes one change over at once, before the watch brings it.
func (s *Store) note(ctx context.Context, name string, r *Record) {
	s.edit(ctx, func(all map[string]Record) map[string]Record {
		delete(all, name)
		if r != nil {
			all[name] = *r
		}
		return all
	})
}

// read returns a node as it is stored; revision 0 says that there is none.
func (s *Store) read(ctx context.Context, name string) (Record, uint64, error) {
	e, err := s.opt.KV.Get(ctx, prefix+name)
	if errors.Is(err, store.ErrNotFound) {
		return Record{}, 0, nil
	}
	if err != nil {
		return Record{}, 0, fmt.Errorf("read node %s: %w", name, err)
	}
	r, err := decode(e)
	return r, e.Revision, err
}

// put adds a node where there is none. One with the same mark is the same node.
func (s *Store) put(ctx context.Context, r Record) error {
	r.Schema = recordSchema
	have, revision, err := s.read(ctx, r.Name)
	switch {
	case err != nil:
		return again(err)
	case revision != 0 && have.Mark != r.Mark:
		return fmt.Errorf("there is a node %s already, added by %s", r.Name, have.By)
	case revision != 0:
		r = have
	default:
		if _, err := s.opt.KV.Create(ctx, prefix+r.Name, actions.Encode(r)); err != nil {
			return again(fmt.Errorf("keep node %s: %w", r.Name, err))
		}
	}
	s.note(ctx, r.Name, &r)
	return nil
}

// drop takes a node out if it still has that mark. It tells whether there was one.
func (s *Store) drop(ctx context.Context, name, mark string) (bool, error) {
	have, revision, err := s.read(ctx, name)
	switch {
	case err != nil:
		return false, again(err)
	case revision != 0 && have.Mark != mark:
		return false, fmt.Errorf("node %s is another one now, added by %s: it stays", name, have.By)
	case revision != 0:
		if err := s.opt.KV.Delete(ctx, prefix+name, revision); err != nil {
			return false, again(fmt.Errorf("take node %s out: %w", name, err))
		}
	}
	s.note(ctx, name, nil)
	return revision != 0, nil
}
