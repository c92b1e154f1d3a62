package alert

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"github.com/shitops/opsbot/bot/reply"
)

// hubMost is how many live cards a hub remembers for those who come later.
const hubMost = 1000

// Hub hands the newest state of every card to everybody who listens. Nobody holds up anybody: of a card that changes faster than somebody reads, they
// get the newest. It is safe for concurrent use.
type Hub struct {
	mu    sync.Mutex
	live  map[string]reply.Card
	order []string // of live, oldest first
	subs  map[*listener]struct{}
}

// NewHub returns a hub without cards.
func NewHub() *Hub { return &Hub{live: map[string]reply.Card{}, subs: map[*listener]struct{}{}} }

// Publish hands a card to everybody. One that is live stays for those who come later; a state that was published already is not again.
func (h *Hub) Publish(c reply.Card) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was, known := h.live[c.ID]
	if known && reflect.DeepEqual(was, c) {
		return
	}
	if !known && c.Live {
		h.order = append(h.order, c.ID)
	}
	h.live[c.ID] = c
	if !c.Live {
		h.forget(c.ID)
	}
	if len(h.order) > hubMost {
		h.forget(h.order[0])
	}
	for l := range h.subs {
		l.add(c)
	}
}

// Withdraw publishes the last state of a card that is live; of one that nobody has seen it says nothing.
func (h *Hub) Withdraw(c reply.Card) {
	h.mu.Lock()
	_, live := h.live[c.ID]
	h.mu.Unlock()
	if live {
		c.Live = false
		h.Publish(c)
	}
}

func (h *Hub) forget(id string) {
	delete(h.live, id)
	h.order = slices.DeleteFunc(h.order, func(o string) bool { return o == id })
}

// Subscribe returns the live cards, then every change. The channel is closed when ctx ends.
func (h *Hub) Subscribe(ctx context.Context) <-chan reply.Card {
	l := &listener{cards: map[string]reply.Card{}, more: make(chan struct{}, 1)}
	out := make(chan reply.Card)
	h.mu.Lock()
	for _, id := range h.order {
		l.add(h.live[id])
	}
	h.subs[l] = struct{}{}
	h.mu.Unlock()
	go func() {
		defer close(out)
		l.run(ctx, out)
		h.mu.Lock()
		delete(h.subs, l)
		h.mu.Unlock()
	}()
	return out
}

// listener holds what its reader has not taken yet.
type listener struct {
	mu    sync.Mutex
	queue []string // ids, in the order of their first change
	cards map[string]reply.Card
	more  chan struct{}
}

func (l *listener) add(c reply.Card) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, waits := l.cards[c.ID]; !waits {
		l.queue = append(l.queue, c.ID)
	}
	l.cards[c.ID] = c
	select {
	case l.more <- struct{}{}:
	default:
	}
}

func (l *listener) next() (reply.Card, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return reply.Card{}, false
	}
	id := l.queue[0]
	l.queue = l.queue[1:]
	c := l.cards[id]
	delete(l.cards, id)
	return c, true
}

func (l *listener) run(ctx context.Context, out chan<- reply.Card) {
	for {
		for {
			c, ok := l.next()
			if !ok {
				break
			}
			select {
			case out <- c:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-l.more:
		case <-ctx.Done():
			return
		}
	}
}
