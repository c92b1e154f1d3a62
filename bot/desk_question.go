package bot

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/intents"
)

// patience is how long a question waits for its answer.
const patience = 2 * time.Minute

// question is what a person was asked: for a missing word (Asked), or for a yes to plans (Requests, Plans). There is at most one per person
// and thread; a newer one replaces it.
type question struct {
	ID       string            `json:"id"`
	Asked    *intents.Parsed   `json:"asked,omitempty"`
	Missing  *intents.Missing  `json:"missing,omitempty"` // of Asked, which does not write it itself
	Requests []actions.Request `json:"requests,omitempty"`
	Plans    []actions.Plan    `json:"plans,omitempty"` // as they were shown; a request that only reads has an empty one
	Expires  time.Time         `json:"expires"`

	revision uint64
	key      string
}

// questions keeps pending questions in the store, so that they outlive a restart of the bot.
type questions struct{ kv store.KV }

// key binds a question to one person in one conversation.
func (q *questions) key(m door.Message) string {
	sum := sha256.Sum256([]byte(m.As + "\x00" + m.Origin.Door + "\x00" + m.Origin.Channel + "\x00" + m.Origin.Thread))
	return "question." + hex.EncodeToString(sum[:12])
}

// pending returns the question that m may be an answer to, or nil. An expired question is as good as none.
func (q *questions) pending(ctx context.Context, m door.Message) (*question, error) {
	entry, err := q.kv.Get(ctx, q.key(m))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out question
	if err := json.Unmarshal(entry.Value, &out); err != nil {
		return nil, fmt.Errorf("read the pending question %s: %w", entry.Key, err)
	}
	if m.At.After(out.Expires) {
		return nil, nil
	}
	if out.Asked != nil {
		out.Asked.Missing = out.Missing
	}
	out.revision, out.key = entry.Revision, entry.Key
	return &out, nil
}

// ask makes out the pending question of m's person and thread, in place of an older one.
func (q *questions) ask(ctx context.Context, m door.Message, out question) error {
	out.ID = newID()
	out.Expires = m.At.Add(patience)
	value, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("store the question: %w", err)
	}
	key := q.key(m)
	entry, err := q.kv.Get(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		_, err = store.CreateSure(ctx, q.kv, key, value)
	case err == nil:
		_, err = store.UpdateSure(ctx, q.kv, key, value, entry.Revision)
	}
	return err
}

// take removes the question. Only one of several answers at the same moment takes it; the others get store.ErrConflict or ErrNotFound.
func (q *questions) take(ctx context.Context, p *question) error {
	return q.kv.Delete(ctx, p.key, p.revision)
}

// newID returns 96 random bits in hexadecimal.
func newID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// causeOf names the cause of the index-th command of a message.
func causeOf(m door.Message, index int) string {
	return fmt.Sprintf("%s/%s/%d", m.Origin.Door, m.ID, index)
}
