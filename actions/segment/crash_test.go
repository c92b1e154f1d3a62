package segment_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// TestCrash kills the process before and after every write, and loses the answer of every write, while a segment is made, and while it is deleted:
// another process carries on, and there is one segment with one VNI and one prefix, and then none.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable} {
		for _, removal := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/removal=%v", fault, removal), func(t *testing.T) {
				t.Parallel()
				for at, hit := 1, true; hit; at++ {
					synctest.Test(t, func(t *testing.T) { hit = crash(t, fault, at, removal) })
					if !hit && at < 12 || at > 200 {
						t.Errorf("%d writes", at-1)
						break
					}
				}
			})
		}
	}
}

func crash(t *testing.T, fault fake.Fault, at int, removal bool) (hit bool) {
	t.Helper()
	name := fmt.Sprintf("%s at write %d, removal %v", fault, at, removal)
	disk, f := fake.New(), newFleet()
	begin := newHome(t, disk.Open(fake.Options{}), f).serve(t, "begin")
	if removal {
		must(t, begin.do(t, "segment.create", "segment=studio-a", "tenant=acme", "node=edge-1", "node=edge-2"), actions.Done)
	}
	p, err := begin.plan(t, "segment.create", "segment=studio-a", "tenant=acme", "node=edge-1", "node=edge-2")
	if removal {
		p, err = begin.plan(t, "segment.delete", "segment=studio-a")
	}
	if err != nil {
		t.Fatal(err)
	}
	begin.stop()
	p.Request.Cause = "terminal:crash"
	first := newHome(t, disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
		if op.N == at {
			hit = true
			return fault
		}
		return fake.None
	}}), f).serve(t, "first")
	_, _, _ = first.engine.Accept(t.Context(), p) // the crash may lie here
	time.Sleep(time.Minute)
	first.stop()
	second := newHome(t, disk.Open(fake.Options{}), f).serve(t, "second")
	defer second.stop()
	id, _, err := second.engine.Accept(t.Context(), p) // the door delivers it again
	if err != nil {
		t.Fatalf("%s: accept: %v", name, err)
	}
	time.Sleep(2 * time.Minute)
	if got, err := second.engine.Get(t.Context(), id); err != nil || got.State != actions.Done {
		t.Errorf("%s: %s is %s (%s), %v", name, id, got.State, got.Why, err)
	}
	want := "segment.studio-a vni.1.4096=studio-a net.acme.100-80-0-0_24; edge-1 4096: mtu 1450 →192.0.2.2 100.80.0.2/24"
	if removal {
		want = "gone.4096 vni.1.4096 rests; edge-1 "
	}
	if diff := cmp.Diff(want, kept(t, disk.Open(fake.Options{}))+"; edge-1 "+f.holds("edge-1")); diff != "" {
		t.Errorf("%s: (-want +got):\n%s", name, diff)
	}
	return hit
}

// kept is every key that segments leave in the store.
func kept(t *testing.T, s store.Store) string {
	t.Helper()
	var out []string
	for _, bucket := range []string{store.Segments, store.VNIs} {
		entries, err := s.Bucket(bucket).List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			switch {
			case e.Key == "site" || strings.HasPrefix(e.Key, "block."):
			case strings.HasPrefix(e.Key, "vni.") && strings.Contains(string(e.Value), `"until"`):
				out = append(out, e.Key+" rests")
			case strings.HasPrefix(e.Key, "vni."):
				out = append(out, e.Key+"=studio-a")
			default:
				out = append(out, e.Key)
			}
		}
	}
	return sorted(out)
}

// sorted puts segments first, then VNIs, then prefixes.
func sorted(keys []string) string {
	var out []string
	for _, prefix := range []string{"segment.", "gone.", "vni.", "net."} {
		for _, k := range keys {
			if strings.HasPrefix(k, prefix) {
				out = append(out, k)
			}
		}
	}
	return strings.Join(out, " ")
}
