package run

import (
	"context"
	"sync"
)

// locks lets at most one step per key be live in this process.
type locks struct {
	mu   sync.Mutex
	held map[string]*keyLock
}

type keyLock struct {
	token chan struct{} // holds one element while the lock is free
	users int           // who have or want it; at 0 it is forgotten
}

func newLocks() *locks { return &locks{held: map[string]*keyLock{}} }

// lock waits for the key and returns what frees it, or false when ctx ends first. A key that was waited for in vain while ctx had ended
// already is not taken.
func (l *locks) lock(ctx context.Context, key string) (unlock func(), ok bool) {
	if ctx.Err() != nil {
		return nil, false
	}
	l.mu.Lock()
	k := l.held[key]
	if k == nil {
		k = &keyLock{token: make(chan struct{}, 1)}
		k.token <- struct{}{}
		l.held[key] = k
	}
	k.users++
	l.mu.Unlock()
	select {
	case <-k.token:
		return func() { l.leave(key, k, true) }, true
	case <-ctx.Done():
		l.leave(key, k, false)
		return nil, false
	}
}

func (l *locks) leave(key string, k *keyLock, held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if held {
		k.token <- struct{}{}
	}
	if k.users--; k.users == 0 {
		delete(l.held, key)
	}
}
