package alert_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/icinga"
)

// TestHandOver: what is stored is handed over once, in the order of its object; a new process goes on where the last one was.
func TestHandOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk, r := fake.New(), &rules{}
		first := open(t, disk.Open(fake.Options{}), r)
		stop := serve(t, first)
		begin := time.Now()
		var want []string
		for i := 1; i <= 20; i++ {
			n := problem("edge-1", begin, func(n *icinga.Notification) { n.Number = i })
			report(t, first, n)
			want = append(want, triggerOf(n))
		}
		time.Sleep(3 * time.Second)
		stop()
		if got := r.ids(); !slices.Equal(got, want) {
			t.Errorf("handed over %v, want %v", got, want)
		}
		second := open(t, disk.Open(fake.Options{}), r)
		report(t, second, problem("edge-2", begin))
		stop = serve(t, second)
		time.Sleep(3 * time.Second)
		stop()
		if got := r.ids(); len(got) != 21 || !strings.HasPrefix(got[20], "edge-2!") {
			t.Errorf("after a restart %d were handed over, want 21 with edge-2 last: %v", len(got), got)
		}
	})
}

// TestAgain: a failing handler gets the alert again, others go on, and one that fails for ever is given up when nothing could be done any more.
func TestAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &rules{fail: func(a actions.Alert, try int) error {
			if a.Host == "bad" || a.Host == "slow" && try < 4 {
				return errors.New("the store is away")
			}
			return nil
		}}
		var mu sync.Mutex
		count := map[string]int{}
		h := fake.New().Open(fake.Options{})
		d := open(t, h, r, func(o *alert.Options) { o.Count = func(what string) { mu.Lock(); defer mu.Unlock(); count[what]++ } })
		stop := serve(t, d)
		for _, host := range []string{"bad", "slow", "good"} {
			report(t, d, problem(host, time.Now()))
		}
		time.Sleep(5 * time.Second)
		if got := r.ids(); len(got) != 2 || !strings.HasPrefix(got[0], "good") || !strings.HasPrefix(got[1], "slow") {
			t.Errorf("after 5 s %v, want good and slow", got)
		}
		time.Sleep(20 * time.Minute)
		stop()
		if count["given-up"] != 1 || count["handed-over"] != 2 {
			t.Errorf("counts %v, want one given up and two handed over", count)
		}
		if e, err := h.Bucket(store.Guards).Get(t.Context(), "alert.cursor"); err != nil || string(e.Value) != `{"done":3}` {
			t.Errorf("cursor %s, %v; want all three done", e.Value, err)
		}
	})
}

// TestKilled kills the process at every write of handing over; the next one hands over what was not.
func TestKilled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable} {
			for at := 1; at <= 12; at++ {
				disk, before, after := fake.New(), &rules{}, &rules{}
				first := open(t, disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
					if op.N == at {
						return fault
					}
					return fake.None
				}}), before)
				stop := serve(t, first)
				accepted := map[string]bool{}
				for i := range 4 {
					n := problem(fmt.Sprintf("edge-%d", i), time.Now())
					if status, _ := post(first, signed(t, body(t, n))); status == 200 {
						accepted[triggerOf(n)] = true
					}
					synctest.Wait()
				}
				time.Sleep(2 * time.Second)
				stop()
				stop = serve(t, open(t, disk.Open(fake.Options{}), after))
				time.Sleep(2 * time.Second)
				stop()
				got := append(before.ids(), after.ids()...)
				for id := range accepted {
					if !slices.Contains(got, id) {
						t.Errorf("%s at write %d: %s was accepted and never handed over", fault, at, id)
					}
				}
			}
		}
	})
}

