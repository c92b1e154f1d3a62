package alert

import (
	"sync"
	"time"

	"github.com/shitops/opsbot/icinga"
)

// digestsMost is how many signatures of one window are remembered: beyond it the oldest are forgotten, and a recording that is repeated is stored
// again and folded by its trigger.
const digestsMost = 100_000

// digests remembers signatures for as long as they are good, in two generations.
type digests struct {
	mu         sync.Mutex
	young, old map[string]struct{}
	turned     time.Time
}

func newDigests() *digests { return &digests{young: map[string]struct{}{}, old: map[string]struct{}{}} }

// has tells whether the signature was stored before. A bearer token has none.
func (d *digests) has(digest string, now time.Time) bool {
	if digest == "" {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(now)
	_, young := d.young[digest]
	_, old := d.old[digest]
	return young || old
}

func (d *digests) add(digest string, now time.Time) {
	if digest == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(now)
	d.young[digest] = struct{}{}
}

// turn makes the young ones old when the window has passed, or when they are too many. A signature is good for one window before and one after its time.
func (d *digests) turn(now time.Time) {
	if now.Sub(d.turned).Abs() < 2*icinga.SignatureWindow && len(d.young) < digestsMost {
		return
	}
	d.old, d.young, d.turned = d.young, map[string]struct{}{}, now
}
