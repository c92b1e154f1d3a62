package teach

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// Intent is the name of the verb.
const Intent = "teach"

// prefix is of the keys of taught phrases in the bucket of the inventory.
const prefix = "taught."

// maxText is the longest phrase, in bytes.
const maxText = 200

// Taught is one phrase and the intent that it means.
type Taught struct {
	Text   string    `json:"text"`   // as it was said
	Phrase string    `json:"phrase"` // with a {hole} in place of each name, so that it stands for any name of its kind
	Intent string    `json:"intent"`
	By     string    `json:"by"` // who proposed it
	Since  time.Time `json:"since"`
	Mark   string    `json:"mark"` // of the step that kept it
}

// Options are what a Teacher needs. KV and Lint are required.
type Options struct {
	KV store.KV // the bucket of the inventory
	// Lint tells why a phrase may not be taught beside those that were: it has no place to fill, it is a command already, or it would change how
	// something else is read. It may take as long as training does.
	Lint func(ctx context.Context, all []Taught) error
	// Shape returns a phrase with a {hole} in place of each name in it; nil leaves it as it is. Its error is for people.
	Shape func(text string) (string, error)
	// Changed is called after the phrases have changed, also by another replica; nil for nobody.
	Changed func(ctx context.Context)
	Now     func() time.Time // nil = time.Now
	Log     *slog.Logger     // nil = silent
}

// Teacher knows what was taught. It is safe for concurrent use.
type Teacher struct {
	opt Options

	mu    sync.RWMutex
	known map[string]Taught // by key
}

// New returns a teacher that knows nothing; Load or Run tell it.
func New(o Options) (*Teacher, error) {
	if o.KV == nil || o.Lint == nil {
		return nil, errors.New("teach: KV and Lint are required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Shape == nil {
		o.Shape = func(text string) (string, error) { return text, nil }
	}
	if o.Changed == nil {
		o.Changed = func(context.Context) {}
	}
	return &Teacher{opt: o, known: map[string]Taught{}}, nil
}

// keyOf is the same for phrases that differ in case and spaces alone.
func keyOf(text string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.Join(strings.Fields(text), " "))))
	return prefix + hex.EncodeToString(sum[:12])
}

// Taught returns every phrase, in the order in which they were taught.
func (t *Teacher) Taught() []Taught {
	t.mu.RLock()
	defer t.mu.RUnlock()
	out := make([]Taught, 0, len(t.known))
	for _, p := range t.known {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Taught) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Text, b.Text)) })
	return out
}

// Load reads what was taught.
func (t *Teacher) Load(ctx context.Context) error {
	entries, err := t.opt.KV.List(ctx, prefix)
	if err != nil {
		return fmt.Errorf("read what was taught: %w", err)
	}
	t.edit(func(map[string]Taught) map[string]Taught { return t.takeAll(entries) })
	return nil
}

// Run follows what is taught by any replica, until ctx ends.
func (t *Teacher) Run(ctx context.Context) error {
	tell := func(changed bool) {
		if changed {
			t.opt.Changed(ctx)
		}
	}
	store.Follow(ctx, t.opt.KV, prefix, store.Follower{
		Whole: func(entries []store.Entry) {
			tell(t.edit(func(map[string]Taught) map[string]Taught { return t.takeAll(entries) }))
		},
		Change: func(e store.Entry) {
			tell(t.edit(func(all map[string]Taught) map[string]Taught { t.take(all, e); return all }))
		},
		Broke: func(err error, wait time.Duration) {
			t.opt.Log.Warn("what is taught is not followed, trying again", "err", err, "wait", wait)
		},
	})
	return nil
}

// edit changes what is known, and tells whether it differs then.
func (t *Teacher) edit(change func(map[string]Taught) map[string]Taught) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.known
	t.known = change(maps.Clone(was))
	return !maps.Equal(was, t.known)
}

func (t *Teacher) takeAll(entries []store.Entry) map[string]Taught {
	all := make(map[string]Taught, len(entries))
	for _, e := range entries {
		t.take(all, e)
	}
	return all
}

// take applies an entry. What cannot be read is left out: one spoilt phrase must not stop the others.
func (t *Teacher) take(all map[string]Taught, e store.Entry) {
	delete(all, e.Key)
	if e.Deleted {
		return
	}
	var p Taught
	if err := json.Unmarshal(e.Value, &p); err != nil {
		t.opt.Log.Error("a taught phrase is not understood and is left out", "key", e.Key, "err", err)
		return
	}
	all[e.Key] = p
}

// Verbs returns the verb teach.
func (t *Teacher) Verbs() []actions.Verb {
	return []actions.Verb{{Intent: Intent, Risk: actions.Reversible, Plan: t.plan}}
}

// plan lints the phrase, so that nobody is asked to agree to what could not be taught.
func (t *Teacher) plan(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	p := Taught{Text: strings.Join(strings.Fields(r.One("text")), " "), Intent: r.One("intent"), By: r.Actor.String()}
	switch {
	case p.Text == "":
		return actions.Plan{}, errors.New("there is no phrase to teach: put it into quotation marks")
	case len(p.Text) > maxText:
		return actions.Plan{}, fmt.Errorf("a phrase has at most %d bytes, this one has %d: teach its core", maxText, len(p.Text))
	case r.Actor.Kind != actions.Person:
		return actions.Plan{}, fmt.Errorf("%s is no person: nothing is learned by itself", r.Actor)
	}
	if have, ok := t.find(p.Text); ok {
		return actions.Plan{}, fmt.Errorf("%q means %s already, taught by %s; undo that run first where it is wrong", have.Text, have.Intent, have.By)
	}
	var err error
	if p.Phrase, err = t.opt.Shape(p.Text); err != nil {
		return actions.Plan{}, fmt.Errorf("teach %q: %w", p.Text, err)
	}
	if err := t.opt.Lint(ctx, append(t.Taught(), p)); err != nil {
		return actions.Plan{}, fmt.Errorf("teach %q as %s: %w", p.Text, p.Intent, err)
	}
	say := fmt.Sprintf("learn that %q means %s", p.Text, p.Intent)
	return actions.Plan{
		Request: r, Risk: actions.Reversible, Say: say,
		Groups: []actions.Group{{Steps: []actions.Step{{Kind: KindKeep, Key: "language", Args: actions.Encode(p), Say: say}}}},
		Notes:  []string{fmt.Sprintf("it is learned as %q", p.Phrase), "phrases like it are read so too; what they may do is decided as always"},
	}, nil
}

func (t *Teacher) find(text string) (Taught, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	p, ok := t.known[keyOf(text)]
	return p, ok
}
