package segment_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/overlay"
)

func allocator(t testing.TB, kv store.KV, edit ...func(*segment.AllocatorOptions)) *segment.Allocator {
	t.Helper()
	o := segment.AllocatorOptions{KV: kv}
	for _, e := range edit {
		e(&o)
	}
	a, err := segment.NewAllocator(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestTwice: several replicas give and take back at once, while the store loses answers and refuses writes, and no VNI is ever held by two, nor
// given again before it has rested. What a replica took is found by another by its mark.
func TestTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		replicas := rapid.IntRange(2, 4).Draw(rt, "replicas")
		every := rapid.IntRange(3, 12).Draw(rt, "fault every")
		width := rapid.IntRange(3, 60).Draw(rt, "VNIs")
		steps := rapid.SliceOfN(rapid.IntRange(0, 99), 20, 80).Draw(rt, "steps")
		synctest.Test(t, func(t *testing.T) { twice(t, replicas, every, width, steps) })
	})
}

// ledger is who holds what, as the replicas say.
type ledger struct {
	sync.Mutex
	held  map[overlay.VNI]string
	rests map[overlay.VNI]time.Time
	wrong []string
}

func (l *ledger) gave(v overlay.VNI, mark string) {
	l.Lock()
	defer l.Unlock()
	if other, ok := l.held[v]; ok && other != mark {
		l.wrong = append(l.wrong, fmt.Sprintf("VNI %d is given to %s and to %s", v, other, mark))
	}
	if until, ok := l.rests[v]; ok && time.Now().Before(until) {
		l.wrong = append(l.wrong, fmt.Sprintf("VNI %d is given to %s at %s, and rests until %s", v, mark, time.Now(), until))
	}
	l.held[v] = mark
	delete(l.rests, v)
}

func twice(t *testing.T, replicas, every, width int, steps []int) {
	disk, l := fake.New(), &ledger{held: map[overlay.VNI]string{}, rests: map[overlay.VNI]time.Time{}}
	within := overlay.Range{First: 5000, Last: 5000 + overlay.VNI(width) - 1}
	open := func(faulty bool) *segment.Allocator {
		o := fake.Options{}
		if faulty {
			o.Inject = func(op fake.Op) fake.Fault {
				if op.N > 0 && op.N%every == 0 {
					return []fake.Fault{fake.ReplyLost, fake.Unavailable}[op.N/every%2]
				}
				return fake.None
			}
		}
		return allocator(t, disk.Open(o).Bucket(store.VNIs), func(o *segment.AllocatorOptions) { o.Within, o.Quarantine = within, 10*time.Second })
	}
	var wg sync.WaitGroup
	for r := range replicas {
		wg.Go(func() { replica(t, open(true), l, fmt.Sprint("r", r), steps) })
	}
	wg.Wait()
	for _, w := range l.wrong {
		t.Error(w)
	}
	other := open(false)
	for v, mark := range l.held {
		got, err := other.ByMark(t.Context(), segment.Want{Owner: overlay.Owner{Tenant: "acme"}, Mark: mark})
		if err != nil || got != v {
			t.Errorf("another replica finds %d for %s, %v; want %d", got, mark, err, v)
		}
	}
}

// replica takes and gives back as the steps say.
func replica(t *testing.T, a *segment.Allocator, l *ledger, name string, steps []int) {
	type mine struct {
		v    overlay.VNI
		mark string
	}
	var have []mine
	for i, s := range steps {
		time.Sleep(time.Duration(s) * 20 * time.Millisecond)
		if s%3 == 0 && len(have) > 0 {
			m := have[s%len(have)]
			have = append(have[:s%len(have)], have[s%len(have)+1:]...)
			l.Lock() // before the store knows, so that nobody who gets it is faster than the ledger
			delete(l.held, m.v)
			l.rests[m.v] = time.Now().Add(9 * time.Second) // the store counts in whole seconds
			l.Unlock()
			if _, err := a.Release(t.Context(), m.v, m.mark); err != nil && !errors.Is(err, store.ErrUnknown) {
				t.Errorf("release %d: %v", m.v, err)
			}
			continue
		}
		w := segment.Want{Owner: overlay.Owner{Tenant: "acme"}, Segment: name, Mark: fmt.Sprintf("%s/%d", name, i), Afresh: s%5 == 0}
		if s%7 == 0 {
			w.Exact = 5000 + overlay.VNI(s)
		}
		v, err := a.Take(t.Context(), w)
		switch {
		case err == nil:
			l.gave(v, w.Mark)
			have = append(have, mine{v, w.Mark})
		case !errors.Is(err, overlay.ErrExhausted) && !errors.Is(err, overlay.ErrTaken) && !errors.Is(err, overlay.ErrQuarantined) && !strings.Contains(err.Error(), "outside of the pool"):
			t.Errorf("take: %v", err)
		}
	}
}

