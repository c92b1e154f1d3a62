package bot

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
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
	As       string            `json:"as"`  // whom it was asked
	Who      string            `json:"who"` // and what they are called
	Origin   actions.Origin    `json:"origin"`
	Title    string            `json:"title"` // what was asked, for whoever finds it closed

	revision uint64
	key      string
}

// questions keeps pending questions in the store, so that they outlive a restart of the bot.
type questions struct{ kv store.KV }

// key binds a question to one person in one conversation.
func (q *questions) key(m door.Message) string {
	return questionPrefix + conversation(m)
}

const questionPrefix = "question."

// pending returns the question that m may be an answer to, or nil. An expired question is as good as none. A message that bears the token of a
// question answers that one alone, whoever sent it and wherever.
func (q *questions) pending(ctx context.Context, m door.Message) (*question, error) {
	key, id := q.key(m), ""
	if m.Token != "" {
		var ok bool
		if id, key, ok = strings.Cut(m.Token, "."); !ok || !tokenPart.MatchString(id) || !tokenPart.MatchString(key) {
			return nil, nil
		}
		key = questionPrefix + key
	}
	out, err := q.read(ctx, key)
	if out == nil || err != nil || m.At.After(out.Expires) || m.Token != "" && out.ID != id {
		return nil, err
	}
	return out, nil
}

// tokenPart is the shape of both parts of a token: 96 bits in hexadecimal.
var tokenPart = regexp.MustCompile(`^[0-9a-f]{24}$`)

// token names a question to those who press its buttons: its id, and where it lies.
func (q *question) token() string { return q.ID + "." + strings.TrimPrefix(q.key, questionPrefix) }

// card is the ID of the living card that asks it.
func (q *question) card() string { return "question/" + q.ID }

// read returns the question under a key, nil where there is none.
func (q *questions) read(ctx context.Context, key string) (*question, error) {
	entry, err := q.kv.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decodeQuestion(entry)
}

func decodeQuestion(entry store.Entry) (*question, error) {
	var out question
	if err := json.Unmarshal(entry.Value, &out); err != nil {
		return nil, fmt.Errorf("read the pending question %s: %w", entry.Key, err)
	}
	if out.Asked != nil {
		out.Asked.Missing = out.Missing
	}
	out.revision, out.key = entry.Revision, entry.Key
	return &out, nil
}

// ask makes out the pending question of m's person and thread, in place of an older one, which it returns where there was one.
func (q *questions) ask(ctx context.Context, m door.Message, out *question) (replaced *question, err error) {
	out.ID, out.key = newID(), q.key(m)
	out.As, out.Origin = m.As, m.Origin
	out.Expires = m.At.Add(patience)
	value, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("store the question: %w", err)
	}
	if replaced, err = q.read(ctx, out.key); err != nil {
		return nil, err
	}
	if replaced == nil {
		_, err = store.CreateSure(ctx, q.kv, out.key, value)
	} else {
		_, err = store.UpdateSure(ctx, q.kv, out.key, value, replaced.revision)
	}
	return replaced, err
}

// expired takes away the questions that have waited too long, and returns them.
func (q *questions) expired(ctx context.Context, now time.Time) ([]*question, error) {
	entries, err := q.kv.List(ctx, questionPrefix)
	if err != nil {
		return nil, fmt.Errorf("list the pending questions: %w", err)
	}
	var out []*question
	for _, e := range entries {
		p, err := decodeQuestion(e)
		if err != nil {
			return out, err
		}
		if !now.After(p.Expires) {
			continue
		}
		if err := q.take(ctx, p); err == nil {
			out = append(out, p)
		}
	}
	return out, nil
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
