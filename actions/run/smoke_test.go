package run_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store/fake"
)

type echo struct{}

func (echo) Do(ctx context.Context, c run.Call) (run.Result, error) {
	return run.Result{Say: "did " + c.Key}, nil
}

func TestSmoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fake.New().Open(fake.Options{Inject: func(op fake.Op) fake.Fault { fmt.Println(op); return 0 }})
		e, err := run.New(run.Options{Store: h, Executors: map[string]run.Executor{"echo": echo{}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- e.Serve(ctx) }()
		p := actions.Plan{Request: actions.Request{Cause: "x", Intent: "i", Text: "do it"}, Groups: []actions.Group{{Steps: []actions.Step{{Kind: "echo", Key: "a"}, {Kind: "echo", Key: "a"}, {Kind: "echo", Key: "b"}}}}}
		id, first, err := e.Accept(t.Context(), p)
		fmt.Println(id, first, err)
		evs, err := e.Follow(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for ev := range evs {
			fmt.Println(run.Summary(ev.Run), len(ev.Run.Outcomes))
		}
		id, first, err = e.Accept(t.Context(), p)
		fmt.Println(id, first, err)
		r, _ := e.Get(t.Context(), id)
		fmt.Printf("%+v\n", run.Describe(r, time.Now()))
		cancel()
		fmt.Println(<-done)
	})
}
