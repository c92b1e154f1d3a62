package alert_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/icinga"
)

// TestShare: a lone alert is a record of its own; those that arrive while one is written share the next; none of them is large enough to break it.
func TestShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		h := disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
			if op.Name == "log.append" {
				time.Sleep(time.Millisecond) // of the bubble: one sync
			}
			return fake.None
		}})
		d := open(t, h, nil)
		report(t, d, problem("alone", time.Now()))
		begin := time.Now()
		var wg sync.WaitGroup
		for i := range 500 {
			wg.Go(func() {
				n := problem(fmt.Sprintf("edge-%d", i), time.Now(), func(n *icinga.Notification) { n.Output = strings.Repeat("\x01", 8000) })
				if status, text := post(d, signed(t, body(t, n))); status != http.StatusOK {
					t.Errorf("post = %d %s", status, text)
				}
			})
		}
		wg.Wait()
		records, err := h.Log(store.Alerts).Read(t.Context(), 1, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); len(records) > 40 || took > 50*time.Millisecond {
			t.Errorf("501 alerts are %d records and took %s, want them to share", len(records), took)
		}
		for _, r := range records {
			if len(r.Data) > store.MaxValue {
				t.Errorf("record %d has %d bytes", r.Sequence, len(r.Data))
			}
		}
		if n := len(logged(t, h)); n != 501 {
			t.Errorf("%d alerts are stored, want 501", n)
		}
	})
}

// TestGone: a sender that goes away while its alert is written gets no answer, and the alert of another in the same record is stored.
func TestGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := fake.New().Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
			if op.Name == "log.append" {
				time.Sleep(time.Second)
			}
			return fake.None
		}})
		d := open(t, h, nil)
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				r := signed(t, body(t, problem(fmt.Sprintf("edge-%d", i), time.Now())))
				want := http.StatusOK
				if i == 1 {
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					defer cancel()
					r, want = r.WithContext(ctx), http.StatusServiceUnavailable
				}
				if status, text := post(d, r); status != want {
					t.Errorf("post %d = %d %s, want %d", i, status, text, want)
				}
			})
		}
		wg.Wait()
		if n := len(logged(t, h)); n < 2 {
			t.Errorf("%d alerts are stored, want those that were accepted", n)
		}
	})
}

// TestForeignRecord: a record that is not understood is left out and told, and what follows is handed over.
func TestForeignRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, r := fake.New().Open(fake.Options{}), &rules{}
		if _, err := h.Log(store.Alerts).Append(t.Context(), "foreign", []byte("\x00{"), store.AnySequence); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		count := map[string]int{}
		d := open(t, h, r, func(o *alert.Options) { o.Count = func(what string) { mu.Lock(); defer mu.Unlock(); count[what]++ } })
		report(t, d, problem("edge-1", time.Now()))
		stop := serve(t, d)
		time.Sleep(time.Second)
		stop()
		if len(r.ids()) != 1 || count["undecoded"] != 1 {
			t.Errorf("handed over %v, counts %v; want the alert behind it, and it told", r.ids(), count)
		}
		if _, err := stored.DecodeBatch([]byte("\x00{")); err == nil {
			t.Error("DecodeBatch(garbage) = nil error")
		}
	})
}

// TestClockJumps: while the door's clock is wrong signatures are refused, and afterwards taken; alerts that were stored are handed over all the same.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		jump, r := time.Duration(0), &rules{}
		d := open(t, fake.New().Open(fake.Options{}), r, func(o *alert.Options) { o.Now = func() time.Time { return time.Now().Add(jump) } })
		for i, step := range []struct {
			jump   time.Duration
			status int
		}{{0, 200}, {time.Hour, 403}, {-time.Hour, 403}, {4 * time.Minute, 200}, {-4 * time.Minute, 200}, {0, 200}} {
			jump = step.jump
			n := problem(fmt.Sprintf("edge-%d", i), time.Now())
			if status, text := post(d, signed(t, body(t, n))); status != step.status {
				t.Errorf("clock off by %s: %d %s, want %d", step.jump, status, text, step.status)
			}
		}
		stop := serve(t, d)
		time.Sleep(time.Second)
		stop()
		if got := r.ids(); len(got) != 4 {
			t.Errorf("handed over %v, want the four that were accepted", got)
		}
	})
}