// TestExact says what is in the way of a VNI that is asked for.
func TestExact(t *testing.T) {
	t.Parallel()
	kv := memory().Bucket(store.VNIs)
	a := allocator(t, kv)
	acme, other := overlay.Owner{Tenant: "acme"}, overlay.Owner{Tenant: "initech", Region: "west"}
	take := func(o overlay.Owner, v overlay.VNI, mark string) error {
		checked := a.Check(t.Context(), o, v)
		_, err := a.Take(t.Context(), segment.Want{Owner: o, Segment: "s-" + mark, Mark: mark, Exact: v})
		if (checked == nil) != (err == nil) && mark != "1" {
			t.Errorf("VNI %d for %s: checked %v, taken %v", v, o, checked, err)
		}
		return err
	}
	for _, tt := range []struct {
		owner overlay.Owner
		vni   overlay.VNI
		mark  string
		want  error
		says  string
	}{
		{acme, 5001, "1", nil, ""},
		{acme, 5001, "1", nil, ""}, // the same step again
		{acme, 5001, "2", overlay.ErrTaken, "by segment s-1"},
		{other, 5002, "3", overlay.ErrLeased, "4096-8191 is leased to another (acme)"},
		{other, 9000, "4", nil, ""},
		{acme, 4095, "5", overlay.ErrReserved, "1-4095 are refused by some systems"},
		{acme, 1<<24 - 1, "6", overlay.ErrReserved, "wildcard"},
		{acme, 1 << 24, "7", nil, "does not fit into 24 bits"},
	} {
		err := take(tt.owner, tt.vni, tt.mark)
		if tt.want != nil && !errors.Is(err, tt.want) || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) || tt.says == "" && err != nil {
			t.Errorf("VNI %d for %s: %v, want %v: %q", tt.vni, tt.owner, err, tt.want, tt.says)
		}
	}
	if _, err := a.Release(t.Context(), 5001, "9"); err == nil || !strings.Contains(err.Error(), "belongs to segment s-1 now") {
		t.Errorf("give back what is another's: %v", err)
	}
	until, err := a.Release(t.Context(), 5001, "1")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := a.Release(t.Context(), 5001, "1"); !again.Equal(until) || err != nil {
		t.Errorf("given back twice: rests until %s, %v, want %s as before", again, err, until)
	}
	if err := take(acme, 5001, "2"); !errors.Is(err, overlay.ErrQuarantined) {
		t.Errorf("what rests: %v", err)
	}
	if err := take(acme, 5001, "1"); err != nil {
		t.Errorf("who gave it back: %v", err)
	}
}

// TestExhausted fills the pool of two blocks, and finds what others gave back.
func TestExhausted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kv := memory().Bucket(store.VNIs)
		within := func(o *segment.AllocatorOptions) { o.Within = overlay.Range{First: 8190, Last: 8195} }
		a, b := allocator(t, kv, within), allocator(t, kv, within)
		want := func(n int) segment.Want {
			return segment.Want{Owner: overlay.Owner{Tenant: "acme"}, Mark: fmt.Sprint(n)}
		}
		for i := range 6 {
			if v, err := a.Take(t.Context(), want(i)); err != nil || v != 8190+overlay.VNI(i) {
				t.Fatalf("the %d. VNI is %d, %v", i, v, err)
			}
		}
		for _, x := range []*segment.Allocator{a, b} {
			if v, err := x.Take(t.Context(), want(6)); !errors.Is(err, overlay.ErrExhausted) || !strings.Contains(err.Error(), "delete segments, or configure a wider range") {
				t.Errorf("one more: %d, %v", v, err)
			}
		}
		if _, err := b.Release(t.Context(), 8194, "4"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Take(t.Context(), want(7)); !errors.Is(err, overlay.ErrExhausted) {
			t.Errorf("while it rests: %v", err)
		}
		time.Sleep(overlay.DefaultQuarantine)
		if v, err := a.Take(t.Context(), want(7)); err != nil || v != 8194 {
			t.Errorf("after it has rested: %d, %v", v, err)
		}
	})
}

