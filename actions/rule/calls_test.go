package rule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// phone notes who was called.
type phone struct {
	mu   sync.Mutex
	rung []string
	dead bool // nobody can be reached
}

func (p *phone) ring(_ context.Context, who string, n int, notice rule.Notice) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errors.New("no line")
	}
	p.rung = append(p.rung, fmt.Sprintf("%s %d %s", who, n, notice.Title))
	return nil
}

func (p *phone) calls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.rung)
}

// due calls anna, then ben, ten minutes apart.
func due(since, now time.Time) (string, int, bool) {
	n := int(now.Sub(since) / (10 * time.Minute))
	return []string{"anna", "ben"}[min(n, 1)], n, true
}

func calls(t testing.TB, h store.Store, p *phone) *rule.Calls {
	t.Helper()
	c, err := rule.NewCalls(rule.CallsOptions{KV: h.Bucket(store.Guards), Due: due, Ring: p.ring})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func notice(id string) rule.Notice {
	return rule.Notice{ID: id, Title: id, Alert: actions.Alert{Host: "edge-1", Service: "s"}}
}

// serve runs what calls people until the test stops it.
func serve(t *testing.T, c ...*rule.Calls) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, one := range c {
		wg.Go(func() {
			if err := one.Run(ctx); err != nil {
				t.Errorf("Run() = %v", err)
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// TestEscalate: the first person at once, the next when nobody answers, and nobody after an answer; over two processes and a restart.
func TestEscalate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk, p := fake.New(), &phone{}
		one, two := calls(t, disk.Open(fake.Options{}), p), calls(t, disk.Open(fake.Options{}), p)
		stop := serve(t, one, two)
		for range 2 {
			if err := one.Call(t.Context(), notice("a")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if got := p.calls(); !slices.Equal(got, []string{"anna 0 a"}) {
			t.Errorf("after a minute = %v, want anna once", got)
		}
		stop()
		three := calls(t, disk.Open(fake.Options{}), p)
		stop = serve(t, three)
		time.Sleep(10 * time.Minute)
		if got := p.calls(); !slices.Equal(got, []string{"anna 0 a", "ben 1 a"}) {
			t.Errorf("after ten minutes and a restart = %v, want ben next", got)
		}
		if open, err := three.Unanswered(t.Context()); err != nil || len(open) != 1 || !slices.Equal(open[0].Who, []string{"anna", "ben"}) {
			t.Errorf("Unanswered = %+v, %v", open, err)
		}
		if ok, err := three.Answer(t.Context(), "edge-1!s", "ben", "acknowledged"); !ok || err != nil {
			t.Errorf("Answer = %v, %v; want true", ok, err)
		}
		if ok, err := three.Answer(t.Context(), "edge-1!s", "ben", "acknowledged"); ok || err != nil {
			t.Errorf("Answer again = %v, %v; want false", ok, err)
		}
		time.Sleep(time.Hour)
		if n := len(p.calls()); n != 2 {
			t.Errorf("%d calls an hour after the answer, want 2", n)
		}
		for _, id := range []string{"a", "b"} { // the same notice is old news, another one begins again
			if err := three.Call(t.Context(), notice(id)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if got := p.calls(); len(got) != 3 || got[2] != "anna 0 b" {
			t.Errorf("after another notice = %v, want anna first again", got)
		}
		stop()
	})
}

// TestNoLine: who cannot be reached is tried again.
func TestNoLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &phone{dead: true}
		c := calls(t, healthy(), p)
		stop := serve(t, c)
		if err := c.Call(t.Context(), notice("a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		p.mu.Lock()
		p.dead = false
		p.mu.Unlock()
		time.Sleep(10 * time.Second)
		if got := p.calls(); !slices.Equal(got, []string{"anna 0 a"}) {
			t.Errorf("after the line came back = %v", got)
		}
		stop()
	})
}

// TestRingCrash: a process that dies around a call lets the next one make it; nobody is forgotten.
func TestRingCrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable} {
			for at := 1; at <= 3; at++ {
				disk, p := fake.New(), &phone{}
				first := calls(t, disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
					if op.N == at {
						return fault
					}
					return fake.None
				}}), p)
				stop := serve(t, first)
				if err := first.Call(t.Context(), notice("a")); err != nil { // whoever calls hears of it and calls again
					if err := calls(t, disk.Open(fake.Options{}), p).Call(t.Context(), notice("a")); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Second)
				stop()
				stop = serve(t, calls(t, disk.Open(fake.Options{}), p))
				time.Sleep(time.Minute)
				stop()
				if got := p.calls(); len(got) < 1 || len(got) > 2 || got[0] != "anna 0 a" {
					t.Errorf("%s at write %d: calls %v, want anna, at most twice", fault, at, got)
				}
			}
		}
	})
}
