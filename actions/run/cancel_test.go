package run_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store/fake"
)

// TestCancelledAndLostAtOnce has a person cancel a run in the moment in which its process finds that it has lost it: the process lets go of it, and the
// next one ends it.
func TestCancelledAndLostAtOnce(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			w, disk := newWorld(), fake.New()
			x := code{do: func(context.Context, run.Call) (run.Result, error) {
				return run.Result{}, actions.Wait{Until: time.Now().Add(time.Second)}
			}}
			p := w.start(t, disk, "before", nil, with("x", x), func(o *run.Options) { o.Lease = 4 * time.Second })
			id := accepted(t, p, one("c", "x", 1))
			time.Sleep(5*time.Second - time.Nanosecond)
			var end sync.WaitGroup
			end.Go(func() {
				time.Sleep(time.Nanosecond) // when the lease is extended
				p.h.Kill()
			})
			time.Sleep(time.Nanosecond)
			_ = p.e.Cancel(t.Context(), id, actions.Actor{Name: "ben"}) // the wish may come too late
			end.Wait()
			p.close(t)
			p = w.start(t, disk, "after", nil, with("x", x))
			defer p.close(t)
			if p.e.Cancel(t.Context(), id, actions.Actor{Name: "ben"}) == nil {
				p.until(t, id, nil)
			}
			if r, err := p.e.Get(t.Context(), id); err != nil || !r.State.Final() {
				t.Errorf("%s, %v", run.Summary(r), err)
			}
		})
	}
}
