package overlay_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay"
	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// failer is what both a test and a property need.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newPool(t failer, first, last overlay.VNI) *overlay.Pool {
	t.Helper()
	p, err := overlay.NewPool(overlay.Range{First: first, Last: last})
	if err != nil {
		t.Fatalf("NewPool(%d-%d): %v", first, last, err)
	}
	return p
}

// take is the next VNI of an owner, who leases the next block when its own are full.
func take(t failer, p *overlay.Pool, o overlay.Owner, now time.Time) (overlay.VNI, error) {
	for {
		v, err := p.Take(o, now)
		if err == nil {
			return v, nil
		}
		b, ok := p.Unleased()
		if !ok {
			return 0, err
		}
		lease(t, p, o, b)
	}
}

func lease(t failer, p *overlay.Pool, o overlay.Owner, b int) {
	t.Helper()
	if err := p.Lease(o, b); err != nil || !p.Leased(b) || !slices.Contains(p.Blocks(o), b) {
		t.Fatalf("Lease(%s, %d) = %v, leased %v, blocks %v", o, b, err, p.Leased(b), p.Blocks(o))
	}
}

func TestTakeGivesTheLowestOfTheOwnersBlocks(t *testing.T) {
	t.Parallel()
	p := newPool(t, 5001, 20000)
	a, b := overlay.Owner{Tenant: "live"}, overlay.Owner{Tenant: "vod", Region: "eu"}
	for i, want := range []struct {
		owner overlay.Owner
		vni   overlay.VNI
	}{{a, 5001}, {a, 5002}, {b, 8192}, {a, 5003}, {b, 8193}} {
		got, err := take(t, p, want.owner, epoch)
		if err != nil || got != want.vni {
			t.Errorf("take %d for %s = %d, %v, want %d", i, want.owner, got, err, want.vni)
		}
	}
	if got := fmt.Sprint(p.Blocks(a), p.Blocks(b), p.Leased(1), p.Leased(2), p.Leased(3)); got != "[1] [2] true true false" {
		t.Errorf("blocks are %s", got)
	}
	if b, ok := p.Unleased(); b != 3 || !ok {
		t.Errorf("Unleased() = %d, %v, want 3", b, ok)
	}
	p.Begin(5001 + 640) // another is at work at the beginning
	if v, err := p.Take(a, epoch); err != nil || v < 5001+576 || v > 5001+640 {
		t.Errorf("begun near 5641: %d, %v", v, err)
	}
	p.Begin(8191) // around the end there is more
	for range 80 {
		if v, err := p.Take(a, epoch); err != nil || v.Block() != 1 || v < 5004 {
			t.Fatalf("begun at the end: %d, %v", v, err)
		}
	}
}

func TestCheckSaysWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	p := newPool(t, 5001, 20000)
	live, vod := overlay.Owner{Tenant: "live"}, overlay.Owner{Tenant: "vod"}
	lease(t, p, live, 1)
	lease(t, p, live, 1) // once more is the same
	for _, v := range []overlay.VNI{5001, 9000} {
		if err := p.Check(live, v); err != nil {
			t.Errorf("Check(live, %d): %v", v, err)
		}
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
		{"another's block", vod, 5002, overlay.ErrLeased, "its block 4096-8191 is leased to another (live); leave the VNI out"},
	} {
		err := p.Check(c.owner, c.vni)
		if err == nil || (c.want != nil && !errors.Is(err, c.want)) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: Check(%s, %d) = %v, want %v with %q", c.name, c.owner, c.vni, err, c.want, c.text)
		}
	}
	if err := p.Lease(vod, 1); !errors.Is(err, overlay.ErrLeased) || p.Blocks(vod) != nil {
		t.Errorf("Lease of another's block = %v, blocks %v", err, p.Blocks(vod))
	}
	for _, b := range []int{-1, 4096} {
		if err := p.Lease(vod, b); err == nil || !strings.Contains(err.Error(), "there are 4096") {
			t.Errorf("Lease(vod, %d) = %v", b, err)
		}
	}
	if _, err := overlay.NewPool(overlay.Range{First: 1, Last: 5000}); !errors.Is(err, overlay.ErrReserved) {
		t.Errorf("a pool of reserved VNIs: %v", err)
	}
}

