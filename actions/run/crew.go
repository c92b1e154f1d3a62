package run

import "time"

// nodeAt is a node of the group at hand.
type nodeAt struct {
	index int
	name  string
	doubt bool // the owner before may have begun its next act
}

// crew works on nodes: at most limit at once, until next has none and all have ended, or one has failed and the others have ended.
type crew struct {
	limit int
	next  func() (nodeAt, bool)
	work  func(nodeAt) error
	tick  func() error // called every pause while nodes are at work; nil for never
}

func (w crew) run() error {
	ended := make(chan error)
	var ticks <-chan time.Time
	if w.tick != nil {
		t := time.NewTicker(pause)
		defer t.Stop()
		ticks = t.C
	}
	var failure error
	for active := 0; ; {
		for failure == nil && active < w.limit {
			n, ok := w.next()
			if !ok {
				break
			}
			active++
			go func() { ended <- w.work(n) }()
		}
		if active == 0 {
			return failure
		}
		var err error
		select {
		case err = <-ended:
			active--
		case <-ticks:
			err = w.tick()
		}
		if failure == nil {
			failure = err
		}
	}
}