// TestStorm: 10,000 alerts of 2,000 objects within a minute, doubled and shuffled, over two processes that both hand over: none is lost, and the
// rules see each object in order of storing.
func TestStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		r1, r2 := &rules{}, &rules{}
		one, two := open(t, disk.Open(fake.Options{}), r1), open(t, disk.Open(fake.Options{}), r2)
		stop := serve(t, one, two)
		var all []icinga.Notification
		begin := time.Now()
		for i := range 2000 {
			for number := 1; number <= 2; number++ {
				n := problem(fmt.Sprintf("edge-%d", i), begin, func(n *icinga.Notification) { n.Number = number })
				all = append(all, n, n) // two users
			}
			all = append(all, problem(fmt.Sprintf("edge-%d", i), begin, func(n *icinga.Notification) {
				n.Type, n.State, n.ExecutionEnd, n.Number = icinga.TypeRecovery, icinga.OK, begin.Add(time.Minute), 3
			}))
		}
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var wg sync.WaitGroup
		for w := range 64 {
			wg.Go(func() {
				for i := w; i < len(all); i += 64 {
					if status, text := post([]*alert.Door{one, two}[i%2], signed(t, body(t, all[i]))); status != 200 {
						t.Errorf("post = %d %s", status, text)
					}
					time.Sleep(300 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("10,000 posts took %s of the bubble's time", took)
		}
		time.Sleep(5 * time.Second)
		stop()
		for i, r := range []*rules{r1, r2} {
			seen := map[string]bool{}
			for _, id := range r.ids() {
				seen[id] = true
			}
			for _, n := range all {
				later := n
				later.Number = 2 // of which the first one is a part when it comes behind it
				if n.Type == icinga.TypeProblem && !seen[triggerOf(n)] && !seen[triggerOf(later)] {
					t.Fatalf("process %d: %s was accepted and not handed over", i, triggerOf(n))
				}
			}
			if r.most > 64 {
				t.Errorf("process %d handed over %d at a time, want at most 64", i, r.most)
			}
		}
	})
}

// cards collects what a listener gets, newest by id.
func cards(ctx context.Context, d *alert.Door) func() map[string]reply.Card {
	var mu sync.Mutex
	got := map[string]reply.Card{}
	in := d.Hub().Subscribe(ctx)
	go func() {
		for c := range in {
			mu.Lock()
			got[c.ID] = c
			mu.Unlock()
		}
	}()
	return func() map[string]reply.Card {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		out := map[string]reply.Card{}
		maps.Copy(out, got)
		return out
	}
}

// TestIncident: one living card per problem, from its beginning to its end, with what the rules did; it survives a restart.
func TestIncident(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		disk, r := fake.New(), &rules{answer: []rule.Outcome{{Rule: "flush", Decision: rule.Acted, Command: "flush edge-1", Run: "r-1", Before: "61 %", After: "97 %"}}}
		d := open(t, disk.Open(fake.Options{}), r)
		stop := serve(t, d)
		seen := cards(ctx, d)
		begin := time.Now()
		n := problem("edge-1", begin)
		for range 2 { // two users
			report(t, d, n)
		}
		time.Sleep(2 * time.Second)
		id := fmt.Sprintf("edge-1!Cache Hit Rate@%d", begin.Unix())
		c := seen()[id]
		if !c.Live || c.Kind != reply.Progress || len(c.Lines) != 2 || !strings.Contains(c.Lines[0], "WARNING: hit ratio 61 %") ||
			!strings.Contains(c.Lines[1], "rule flush healed it: flush edge-1; before: 61 %; after: 97 % (r-1)") {
			t.Errorf("card of an open problem = %+v", c)
		}
		stop()
		r.answer = nil
		d = open(t, disk.Open(fake.Options{}), r)
		stop = serve(t, d)
		seen = cards(ctx, d)
		time.Sleep(time.Second)
		if again := seen()[id]; again.Title != c.Title || len(again.Lines) != 2 {
			t.Errorf("card after a restart = %+v, want the one of before", again)
		}
		if err := d.Incidents().Called(t.Context(), r.got[0], "call/1", "anna was called"); err != nil {
			t.Fatal(err)
		}
		if c := seen()[id]; c.Kind != reply.Failed || !strings.Contains(c.Lines[2], "anna was called") {
			t.Errorf("card after a call = %+v", c)
		}
		report(t, d, problem("edge-1", begin, func(n *icinga.Notification) { n.Type, n.Author, n.Number = icinga.TypeAcknowledgement, "ben", 2 }))
		report(t, d, problem("edge-1", begin, func(n *icinga.Notification) {
			n.State, n.Number, n.LastHardStateChange, n.ExecutionEnd = icinga.Critical, 3, begin.Add(time.Minute), begin.Add(time.Minute)
		}))
		report(t, d, problem("edge-1", begin.Add(2*time.Minute), func(n *icinga.Notification) { n.Type, n.State, n.Number = icinga.TypeRecovery, icinga.OK, 4 }))
		time.Sleep(2 * time.Second)
		stop()
		c = seen()[id]
		text := strings.Join(c.Lines, "\n")
		for _, want := range []string{"acknowledged by ben", "CRITICAL: hit ratio", "recovered: OK"} {
			if !strings.Contains(text, want) {
				t.Errorf("lines %q, want %q", text, want)
			}
		}
		if c.Live || c.Kind != reply.Done || c.Title != "edge-1!Cache Hit Rate is OK again, after 2m0s" || len(seen()) != 1 {
			t.Errorf("card at the end = %+v of %d, want one that is done", c, len(seen()))
		}
	})
}

