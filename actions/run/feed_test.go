package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// telling is an executor that tells how far it is, n times, a second apart.
func telling(n int) onlyDo {
	return onlyDo{func(ctx context.Context, c run.Call) (run.Result, error) {
		for i := range n {
			c.Progress("fetched", i+1, n)
			pass(ctx, time.Second)
		}
		return run.Result{Say: "fetched all"}, nil
	}}
}

// line renders an event.
func line(e run.Event) string {
	if p := e.Progress; p != nil {
		return fmt.Sprintf("%s step %d on %s: %s %d/%d", p.Run, p.Step, p.Node, p.Say, p.Done, p.Total)
	}
	return fmt.Sprintf("%s %s after %d outcomes", e.Run.ID, e.Run.State, len(e.Run.Outcomes))
}

func TestFollow(t *testing.T) {
	bubble(t, func(t *testing.T, _ *world, p *process) {
		q := one("c", "tell", 2)
		q.Groups[0].Nodes = []string{"edge-1"}
		id := accepted(t, p, q)
		accepted(t, p, one("d", "tell", 1)) // another run, which must not be heard
		events, err := p.e.Follow(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for e := range events {
			got = append(got, line(e))
		}
		want := []string{
			"r-1 running after 0 outcomes",
			"r-1 running after 0 outcomes",
			"r-1 step 0 on edge-1: fetched 1/2", "r-1 step 0 on edge-1: fetched 2/2",
			"r-1 running after 1 outcomes",
			"r-1 step 1 on edge-1: fetched 1/2", "r-1 step 1 on edge-1: fetched 2/2",
			"r-1 done after 2 outcomes",
		}
		// Progress comes by a shorter way than states and may overtake the one before it.
		if d := cmp.Diff(sorted(want), sorted(got)); d != "" {
			t.Errorf("events (-want +got):\n%s\n%s", d, strings.Join(got, "\n"))
		}
		if got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
			t.Errorf("from %q to %q", got[0], got[len(got)-1])
		}
		again, err := p.e.Follow(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var after []string
		for e := range again {
			after = append(after, line(e))
		}
		if d := cmp.Diff([]string{"r-1 done after 2 outcomes"}, after); d != "" {
			t.Errorf("following a finished run (-want +got):\n%s", d)
		}
		if _, err := p.e.Follow(t.Context(), "r-99"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("following an unknown run: %v", err)
		}
	}, with("tell", telling(2)))
}

func TestFollowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p := w.start(t, fake.New(), "owner", nil)
		id := accepted(t, p, plan("c", actions.Group{Steps: steps(1, func(_ int, d *does) { d.Wait = time.Hour })}))
		ctx, cancel := context.WithCancel(t.Context())
		mine, err := p.e.Follow(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		other, err := p.e.Follow(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		all, err := p.e.Subscribe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		for range mine { // ends with its ctx
		}
		p.close(t)
		for range other { // ends with the engine
		}
		for range all {
		}
		late, err := p.e.Subscribe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range late {
			t.Error("an engine that has stopped tells something")
		}
	})
}

// TestSlowReader reads nothing until hundreds of events are there. All states must have been kept.
func TestSlowReader(t *testing.T) {
	bubble(t, func(t *testing.T, _ *world, p *process) {
		all, err := p.e.Subscribe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		const runs = 40
		for i := range runs {
			accepted(t, p, one(fmt.Sprint(i), "tell", 1))
		}
		time.Sleep(time.Hour)
		final, progress := map[string]int{}, 0
		for n := 0; n < runs; {
			e := <-all
			switch {
			case e.Progress != nil:
				progress++
			case e.Run.State.Final():
				final[e.Run.ID]++
				n++
			}
		}
		if len(final) != runs {
			t.Errorf("%d of %d runs were seen to end", len(final), runs)
		}
		if progress > 200 {
			t.Errorf("%d tellings of progress were kept for a reader who slept", progress)
		}
	}, with("tell", telling(50)))
}

// TestFeedAcrossProcesses follows a run in one process while another one has it.
func TestFeedAcrossProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		worker := w.start(t, disk, "worker", nil)
		h := disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
			if op.Name == "queue.pull" {
				return fake.Unavailable // this one only looks on
			}
			return fake.None
		}})
		e, err := run.New(run.Options{Store: h, Executors: map[string]run.Executor{"put": put{w: w}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- e.Serve(ctx) }()
		id, _, err := e.Accept(ctx, plan("c", actions.Group{Nodes: nodes(20), Steps: onNodes(steps(1, func(_ int, d *does) { d.Wait = time.Minute }))}))
		if err != nil {
			t.Fatal(err)
		}
		events, err := e.Follow(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for ev := range events {
			if s := line(ev); len(got) == 0 || got[len(got)-1] != s {
				got = append(got, s)
			}
		}
		want := []string{"r-1 running after 0 outcomes", "r-1 waiting after 0 outcomes", "r-1 running after 0 outcomes", "r-1 done after 20 outcomes"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("seen from another process (-want +got):\n%s", d)
		}
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
		worker.close(t)
	})
}

func TestList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		p := w.start(t, disk, "owner", nil)
		for i := range 5 {
			q := plan(fmt.Sprint(i), actions.Group{Nodes: []string{fmt.Sprintf("edge-%d", i%2)}, Steps: onNodes(steps(1, func(_ int, d *does) {
				if i == 3 {
					d.Fail = "refused"
				}
			}))})
			p.until(t, accepted(t, p, q), nil)
		}
		idle, err := run.New(run.Options{Store: disk.Open(fake.Options{})}) // has no watch and reads the bucket
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			filter run.Filter
			want   string
		}{
			{run.Filter{}, "r-5 r-4 r-3 r-2 r-1"},
			{run.Filter{Limit: 2}, "r-5 r-4"},
			{run.Filter{State: actions.Failed}, "r-4"},
			{run.Filter{Node: "edge-0"}, "r-5 r-3 r-1"},
			{run.Filter{Node: "edge-0", State: actions.Done, Limit: 1}, "r-5"},
			{run.Filter{Node: "edge-9"}, ""},
		} {
			for name, e := range map[string]*run.Engine{"serving": p.e, "idle": idle} {
				runs, err := e.List(t.Context(), test.filter)
				var ids []string
				for _, r := range runs {
					ids = append(ids, r.ID)
				}
				if got := strings.Join(ids, " "); got != test.want || err != nil {
					t.Errorf("%s List(%+v) = %s, %v, want %s", name, test.filter, got, err, test.want)
				}
			}
		}
		p.close(t)
	})
}
