package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// prefix is of the keys of jobs in the bucket of the inventory.
const prefix = "job."

// Checked is what a command is understood as.
type Checked struct {
	Text    string   // canonical
	Intents []string // of its parts, in order
	Risk    actions.Risk
}

// Options are what a Store needs.
type Options struct {
	KV store.KV // the bucket of the inventory
	// File returns the jobs of the configuration file as it is now.
	File func() []Job
	// Check understands a command as it would be if it were typed by that actor now. Its error is for people.
	Check func(ctx context.Context, text string, by actions.Actor) (Checked, error)
	// Zone returns the zone of the installation, an IANA name.
	Zone func() string
	// Status returns how jobs stand with the clock, by name; nil where no clock runs.
	Status func() map[string]Status
	Now    func() time.Time // default time.Now
	Log    *slog.Logger     // default silent
}

// Store knows all jobs. It is safe for concurrent use.
type Store struct {
	opt     Options
	changed chan struct{}

	mu   sync.RWMutex
	chat map[string]Job
}

// NewStore returns a store that knows the jobs of the file; Load or Run make it know the others.
func NewStore(o Options) (*Store, error) {
	if o.KV == nil || o.File == nil || o.Check == nil || o.Zone == nil {
		return nil, errors.New("store of jobs: KV, File, Check and Zone are required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Store{opt: o, changed: make(chan struct{}, 1), chat: map[string]Job{}}, nil
}

// Changed is sent to after the list of jobs has changed. It has one reader.
func (s *Store) Changed() <-chan struct{} { return s.changed }

// Reload says that the configuration file may have changed.
func (s *Store) Reload() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Load reads the jobs that people made.
func (s *Store) Load(ctx context.Context) error {
	entries, err := s.opt.KV.List(ctx, prefix)
	if err != nil {
		return fmt.Errorf("read the jobs: %w", err)
	}
	s.set(entries)
	return nil
}

// Run keeps the list of jobs up to date with the store, also by what other replicas change, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	store.Follow(ctx, s.opt.KV, prefix, store.Follower{Whole: s.set, Change: s.apply, Broke: func(err error, wait time.Duration) {
		s.opt.Log.Warn("jobs are not followed, trying again", "err", err, "wait", wait)
	}})
	return nil
}

// set takes over all that is there.
func (s *Store) set(entries []store.Entry) {
	chat := make(map[string]Job, len(entries))
	for _, e := range entries {
		if j, ok := s.decode(e); ok {
			chat[j.Name] = j
		}
	}
	s.mu.Lock()
	s.chat = chat
	s.mu.Unlock()
	s.Reload()
}

func (s *Store) apply(e store.Entry) {
	j, ok := Job{Name: strings.TrimPrefix(e.Key, prefix)}, false
	if !e.Deleted {
		j, ok = s.decode(e)
	}
	s.mu.Lock()
	if ok {
		s.chat[j.Name] = j
	} else {
		delete(s.chat, strings.TrimPrefix(e.Key, prefix))
	}
	s.mu.Unlock()
	s.Reload()
}

// decode leaves out what it cannot read: one spoilt job must not stop the others.
func (s *Store) decode(e store.Entry) (Job, bool) {
	j, err := decode(e)
	if err != nil {
		s.opt.Log.Error("job left out", "key", e.Key, "err", err)
	}
	return j, err == nil
}

func decode(e store.Entry) (Job, error) {
	var j Job
	if e.Deleted {
		return j, nil
	}
	if err := json.Unmarshal(e.Value, &j); err != nil {
		return j, fmt.Errorf("read %s: %w", e.Key, err)
	}
	if prefix+j.Name != e.Key {
		return j, fmt.Errorf("read %s: holds job %q", e.Key, j.Name)
	}
	j.Source = Chat
	return j, nil
}

// Jobs returns all jobs by name. A job of the file goes before one of the same name that was made in the chat.
func (s *Store) Jobs() []Job {
	out := slices.Clone(s.opt.File())
	seen := make(map[string]bool, len(out))
	for i := range out {
		out[i].Source = File
		seen[out[i].Name] = true
	}
	s.mu.RLock()
	for name, j := range s.chat {
		if !seen[name] {
			out = append(out, j)
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(out, func(a, b Job) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Find returns the job with that name.
func (s *Store) Find(name string) (Job, bool) {
	for _, j := range s.opt.File() {
		if j.Name == name {
			j.Source = File
			return j, true
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	j, ok := s.chat[name]
	return j, ok
}

// Zone returns the name of the zone that a job's times are in.
func (s *Store) Zone(j Job) string { return cmp.Or(j.Zone, s.opt.Zone(), "UTC") }

// read returns a job of the chat as it is stored; revision 0 says that there is none.
func (s *Store) read(ctx context.Context, name string) (Job, uint64, error) {
	e, err := s.opt.KV.Get(ctx, prefix+name)
	if errors.Is(err, store.ErrNotFound) {
		return Job{}, 0, nil
	}
	if err != nil {
		return Job{}, 0, fmt.Errorf("read job %s: %w", name, err)
	}
	j, err := decode(e)
	return j, e.Revision, err
}
