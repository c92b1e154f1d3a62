package cache

import "sync"

// counter counts what is done and tells a progress function, one call at a time.
type counter struct {
	mu    sync.Mutex
	done  int
	total int
	tell  func(done, total int)
}

func newCounter(total int, tell func(done, total int)) *counter {
	return &counter{total: total, tell: tell}
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if c.tell != nil {
		c.tell(c.done, c.total)
	}
}
