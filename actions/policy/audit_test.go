package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// at is a time that JSON gives back as it was.
var at = time.Date(2026, 11, 3, 20, 15, 0, 123, time.UTC)

func entry(n int) policy.Entry {
	return policy.Entry{
		At: at, Actor: actions.Actor{Kind: actions.Person, Name: "anna", As: "unix:anna"}, Origin: actions.Origin{Door: "say"},
		Intent: "cache.flush", Slots: map[string][]string{"node": {"edge-1"}, "b": nil}, Text: fmt.Sprintf("flush edge-%d", n),
		Decision: policy.Accepted, Why: "role operator may cache.flush", Rule: "role", Run: "r-17", PlanHash: "abc", Risk: actions.Destructive,
	}
}

func texts(seen []policy.Seen) []string {
	var out []string
	for _, s := range seen {
		out = append(out, s.Text)
	}
	return out
}

func verify(t *testing.T, a *policy.Audit, want int) string {
	t.Helper()
	n, head, err := a.Verify(t.Context())
	if err != nil || n != want {
		t.Errorf("Verify = %d, %v, want %d records", n, err, want)
	}
	return head
}

func TestAudit(t *testing.T) {
	t.Parallel()
	disk := fake.New()
	a := policy.NewAudit(disk.Open(fake.Options{}).Log(store.Audit))
	if got, err := a.Tail(t.Context(), 10); err != nil || got != nil {
		t.Errorf("Tail of nothing = %v, %v", got, err)
	}
	if head := verify(t, a, 0); head != "" {
		t.Errorf("head of nothing is %q", head)
	}
	for i := range 250 {
		if err := a.Append(t.Context(), entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	head := verify(t, a, 250)
	got, err := a.Tail(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"flush edge-247", "flush edge-248", "flush edge-249"}, texts(got)); diff != "" {
		t.Errorf("Tail(3) (-want +got):\n%s", diff)
	}
	want := entry(249)
	want.Slots["b"] = []string{}
	if diff := cmp.Diff(want, got[2].Entry); diff != "" {
		t.Errorf("the last record (-want +got):\n%s", diff)
	}
	if got[2].Hash != head || got[2].Sequence != 250 {
		t.Errorf("the last record has hash %s and sequence %d, want %s and 250", got[2].Hash, got[2].Sequence, head)
	}
	if all, err := a.Tail(t.Context(), 1000); err != nil || len(all) != 250 || all[0].Text != "flush edge-0" {
		t.Errorf("Tail(1000) = %d records, %v, want all 250", len(all), err)
	}
	if none, err := a.Tail(t.Context(), 0); err != nil || none != nil {
		t.Errorf("Tail(0) = %v, %v", none, err)
	}
}

// TestAuditOfSeveralProcesses: appends race with each other inside a process and between processes; each is there once, in one chain.
func TestAuditOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	const processes, workers, each = 4, 3, 20
	disk := fake.New()
	var wg sync.WaitGroup
	for p := range processes {
		a := policy.NewAudit(disk.Open(fake.Options{}).Log(store.Audit))
		for w := range workers {
			wg.Go(func() {
				for i := range each {
					if err := a.Append(t.Context(), entry((p*workers+w)*each+i)); err != nil {
						t.Errorf("append: %v", err)
					}
				}
			})
		}
	}
	wg.Wait()
	onceEach(t, disk, processes*workers*each)
}

// onceEach checks that the chain holds and has the entries 0 to n-1, each once.
func onceEach(t *testing.T, disk *fake.Disk, n int) {
	t.Helper()
	a := policy.NewAudit(disk.Open(fake.Options{}).Log(store.Audit))
	verify(t, a, n)
	all, err := a.Tail(t.Context(), 2*n)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, s := range all {
		count[s.Text]++
	}
	for i := range n {
		if text := fmt.Sprintf("flush edge-%d", i); count[text] != 1 {
			t.Errorf("%q is there %d times, want once", text, count[text])
		}
	}
}

// TestAuditUnknownOutcome: every call of every append is answered with "unknown" once, done or not, while another process writes too.
func TestAuditUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.ReplyLost, fake.Unavailable} {
		for _, calls := range []string{"log.append", "log.read", "log.last", "log.append log.read", "log.append log.read log.last"} {
			synctest.Test(t, func(t *testing.T) {
				disk := fake.New()
				other := policy.NewAudit(disk.Open(fake.Options{}).Log(store.Audit))
				next := 100
				faults := map[string]int{}
				a := policy.NewAudit(disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
					if !strings.Contains(calls, op.Name) {
						return fake.None
					}
					if faults[op.Name]++; faults[op.Name]%3 == 0 {
						return fake.None
					}
					if next%2 == 0 && next < 140 { // in half of the first cases somebody else is faster
						if err := other.Append(t.Context(), entry(next)); err != nil {
							t.Errorf("append of the other: %v", err)
						}
					}
					next++
					return fault
				}}).Log(store.Audit))
				mine := 0
				for i := range 10 {
					if err := a.Append(t.Context(), entry(i)); err == nil {
						mine++
					} else if !strings.Contains(calls, "log.last") {
						t.Errorf("%v on %s: append %d: %v", fault, calls, i, err)
					}
				}
				check := policy.NewAudit(disk.Open(fake.Options{}).Log(store.Audit))
				all, err := check.Tail(t.Context(), 1000)
				if err != nil {
					t.Fatal(err)
				}
				verify(t, check, len(all))
				count := map[string]int{}
				found := 0
				for _, s := range all {
					if count[s.Text]++; count[s.Text] > 1 {
						t.Errorf("%v on %s: %q is there twice", fault, calls, s.Text)
					}
					if len(s.Text) == len("flush edge-1") {
						found++
					}
				}
				if found != mine {
					t.Errorf("%v on %s: %d appends succeeded, %d are there", fault, calls, mine, found)
				}
			})
		}
	}
}