// TestContradiction: what the store holds of VNIs and cannot be so is told, and nothing is given.
func TestContradiction(t *testing.T) {
	t.Parallel()
	const acme, other = `{"schema":1,"tenant":"acme"}`, `{"schema":1,"tenant":"initech"}`
	for _, tt := range []struct{ key, value, want string }{
		{"vni.1.4096", `{"schema":1,"vni":9000,"mark":"1"}`, "read vni.1.4096: holds VNI 9000"},
		{"vni.1.4096", `{"schema":2,"vni":4096}`, "schema 2, only 1 is known"},
		{"block.x", acme, "read block.x: not the number of a block"},
		{"block.4096", acme, "block 4096 of VNIs: there are 4096"},
		{"block.2", `[]`, "read block.2"},
		{"block.01", other, "VNI 4096: its block 4096-8191 is leased to another (initech)"},
	} {
		kv := memory().Bucket(store.VNIs)
		for key, value := range map[string]string{"block.1": acme, tt.key: tt.value} {
			if _, err := kv.Create(t.Context(), key, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
		v, err := allocator(t, kv).Take(t.Context(), segment.Want{Owner: overlay.Owner{Tenant: "acme"}, Mark: "9"})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s = %s: %d, %v, want %q", tt.key, tt.value, v, err, tt.want)
		}
	}
}

// TestPrefixes: two tenants may have the same prefix, one tenant never has one twice, and a step finds its own.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	p := segment.Prefixes{KV: memory().Bucket(store.VNIs), Pool: netip.MustParsePrefix("100.64.0.0/22")}
	take := func(tenant string, vni overlay.VNI, mark string) string {
		at, err := p.Take(t.Context(), tenant, "s", vni, mark, nil)
		if err != nil {
			return err.Error()
		}
		return at.String()
	}
	for _, tt := range []struct {
		tenant string
		vni    overlay.VNI
		mark   string
		want   string
	}{
		{"acme", 5001, "1", "100.64.1.0/24"},
		{"acme", 5001, "1", "100.64.1.0/24"},
		{"initech", 9001, "2", "100.64.1.0/24"},
		{"acme", 5005, "3", "100.64.2.0/24"},
		{"acme", 5003, "4", "100.64.3.0/24"},
		{"acme", 5003, "5", "100.64.0.0/24"},
		{"acme", 5003, "6", "addresses of tenant acme: exhausted: all 4 prefixes of /24 in 100.64.0.0/22 are taken"},
	} {
		if got := take(tt.tenant, tt.vni, tt.mark); got != tt.want {
			t.Errorf("%s, VNI %d, step %s: %s, want %s", tt.tenant, tt.vni, tt.mark, got, tt.want)
		}
	}
	at := netip.MustParsePrefix("100.64.3.0/24")
	if got, err := p.ByMark(t.Context(), "acme", 5003, "4"); got != at || err != nil {
		t.Errorf("by its mark: %s, %v", got, err)
	}
	if ok, err := p.Release(t.Context(), "acme", at, "1"); ok || err == nil {
		t.Errorf("give back what is another's: %v, %v", ok, err)
	}
	if ok, err := p.Release(t.Context(), "acme", at, "4"); !ok || err != nil || take("acme", 5003, "6") != at.String() {
		t.Errorf("give back: %v, %v", ok, err)
	}
}

// real opens the engine that the bot has.
func real(t testing.TB) store.Store {
	t.Helper()
	e, err := store.Open(store.Options{Dir: filepath.Join(t.TempDir(), "store"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return e
}

// TestReal lets four replicas give VNIs and prefixes on the real engine at once: all differ.
func TestReal(t *testing.T) {
	t.Parallel()
	kv := real(t).Bucket(store.VNIs)
	const replicas, workers, each = 4, 8, 25
	var vnis, nets sync.Map
	var wg sync.WaitGroup
	for r := range replicas {
		a := allocator(t, kv)
		for w := range workers {
			wg.Go(func() {
				for i := range each {
					mark := fmt.Sprintf("%d/%d/%d", r, w, i)
					v, err := a.Take(t.Context(), segment.Want{Owner: overlay.Owner{Tenant: "acme"}, Segment: mark, Mark: mark})
					if err != nil {
						t.Error(err)
						return
					}
					if other, twice := vnis.LoadOrStore(v, mark); twice {
						t.Errorf("VNI %d is given to %s and %s", v, other, mark)
					}
					at, err := segment.Prefixes{KV: kv}.Take(t.Context(), "acme", mark, v, mark, nil)
					if err != nil {
						t.Error(err)
						return
					}
					if other, twice := nets.LoadOrStore(at, mark); twice {
						t.Errorf("%s is given to %s and %s", at, other, mark)
					}
				}
			})
		}
	}
	wg.Wait()
}

// BenchmarkTake keeps the name of a segment and takes its VNI, each write synced, from one run and from 64 at once.
func BenchmarkTake(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			s := real(b)
			vnis, names := s.Bucket(store.VNIs), s.Bucket(store.Segments)
			a := allocator(b, vnis)
			var n atomic.Int64
			b.SetParallelism(max(1, clients/2))
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					mark := fmt.Sprintf("r-%d/1", i)
					owner := overlay.Owner{Tenant: fmt.Sprint("tenant-", i%8)}
					if _, err := store.CreateSure(b.Context(), names, fmt.Sprint("segment.s-", i), []byte(mark)); err != nil {
						b.Error(err)
						return
					}
					if _, err := a.Take(b.Context(), segment.Want{Owner: owner, Segment: mark, Mark: mark}); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "segments/s")
		})
	}
}
