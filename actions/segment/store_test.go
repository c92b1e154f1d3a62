package segment_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/overlay"
)

// TestReplicas: what one replica does, every other one knows, also after its watch was cut; both give the site the same prefixes.
func TestReplicas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		first := newHome(t, disk.Open(fake.Options{}), newFleet()).serve(t, "first")
		defer first.stop()
		cuts := 0
		other := disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
			if op.Name == "kv.watch" && op.Bucket == store.Segments && cuts < 2 {
				cuts++
				return fake.Unavailable
			}
			return fake.None
		}})
		var changes, peopled atomic.Int32
		second, err := segment.NewStore(segment.StoreOptions{
			Segments: other.Bucket(store.Segments), VNIs: other.Bucket(store.VNIs), Changed: func(context.Context) { changes.Add(1) },
			Peopled: func(context.Context) { peopled.Add(1) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- second.Run(ctx) }()
		must(t, first.do(t, "segment.create", "segment=studio-a", "tenant=acme", "vni=5001", "node=edge-1"), actions.Done)
		time.Sleep(time.Minute)
		before, people := changes.Load(), peopled.Load()
		must(t, first.do(t, "segment.attach", "segment=studio-a", "node=edge-2"), actions.Done)
		time.Sleep(time.Second)
		have, ok := second.Find("5001")
		if !ok || !slices.Equal(have.Nodes(), []string{"edge-1", "edge-2"}) {
			t.Errorf("the other replica knows %+v", have)
		}
		if changes.Load() != before {
			t.Errorf("an attaching has changed no name, and was told as a change of names %d times", changes.Load()-before)
		}
		if peopled.Load() != people+1 {
			t.Errorf("an attaching was told %d times", peopled.Load()-people)
		}
		must(t, first.do(t, "segment.delete", "segment=studio-a"), actions.Done)
		time.Sleep(time.Second)
		if _, ok := second.Find("studio-a"); ok || changes.Load() != before+1 {
			t.Errorf("after the deletion the other replica knows it: %v, changes %d", ok, changes.Load()-before)
		}
		if in, left := second.On("edge-2"); len(in) != 0 || !slices.Equal(left, []overlay.VNI{5001}) {
			t.Errorf("edge-2 is in %v and has left %v", in, left)
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("end of following: %v", err)
		}
	})
}

