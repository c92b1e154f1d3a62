package rule_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// TestClockJumps: a clock that was wrong for a while holds nothing back for longer than the guard itself, and frees nothing early by more.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		jump time.Duration // of the clock, after the first act
		want rule.Decision
	}{
		{"a day back", -24 * time.Hour, rule.Acted},
		{"a minute back", -time.Minute, rule.HeldBack},
		{"a day on", 24 * time.Hour, rule.Acted},
		{"a minute on", time.Minute, rule.HeldBack},
	} {
		synctest.Test(t, func(t *testing.T) {
			o, jump := newOutside(), time.Duration(0)
			e := process(t, healthy(), o, func(opt *rule.Options) { opt.Now = func() time.Time { return time.Now().Add(jump) } })
			c := theRule()
			c.Guard = rule.Guard{Cooldown: 30 * time.Minute}
			if err := e.SetRules([]rule.Config{c}); err != nil {
				t.Fatal(err)
			}
			handle(t, e, o.alert("edge-1"))
			time.Sleep(3 * time.Minute)
			jump = tt.jump
			a := o.alert("edge-1")
			a.Since = a.Since.Add(jump)
			a = o.shifted(a)
			if got := handle(t, e, a); got.Decision != tt.want {
				t.Errorf("%s: %+v, want %s", tt.name, got, tt.want)
			}
		})
	}
}

// TestObserving: after an import nothing acts until a person has looked; not knowing it is no leave to act.
func TestObserving(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, on, away := newOutside(), true, errors.New("the store is away")
		e := process(t, healthy(), o, func(opt *rule.Options) {
			opt.Observing = func(context.Context) (bool, string, error) { return on, "imported from last night", away }
		})
		if _, err := e.Handle(t.Context(), o.alert("edge-1")); err == nil {
			t.Error("Handle without knowing whether it only observes = nil error")
		}
		away = nil
		if got := handle(t, e, o.alert("edge-1")); got.Decision != rule.HeldBack || got.Why != "I only observe: imported from last night" {
			t.Errorf("while observing = %+v", got)
		}
		on = false
		if got := handle(t, e, o.alert("edge-3")); got.Decision != rule.Acted || len(o.runs) != 1 {
			t.Errorf("afterwards = %+v, runs %v", got, o.runs)
		}
	})
}

// TestChange: edits of several processes are all counted, once each, though answers are lost and writes collide.
func TestChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		n := 0
		kv := disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
			n++
			return []fake.Fault{fake.None, fake.ReplyLost, fake.None, fake.Unavailable}[n%4]
		}}).Bucket(store.Guards)
		for i := range 50 {
			got, err := rule.Change(t.Context(), kv, "k", time.Hour, func(v *map[int]bool) (bool, error) {
				if (*v)[i] {
					return false, nil
				}
				if *v == nil {
					*v = map[int]bool{}
				}
				(*v)[i] = true
				return true, nil
			})
			if err != nil || len(got) != i+1 {
				t.Fatalf("change %d = %v, %v", i, got, err)
			}
		}
		no := errors.New("no")
		if _, err := rule.Change(t.Context(), kv, "k", 0, func(*map[int]bool) (bool, error) { return true, no }); !errors.Is(err, no) {
			t.Errorf("an edit that refuses = %v, want its own error", err)
		}
		broken := disk.Open(fake.Options{}).Bucket(store.Guards)
		if _, err := broken.Create(t.Context(), "broken", []byte("{")); err != nil {
			t.Fatal(err)
		}
		if _, err := rule.Change(t.Context(), broken, "broken", 0, func(*map[int]bool) (bool, error) { return true, nil }); err == nil {
			t.Error("a value that is not understood was overwritten")
		}
	})
}