func TestReleasedRestsBeforeItIsGivenAgain(t *testing.T) {
	t.Parallel()
	p := newPool(t, 5001, 5002)
	live, end := overlay.Owner{Tenant: "live"}, epoch.Add(overlay.DefaultQuarantine)
	for range 2 {
		if _, err := take(t, p, live, epoch); err != nil {
			t.Fatal(err)
		}
	}
	p.Rest(5001, epoch.Add(time.Minute))
	p.Rest(5001, end) // what was said last counts
	p.Rest(5001, end)
	if v, err := p.Take(live, end.Add(-1)); !errors.Is(err, overlay.ErrExhausted) || !strings.Contains(err.Error(), "1 held, 1 in quarantine") {
		t.Errorf("Take within the quarantine = %d, %v, want exhausted", v, err)
	}
	if v, err := p.Take(live, end); err != nil || v != 5001 {
		t.Errorf("Take after the quarantine = %d, %v, want 5001", v, err)
	}
	p.Rest(5001, end.Add(time.Hour))
	p.Hold(5001) // its last holder takes it again
	if v, err := p.Take(live, end.Add(2*time.Hour)); !errors.Is(err, overlay.ErrExhausted) {
		t.Errorf("Take of what is held again = %d, %v, want exhausted", v, err)
	}
	p.Free(5002)
	if v, err := p.Take(live, epoch); err != nil || v != 5002 {
		t.Errorf("Take of what nobody took = %d, %v, want 5002", v, err)
	}
}

func TestExhaustionSaysWhatHoldsTheSpace(t *testing.T) {
	t.Parallel()
	p := newPool(t, 8192, 8192+overlay.BlockSize-1)
	lease(t, p, overlay.Owner{Tenant: "vod"}, 2)
	if b, ok := p.Unleased(); ok {
		t.Errorf("Unleased() = %d", b)
	}
	_, err := p.Take(overlay.Owner{Tenant: "live", Region: "us"}, epoch)
	want := "VNIs 8192-12287 for live in us: exhausted (0 held, 0 in quarantine, in 0 blocks of 4096)"
	if !errors.Is(err, overlay.ErrExhausted) || err.Error() != want {
		t.Errorf("Take = %v, want %s", err, want)
	}
}

// TestNothingIsGivenTwice holds the pool against a plain set under any mix of calls.
func TestNothingIsGivenTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first := overlay.VNI(rapid.IntRange(4096, 30000).Draw(t, "first"))
		m := &model{first: first, last: first + overlay.VNI(rapid.IntRange(0, 9000).Draw(t, "len")), held: map[overlay.VNI]overlay.Owner{}, freeAt: map[overlay.VNI]time.Time{}, now: epoch}
		m.pool = newPool(t, m.first, m.last)
		owner := rapid.Custom(func(t *rapid.T) overlay.Owner {
			return overlay.Owner{Tenant: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tenant")}
		})
		near := func(t *rapid.T) overlay.VNI { return first + overlay.VNI(rapid.IntRange(0, 40).Draw(t, "offset")) }
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				o := owner.Draw(t, "owner")
				if v, err := take(t, m.pool, o, m.now); err == nil {
					m.given(t, v, o)
				}
			},
			"exact": func(t *rapid.T) {
				o, v := owner.Draw(t, "owner"), near(t)
				if _, held := m.held[v]; held || m.freeAt[v].After(m.now) || m.pool.Check(o, v) != nil {
					return
				}
				lease(t, m.pool, o, v.Block())
				m.pool.Hold(v)
				m.given(t, v, o)
			},
			"rest": func(t *rapid.T) {
				if v := near(t); m.pool.Leased(v.Block()) && v <= m.last {
					delete(m.held, v)
					m.freeAt[v] = m.now.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "seconds")) * time.Second)
					m.pool.Rest(v, m.freeAt[v])
				}
			},
			"free": func(t *rapid.T) {
				v := near(t)
				delete(m.held, v)
				delete(m.freeAt, v)
				m.pool.Free(v)
			},
			"outside": func(t *rapid.T) {
				for _, v := range []overlay.VNI{m.first - 1, m.last + 1, 1 << 24, 1<<32 - 1} {
					m.pool.Hold(v)
					m.pool.Rest(v, m.now)
					m.pool.Begin(v)
					m.pool.Free(v)
				}
			},
			"begin": func(t *rapid.T) {
				m.pool.Begin(m.first + overlay.VNI(rapid.IntRange(0, 9000).Draw(t, "at")))
			},
			"wait": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
			},
		})
		m.drain(t)
	})
}

