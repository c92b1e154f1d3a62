package node

import (
	"context"
	"encoding/json"
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

// Drain says that a node takes nothing new, as the store holds it.
type Drain struct {
	Schema int       `json:"schema"`
	Node   string    `json:"node"`
	By     string    `json:"by"`
	Why    string    `json:"why,omitempty"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"` // when it ends by itself
	Mark   string    `json:"mark"`           // the step that began it: Do and Undo know their own by it
}

// drainPrefix is of the keys of drained nodes in the bucket of the inventory.
const drainPrefix = "drain."

// Drains knows which nodes are being drained. It is safe for concurrent use.
type Drains struct {
	kv  store.KV
	log *slog.Logger

	mu  sync.RWMutex
	all map[string]Drain
}

// NewDrains returns what knows of no drained node yet: call Load. Log may be nil.
func NewDrains(kv store.KV, log *slog.Logger) (*Drains, error) {
	if kv == nil {
		return nil, errors.New("drained nodes: the bucket of the inventory is required")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Drains{kv: kv, log: log, all: map[string]Drain{}}, nil
}

// Load reads which nodes are being drained.
func (d *Drains) Load(ctx context.Context) error {
	entries, err := d.kv.List(ctx, drainPrefix)
	if err != nil {
		return fmt.Errorf("read the drained nodes: %w", err)
	}
	d.set(entries)
	return nil
}

// take applies an entry. What cannot be read counts as drained: that does less harm.
func (d *Drains) take(all map[string]Drain, e store.Entry) {
	name := strings.TrimPrefix(e.Key, drainPrefix)
	if e.Deleted {
		delete(all, name)
		return
	}
	r, err := decodeDrain(e)
	if err != nil {
		d.log.Error("drained node not understood", "key", e.Key, "err", err)
		r = Drain{Node: name, By: "a record that is not understood"}
	}
	all[name] = r
}

func decodeDrain(e store.Entry) (Drain, error) {
	var r Drain
	if err := json.Unmarshal(e.Value, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", e.Key, err)
	}
	if r.Schema != recordSchema || drainPrefix+r.Node != e.Key {
		return r, fmt.Errorf("read %s: schema %d of node %q", e.Key, r.Schema, r.Node)
	}
	return r, nil
}

// Find tells whether a node is being drained, and by whom.
func (d *Drains) Find(name string) (Drain, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	r, ok := d.all[name]
	return r, ok
}

// All returns the nodes that are being drained, by name.
func (d *Drains) All() []Drain {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.SortedFunc(maps.Values(d.all), func(a, b Drain) int { return strings.Compare(a.Node, b.Node) })
}

// Run keeps up with what other replicas change, until ctx ends.
func (d *Drains) Run(ctx context.Context) error {
	store.Follow(ctx, d.kv, drainPrefix, store.Follower{
		Whole: d.set, Change: d.note,
		Broke: func(err error, wait time.Duration) {
			d.log.Warn("drained nodes are not followed, trying again", "err", err, "wait", wait)
		},
	})
	return nil
}

// note takes one change over.
func (d *Drains) note(e store.Entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.take(d.all, e)
}

// set takes over all that is there.
func (d *Drains) set(entries []store.Entry) {
	all := make(map[string]Drain, len(entries))
	for _, e := range entries {
		d.take(all, e)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = all
}

// put begins a drain. One with the same mark is the same; another's is an error.
func (d *Drains) put(ctx context.Context, r Drain) error {
	r.Schema = recordSchema
	value := actions.Encode(r)
	e, err := d.kv.Get(ctx, drainPrefix+r.Node)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if _, err := store.CreateSure(ctx, d.kv, drainPrefix+r.Node, value); err != nil {
			return again(fmt.Errorf("drain %s: %w", r.Node, err))
		}
	case err != nil:
		return again(fmt.Errorf("drain %s: %w", r.Node, err))
	default:
		have, err := decodeDrain(e)
		if err != nil {
			return err
		}
		if have.Mark != r.Mark {
			return fmt.Errorf("%s is being drained already: %s", r.Node, have.about())
		}
		value = e.Value
	}
	d.note(store.Entry{Key: drainPrefix + r.Node, Value: value})
	return nil
}

// drop ends a drain, whosoever it is where mark is empty. It tells what was ended.
func (d *Drains) drop(ctx context.Context, name, mark string) (Drain, bool, error) {
	e, err := d.kv.Get(ctx, drainPrefix+name)
	if errors.Is(err, store.ErrNotFound) {
		d.note(store.Entry{Key: drainPrefix + name, Deleted: true})
		return Drain{}, false, nil
	}
	if err != nil {
		return Drain{}, false, again(fmt.Errorf("undrain %s: %w", name, err))
	}
	have, err := decodeDrain(e)
	if err != nil {
		return have, false, err
	}
	if mark != "" && have.Mark != mark {
		return have, false, fmt.Errorf("%s is being drained by another now (%s): it stays so", name, have.about())
	}
	if err := d.kv.Delete(ctx, e.Key, e.Revision); err != nil {
		return have, false, again(fmt.Errorf("undrain %s: %w", name, err))
	}
	d.note(store.Entry{Key: e.Key, Deleted: true})
	return have, true, nil
}

// about says who drains a node, since when, until when, and why.
func (r Drain) about() string {
	text := "by " + r.By
	if !r.Since.IsZero() {
		text += " since " + r.Since.UTC().Format("2006-01-02 15:04 MST")
	}
	if !r.Until.IsZero() {
		text += " until " + r.Until.UTC().Format("2006-01-02 15:04 MST")
	}
	if r.Why != "" {
		text += " (" + r.Why + ")"
	}
	return text
}
