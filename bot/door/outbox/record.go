package outbox

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/reply"
)

// record is what the store knows of a message.
type record struct {
	Place   Place       `json:"place"`
	Card    string      `json:"card"` // its ID
	At      time.Time   `json:"at"`   // of the first card, which gives the order
	Message string      `json:"message,omitempty"`
	Shown   string      `json:"shown,omitempty"` // hash of what it shows
	Want    *reply.Card `json:"want,omitempty"`  // what it has to show yet
	Long    bool        `json:"long,omitempty"`  // to be remembered for long
	Anew    int         `json:"anew,omitempty"`  // how often it was posted again after somebody deleted it
	Digest  bool        `json:"digest,omitempty"`
	Under   string      `json:"under,omitempty"` // the ID of the card whose thread it belongs into
	// Lost is how many messages a digest awaited that will never be shown, and LostNames are the first of them.
	Lost      int      `json:"lost,omitempty"`
	LostNames []string `json:"lost_names,omitempty"`
}

// message is one message of the platform, which may not exist there yet.
type message struct {
	key string

	io       sync.Mutex // held while the store is asked; taken before Outbox.mu
	loaded   bool       // the record is ours: the store has it at revision
	revision uint64
	kept     *reply.Card // the card in the record
	keptHash string

	// Under Outbox.mu.
	rec    record // without Want
	want   wanted
	waits  bool // want is not shown yet
	since  time.Time
	heard  []chan error // who waits until it is shown
	over   time.Time    // when the storm ended that a digest tells of, zero while it goes on
	untold time.Time    // since when the digest does not tell of it, zero when it does or need not
	queued bool
	users  int       // calls of Send under way
	edited time.Time // the last call
	unsure bool      // it may be on the platform already
	tries  int       // that failed in a row
	tried  string    // the hash of what it shows then, "" when that is not known
	// notBefore lets those behind it go first.
	notBefore time.Time
	dirty     time.Time // when the record is to be written, zero when it is written
}

// wanted is a card made ready to be kept and compared.
type wanted struct {
	card    reply.Card
	hash    string
	bytes   int
	live    bool
	kind    reply.Kind
	spilled bool // the card lies in the store alone
	plain   bool // the platform refused the whole card
}

func newWanted(c reply.Card) (wanted, error) {
	c.Data = nil // for scripts; a platform shows none of it
	if c.ID == "" {
		var b [12]byte
		_, _ = rand.Read(b[:]) // never fails (crypto/rand)
		c.ID = "once-" + hex.EncodeToString(b[:])
	}
	raw, err := json.Marshal(c)
	for most := 4096; err == nil && len(raw) > maxCard && most > 0; most /= 2 {
		c = cut(c, most)
		raw, err = json.Marshal(c)
	}
	if err != nil {
		return wanted{}, fmt.Errorf("keep card %q: %w", c.Title, err)
	}
	sum := sha256.Sum256(raw)
	return wanted{card: c, hash: hex.EncodeToString(sum[:12]), bytes: len(raw), live: c.Live, kind: c.Kind}, nil
}

// maxCard is the most bytes of a card that is kept; the store takes twice as much.
const maxCard = store.MaxValue / 2

// cut leaves the first rows, lines and commands of a card, and says so.
func cut(c reply.Card, most int) reply.Card {
	if c.Table != nil && len(c.Table.Rows) > most {
		t := *c.Table
		t.Rows = t.Rows[:most]
		c.Table = &t
	}
	c.Lines = short(c.Lines, most)
	c.Code = short(c.Code, most)
	c.Choices = short(c.Choices, most)
	c.Lines = append(slices.Clip(c.Lines), "The rest is left out: it is too long to be kept.")
	return c
}

// short returns the first lines, each at most 16 times most bytes long.
func short(lines []string, most int) []string {
	out := slices.Clone(lines[:min(len(lines), most)])
	for i, l := range out {
		out[i] = l[:min(len(l), 16*most)]
	}
	return out
}

func prefix(door string) string { return "outbox." + door + "." }

// keyOf names the message of a card at a place.
func keyOf(door string, p Place, c reply.Card) string {
	eyes := ""
	if c.Private {
		eyes = p.User
	}
	sum := sha256.Sum256([]byte(p.Channel + "\x00" + p.Thread + "\x00" + eyes + "\x00" + c.ID))
	return prefix(door) + hex.EncodeToString(sum[:16])
}

