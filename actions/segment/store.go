package segment

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
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
	"github.com/shitops/opsbot/overlay"
)

// StoreOptions are what a Store needs. Segments and VNIs are required.
type StoreOptions struct {
	Segments store.KV // the bucket of segments
	VNIs     store.KV // the bucket of VNIs
	// Changed is called after names or VNIs of segments have changed, by whomever; nil for nobody. It must not call the Store's Load or Run.
	Changed func(ctx context.Context)
	// Peopled is called after nodes came into segments or left them, by whomever; nil for nobody. It must not call the Store's Load or Run.
	Peopled func(ctx context.Context)
	Log     *slog.Logger // nil = discard
}

// Store knows the segments and keeps up with what other replicas change. It is safe for concurrent use.
type Store struct {
	opt  StoreOptions
	site uint32 // of the IPv6 prefixes

	mu   sync.RWMutex
	view *view
}

// view is what the store is known to hold; maps are replaced where they are small, and changed under the lock where they are large.
type view struct {
	records  map[string]Record
	byVNI    map[overlay.VNI]string
	byNode   map[string]map[string]bool // node, names of its segments, those that it has left included
	byTenant map[string]map[string]bool
	gone     map[overlay.VNI]gone
}

func newView() *view {
	return &view{records: map[string]Record{}, byVNI: map[overlay.VNI]string{}, byNode: map[string]map[string]bool{}, byTenant: map[string]map[string]bool{}, gone: map[overlay.VNI]gone{}}
}

// NewStore returns a store that knows no segment yet: call Load.
func NewStore(o StoreOptions) (*Store, error) {
	if o.Segments == nil || o.VNIs == nil {
		return nil, errors.New("store of segments: the buckets Segments and VNIs are required")
	}
	if o.Changed == nil {
		o.Changed = func(context.Context) {}
	}
	if o.Peopled == nil {
		o.Peopled = func(context.Context) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Store{opt: o, view: newView()}, nil
}

// Load reads all segments. At the very first start it draws the site's part of the IPv6 prefixes. Changed is not called.
func (s *Store) Load(ctx context.Context) error {
	if err := s.loadSite(ctx); err != nil {
		return err
	}
	v := newView()
	for _, prefix := range []string{namePrefix, gonePrefix} {
		entries, err := s.opt.Segments.List(ctx, prefix)
		if err != nil {
			return fmt.Errorf("read the segments: %w", err)
		}
		for _, e := range entries {
			s.take(v, e)
		}
	}
	s.mu.Lock()
	s.view = v
	s.mu.Unlock()
	return nil
}

// loadSite reads the site's number, and draws it where there is none.
func (s *Store) loadSite(ctx context.Context) error {
	e, err := s.opt.Segments.Get(ctx, siteKey)
	if errors.Is(err, store.ErrNotFound) {
		b := make([]byte, 4)
		_, _ = rand.Read(b) // never fails
		if _, err := store.CreateSure(ctx, s.opt.Segments, siteKey, fmt.Appendf(nil, "%08x", b)); err != nil && !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("draw the site's part of IPv6 prefixes: %w", err)
		}
		e, err = s.opt.Segments.Get(ctx, siteKey)
	}
	if err != nil {
		return fmt.Errorf("read the site's part of IPv6 prefixes: %w", err)
	}
	var b []byte
	if _, err := fmt.Sscanf(string(e.Value), "%08x", &b); err != nil || len(b) != 4 {
		return fmt.Errorf("read the site's part of IPv6 prefixes: %q is not eight hexadecimal digits", e.Value)
	}
	s.site = binary.BigEndian.Uint32(b)
	return nil
}

