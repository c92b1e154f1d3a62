package policy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// counted is a policy with a quota of two flushes an hour for operators, and a wider one for all that caches do.
func counted(t testing.TB) *policy.Policy {
	return guarded(t, func(c *policy.Config) {
		c.Quotas = []policy.Quota{
			{Role: "operator", Intents: []string{"cache.flush"}, AtMost: 2, Per: time.Hour},
			{Role: "operator", Intents: []string{"cache.*"}, AtMost: 3, Per: 24 * time.Hour},
			{Role: "berliner", Intents: []string{"cache.prime"}, AtMost: 1, Per: time.Hour},
		}
	})
}

func request(p *policy.Policy, as, intent, cause string) actions.Request {
	return actions.Request{Intent: intent, Actor: p.Who(as), Cause: cause}
}

// TestQuota plays a day: what counts together, what does not, and when the next one is free.
func TestQuota(t *testing.T) {
	t.Parallel()
	p := counted(t)
	q := policy.NewQuotas(fake.New().Open(fake.Options{}).Bucket(store.Guards))
	start := time.Date(2026, 11, 7, 12, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		at     time.Duration
		as     string
		intent string
		cause  string
		risk   actions.Risk
		free   time.Duration // since the start; 0 means that it is taken
	}{
		{0, "unix:anna", "cache.flush", "a", actions.Destructive, 0},
		{time.Minute, "rule:annas", "cache.flush", "b", actions.Destructive, 0}, // what acts for anna counts as hers
		{2 * time.Minute, "unix:anna", "cache.flush", "c", actions.Destructive, time.Hour},
		{2 * time.Minute, "unix:anna", "cache.flush", "b", actions.Destructive, 0}, // a repeat is free
		{2 * time.Minute, "unix:anna", "cache.stats", "d", actions.Read, 0},        // and so is reading
		{2 * time.Minute, "unix:anna", "run.cancel", "e", actions.Disruptive, 0},   // and the brake
		{3 * time.Minute, "unix:bert", "cache.flush", "f", actions.Destructive, 0}, // everybody has their own
		{3 * time.Minute, "unix:carl", "cache.flush", "g", actions.Destructive, 0}, // not for this role
		{3 * time.Minute, "rule:flush", "cache.flush", "h", actions.Destructive, 0},
		{4 * time.Minute, "rule:flush", "cache.flush", "i", actions.Destructive, 0},
		{5 * time.Minute, "rule:flush", "cache.flush", "j", actions.Destructive, time.Hour + 3*time.Minute}, // what the file vouches for has all quotas
		{time.Hour, "unix:anna", "cache.flush", "k", actions.Destructive, 0},
		{time.Hour, "unix:anna", "cache.flush", "l", actions.Destructive, time.Hour + time.Minute},
		{3 * time.Hour, "unix:anna", "cache.flush", "m", actions.Destructive, 24 * time.Hour}, // the wider one is used up
		{24 * time.Hour, "unix:anna", "cache.flush", "n", actions.Destructive, 0},
	} {
		err := q.Take(t.Context(), p, request(p, step.as, step.intent, step.cause), step.risk, start.Add(step.at))
		var spent *policy.QuotaSpent
		if errors.As(err, &spent) != (step.free > 0) || err != nil && spent == nil {
			t.Errorf("after %v %s %s (%s): %v, want free at %v", step.at, step.as, step.intent, step.cause, err, step.free)
			continue
		}
		if spent != nil {
			if got := spent.Free.Sub(start); got != step.free {
				t.Errorf("after %v %s %s: free after %v, want %v", step.at, step.as, step.intent, got, step.free)
			}
			v := spent.Verdict(step.risk)
			if v.Allow || v.Rule != policy.RuleQuota || !strings.Contains(v.Why, "used up; the next one is free at 2026-11-0") || v.Next == "" {
				t.Errorf("as a verdict: %+v", v)
			}
		}
	}
	left, err := q.Peek(t.Context(), p, request(p, "unix:anna", "cache.flush", ""), actions.Destructive, start.Add(24*time.Hour))
	if err != nil || len(left) != 2 || left[0].Left != 1 || left[1].Left != 0 || !left[0].Free.IsZero() {
		t.Errorf("Peek = %+v, %v, want one left of the narrow one and none of the wide one", left, err)
	}
	left, err = q.Peek(t.Context(), p, request(p, "unix:anna", "cache.flush", ""), actions.Destructive, start.Add(90*time.Minute))
	if err != nil || left[1].Left != 0 || left[1].Free.IsZero() {
		t.Errorf("Peek of what is used up = %+v, %v", left, err)
	}
	if err := q.Take(t.Context(), p, request(p, "unix:anna", "cache.flush", ""), actions.Destructive, start); err == nil || !strings.Contains(err.Error(), "has no cause") {
		t.Errorf("without a cause: %v", err)
	}
	if err := q.Take(t.Context(), nil, request(p, "unix:anna", "cache.flush", "x"), actions.Destructive, start); err != nil {
		t.Errorf("without a policy there are no quotas: %v", err)
	}
}

