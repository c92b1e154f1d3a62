package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// park leaves a waiting run to its timer. The journal says already what it waits for; a crash before the timer is set brings the message again,
// and that sets it. It returns true when a wish to cancel came just then: whoever put it down may have seen the run at work and counted on us.
func (c *carrier) park(ctx context.Context, j *journal) (cancelled bool, err error) {
	r := j.snapshot()
	if err := c.arm(ctx, r); err != nil {
		return false, err
	}
	c.log.Info("run waits", "until", r.Until, "why", r.Why)
	wish, err := c.readWish(ctx)
	if err != nil || wish == nil {
		return false, err
	}
	j.cancel(wish.By, time.Now())
	return true, j.commit(ctx)
}

// arm sets the timer that brings a waiting run back.
func (c *carrier) arm(ctx context.Context, r actions.Run) error {
	for {
		err := c.e.o.Store.Timer().At(ctx, "wake."+r.ID, r.Until, message{Run: r.ID}.encode())
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrUnknown) || !sleep(ctx, 100*time.Millisecond) {
			return fmt.Errorf("timer of %s: %w", r.ID, err)
		}
	}
}
