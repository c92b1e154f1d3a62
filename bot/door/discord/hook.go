package discord

import (
	"strings"
	"sync"
	"time"
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

// responses remembers which responses still show that the bot is thinking, and which card took them. It is safe for concurrent use.
type responses struct {
	mu  sync.Mutex
	all map[string]*responseState
}

type responseState struct {
	nonce string // of the card that took the response, "" while nobody has
	gone  bool   // the response was removed
	until time.Time
}

// begin notes that a response waits to be filled.
func (r *responses) begin(id string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) > 1024 {
		for id, s := range r.all {
			if s.until.Before(now) {
				delete(r.all, id)
			}
		}
	}
	r.all[id] = &responseState{until: now.Add(hookFor + time.Minute)}
}

// take takes the response for the card with the nonce; the same card may take it again. Known is false for responses of an earlier process.
func (r *responses) take(id, nonce string) (mine, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, known := r.all[id]
	if !known {
		return false, false
	}
	if s.nonce == "" && !s.gone {
		s.nonce = nonce
	}
	return s.nonce == nonce && !s.gone, true
}

// settle notes what is known of a response of an earlier process: open means that nobody filled it.
func (r *responses) settle(id string, open bool, now time.Time) {
	r.begin(id, now)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[id].gone = !open
}

// drop notes that the response was removed.
func (r *responses) drop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.all[id]; s != nil {
		s.gone = true
	}
}

// left tells whether the response still waits to be filled, as far as this process knows.
func (r *responses) left(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.all[id]
	return s != nil && s.nonce == "" && !s.gone
}
