package run_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
)

// nothing is an executor whose steps cost nothing, so that what is measured is the engine.
type nothing struct{}

func (nothing) Do(context.Context, run.Call) (run.Result, error) {
	return run.Result{Say: "nothing done"}, nil
}

// real serves an engine on the embedded store in a directory of the benchmark.
func real(tb testing.TB) *run.Engine {
	tb.Helper()
	s, err := store.Open(store.Options{Dir: filepath.Join(tb.TempDir(), "store"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	e, err := run.New(run.Options{Store: s, Executors: map[string]run.Executor{"nothing": nothing{}}, Fanout: 10_000})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- e.Serve(ctx) }()
	tb.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			tb.Error(err)
		}
		if err := s.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return e
}

func idle(n int) []actions.Step {
	out := make([]actions.Step, n)
	for i := range out {
		out[i] = actions.Step{Kind: "nothing", Key: fmt.Sprintf("{{node}}/%d", i), Say: "do nothing", NoUndo: "there is nothing"}
	}
	return out
}

// BenchmarkSixStepRuns carries out runs of six steps, each journaled durably before the next, from 32 callers.
func BenchmarkSixStepRuns(b *testing.B) {
	e := real(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	events, err := e.Subscribe(ctx)
	if err != nil {
		b.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for n := 0; n < b.N; {
			ev, ok := <-events
			if !ok {
				return
			}
			if ev.Progress == nil && ev.Run.State.Final() {
				n++
			}
		}
	}()
	b.ResetTimer()
	var wg sync.WaitGroup
	work := make(chan int)
	for range 32 {
		wg.Go(func() {
			for i := range work {
				p := plan(fmt.Sprintf("cause-%d", i), actions.Group{Steps: idle(6)})
				for s := range p.Groups[0].Steps { // things of their own, else the runs wait for each other
					p.Groups[0].Steps[s].Key = fmt.Sprintf("%d/%d", i, s)
				}
				if _, _, err := e.Accept(b.Context(), p); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range b.N {
		work <- i
	}
	close(work)
	wg.Wait()
	<-over
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}

// BenchmarkFanout carries out one run on a thousand nodes; its steps cost nothing, so the time is that of the journal.
func BenchmarkFanout(b *testing.B) {
	for _, n := range []int{1, 3} {
		b.Run(fmt.Sprintf("steps=%d", n), func(b *testing.B) {
			e := real(b)
			for i := range b.N {
				id, _, err := e.Accept(b.Context(), plan(fmt.Sprintf("cause-%d", i), actions.Group{Nodes: nodes(1000), Steps: idle(n)}))
				if err != nil {
					b.Fatal(err)
				}
				finish(b, e, id)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/run")
		})
	}
}

// BenchmarkAccept is how long a person waits until the run is durable.
func BenchmarkAccept(b *testing.B) {
	e := real(b)
	for i := range b.N {
		p := plan(fmt.Sprintf("cause-%d", i), actions.Group{Steps: idle(1)})
		p.Groups[0].Steps[0].Key = fmt.Sprint(i)
		if _, _, err := e.Accept(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "us/accept")
}

// finish follows a run to its end.
func finish(tb testing.TB, e *run.Engine, id string) actions.Run {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	events, err := e.Follow(ctx, id)
	if err != nil {
		tb.Fatal(err)
	}
	var last actions.Run
	for ev := range events {
		last = ev.Run
	}
	if last.State != actions.Done {
		tb.Fatalf("%s is %s: %s", id, last.State, last.Why)
	}
	return last
}
