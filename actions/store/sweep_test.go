package store_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions/store"
)

// over says that a run is over when its first entry, the journal, says done.
func over(run []store.Entry) bool { return string(run[0].Value) == "done" }

func TestSweepRuns(t *testing.T) {
	t.Parallel()
	e := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "store"), Final: over})
	kv := e.Bucket(store.Runs)
	for _, run := range []struct{ name, state string }{{"r-1", "done"}, {"r-2", "running"}, {"r-10", "done"}} {
		for _, key := range []string{run.name, run.name + ".node.a", run.name + ".node.b"} {
			if _, err := kv.Create(t.Context(), key, []byte(run.state)); err != nil {
				t.Fatal(err)
			}
		}
	}
	const day = 24 * time.Hour
	left := func() []string {
		t.Helper()
		all, err := kv.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, entry := range all {
			names = append(names, entry.Key)
		}
		return names
	}
	text := export(t, e)
	for _, test := range []struct {
		after time.Duration
		want  store.Swept
	}{
		{89 * day, store.Swept{}},
		{91 * day, store.Swept{Runs: 2, Keys: 6, Marks: 6}}, // the marks look old to the same clock
		{91 * day, store.Swept{}},
	} {
		got, err := e.Sweep(t.Context(), time.Now().Add(test.after))
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("sweep after %v: %v, -want +got\n%s", test.after, err, diff)
		}
	}
	if diff := cmp.Diff([]string{"r-2", "r-2.node.a", "r-2.node.b"}, left()); diff != "" {
		t.Errorf("a run that is not over stays whatever its age: -want +got\n%s", diff)
	}
	if _, err := kv.Create(t.Context(), "r-1", nil); err != nil {
		t.Errorf("create of a swept key: %v", err)
	}
	// Until the marks go, a sweep is no loss.
	if check, err := e.CheckAgainst(t.Context(), bytes.NewReader(text)); err != nil || len(check.Missing) != 5 {
		t.Errorf("check without marks = %+v, %v; want the 5 swept keys", check, err)
	}
}

func TestSweepKeepsYoungMarks(t *testing.T) {
	t.Parallel()
	e := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "store")})
	kv := e.Bucket(store.Segments)
	for i := range 5 {
		revision, err := kv.Create(t.Context(), fmt.Sprint("s-", i), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := kv.Delete(t.Context(), fmt.Sprint("s-", i), revision); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		days, want int
	}{{29, 0}, {31, 5}, {31, 0}} {
		got, err := e.Sweep(t.Context(), time.Now().Add(time.Duration(test.days)*24*time.Hour))
		if err != nil || got.Marks != test.want {
			t.Errorf("sweep after %d days = %+v, %v; want %d marks", test.days, got, err, test.want)
		}
	}
}

// TestTrim checks that acknowledged messages go once their ids need not be remembered, and nothing else does.
func TestTrim(t *testing.T) {
	t.Parallel()
	e := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "store")})
	for i := range 10 {
		if _, _, err := e.Queue().Publish(t.Context(), fmt.Sprint("m-", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Timer().At(t.Context(), "timer", time.Now().Add(time.Hour), nil); err != nil {
		t.Fatal(err)
	}
	got, err := e.Queue().Pull(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range got {
		if i == 6 {
			continue
		}
		if err := l.Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	count := func() uint64 {
		t.Helper()
		n, err := store.Messages(t.Context(), e, "RUNS")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	now := time.Now()
	if err := store.Trim(t.Context(), e, now, now.Add(10*time.Minute)); err != nil || count() != 12 {
		t.Errorf("%d messages within the window, %v; want the genesis, ten and a timer", count(), err)
	}
	if err := store.Trim(t.Context(), e, now, now.Add(12*time.Minute)); err != nil || count() != 6 {
		t.Errorf("%d messages after the window, %v; want the genesis, the four from the unacknowledged one on and a timer", count(), err)
	}
	if err := got[6].Ack(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Trim(t.Context(), e, now, now.Add(12*time.Minute)); err != nil || count() != 2 {
		t.Errorf("%d messages after the last ack, %v; want the genesis and a timer", count(), err)
	}
}

// TestLogOfNothingButAge appends to a log whose records are all past their age.
func TestLogOfNothingButAge(t *testing.T) {
	t.Parallel()
	e := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "store")})
	for i := range 3 {
		if _, err := e.Log(store.Alerts).Append(t.Context(), fmt.Sprint("a-", i), nil, uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Empty(t.Context(), e, store.Alerts); err != nil {
		t.Fatal(err)
	}
	if got, err := e.Log(store.Alerts).Append(t.Context(), "next", nil, 0); err != nil || got != 4 {
		t.Errorf("first record after all others aged = %d, %v; want 4", got, err)
	}
	if err := store.Empty(t.Context(), e, store.Audit); err == nil {
		t.Error("the audit log can be emptied")
	}
}

// TestAgesFollowOptions checks also that a zero age changes nothing: a command that only exports must not shorten what is kept.
func TestAgesFollowOptions(t *testing.T) {
	t.Parallel()
	o := store.Options{Dir: filepath.Join(t.TempDir(), "store"), Log: quiet()}
	const day = 24 * time.Hour
	for _, test := range []struct{ set, want time.Duration }{{0, 400 * day}, {500 * day, 500 * day}, {0, 500 * day}, {time.Hour, time.Hour}, {0, time.Hour}} {
		o.Ages.Audit = test.set
		e := open(t, o)
		if got, err := store.MaxAge(t.Context(), e, store.Audit); err != nil || got != test.want {
			t.Errorf("age of the audit log after opening with %v = %v, %v; want %v", test.set, got, err, test.want)
		}
		if got, err := store.MaxAge(t.Context(), e, store.Alerts); err != nil || got != 30*day {
			t.Errorf("age of the alerts = %v, %v; want 30 days", got, err)
		}
		shut(t, e)
	}
}

// TestLeaseStays opens with and without a lease in the options.
func TestLeaseStays(t *testing.T) {
	t.Parallel()
	o := store.Options{Dir: filepath.Join(t.TempDir(), "store"), Log: quiet()}
	for _, test := range []struct{ set, want time.Duration }{{0, 30 * time.Second}, {2 * time.Second, 2 * time.Second}, {0, 2 * time.Second}} {
		o.Lease = test.set
		e := open(t, o)
		if got := store.LeaseOf(e); got != test.want {
			t.Errorf("lease after opening with %v = %v, want %v", test.set, got, test.want)
		}
		shut(t, e)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	for name, o := range map[string]store.Options{
		"no dir":      {Log: quiet()},
		"no log":      {Dir: dir},
		"short lease": {Dir: dir, Log: quiet(), Lease: time.Millisecond},
		"short age":   {Dir: dir, Log: quiet(), Ages: store.Ages{Runs: time.Second}},
		"bad place":   {Dir: "/dev/null/store", Log: quiet()},
	} {
		if _, err := store.Open(o); err == nil {
			t.Errorf("Open with %s = nil, want an error", name)
		}
		if _, err := store.Import(t.Context(), o, bytes.NewReader(nil)); err == nil {
			t.Errorf("Import with %s = nil, want an error", name)
		}
	}
}