// model is a pool and what it is to know.
type model struct {
	pool        *overlay.Pool
	first, last overlay.VNI
	held        map[overlay.VNI]overlay.Owner
	freeAt      map[overlay.VNI]time.Time // the end of a rest, over or not
	now         time.Time
}

func (m *model) given(t *rapid.T, v overlay.VNI, o overlay.Owner) {
	if other, ok := m.held[v]; ok {
		t.Fatalf("VNI %d given to %s and held by %s", v, o, other)
	}
	if at, ok := m.freeAt[v]; ok && at.After(m.now) {
		t.Fatalf("VNI %d given %s before its quarantine ends", v, at.Sub(m.now))
	}
	if v.Check() != nil || v < m.first || v > m.last {
		t.Fatalf("VNI %d given, which is reserved or outside of %d-%d", v, m.first, m.last)
	}
	for other, by := range m.held {
		if other.Block() == v.Block() && by != o {
			t.Fatalf("VNIs %d of %s and %d of %s share a block", v, o, other, by)
		}
	}
	m.held[v] = o
}

// drain takes all that is left: every VNI that neither is held nor rests, and no other.
func (m *model) drain(t *rapid.T) {
	left := 0
	for v := m.first; v <= m.last; v++ {
		if _, held := m.held[v]; !held && !m.freeAt[v].After(m.now) {
			left++
		}
	}
	for _, o := range []overlay.Owner{{Tenant: "a"}, {Tenant: "b"}, {Tenant: "c"}} {
		for {
			v, err := take(t, m.pool, o, m.now)
			if err != nil {
				break
			}
			if _, held := m.held[v]; held || m.freeAt[v].After(m.now) {
				t.Fatalf("VNI %d of %s is given, which is held or rests", v, o)
			}
			m.held[v] = o
			left--
		}
	}
	if left != 0 {
		t.Fatalf("%d more VNIs were free than could be taken", left)
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
			v, err := take(t, p, o, epoch)
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
		if _, err := take(b, p, owner, epoch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "VNIs/s")
}

func ExamplePool() {
	pool, err := overlay.NewPool(overlay.Range{First: 5001, Last: 9000})
	if err != nil {
		fmt.Println(err)
		return
	}
	live := overlay.Owner{Tenant: "live", Region: "eu"}
	block, _ := pool.Unleased()
	fmt.Println(block, pool.Lease(live, block))
	fmt.Println(pool.Take(live, time.Now()))
	fmt.Println(pool.Take(live, time.Now()))
	fmt.Println(pool.Check(overlay.Owner{Tenant: "vod"}, 5003))
	// Output:
	// 1 <nil>
	// 5001 <nil>
	// 5002 <nil>
	// VNI 5003: its block 4096-8191 is leased to another (live in eu); leave the VNI out, and a free one is taken
}
