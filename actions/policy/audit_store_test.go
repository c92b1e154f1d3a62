package policy_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/store"
)

func engine(t *testing.T, dir string) *store.Engine {
	t.Helper()
	e, err := store.Open(store.Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func shut(t *testing.T, e *store.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := e.Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestAuditOnTheRealStore: two audits race on one log on the disk, and the chain holds over a restart.
func TestAuditOnTheRealStore(t *testing.T) {
	t.Parallel()
	const each = 20
	dir := filepath.Join(t.TempDir(), "data")
	e := engine(t, dir)
	var wg sync.WaitGroup
	for a := range 2 {
		audit := policy.NewAudit(e.Log(store.Audit))
		wg.Go(func() {
			for i := range each {
				if err := audit.Append(t.Context(), entry(a*each+i)); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	wg.Wait()
	head := verify(t, policy.NewAudit(e.Log(store.Audit)), 2*each)
	shut(t, e)

	e = engine(t, dir)
	defer shut(t, e)
	audit := policy.NewAudit(e.Log(store.Audit))
	if again := verify(t, audit, 2*each); again != head {
		t.Errorf("after a restart the head is %s, was %s", again, head)
	}
	if err := audit.Append(t.Context(), entry(2*each)); err != nil {
		t.Fatal(err)
	}
	verify(t, audit, 2*each+1)
	seen, err := audit.Tail(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, s := range seen {
		count[s.Text]++
	}
	for i := range 2*each + 1 {
		if text := fmt.Sprintf("flush edge-%d", i); count[text] != 1 {
			t.Errorf("%q is there %d times, want once", text, count[text])
		}
	}
}

// TestQuotaOnTheStore: on the real store racing processes take no more than is allowed, and a restart forgets nothing.
func TestQuotaOnTheStore(t *testing.T) {
	t.Parallel()
	dir, p := t.TempDir(), counted(t)
	e := engine(t, dir)
	var granted atomic.Int64
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			q := policy.NewQuotas(e.Bucket(store.Guards))
			if q.Take(t.Context(), p, request(p, "unix:anna", "cache.flush", fmt.Sprint(i)), actions.Destructive, at) == nil {
				granted.Add(1)
			}
		})
	}
	all.Wait()
	if got := granted.Load(); got != 2 {
		t.Errorf("%d of 6 got one, want 2", got)
	}
	shut(t, e)
	e = engine(t, dir)
	defer shut(t, e)
	q := policy.NewQuotas(e.Bucket(store.Guards))
	var spent *policy.QuotaSpent
	if err := q.Take(t.Context(), p, request(p, "unix:anna", "cache.flush", "later"), actions.Destructive, at.Add(time.Minute)); !errors.As(err, &spent) {
		t.Errorf("after a restart: %v, want that it is spent", err)
	}
	if err := q.Take(t.Context(), p, request(p, "unix:anna", "cache.flush", "next"), actions.Destructive, at.Add(time.Hour)); err != nil {
		t.Errorf("an hour on: %v", err)
	}
}
