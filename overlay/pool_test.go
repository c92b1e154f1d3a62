package overlay_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay"
	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newPool(t testing.TB, first, last overlay.VNI) *overlay.Pool {
	t.Helper()
	p, err := overlay.NewPool(overlay.Range{First: first, Last: last}, overlay.DefaultQuarantine)
	if err != nil {
		t.Fatalf("NewPool(%d-%d): %v", first, last, err)
	}
	return p
}

func TestTakeGivesTheLowestOfTheOwnersBlocks(t *testing.T) {
	t.Parallel()
	p := newPool(t, 5001, 20000)
	a, b := overlay.Owner{Tenant: "live"}, overlay.Owner{Tenant: "vod", Region: "eu"}
	for i, want := range []struct {
		owner overlay.Owner
		vni   overlay.VNI
	}{{a, 5001}, {a, 5002}, {b, 8192}, {a, 5003}, {b, 8193}} {
		got, err := p.Take(want.owner, epoch)
		if err != nil || got != want.vni {
			t.Errorf("take %d for %s = %d, %v, want %d", i, want.owner, got, err, want.vni)
		}
	}
	if got, want := p.Usage(), (overlay.Usage{Total: 15000, Held: 5, Blocks: 2}); got != want {
		t.Errorf("Usage() = %+v, want %+v", got, want)
	}
	if got := fmt.Sprint(p.Owners()); got != "[live vod in eu]" {
		t.Errorf("Owners() = %s", got)
	}
}

func TestTakeExactSaysWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	p := newPool(t, 5001, 20000)
	live, vod := overlay.Owner{Tenant: "live"}, overlay.Owner{Tenant: "vod"}
	for _, v := range []overlay.VNI{5001, 6000} {
		if err := p.TakeExact(live, v, epoch); err != nil {
			t.Fatalf("TakeExact(live, %d): %v", v, err)
		}
	}
	if err := p.Release(6000, epoch); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		owner overlay.Owner
		vni   overlay.VNI
		want  error
		text  string
	}{
		{"none", live, 0, overlay.ErrReserved, "VNI 0"},
		{"low", live, 4095, overlay.ErrReserved, "some systems"},
		{"wildcard", live, 16777215, overlay.ErrReserved, "wildcard"},
		{"too large", live, 1 << 24, nil, "24 bits"},
		{"outside", live, 5000, nil, "outside of the pool 5001-20000"},
		{"taken", live, 5001, overlay.ErrTaken, "VNI 5001"},
		{"resting", live, 6000, overlay.ErrQuarantined, "until 2026-03-01T12:10:00Z"},
		{"another's block", vod, 5002, overlay.ErrLeased, "4096-8191"},
	} {
		err := p.TakeExact(c.owner, c.vni, epoch)
		if err == nil || (c.want != nil && !errors.Is(err, c.want)) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: TakeExact(%s, %d) = %v, want %v with %q", c.name, c.owner, c.vni, err, c.want, c.text)
		}
	}
}