// TestAuditGivesUp: a store that never answers is left when ctx ends, with an error that says that the outcome is not known.
func TestAuditGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		down := true
		a := policy.NewAudit(disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
			if down && op.Name == "log.append" {
				return fake.Unavailable
			}
			return fake.None
		}}).Log(store.Audit))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := a.Append(ctx, entry(0))
		if !errors.Is(err, store.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), `audit accepted of "cache.flush" by anna`) {
			t.Errorf("Append = %v, want an unknown outcome after the deadline", err)
		}
		down = false
		if err := a.Append(t.Context(), entry(0)); err != nil {
			t.Errorf("Append after the store is back: %v", err)
		}
		verify(t, a, 1)
	})
}

// TestAuditWaitsItsTurn: a caller whose ctx ends while another append is under way is not held up by it.
func TestAuditWaitsItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := make(chan struct{})
		a := policy.NewAudit(fake.New().Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
			if op.Name == "log.append" {
				<-down
			}
			return fake.None
		}}).Log(store.Audit))
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := a.Append(t.Context(), entry(0)); err != nil {
				t.Errorf("the slow append: %v", err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.Append(ctx, entry(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the waiting append = %v, want the end of its time", err)
		}
		close(down)
		wg.Wait()
		verify(t, a, 1)
	})
}