// take applies an entry to a view. What cannot be read is left out: one spoilt segment must not stop the others.
func (s *Store) take(v *view, e store.Entry) {
	if vni, ok := strings.CutPrefix(e.Key, gonePrefix); ok {
		s.takeGone(v, e, vni)
		return
	}
	name, ok := strings.CutPrefix(e.Key, namePrefix)
	if !ok {
		return
	}
	v.forget(name)
	if e.Deleted {
		return
	}
	r, err := decode[Record](e)
	if err == nil && r.Name != name {
		err = fmt.Errorf("read %s: holds segment %q", e.Key, r.Name)
	}
	if err != nil {
		s.opt.Log.Error("segment left out", "key", e.Key, "err", err)
		return
	}
	v.remember(r)
}

func (s *Store) takeGone(v *view, e store.Entry, text string) {
	vni, err := overlay.ParseVNI(text)
	if err != nil || e.Deleted {
		delete(v.gone, vni)
		return
	}
	g, err := decode[gone](e)
	if err != nil {
		s.opt.Log.Error("trace of a deleted segment left out", "key", e.Key, "err", err)
		return
	}
	v.gone[vni] = g
}

func (v *view) forget(name string) {
	r, ok := v.records[name]
	if !ok {
		return
	}
	delete(v.records, name)
	if v.byVNI[r.VNI] == name {
		delete(v.byVNI, r.VNI)
	}
	remove(v.byTenant, r.Tenant, name)
	for _, n := range slices.Concat(r.Nodes(), r.Left) {
		remove(v.byNode, n, name)
	}
}

func (v *view) remember(r Record) {
	v.records[r.Name] = r
	if r.VNI != 0 {
		v.byVNI[r.VNI] = r.Name
	}
	insert(v.byTenant, r.Tenant, r.Name)
	for _, n := range slices.Concat(r.Nodes(), r.Left) {
		insert(v.byNode, n, r.Name)
	}
}

func insert(index map[string]map[string]bool, key, name string) {
	if index[key] == nil {
		index[key] = map[string]bool{}
	}
	index[key][name] = true
}

func remove(index map[string]map[string]bool, key, name string) {
	delete(index[key], name)
	if len(index[key]) == 0 {
		delete(index, key)
	}
}

// Segments returns all segments by name.
func (s *Store) Segments() []Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.SortedFunc(maps.Values(s.view.records), func(a, b Record) int { return cmp.Compare(a.Name, b.Name) })
}

// Find returns a segment as it is known now, by its name or the digits of its VNI.
func (s *Store) Find(name string) (Record, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r, ok := s.view.records[name]; ok {
		return r, true
	}
	if vni, err := overlay.ParseVNI(name); err == nil {
		r, ok := s.view.records[s.view.byVNI[vni]]
		return r, ok
	}
	return Record{}, false
}

// On returns the segments that a node is in, by VNI, and the VNIs that it has left on purpose.
func (s *Store) On(node string) (in []Record, left []overlay.VNI) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name := range s.view.byNode[node] {
		r := s.view.records[name]
		if slices.Contains(r.Left, node) {
			left = append(left, r.VNI)
			continue
		}
		in = append(in, r)
	}
	for _, g := range s.view.gone {
		if slices.Contains(g.Nodes, node) && s.view.byVNI[g.VNI] == "" {
			left = append(left, g.VNI)
		}
	}
	slices.SortFunc(in, func(a, b Record) int { return cmp.Compare(a.VNI, b.VNI) })
	slices.Sort(left)
	return in, slices.Compact(left)
}

// Run keeps the segments up to date with the store, also by what other replicas change, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	store.Follow(ctx, s.opt.Segments, "", store.Follower{
		Whole: func(all []store.Entry) {
			v := newView()
			for _, e := range all {
				s.take(v, e)
			}
			s.mu.Lock()
			s.view = v
			s.mu.Unlock()
			s.opt.Changed(ctx)
			s.opt.Peopled(ctx)
		},
		Change: func(e store.Entry) { s.note(ctx, e) },
		Broke: func(err error, wait time.Duration) {
			s.opt.Log.Warn("segments are not followed, trying again", "err", err, "wait", wait)
		},
	})
	return nil
}