func TestReleasedRestsBeforeItIsGivenAgain(t *testing.T) {
	t.Parallel()
	p := newPool(t, 5001, 5002)
	live := overlay.Owner{Tenant: "live"}
	for range 2 {
		if _, err := p.Take(live, epoch); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Release(5001, epoch); err != nil {
		t.Fatal(err)
	}
	if err := p.Release(5001, epoch); err == nil {
		t.Error("a second release of 5001 went through")
	}
	if v, err := p.Take(live, epoch.Add(overlay.DefaultQuarantine-1)); !errors.Is(err, overlay.ErrExhausted) {
		t.Errorf("Take within the quarantine = %d, %v, want exhausted", v, err)
	}
	if v, err := p.Take(live, epoch.Add(overlay.DefaultQuarantine)); err != nil || v != 5001 {
		t.Errorf("Take after the quarantine = %d, %v, want 5001", v, err)
	}
}

func TestExhaustionSaysWhatHoldsTheSpace(t *testing.T) {
	t.Parallel()
	p := newPool(t, 8192, 8192+overlay.BlockSize-1)
	if _, err := p.Lease(overlay.Owner{Tenant: "vod"}); err != nil {
		t.Fatal(err)
	}
	_, err := p.Take(overlay.Owner{Tenant: "live", Region: "us"}, epoch)
	want := "VNIs 8192-12287 for live in us: exhausted (0 held, 0 in quarantine, every block of 4096 leased)"
	if !errors.Is(err, overlay.ErrExhausted) || err.Error() != want {
		t.Errorf("Take = %v, want %s", err, want)
	}
}

// TestNothingIsGivenTwice holds the pool against a plain set under any mix of calls.
func TestNothingIsGivenTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first := overlay.VNI(rapid.IntRange(4096, 30000).Draw(t, "first"))
		pool, err := overlay.NewPool(overlay.Range{First: first, Last: first + overlay.VNI(rapid.IntRange(0, 9000).Draw(t, "len"))}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		held, freeAt, now := map[overlay.VNI]overlay.Owner{}, map[overlay.VNI]time.Time{}, epoch
		owner := rapid.Custom(func(t *rapid.T) overlay.Owner {
			return overlay.Owner{Tenant: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tenant")}
		})
		given := func(v overlay.VNI, o overlay.Owner) {
			if other, ok := held[v]; ok {
				t.Fatalf("VNI %d given to %s and held by %s", v, o, other)
			}
			if at, ok := freeAt[v]; ok && at.After(now) {
				t.Fatalf("VNI %d given %s before its quarantine ends", v, at.Sub(now))
			}
			if v.Check() != nil {
				t.Fatalf("reserved VNI %d given", v)
			}
			for other, by := range held {
				if other/overlay.BlockSize == v/overlay.BlockSize && by != o {
					t.Fatalf("VNIs %d of %s and %d of %s share a block", v, o, other, by)
				}
			}
			held[v] = o
		}
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				o := owner.Draw(t, "owner")
				if v, err := pool.Take(o, now); err == nil {
					given(v, o)
				}
			},
			"exact": func(t *rapid.T) {
				o, v := owner.Draw(t, "owner"), first+overlay.VNI(rapid.IntRange(0, 40).Draw(t, "offset"))
				if pool.TakeExact(o, v, now) == nil {
					given(v, o)
				}
			},
			"release": func(t *rapid.T) {
				v := first + overlay.VNI(rapid.IntRange(0, 40).Draw(t, "offset"))
				_, was := held[v]
				if err := pool.Release(v, now); (err == nil) != was {
					t.Fatalf("Release(%d) = %v, held: %v", v, err, was)
				}
				if was {
					delete(held, v)
					freeAt[v] = now.Add(time.Minute)
				}
			},
			"wait": func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second) },
			"":     func(t *rapid.T) { wantHeld(t, pool, len(held)) },
		})
	})
}

func wantHeld(t *rapid.T, pool *overlay.Pool, want int) {
	if got := pool.Usage().Held; got != want {
		t.Fatalf("Usage().Held = %d, want %d", got, want)
	}
}

// TestTheWholeSpaceCanBeGiven gives every VNI once; short runs give a tenth of the space.
func TestTheWholeSpaceCanBeGiven(t *testing.T) {
	t.Parallel()
	r := overlay.AllVNIs()
	if os.Getenv("OPSBOT_SOAK") == "" {
		r.Last = r.First + overlay.VNI(r.Len()/10)
	}
	p := newPool(t, r.First, r.Last)
	seen := make([]uint64, 1<<24/64)
	owners := []overlay.Owner{{Tenant: "a"}, {Tenant: "b", Region: "eu"}, {Tenant: "b", Region: "us"}}
	n := 0
	for full := 0; full < len(owners); {
		full = 0
		for _, o := range owners {
			v, err := p.Take(o, epoch)
			if err != nil {
				full++
				continue
			}
			if seen[v/64]&(1<<(v%64)) != 0 {
				t.Fatalf("VNI %d given twice", v)
			}
			seen[v/64] |= 1 << (v % 64)
			n++
		}
	}
	if n != r.Len() {
		t.Errorf("gave %d VNIs of %s, want %d", n, r, r.Len())
	}
}

func BenchmarkTake(b *testing.B) {
	p := newPool(b, overlay.FirstVNI, overlay.LastVNI)
	owner := overlay.Owner{Tenant: "live"}
	for i := range b.N {
		if i%(1<<24-5000) == 1<<24-5001 {
			p = newPool(b, overlay.FirstVNI, overlay.LastVNI)
		}
		if _, err := p.Take(owner, epoch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "VNIs/s")
}

func ExamplePool() {
	pool, err := overlay.NewPool(overlay.Range{First: 5001, Last: 9000}, overlay.DefaultQuarantine)
	if err != nil {
		fmt.Println(err)
		return
	}
	live := overlay.Owner{Tenant: "live", Region: "eu"}
	vni, _ := pool.Take(live, time.Now())
	fmt.Println(vni)
	fmt.Println(pool.TakeExact(live, 5001, time.Now()))
	// Output:
	// 5001
	// VNI 5001: already taken
}
