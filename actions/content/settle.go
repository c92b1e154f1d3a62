package content

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/cache"
)

// parkFrom is the waiting time from which a run is parked instead of holding its lease: parked, it wakes on a whole second.
const parkFrom = 10 * time.Second

// settler does cache.settle: it waits until fetches that were in flight at the last step have ended.
type settler struct{ c *Content }

// Do implements [run.Executor]. The time since the last step counts, so that a restart does not wait twice.
func (s settler) Do(ctx context.Context, call run.Call) (run.Result, error) {
	n, err := s.c.node(ctx, call.Node)
	if err != nil {
		return run.Result{}, err
	}
	settle, err := s.c.settleOf(n)
	if err != nil {
		return run.Result{}, err
	}
	left := settle
	if len(call.Before) > 0 {
		left = min(settle, time.Until(call.Before[len(call.Before)-1].At.Add(settle)))
	}
	if left > parkFrom {
		return run.Result{}, actions.Wait{Until: time.Now().Add(left), Why: "fetches in flight at " + n.Name + " end"}
	}
	progress(call, fmt.Sprintf("waiting %s for fetches in flight", settle), 0, 0)
	if left > 0 {
		t := time.NewTimer(left)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return run.Result{}, ctx.Err()
		}
	}
	return run.Result{Say: fmt.Sprintf("waited %s for fetches in flight", settle)}, nil
}

// settleOf is the longest settling time among the node's caches.
func (c *Content) settleOf(n actions.Node) (time.Duration, error) {
	var longest time.Duration
	err := c.onCaches(n, func(_ actions.Cache, d cache.Driver) error {
		longest = max(longest, d.Config().Settle)
		return nil
	})
	return longest, err
}

// CanStop implements [run.Stoppable].
func (s settler) CanStop(run.Call) bool { return true }

// ByHand implements [run.Handbook].
func (s settler) ByHand(ctx context.Context, call run.Call) ([]string, error) {
	n, err := s.c.node(ctx, call.Node)
	if err != nil {
		return nil, err
	}
	settle, err := s.c.settleOf(n)
	if err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("sleep %d", int(math.Ceil(settle.Seconds())))}, nil
}