func TestAuditAfterDeath(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter} {
		disk := fake.New()
		a := policy.NewAudit(disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
			if op.N == 3 {
				return fault
			}
			return fake.None
		}}).Log(store.Audit))
		for i := range 2 {
			if err := a.Append(t.Context(), entry(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Append(t.Context(), entry(2)); !errors.Is(err, store.ErrClosed) {
			t.Errorf("%v: Append = %v, want a closed store", fault, err)
		}
		b := policy.NewAudit(disk.Open(fake.Options{}).Log(store.Audit))
		if err := b.Append(t.Context(), entry(3)); err != nil {
			t.Fatal(err)
		}
		want := 3
		if fault == fake.CrashAfter {
			want = 4
		}
		verify(t, b, want)
	}
}

// TestAuditOfAnotherLog: after an import the log is shorter than what was known of it.
func TestAuditOfAnotherLog(t *testing.T) {
	t.Parallel()
	first, second := fake.New(), fake.New()
	l := &swapped{Log: first.Open(fake.Options{}).Log(store.Audit)}
	a := policy.NewAudit(l)
	for i := range 5 {
		if err := a.Append(t.Context(), entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	l.Log = second.Open(fake.Options{}).Log(store.Audit)
	b := policy.NewAudit(l.Log)
	if err := b.Append(t.Context(), entry(0)); err != nil {
		t.Fatal(err)
	}
	if err := a.Append(t.Context(), entry(1)); err != nil {
		t.Fatalf("append to the shorter log: %v", err)
	}
	onceEach(t, second, 2)
}

type swapped struct{ store.Log }

// tampered is a log that somebody had at.
type tampered struct {
	store.Log

	change func([]store.Record) []store.Record
}

func (l tampered) Read(ctx context.Context, from uint64, most int) ([]store.Record, error) {
	all, err := l.Log.Read(ctx, 1, 1000)
	var out []store.Record
	for _, r := range l.change(all) {
		if r.Sequence >= from && len(out) < most {
			out = append(out, r)
		}
	}
	return out, err
}

func TestVerifyFindsTampering(t *testing.T) {
	t.Parallel()
	disk := fake.New()
	log := disk.Open(fake.Options{}).Log(store.Audit)
	a := policy.NewAudit(log)
	for i := range 6 {
		if err := a.Append(t.Context(), entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	edit := func(i int, from, to string) func([]store.Record) []store.Record {
		return func(all []store.Record) []store.Record {
			all[i].Data = []byte(strings.Replace(string(all[i].Data), from, to, 1))
			return all
		}
	}
	for _, test := range []struct {
		name   string
		change func([]store.Record) []store.Record
		want   string
		n      int
	}{
		{"a word", edit(2, "edge-2", "edge-9"), "audit record 3 was changed after it was written", 2},
		{"a predecessor", edit(2, `"prev":"`, `"prev":"0`), "audit record 3 was changed", 2},
		{"a nonce", edit(5, `"nonce":"`, `"nonce":"0`), "audit record 6 was changed", 5},
		{"a hash", edit(0, `"hash":"`, `"hash":"0`), "audit record 1 was changed", 0},
		{"no JSON", edit(1, `{`, ``), "audit record 2: the chain is broken", 1},
		{"one is missing", func(all []store.Record) []store.Record { return append(all[:2:2], all[3:]...) }, "audit record 4 does not follow the one before it", 2},
		{"two swapped", func(all []store.Record) []store.Record {
			all[2].Data, all[3].Data = all[3].Data, all[2].Data
			return all
		}, "audit record 3 does not follow", 2},
		{"one put in", func(all []store.Record) []store.Record {
			forged := forge(t, all[1], entry(99))
			forged.Sequence = 3
			all[2] = forged
			return all
		}, "audit record 4 does not follow", 3},
	} {
		n, _, err := policy.NewAudit(tampered{log, test.change}).Verify(t.Context())
		if !errors.Is(err, policy.ErrBroken) || !strings.Contains(err.Error(), test.want) || n != test.n {
			t.Errorf("%s: Verify = %d, %v, want %d and %q", test.name, n, err, test.n, test.want)
		}
	}
	// What left the log by age is no tampering.
	n, head, err := policy.NewAudit(tampered{log, func(all []store.Record) []store.Record { return all[2:] }}).Verify(t.Context())
	if err != nil || n != 4 || head == "" {
		t.Errorf("after the oldest are gone: Verify = %d, %q, %v, want 4", n, head, err)
	}
}

// forge makes a record that holds by itself and follows prev: what a forger can do who cannot change all that comes behind.
func forge(t *testing.T, prev store.Record, e policy.Entry) store.Record {
	t.Helper()
	var link struct {
		Hash string `json:"hash"`
	}
	if err := json.Unmarshal(prev.Data, &link); err != nil {
		t.Fatal(err)
	}
	disk := fake.New()
	log := disk.Open(fake.Options{}).Log(store.Audit)
	if _, err := log.Append(t.Context(), "seed", prev.Data, 0); err != nil {
		t.Fatal(err)
	}
	if err := policy.NewAudit(log).Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	last, err := log.Last(t.Context())
	if err != nil || !strings.Contains(string(last.Data), link.Hash) {
		t.Fatalf("the forged record %s does not follow %s: %v", last.Data, link.Hash, err)
	}
	return last
}

func TestAuditKeepsEntriesSmallAndClean(t *testing.T) {
	t.Parallel()
	disk := fake.New()
	log := disk.Open(fake.Options{}).Log(store.Audit)
	a := policy.NewAudit(log)
	const token = "xoxb-1234567890-abcdefghij"
	many := make([]string, 5000)
	for i := range many {
		many[i] = fmt.Sprintf("edge-%d", i)
	}
	huge := make([]string, 1000)
	for i := range huge {
		huge[i] = strings.Repeat("u", 4000)
	}
	for _, e := range []policy.Entry{
		{Decision: policy.Refused, Text: strings.Repeat("ü", 1<<20)},
		{Decision: policy.Refused, Text: "use " + token, Why: "no " + token, Slots: map[string][]string{"url": {"http://u:" + "hunter22@h/"}}, Actor: actions.Actor{Name: token, As: token}, Origin: actions.Origin{Channel: token, Thread: token, Message: token}},
		{Decision: policy.Accepted, Slots: map[string][]string{"node": many}},
		{Decision: policy.Accepted, Slots: map[string][]string{"url": huge, "tag": {"x"}}},
		{Decision: policy.Refused, Text: "\x00\xff\u202e"},
	} {
		e.At = at
		if err := a.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	verify(t, a, 5)
	records, err := log.Read(t.Context(), 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if len(r.Data) > 300<<10 {
			t.Errorf("record %d has %d bytes", r.Sequence, len(r.Data))
		}
		for _, s := range []string{token, "hunter22"} {
			if strings.Contains(string(r.Data), s) {
				t.Errorf("record %d holds the secret %s", r.Sequence, s)
			}
		}
	}
	seen, err := a.Tail(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if got := seen[0].Text; !strings.HasSuffix(got, "… (2097152 bytes in all)") || strings.Count(got, "ü") != 1000 {
		t.Errorf("a long text becomes %.40q … of %d bytes", got, len(got))
	}
	if got := seen[2].Slots["node"]; len(got) != 1001 || got[1000] != "… and 4000 more" {
		t.Errorf("a long list has %d values and ends with %q", len(got), got[len(got)-1])
	}
	if diff := cmp.Diff(map[string][]string{"cut": {"tag", "url"}}, seen[3].Slots); diff != "" {
		t.Errorf("slots of a huge entry (-want +got):\n%s", diff)
	}
}

func BenchmarkAppend(b *testing.B) {
	a := policy.NewAudit(fake.New().Open(fake.Options{}).Log(store.Audit))
	for b.Loop() {
		if err := a.Append(b.Context(), entry(1)); err != nil {
			b.Fatal(err)
		}
	}
}
