package run_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store/fake"
)

// motd is an executor that sets a text. It keeps what it replaced, so that Undo can put it back, and compares before it does.
type motd struct {
	mu   sync.Mutex
	text string
}

func (m *motd) Do(_ context.Context, c run.Call) (run.Result, error) {
	var want string
	if err := json.Unmarshal(c.Args, &want); err != nil {
		return run.Result{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.text
	m.text = want
	return run.Result{Say: fmt.Sprintf("set to %q", want), Data: actions.Encode([]string{was, want})}, nil
}

func (m *motd) Undo(_ context.Context, _ run.Call, done run.Result) (run.Result, error) {
	var texts []string
	if err := json.Unmarshal(done.Data, &texts); err != nil {
		return run.Result{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.text != texts[1] {
		return run.Result{}, fmt.Errorf("somebody set it to %q since", m.text)
	}
	m.text = texts[0]
	return run.Result{Say: fmt.Sprintf("set back to %q", m.text)}, nil
}

// A plan is accepted, carried out and followed, then taken back.
func Example() {
	executor := &motd{text: "welcome"}
	engine, err := run.New(run.Options{
		Store:     fake.New().Open(fake.Options{}),
		Executors: map[string]run.Executor{"motd.set": executor},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error)
	go func() { served <- engine.Serve(ctx) }()
	events, err := engine.Subscribe(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	reach := func(s actions.State) actions.Run {
		for e := range events {
			if e.Run.State == s {
				return e.Run
			}
		}
		return actions.Run{}
	}

	anna := actions.Actor{Kind: actions.Person, Name: "anna"}
	id, _, err := engine.Accept(ctx, actions.Plan{
		Request: actions.Request{Cause: "terminal:1", Intent: "motd.set", Actor: anna},
		Say:     "greet the night shift",
		Groups: []actions.Group{{Steps: []actions.Step{
			{Kind: "motd.set", Key: "motd", Args: actions.Encode("good evening"), Say: "set the text"},
		}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := reach(actions.Done)
	fmt.Println(r.ID, r.State, "-", r.Outcomes[0].Say)
	if err := engine.Undo(ctx, id, anna); err != nil {
		fmt.Println(err)
		return
	}
	r = reach(actions.Undone)
	fmt.Println(r.ID, r.State, "-", r.Latest()[0].Say, "-", r.Why)
	stop()
	fmt.Println(<-served)
	// Output:
	// r-1 done - set to "good evening"
	// r-1 undone - set back to "welcome" - undone by anna
	// <nil>
}
