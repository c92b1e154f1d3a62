package clock_test

import (
	"context"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/clock"
)

func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	c, err := clock.New(clock.Options{
		Jobs: func() []job.Job { return []job.Job{{Name: "look", At: "@every 1s", Do: "nodes", Owner: "anna"}} },
		KV:   fake.New().Open(fake.Options{}).Bucket(store.Guards),
		Say: func(_ context.Context, t clock.Tick) (string, error) {
			fmt.Println(t.Job.Owner, "says:", t.Job.Do, t.Cause == fmt.Sprintf("job/look@%d", t.At.Unix()))
			cancel() // once is enough here
			return "accepted", nil
		},
		Paused: func(context.Context) (bool, error) { return false, nil },
		Now:    time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := c.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: anna says: nodes true
}