// TestQuotaRefusalCountsNothing: what a wide quota refuses must not use up the narrow one.
func TestQuotaRefusalCountsNothing(t *testing.T) {
	t.Parallel()
	p := counted(t)
	q := policy.NewQuotas(fake.New().Open(fake.Options{}).Bucket(store.Guards))
	for i := range 3 {
		if err := q.Take(t.Context(), p, request(p, "unix:anna", "cache.prime", fmt.Sprint(i)), actions.Reversible, at); err != nil {
			t.Fatal(err)
		}
	}
	flush := request(p, "unix:anna", "cache.flush", "x")
	if err := q.Take(t.Context(), p, flush, actions.Destructive, at); err == nil {
		t.Fatal("a fourth is allowed")
	}
	left, err := q.Peek(t.Context(), p, flush, actions.Destructive, at)
	if err != nil || left[0].Left != 2 || left[1].Left != 0 {
		t.Errorf("left %+v, %v, want both of the narrow one", left, err)
	}
}

// TestQuotaClockJumps: a clock that was wrong for a while neither gives more nor locks out for longer than the time of the quota.
func TestQuotaClockJumps(t *testing.T) {
	t.Parallel()
	p := counted(t)
	q := policy.NewQuotas(fake.New().Open(fake.Options{}).Bucket(store.Guards))
	take := func(cause string, now time.Time) error {
		return q.Take(t.Context(), p, request(p, "unix:bert", "cache.flush", cause), actions.Destructive, now)
	}
	for i, now := range []time.Time{at, at.Add(-30 * time.Minute)} { // back by half an hour: both count
		if err := take(fmt.Sprint(i), now); err != nil {
			t.Fatal(err)
		}
	}
	if err := take("c", at.Add(-30*time.Minute)); err == nil {
		t.Error("a clock set back gives more")
	}
	if err := take("d", at.Add(-48*time.Hour)); err != nil {
		t.Errorf("uses from two days ahead lock out: %v", err)
	}
}

// TestQuotaHoldsUnderRace: however many processes ask at once, and whatever the store loses, never more than allowed are taken.
func TestQuotaHoldsUnderRace(t *testing.T) {
	t.Parallel()
	p := counted(t)
	for _, fault := range []fake.Fault{0, fake.ReplyLost, fake.Unavailable} {
		disk := fake.New()
		var granted, calls atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			handle := disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
				if op.N > 0 && calls.Add(1)%3 == 0 {
					return fault
				}
				return 0
			}})
			all.Go(func() {
				q := policy.NewQuotas(handle.Bucket(store.Guards))
				if q.Take(context.Background(), p, request(p, "unix:anna", "cache.flush", fmt.Sprint(i)), actions.Destructive, at) == nil {
					granted.Add(1)
				}
			})
		}
		all.Wait()
		if got := granted.Load(); got != 2 {
			t.Errorf("with %v: %d of 8 got one, want 2", fault, got)
		}
	}
}

