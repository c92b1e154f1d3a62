package discord

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// hook is the way back to an interaction: its token takes edits and further messages for 15 minutes. The zero value leads nowhere.
type hook struct {
	id, token string // of the interaction
	message   string // that was clicked on; for a command the response is a message of its own
	private   bool   // the response is for one person alone
}

// hookFor is how long a token works, less a margin for clocks and calls under way.
const hookFor = 15*time.Minute - 30*time.Second

// String writes the hook as an outbox keeps it.
func (h hook) String() string {
	if h.token == "" {
		return ""
	}
	private := ""
	if h.private {
		private = "p"
	}
	return strings.Join([]string{h.id, h.token, h.message, private}, "|")
}

// parseHook reads what String wrote. A reference to a plain message ("re|id") is no hook.
func parseHook(text string) hook {
	p := strings.Split(text, "|")
	if len(p) != 4 {
		return hook{}
	}
	return hook{id: p[0], token: p[1], message: p[2], private: p[3] == "p"}
}

// refers returns the message that a card answers, where there is no interaction.
func refers(text string) string {
	id, ok := strings.CutPrefix(text, "re|")
	if !ok || !number(id) {
		return ""
	}
	return id
}

// responses knows which card fills which response, so that each is filled once, also by a later process: who takes one writes it down first. It is
// safe for concurrent use.
type responses struct {
	kv     store.KV
	prefix string
	now    func() time.Time

	mu  sync.Mutex
	all map[string]responseState // of this process
}

type responseState struct {
	open  bool // it waits to be filled
	until time.Time
}

// removed is in the place of a nonce where the response was taken away.
const removed = "-"

// begin notes that a response waits to be filled.
func (r *responses) begin(id string) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) > 1024 {
		for id, s := range r.all {
			if s.until.Before(now) {
				delete(r.all, id)
			}
		}
	}
	r.all[id] = responseState{open: true, until: now.Add(hookFor + time.Minute)}
}

// take takes the response for the card with the nonce; the same card may take it again.
func (r *responses) take(ctx context.Context, id, nonce string) (mine bool, err error) {
	key := r.prefix + id
	_, err = r.kv.CreateFor(ctx, key, []byte(nonce), hookFor+time.Minute)
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrUnknown) {
		var have store.Entry
		have, err = r.kv.Get(ctx, key)
		nonce, mine = string(have.Value), string(have.Value) == nonce
	} else {
		mine = err == nil
	}
	if err != nil {
		return false, fmt.Errorf("take the response to interaction %s: %w", id, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, id)
	return mine && nonce != removed, nil
}

// drop notes that the response was removed.
func (r *responses) drop(ctx context.Context, id string) error {
	key := r.prefix + id
	have, err := r.kv.Get(ctx, key)
	if err == nil {
		_, err = r.kv.UpdateFor(ctx, key, []byte(removed), have.Revision, hookFor+time.Minute)
	}
	if err != nil {
		return fmt.Errorf("note that the response to interaction %s is gone: %w", id, err)
	}
	return nil
}

// left tells whether the response still waits to be filled, as far as this process knows.
func (r *responses) left(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[id].open
}
