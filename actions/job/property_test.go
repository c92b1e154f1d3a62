package job_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// done is a run that was carried out, and may be taken back.
type done struct {
	plan actions.Plan
	id   string
	name string
	mark string // of the job that it made or removed
}

// machine holds jobs that come and go against a map of marks.
type machine struct {
	t     *testing.T
	jobs  *fixture
	want  map[string]string // mark by name
	past  []done
	count int
}

func (m *machine) draw(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name")
}

func (m *machine) add(rt *rapid.T) {
	name := m.draw(rt)
	p, err := m.jobs.verb("schedule.add").Plan(m.t.Context(), add("@every 1h", "nodes", name), nil)
	if m.want[name] != "" {
		if err == nil {
			rt.Fatalf("%s was planned twice", name)
		}
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	m.count++
	d := done{p, fmt.Sprintf("r-%d", m.count), name, fmt.Sprintf("r-%d/0", m.count)}
	if err := m.jobs.do(m.t, p, d.id); err != nil {
		rt.Fatal(err)
	}
	m.want[name] = d.mark
	m.past = append(m.past, d)
}

func (m *machine) remove(rt *rapid.T) {
	name := m.draw(rt)
	p, err := m.jobs.verb("schedule.remove").Plan(m.t.Context(), removal(name), nil)
	if m.want[name] == "" {
		if err == nil {
			rt.Fatalf("the removal of %s was planned, and there is none", name)
		}
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	m.count++
	d := done{p, fmt.Sprintf("r-%d", m.count), name, m.want[name]}
	if err := m.jobs.do(m.t, p, d.id); err != nil {
		rt.Fatal(err)
	}
	delete(m.want, name)
	m.past = append(m.past, d)
}

// undo takes any run back, of which some do not stand any more: those must change nothing.
func (m *machine) undo(rt *rapid.T) {
	if len(m.past) == 0 {
		return
	}
	d := rapid.SampledFrom(m.past).Draw(rt, "run")
	err := m.jobs.undo(m.t, d.plan, d.id)
	now := m.want[d.name]
	adds := d.plan.Groups[0].Steps[0].Kind == job.KindPut
	switch {
	case adds && now == d.mark:
		delete(m.want, d.name)
	case !adds && now == "":
		m.want[d.name] = d.mark
	case adds && now == "", !adds && now == d.mark:
	default:
		if err == nil {
			rt.Fatalf("undo of %s said that all is well, and %s is of %s", d.id, d.name, now)
		}
		return
	}
	if err != nil {
		rt.Fatalf("undo of %s: %v", d.id, err)
	}
}

func (m *machine) check(rt *rapid.T) {
	got := map[string]string{}
	for _, j := range m.jobs.Jobs() {
		got[j.Name] = j.Mark
	}
	if !maps.Equal(got, m.want) {
		rt.Fatalf("jobs and marks: %v, want %v", got, m.want)
	}
}

func TestJobsComeAndGoAsPlanned(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{t: t, jobs: newFixture(t, fake.Options{}), want: map[string]string{}}
		rt.Repeat(map[string]func(*rapid.T){"add": m.add, "remove": m.remove, "undo": m.undo, "": m.check})
	})
}

// TestTwoAddTheSameName races two runs for one name: one of them has it, and the other says whose it is.
func TestTwoAddTheSameName(t *testing.T) {
	t.Parallel()
	for range 20 {
		disk := fake.New()
		a, b := onDisk(t, disk, fake.Options{}), onDisk(t, disk, fake.Options{})
		plans := []actions.Plan{a.plan(t, add("@every 1h", "nodes", "x")), b.plan(t, add("@every 2h", "nodes", "x"))}
		errs := make(chan error, 2)
		for i, f := range []*fixture{a, b} {
			go func() { errs <- untilDone(t, f.Executors()[job.KindPut], call(plans[i], fmt.Sprintf("r-%d", i))) }()
		}
		failed := slices.DeleteFunc([]error{<-errs, <-errs}, func(err error) bool { return err == nil })
		if len(failed) != 1 || !strings.Contains(failed[0].Error(), "there is a job x already") {
			t.Errorf("of two runs these failed: %v; want one, since there is a job", failed)
		}
		kv := disk.Open(fake.Options{}).Bucket(store.Inventory)
		if all, err := kv.List(t.Context(), "job."); err != nil || len(all) != 1 {
			t.Errorf("stored: %v, %v; want one job", all, err)
		}
	}
}

// untilDone tries a step again as long as its error is temporary.
func untilDone(t *testing.T, x run.Executor, c run.Call) error {
	for {
		if _, err := x.Do(t.Context(), c); !actions.IsTemporary(err) {
			return err
		}
	}
}

func TestLatestOverLongTimes(t *testing.T) {
	t.Parallel()
	from := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	now := time.Date(2026, 3, 29, 12, 34, 56, 0, time.UTC)
	for _, test := range []struct{ at, want string }{
		{"* * * * *", "2026-03-29T12:34:00Z"},
		{"* 3 * * *", "2026-03-29T01:59:00Z"},
		{"0 0 29 2 *", "2024-02-28T23:00:00Z"},
		{"0 0 1 1 *", "2025-12-31T23:00:00Z"},
		{"@every 1s", "2026-03-29T12:34:56Z"},
		{"@every 8784h", "2026-01-20T00:00:00Z"},
	} {
		s, err := job.Parse(test.at, "Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if got := s.Latest(from, now, from).UTC().Format(time.RFC3339); got != test.want {
			t.Errorf("latest of %q = %s, want %s", test.at, got, test.want)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("latest of %q took %v", test.at, took)
		}
		if got := s.Latest(now, from, from); !got.IsZero() {
			t.Errorf("latest of %q in a time that goes backwards = %v, want none", test.at, got)
		}
		if got := s.Latest(now, now, from); !got.IsZero() {
			t.Errorf("latest of %q in no time = %v, want none", test.at, got)
		}
	}
}