// note takes one change over.
func (s *Store) note(ctx context.Context, e store.Entry) {
	name := strings.TrimPrefix(e.Key, namePrefix)
	s.mu.Lock()
	was, had := s.view.records[name]
	s.take(s.view, e)
	is, has := s.view.records[name]
	s.mu.Unlock()
	if had != has || was.VNI != is.VNI { // who is in it changes no name
		s.opt.Changed(ctx)
	}
	if !slices.Equal(was.Nodes(), is.Nodes()) {
		s.opt.Peopled(ctx)
	}
}

// read returns a segment as it is stored; revision 0 says that there is none.
func (s *Store) read(ctx context.Context, name string) (Record, uint64, error) {
	e, err := s.opt.Segments.Get(ctx, namePrefix+name)
	if errors.Is(err, store.ErrNotFound) {
		return Record{}, 0, nil
	}
	if err != nil {
		return Record{}, 0, again(fmt.Errorf("read segment %s: %w", name, err))
	}
	r, err := decode[Record](e)
	return r, e.Revision, err
}

// create adds a segment where there is none. One with the same mark is the same segment.
func (s *Store) create(ctx context.Context, r Record) error {
	have, revision, err := s.read(ctx, r.Name)
	switch {
	case err != nil:
		return err
	case revision != 0 && have.Mark != r.Mark:
		return fmt.Errorf("there is a segment %s already, made by %s", r.Name, have.By)
	case revision != 0:
		r = have
	default:
		if _, err := store.CreateSure(ctx, s.opt.Segments, namePrefix+r.Name, r.encode()); err != nil {
			return again(fmt.Errorf("keep segment %s: %w", r.Name, err))
		}
	}
	s.note(ctx, store.Entry{Key: namePrefix + r.Name, Value: r.encode()})
	return nil
}

// editTries bounds how often an edit is made again over what others wrote meanwhile.
const editTries = 50

// edit changes a segment by compare-and-set; change may run several times and returns false for nothing to do.
func (s *Store) edit(ctx context.Context, name string, change func(r *Record) (bool, error)) (Record, error) {
	for range editTries {
		r, revision, err := s.read(ctx, name)
		if err != nil {
			return r, err
		}
		if revision == 0 {
			return r, fmt.Errorf("there is no segment %s any more", name)
		}
		next := r.clone()
		if ok, err := change(&next); err != nil || !ok {
			return next, err
		}
		next.Generation = r.Generation + 1
		if err := next.settle(); err != nil {
			return r, err
		}
		value := next.encode()
		if len(value) > store.MaxValue {
			return r, fmt.Errorf("segment %s would have %d members: more than a record holds", name, len(next.Seats))
		}
		_, err = store.UpdateSure(ctx, s.opt.Segments, namePrefix+name, value, revision)
		if err == nil {
			s.note(ctx, store.Entry{Key: namePrefix + name, Value: value})
			return next, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return r, again(fmt.Errorf("change segment %s: %w", name, err))
		}
	}
	return Record{}, actions.Temporary{Err: fmt.Errorf("change segment %s: others change it without a pause", name)}
}

// drop takes a segment out if it still has that mark. It tells whether there was one.
func (s *Store) drop(ctx context.Context, name, mark string) (bool, error) {
	r, revision, err := s.read(ctx, name)
	switch {
	case err != nil:
		return false, err
	case revision == 0:
	case r.Mark != mark:
		return false, fmt.Errorf("segment %s is another one now, made by %s: it stays", name, r.By)
	case len(r.Seats) > 0:
		return false, fmt.Errorf("segment %s has members again (%s): it stays", name, strings.Join(r.Nodes(), ", "))
	default:
		if err := s.opt.Segments.Delete(ctx, namePrefix+name, revision); err != nil {
			return false, again(fmt.Errorf("take segment %s out: %w", name, err))
		}
	}
	s.note(ctx, store.Entry{Key: namePrefix + name, Deleted: true})
	return revision != 0, nil
}

// again marks what the store could not do as worth another try.
func again(err error) error {
	if errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrConflict) {
		return actions.Temporary{Err: err}
	}
	return err
}