// nonce is the same for every attempt to post the message, also by another process. Discord takes up to 25 characters.
func (m *message) nonce() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", m.key, m.rec.Anew))
	return hex.EncodeToString(sum[:12])
}

// size is what the waiting card takes in memory.
func (m *message) size() int { return m.want.bytes }

// durable tells whether the store has this card. The caller holds m.io.
func (m *message) durable(w wanted) bool { return m.loaded && m.keptHash == w.hash }

// keep stores what must not be lost, and tells whether there is anything to send. The caller holds m.io.
func (m *message) keep(ctx context.Context, b *Outbox, p Place, w wanted) (fresh bool, err error) {
	if w.card.Secret {
		return true, nil // in memory alone, whatever comes
	}
	if !m.loaded {
		m.kept, m.keptHash = &w.card, w.hash
		if done, err := m.create(ctx, b); done || err != nil {
			return true, err
		}
	}
	b.mu.Lock()
	same := w.hash == m.rec.Shown && !m.waits
	if m.waits && m.want.hash == w.hash {
		same = w.live || m.keptHash == w.hash
	}
	if !same && p.Hook != "" {
		m.rec.Place.Hook, m.rec.Place.HookEnds = p.Hook, p.HookEnds
	}
	m.rec.Long = m.rec.Long || w.live || w.card.Run != "" || w.card.Token != "" || len(w.card.Buttons) > 0
	b.mu.Unlock()
	if same {
		return false, nil
	}
	if w.live && m.kept == nil {
		return true, nil
	}
	m.kept, m.keptHash = &w.card, w.hash
	return true, m.save(ctx, b)
}

// create makes the record, or reads what an earlier process knew; done is true in the first case.
func (m *message) create(ctx context.Context, b *Outbox) (done bool, err error) {
	b.mu.Lock()
	m.rec.Long = m.rec.Long || m.kept.Live || m.kept.Run != "" || m.kept.Token != "" || len(m.kept.Buttons) > 0
	b.mu.Unlock()
	value, _, err := m.value(b)
	if err != nil {
		return false, err
	}
	revision, err := store.CreateSure(ctx, b.o.KV, m.key, value)
	if err == nil {
		m.loaded, m.revision = true, revision
		return true, nil
	}
	if errors.Is(err, store.ErrConflict) {
		var e store.Entry
		if e, err = b.o.KV.Get(ctx, m.key); err == nil {
			return false, m.adopt(b, e)
		}
	}
	b.mu.Lock()
	m.unsure = true
	b.mu.Unlock()
	b.o.Count("unsaved")
	return false, fmt.Errorf("keep card %s for %s: %w", m.rec.Card, m.rec.Place.Channel, err)
}

// adopt takes over what the store knows. The caller holds m.io.
func (m *message) adopt(b *Outbox, e store.Entry) error {
	var rec record
	if err := json.Unmarshal(e.Value, &rec); err != nil {
		return fmt.Errorf("read record %s of the outbox: %w", e.Key, err)
	}
	m.loaded, m.revision = true, e.Revision
	m.kept, m.keptHash = nil, ""
	if rec.Want != nil {
		if w, err := newWanted(*rec.Want); err == nil {
			m.kept, m.keptHash = rec.Want, w.hash
		}
	}
	rec.Want = nil
	b.mu.Lock()
	defer b.mu.Unlock()
	m.rec = rec
	m.unsure = rec.Message == ""
	return nil
}

// value is the record as it is stored, and how long it is to live, 0 for ever.
func (m *message) value(b *Outbox) ([]byte, time.Duration, error) {
	b.mu.Lock()
	rec := m.rec
	b.mu.Unlock()
	rec.Want = m.kept
	ttl := b.o.Brief
	switch {
	case rec.Want != nil || rec.Digest && rec.Shown != closed:
		ttl = 0
	case rec.Long:
		ttl = b.o.Keep
	}
	raw, err := json.Marshal(rec)
	if err != nil {
		return nil, 0, fmt.Errorf("keep card %s: %w", rec.Card, err)
	}
	return raw, ttl.Truncate(time.Second), nil
}