func TestQuotaFailsClosed(t *testing.T) {
	t.Parallel()
	p := counted(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	q := policy.NewQuotas(fake.New().Open(fake.Options{}).Bucket(store.Guards))
	if err := q.Take(ended, p, request(p, "unix:anna", "cache.flush", "a"), actions.Destructive, at); err == nil {
		t.Error("an ended context lets through")
	}
	handle := fake.New().Open(fake.Options{})
	kv := handle.Bucket(store.Guards)
	q = policy.NewQuotas(kv)
	if err := q.Take(t.Context(), p, request(p, "unix:anna", "cache.flush", "a"), actions.Destructive, at); err != nil {
		t.Fatal(err)
	}
	entries, err := kv.List(t.Context(), "quota.")
	if err != nil || len(entries) != 2 {
		t.Fatalf("keys %v, %v", entries, err)
	}
	for _, e := range entries {
		if _, err := kv.Update(t.Context(), e.Key, []byte("{half"), e.Revision); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Take(t.Context(), p, request(p, "unix:anna", "cache.flush", "b"), actions.Destructive, at); err == nil || !strings.Contains(err.Error(), "read the quota of anna: key quota.") {
		t.Errorf("a value that cannot be read lets through: %v", err)
	}
	handle.Kill()
	if err := q.Take(t.Context(), p, request(p, "unix:anna", "cache.flush", "c"), actions.Destructive, at); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a dead store: %v", err)
	}
}

// TestQuotaNeverMore: in no stretch of time of the quota's length are there more uses than allowed.
func TestQuotaNeverMore(t *testing.T) {
	t.Parallel()
	p := counted(t)
	rapid.Check(t, func(t *rapid.T) {
		q := policy.NewQuotas(fake.New().Open(fake.Options{}).Bucket(store.Guards))
		now, n := at, 0
		var got []time.Time
		for _, minutes := range rapid.SliceOfN(rapid.IntRange(0, 90), 1, 30).Draw(t, "pauses") {
			now = now.Add(time.Duration(minutes) * time.Minute)
			n++
			if q.Take(context.Background(), p, request(p, "unix:carl", "cache.prime", fmt.Sprint(n)), actions.Reversible, now) == nil {
				got = append(got, now)
			}
		}
		for i := 1; i < len(got); i++ {
			if got[i].Sub(got[i-1]) < time.Hour {
				t.Fatalf("two within an hour: %v", got)
			}
		}
		if len(got) == 0 {
			t.Fatal("not even the first")
		}
	})
}

func ExampleQuotas_Take() {
	p, err := policy.New(policy.Config{
		People: []policy.Person{{Name: "anna", Roles: []string{"operator"}, Identities: []string{"unix:anna"}}},
		Roles:  []policy.Role{{Name: "operator", May: []string{"*"}}},
		Quotas: []policy.Quota{{Role: "operator", Intents: []string{"cache.flush"}, AtMost: 1, Per: time.Hour}},
	})
	if err != nil {
		panic(err)
	}
	q := policy.NewQuotas(fake.New().Open(fake.Options{}).Bucket(store.Guards))
	now := time.Date(2026, 11, 7, 12, 0, 0, 0, time.UTC)
	for _, cause := range []string{"first", "second"} {
		r := actions.Request{Intent: "cache.flush", Actor: p.Who("unix:anna"), Cause: cause}
		fmt.Println(q.Take(context.Background(), p, r, actions.Destructive, now))
	}
	// Output:
	// <nil>
	// quota of anna: 1 cache.flush in 1h0m0s are used up; the next one is free at 2026-11-07T13:00:00Z
}
