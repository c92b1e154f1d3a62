package store_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// TestKilledLeader checks that a role is taken over within the end of its key, and that the dead one's term is over before.
func TestKilledLeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		first, second := disk.Open(fake.Options{}), disk.Open(fake.Options{})
		term, err := first.Leader().Campaign(t.Context(), "gateway", "a")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*time.Second + 300*time.Millisecond) // virtual
		first.Kill()
		start := time.Now()
		next, err := second.Leader().Campaign(t.Context(), "gateway", "b")
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 2*time.Second || took > store.LeaderTTL {
			t.Errorf("takeover after %v, want 2 s to %v", took, store.LeaderTTL)
		}
		<-term.Done()
		if err := next.Resign(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestDeafLeader checks that a leader which cannot reach the store steps down before another can lead.
func TestDeafLeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		var mu sync.Mutex
		deaf := false
		first := disk.Open(fake.Options{Inject: func(fake.Op) fake.Fault {
			mu.Lock()
			defer mu.Unlock()
			if deaf {
				return fake.Unavailable
			}
			return fake.None
		}})
		second := disk.Open(fake.Options{})
		term, err := first.Leader().Campaign(t.Context(), "gateway", "a")
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		deaf = true
		mu.Unlock()
		next, err := second.Leader().Campaign(t.Context(), "gateway", "b")
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-term.Done():
		default:
			t.Error("two lead: the deaf one did not step down")
		}
		if err := next.Resign(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestElectionOverBadStore lets two candidates share a store that loses answers and refuses calls: never may both lead, and in the end one must.
func TestElectionOverBadStore(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			disk := fake.New()
			var mu sync.Mutex
			random := rand.New(rand.NewPCG(seed, 0))
			bad := func(fake.Op) fake.Fault {
				mu.Lock()
				defer mu.Unlock()
				switch random.IntN(5) {
				case 0:
					return fake.ReplyLost
				case 1:
					return fake.Unavailable
				}
				return fake.None
			}
			leading := 0
			var all sync.WaitGroup
			for _, owner := range []string{"a", "b"} {
				h := disk.Open(fake.Options{Inject: bad})
				all.Go(func() {
					for range 10 {
						term, err := h.Leader().Campaign(t.Context(), "gateway", owner)
						if err != nil {
							t.Errorf("campaign: %v", err)
							return
						}
						mu.Lock()
						if leading++; leading > 1 {
							t.Errorf("seed %d: two lead", seed)
						}
						mu.Unlock()
						select {
						case <-term.Done():
						case <-time.After(1500 * time.Millisecond):
						}
						mu.Lock()
						leading--
						mu.Unlock()
						_ = term.Resign(t.Context()) // the store may refuse; the key ends by itself
					}
				})
			}
			all.Wait()
		})
	}
}