// save writes the record. This process alone writes it, so a conflict is a lost answer or a lost record. The caller holds m.io.
func (m *message) save(ctx context.Context, b *Outbox) error {
	value, ttl, err := m.value(b)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	if err = m.put(ctx, b.o.KV, value, ttl); err != nil {
		b.o.Count("unsaved")
		return fmt.Errorf("keep card %s for %s: %w", m.rec.Card, m.rec.Place.Channel, err)
	}
	m.loaded = true
	b.mu.Lock()
	m.dirty = time.Time{}
	b.mu.Unlock()
	return nil
}

// saveTime is how long a record may take to be written before the matter is put off.
const saveTime = 5 * time.Second

func (m *message) put(ctx context.Context, kv store.KV, value []byte, ttl time.Duration) error {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		revision, err := m.write(ctx, kv, value, ttl)
		if err == nil {
			m.revision = revision
			return nil
		}
		if !errors.Is(err, store.ErrUnknown) && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		switch e, got := kv.Get(ctx, m.key); {
		case got == nil && slices.Equal(e.Value, value):
			m.revision = e.Revision
			return nil
		case got == nil:
			m.revision = e.Revision
		case errors.Is(got, store.ErrNotFound):
			m.revision = 0
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return err
		}
	}
}

func (m *message) write(ctx context.Context, kv store.KV, value []byte, ttl time.Duration) (uint64, error) {
	switch {
	case m.revision == 0 && ttl == 0:
		return kv.Create(ctx, m.key, value)
	case m.revision == 0:
		return kv.CreateFor(ctx, m.key, value, ttl)
	case ttl == 0:
		return kv.Update(ctx, m.key, value, m.revision)
	default:
		return kv.UpdateFor(ctx, m.key, value, m.revision, ttl)
	}
}

// load takes up what an earlier process left undone, in the order in which it came.
func (b *Outbox) load(ctx context.Context) error {
	entries, err := b.o.KV.List(ctx, prefix(b.o.Door))
	if err != nil {
		return fmt.Errorf("list what is to be posted: %w", err)
	}
	type left struct {
		rec   record
		entry store.Entry
	}
	var all []left
	for _, e := range entries {
		var rec record
		if err := json.Unmarshal(e.Value, &rec); err != nil {
			return fmt.Errorf("read record %s of the outbox: %w", e.Key, err)
		}
		if rec.Want != nil || rec.Digest && rec.Shown != closed {
			all = append(all, left{rec, e})
		}
	}
	slices.SortStableFunc(all, func(x, y left) int {
		switch {
		case x.rec.Digest == y.rec.Digest:
			return x.rec.At.Compare(y.rec.At)
		case y.rec.Digest: // it awaits what is there before it
			return -1
		default:
			return 1
		}
	})
	for _, l := range all {
		if err := b.resume(l.rec, l.entry); err != nil {
			b.o.Log.Error("a card is lost", "key", l.entry.Key, "err", err)
		}
	}
	return nil
}

// resume lets the message of a record wait again, unless it does already.
func (b *Outbox) resume(rec record, e store.Entry) error {
	b.mu.Lock()
	l := b.lane(rec.Place.Channel)
	m := l.messages[e.Key]
	if m == nil {
		m = &message{key: e.Key}
		l.messages[e.Key] = m
	}
	m.users++
	b.mu.Unlock()
	m.io.Lock()
	defer m.io.Unlock()
	known := m.loaded
	err := error(nil)
	if !known {
		err = m.adopt(b, e)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err != nil || known:
		m.users--
		l.drop(m)
	case rec.Digest:
		m.users--
		b.resumeDigest(l, m)
	default:
		w, bad := newWanted(*m.kept)
		if bad != nil {
			m.users--
			return bad
		}
		b.want(l, m, w)
	}
	return err
}

// save writes what is not written yet, as at the end.
func (b *Outbox) save(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	b.mu.Lock()
	var dirty []*message
	for _, l := range b.lanes {
		for _, m := range l.queue {
			if !m.dirty.IsZero() {
				dirty = append(dirty, m)
			}
		}
	}
	b.mu.Unlock()
	var errs []error
	for _, m := range dirty {
		m.io.Lock()
		errs = append(errs, m.save(ctx, b))
		m.io.Unlock()
	}
	return errors.Join(errs...)
}
