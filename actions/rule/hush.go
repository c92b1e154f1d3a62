package rule

import (
	"sync"
	"time"
)

// hushTime is how long people are not told again that a rule does nothing about a node: in a storm the first word is enough, and each incident tells
// its own.
const hushTime = 10 * time.Minute

// hush remembers what was told. The zero value has told nothing.
type hush struct {
	mu   sync.Mutex
	told map[string]time.Time
}

// first tells whether key was not told of late, and counts it as told.
func (h *hush) first(key string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at, ok := h.told[key]; ok && within(at, now, hushTime) {
		return false
	}
	for k, at := range h.told {
		if !within(at, now, hushTime) {
			delete(h.told, k)
		}
	}
	if h.told == nil {
		h.told = map[string]time.Time{}
	}
	h.told[key] = now
	return true
}