// TestTogether lets several replicas attach to one segment at once: nobody is lost, and no address is given twice.
func TestTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk, f := fake.New(), newFleet()
		first := newHome(t, disk.Open(fake.Options{}), f).serve(t, "first")
		must(t, first.do(t, "segment.create", "segment=studio-a", "tenant=acme", "node=edge-1"), actions.Done)
		first.stop()
		var wg sync.WaitGroup
		for i := range 5 {
			h := newHome(t, disk.Open(fake.Options{}), f).serve(t, fmt.Sprint("replica-", i))
			p, err := h.plan(t, "segment.attach", "segment=studio-a", fmt.Sprint("node=edge-", i+2))
			if err != nil {
				t.Fatal(err)
			}
			p.Request.Cause = fmt.Sprint("together:", i)
			wg.Go(func() {
				defer h.stop()
				id, _, err := h.engine.Accept(t.Context(), p)
				if err != nil {
					t.Error(err)
					return
				}
				for range 3000 {
					if r, err := h.engine.Get(t.Context(), id); err == nil && r.State.Final() {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		last := newHome(t, disk.Open(fake.Options{}), f)
		have, _ := last.store.Find("studio-a")
		ips := map[string]string{}
		for _, m := range have.Members() {
			for _, ip := range m.IPs {
				if other, twice := ips[ip.String()]; twice {
					t.Errorf("%s is of %s and of %s", ip, other, m.Node)
				}
				ips[ip.String()] = m.Node
			}
		}
		if len(have.Seats) != 6 || len(ips) != 12 {
			t.Errorf("%d members with %d addresses, want 6 and 12", len(have.Seats), len(ips))
		}
	})
}

// TestSpoilt: a record that cannot be read is left out, the others go on; one of a later program is not overwritten.
func TestSpoilt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kv := memory()
		bucket := kv.Bucket(store.Segments)
		for key, value := range map[string]string{
			"segment.later": `{"schema":2,"name":"later"}`, "segment.torn": `{"schema":1,"na`, "segment.other": `{"schema":1,"name":"another"}`, "gone.5": `{}`, "gone.5001": `[]`,
		} {
			if _, err := bucket.Create(t.Context(), key, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
		h := newHome(t, kv, newFleet()).serve(t, "bot")
		defer h.stop()
		if got := h.store.Segments(); len(got) != 0 {
			t.Errorf("read %+v", got)
		}
		r := h.do(t, "segment.create", "segment=later", "tenant=acme")
		if r.State == actions.Done || !strings.Contains(r.Why, "schema 2, only 1 is known") {
			t.Errorf("over a record of a later program: %s, %s", r.State, r.Why)
		}
		must(t, h.do(t, "segment.create", "segment=fine", "tenant=acme"), actions.Done)
	})
}

// TestBadOptions names what is missing.
func TestBadOptions(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"store": errOf(segment.NewStore(segment.StoreOptions{})), "allocator": errOf(segment.NewAllocator(segment.AllocatorOptions{})),
		"segments": errOf(segment.New(segment.Options{})),
		"range":    errOf(segment.NewAllocator(segment.AllocatorOptions{KV: memory().Bucket(store.VNIs), Within: overlay.Range{First: 1, Last: 2}})),
	} {
		if err == nil || !strings.Contains(err.Error(), "required") && !errors.Is(err, overlay.ErrReserved) {
			t.Errorf("%s without what it needs: %v", name, err)
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

// TestLateConflict: what got in the way between the plan and the step stops the run, and nothing is left.
func TestLateConflict(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t, memory(), newFleet()).serve(t, "bot")
		defer h.stop()
		p, err := h.plan(t, "segment.create", "segment=studio-a", "tenant=acme", "vni=5001", "node=edge-1")
		if err != nil {
			t.Fatal(err)
		}
		h.fleet.change("edge-1", func(a *agent) {
			a.look.Foreign = []overlay.Foreign{{Name: "vxlan7", Kind: "vxlan", VNI: 5001, Port: 4789}}
		})
		r := h.carry(t, p)
		if r.State != actions.Undone || !strings.Contains(r.Why, "the foreign device vxlan7 has it") {
			t.Errorf("with a foreign device meanwhile: %s, %s", r.State, r.Why)
		}
		if got := h.store.Segments(); len(got) != 0 {
			t.Errorf("left: %+v", got)
		}
	})
}

// TestMuchUndone: what others did since is shown, not overwritten.
func TestMuchUndone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t, memory(), newFleet()).serve(t, "bot")
		defer h.stop()
		made := must(t, h.do(t, "segment.create", "segment=studio-a", "tenant=acme", "node=edge-1"), actions.Done)
		must(t, h.do(t, "segment.attach", "segment=studio-a", "node=edge-2"), actions.Done)
		r := h.undo(t, made.ID)
		if !strings.Contains(fmt.Sprint(r.Outcomes), "others are in segment studio-a since: edge-2; detach them first") {
			t.Errorf("undo of the making: %s, %+v", r.State, r.Outcomes)
		}
		if have, ok := h.store.Find("studio-a"); !ok || !slices.Contains(have.Nodes(), "edge-2") {
			t.Errorf("after it: %+v", have)
		}
		left := must(t, h.do(t, "segment.detach", "segment=studio-a", "node=edge-2"), actions.Done)
		must(t, h.do(t, "segment.attach", "segment=studio-a", "node=edge-2"), actions.Done)
		if r := h.undo(t, left.ID); !strings.Contains(fmt.Sprint(r.Outcomes), "put there by somebody else: it stays so") {
			t.Errorf("undo of a detaching after another attaching: %s, %+v", r.State, r.Outcomes)
		}
		gone := must(t, h.do(t, "segment.delete", "segment=studio-a"), actions.Done)
		must(t, h.do(t, "segment.create", "segment=studio-a", "tenant=acme"), actions.Done)
		if r := h.undo(t, gone.ID); !strings.Contains(fmt.Sprint(r.Outcomes), "there is a segment studio-a already, made by anna") {
			t.Errorf("undo of a deletion after another making: %s, %+v", r.State, r.Outcomes)
		}
	})
}