// TestOutOfOrder: whatever the order in which they arrive, a problem that is over stays over, and a new one is another.
func TestOutOfOrder(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	first := problem("e", begin)
	critical := problem("e", begin.Add(time.Minute), func(n *icinga.Notification) { n.State, n.Number = icinga.Critical, 2 })
	well := problem("e", begin.Add(2*time.Minute), func(n *icinga.Notification) { n.Type, n.State, n.Number = icinga.TypeRecovery, icinga.OK, 3 })
	next := problem("e", begin.Add(5*time.Minute), func(n *icinga.Notification) { n.LastGood = begin.Add(4 * time.Minute) })
	for _, tt := range []struct {
		name  string
		order []icinga.Notification
		open  []string // problems whose card is live at the end
	}{
		{"in order", []icinga.Notification{first, critical, well}, nil},
		{"recovery before the last state", []icinga.Notification{first, well, critical}, nil},
		{"recovery first", []icinga.Notification{well, first, critical}, nil},
		{"next problem", []icinga.Notification{first, critical, well, next}, []string{next.Problem(icinga.Problem{}).ID()}},
		{"next problem before the recovery", []icinga.Notification{first, next, well}, []string{next.Problem(icinga.Problem{}).ID()}},
		{"late after the next", []icinga.Notification{next, first, critical, well}, []string{next.Problem(icinga.Problem{}).ID()}},
		{"state change is no new problem", []icinga.Notification{first, critical}, []string{first.Problem(icinga.Problem{}).ID()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := &rules{}
				d := open(t, fake.New().Open(fake.Options{}), r)
				stop := serve(t, d)
				seen := cards(ctx, d)
				for _, n := range tt.order {
					report(t, d, n)
					time.Sleep(time.Second)
				}
				stop()
				var live []string
				for id, c := range seen() {
					if c.Live {
						live = append(live, id)
					}
				}
				if !slices.Equal(live, tt.open) {
					t.Errorf("open at the end: %v, want %v; all: %v", live, tt.open, seen())
				}
				if len(r.got) != len(tt.order) {
					t.Errorf("%d handed over, want %d: rules look for themselves", len(r.got), len(tt.order))
				}
			})
		})
	}
}

// TestClosed: recovery and acknowledgement end the calls about an object.
func TestClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var closed []string
		d := open(t, fake.New().Open(fake.Options{}), nil, func(o *alert.Options) {
			o.Closed = func(_ context.Context, object, by, how string) (bool, error) {
				mu.Lock()
				defer mu.Unlock()
				closed = append(closed, object+" "+by+" "+how)
				return true, nil
			}
		})
		stop := serve(t, d)
		report(t, d, problem("e", time.Now()))
		report(t, d, problem("e", time.Now(), func(n *icinga.Notification) { n.Type, n.Author = icinga.TypeAcknowledgement, "ben" }))
		report(t, d, problem("e", time.Now(), func(n *icinga.Notification) { n.Type, n.State = icinga.TypeRecovery, icinga.OK }))
		time.Sleep(time.Second)
		stop()
		if want := []string{"e!Cache Hit Rate ben acknowledged in Icinga2", "e!Cache Hit Rate the monitoring it is OK again"}; !slices.Equal(closed, want) {
			t.Errorf("closed %q, want %q", closed, want)
		}
	})
}

// TestHub: whoever reads slowly gets the newest state, and whoever comes late what is live.
func TestHub(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h := alert.NewHub()
		slow := h.Subscribe(ctx)
		for i := range 100 {
			h.Publish(reply.Card{ID: "a", Title: fmt.Sprint(i), Live: true})
			h.Publish(reply.Card{ID: "b", Title: fmt.Sprint(i), Live: i < 99})
			synctest.Wait()
		}
		var got []string
		for len(got) == 0 || got[len(got)-1] != "b99" {
			c := <-slow
			got = append(got, c.ID+c.Title)
		}
		if want := []string{"a0", "b99"}; len(got) > 4 || got[len(got)-1] != want[1] {
			t.Errorf("a slow reader got %v, want at most the first and the newest of each", got)
		}
		late := h.Subscribe(ctx)
		if c := <-late; c.ID != "a" || c.Title != "99" {
			t.Errorf("who comes late got %+v, want the live card a", c)
		}
		h.Publish(reply.Card{ID: "a", Title: "99", Live: true}) // nothing new
		synctest.Wait()
		select {
		case c := <-late:
			t.Errorf("got %+v, want nothing: it was published before", c)
		default:
		}
		cancel()
		for range slow {
		}
		for range late {
		}
	})
}
