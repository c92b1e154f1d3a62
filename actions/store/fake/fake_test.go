package fake_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// at returns an injector that lets fault befall the nth write.
func at(n int, fault fake.Fault) func(fake.Op) fake.Fault {
	return func(op fake.Op) fake.Fault {
		if op.N == n {
			return fault
		}
		return fake.None
	}
}

func TestFaults(t *testing.T) {
	for _, test := range []struct {
		fault   fake.Fault
		want    error
		applied bool
		alive   bool
	}{
		{fake.None, nil, true, true},
		{fake.CrashBefore, store.ErrClosed, false, false},
		{fake.CrashAfter, store.ErrClosed, true, false},
		{fake.ReplyLost, store.ErrUnknown, true, true},
		{fake.Unavailable, store.ErrUnknown, false, true},
	} {
		t.Run(test.fault.String(), func(t *testing.T) {
			disk := fake.New()
			h := disk.Open(fake.Options{Inject: at(2, test.fault)})
			if _, err := h.Bucket(store.Runs).Create(t.Context(), "a", nil); err != nil {
				t.Fatal(err)
			}
			if _, err := h.Bucket(store.Runs).Create(t.Context(), "b", nil); !errors.Is(err, test.want) {
				t.Errorf("create under %v = %v, want %v", test.fault, err, test.want)
			}
			_, err := disk.Open(fake.Options{}).Bucket(store.Runs).Get(t.Context(), "b")
			if got := err == nil; got != test.applied {
				t.Errorf("applied under %v = %v (%v), want %v", test.fault, got, err, test.applied)
			}
			if got := h.Ready() == nil; got != test.alive {
				t.Errorf("alive after %v = %v, want %v", test.fault, got, test.alive)
			}
		})
	}
}

func TestSureSettlesLostReplies(t *testing.T) {
	for _, fault := range []fake.Fault{fake.None, fake.ReplyLost, fake.Unavailable} {
		synctest.Test(t, func(t *testing.T) {
			for n := 1; n <= 2; n++ {
				kv := fake.New().Open(fake.Options{Inject: at(n, fault)}).Bucket(store.Runs)
				rev, err := store.CreateSure(t.Context(), kv, "r-1", []byte("one"))
				if err != nil {
					t.Fatalf("create with %v at %d: %v", fault, n, err)
				}
				if rev, err = store.UpdateSure(t.Context(), kv, "r-1", []byte("two"), rev); err != nil {
					t.Fatalf("update with %v at %d: %v", fault, n, err)
				}
				if e, err := kv.Get(t.Context(), "r-1"); err != nil || string(e.Value) != "two" || e.Revision != rev {
					t.Errorf("with %v at %d: %q at %d, %v; want two at %d", fault, n, e.Value, e.Revision, err, rev)
				}
			}
		})
	}
}

func TestKilledOwnersMessageComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		first := disk.Open(fake.Options{Lease: 2 * time.Second})
		second := disk.Open(fake.Options{Lease: 2 * time.Second})
		if _, _, err := first.Queue().Publish(t.Context(), "x", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := first.Queue().Pull(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		first.Kill()
		start := time.Now()
		got, err := second.Queue().Pull(t.Context(), 1)
		if err != nil || got[0].Deliveries() != 2 || time.Since(start) != 2*time.Second {
			t.Errorf("second owner: %v, %v after %v; want delivery 2 after 2 s", got, err, time.Since(start))
		}
	})
}
