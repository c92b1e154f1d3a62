package job_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/store/fake"
)

func TestPlanAdd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // 2000-01-01 00:00 UTC, a Saturday
		f := newFixture(t, fake.Options{}, job.Job{Name: "flush-edge-2", At: "0 4 * * *", Do: "flush edge-2", Owner: "tom"})
		r := add("30  5 * * mon", "flush EDGE-2", "")
		r.Options = map[string]string{"missed": "once"}
		p := f.plan(t, r)
		var got job.Job
		if err := json.Unmarshal(p.Groups[0].Steps[0].Args, &got); err != nil {
			t.Fatal(err)
		}
		want := job.Job{
			Name: "flush-edge-2-b", At: "30 5 * * mon", Do: "flush edge-2", Owner: "anna", Missed: "once", Zone: "Europe/Berlin", Source: "chat",
			Intents: []string{"cache.flush"}, Risk: actions.Destructive,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("job of the plan (-want +got):\n%s", diff)
		}
		if !p.Confirm || p.Risk != actions.Reversible || p.StepCount() != 1 || p.Groups[0].Steps[0].Kind != job.KindPut || p.Groups[0].Steps[0].NoUndo != "" {
			t.Errorf("plan = %+v, want one reversible step job.put that asks", p)
		}
		lines := []string{
			"put job flush-edge-2-b on the clock: flush edge-2 at 30 5 * * mon",
			"note: it says, without asking again: flush edge-2 (destructive), with the rights that anna has then",
			"note: next: Mon 2000-01-03 05:30 CET, Mon 2000-01-10 05:30 CET, Mon 2000-01-17 05:30 CET; what is slept through is made up for once",
		}
		if diff := cmp.Diff(lines, p.Lines()); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
		p = f.plan(t, add("@every 90s", "nodes", "look"))
		if p.Confirm || !strings.Contains(p.Notes[1], "next: Sat 2000-01-01 01:01:30 CET") || !strings.Contains(p.Notes[1], "counted from the yes") {
			t.Errorf("plan of a reading job = %+v, want no question, and ticks from now", p)
		}
	})
}

func TestPlanMistakes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fake.Options{}, job.Job{Name: "night", At: "0 4 * * *", Do: "flush edge-2", Owner: "tom"})
	if err := f.do(t, f.plan(t, add("@every 1h", "nodes", "look")), "r-1"); err != nil {
		t.Fatal(err)
	}
	with := func(r actions.Request, change func(*actions.Request)) actions.Request {
		change(&r)
		return r
	}
	remove := func(name string) actions.Request {
		return actions.Request{Intent: "schedule.remove", Actor: anna(), Slots: map[string][]string{"job": {name}}}
	}
	for _, test := range []struct {
		r    actions.Request
		want string
	}{
		{add("at noon", "nodes", ""), "when? schedule"},
		{add("0 0 31 2 *", "nodes", ""), "no such day"},
		{add("@every 1h", "make tea", ""), `the job would say "make tea": anna said what nobody`},
		{add("@every 1h", "unschedule look", ""), "makes and removes no jobs"},
		{add("@every 1h", "nodes", "No Name"), "no name of a job"},
		{add("@every 1h", "nodes", strings.Repeat("x", 64)), "no name of a job"},
		{add("@every 1h", "nodes", "night"), "in the configuration file already"},
		{add("@every 1h", "nodes", "look"), "there is a job look already, of anna"},
		{with(add("@every 1h", "nodes", ""), func(r *actions.Request) { r.Options = map[string]string{"missed": "twice"} }), "known: skip, once"},
		{with(add("@every 1h", "nodes", ""), func(r *actions.Request) { r.Actor = actions.Actor{Kind: actions.Person, As: "unix:eve"} }), "unix:eve is nobody"},
		{with(add("@every 1h", "nodes", ""), func(r *actions.Request) { r.Actor = actions.Actor{Kind: actions.Rule, Name: "heal"} }), "is nobody"},
		{remove("night"), "in the configuration file; take it out there"},
		{remove("lok"), "did you mean look?"},
		{remove(""), "no job is called"},
	} {
		if _, err := f.verb(test.r.Intent).Plan(t.Context(), test.r, nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("plan of %s %v by %v: %v, want an error with %q", test.r.Intent, test.r.Slots, test.r.Actor, err, test.want)
		}
	}
	if _, err := f.verb("schedule.remove").Plan(t.Context(), remove("lok"), nil); !errors.Is(err, actions.ErrUnknown) {
		t.Errorf("removing an unknown job: %v, want ErrUnknown", err)
	}
	none := newFixture(t, fake.Options{})
	if _, err := none.verb("schedule.remove").Plan(t.Context(), remove("x"), nil); err == nil || !strings.Contains(err.Error(), "none at all") {
		t.Errorf("removing one of no jobs: %v", err)
	}
}

func TestJobOfARuleBelongsToItsOwner(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fake.Options{})
	r := add("@every 1h", "nodes", "x")
	r.Actor = actions.Actor{Kind: actions.Rule, Name: "heal", Owner: "tom"}
	if err := f.do(t, f.plan(t, r), "r-1"); err != nil {
		t.Fatal(err)
	}
	if j, _ := f.Find("x"); j.Owner != "tom" {
		t.Errorf("owner = %q, want tom", j.Owner)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	answer := func(o job.Options) actions.Answer {
		t.Helper()
		o.KV, o.Check, o.Zone = fake.New().Open(fake.Options{}).Bucket("inventory"), check, func() string { return "Europe/Berlin" }
		s, err := job.NewStore(o)
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Verbs()[1].Answer(t.Context(), actions.Request{Intent: "schedule.list"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := answer(job.Options{File: func() []job.Job { return nil }}); a.Title != "no jobs" || a.Hint == "" || a.Table != nil {
		t.Errorf("without jobs: %+v", a)
	}
	three := []job.Job{{Name: "late", At: "0 5 * * *", Do: "nodes", Owner: "anna"}, {Name: "soon", At: "@every 5m", Do: "flush edge-2", Owner: "tom"}, {Name: "x", At: "bad", Zone: "Mars"}}
	a := answer(job.Options{File: func() []job.Job { return three }, Status: func() map[string]job.Status {
		return map[string]job.Status{
			"late": {Next: time.Unix(1774000800, 0)}, "x": {Wrong: "five fields"},
			"soon": {Next: time.Unix(1774000300, 0), Last: time.Unix(1774000000, 0), Outcome: "r-3 accepted"},
		}
	}})
	want := [][]string{
		{"x", "bad", "-", "-", "-", "", "", "file"},
		{"soon", "@every 5m", "Fri 2026-03-20 10:51:40 CET", "Fri 2026-03-20 10:46:40 CET", "r-3 accepted", "tom", "flush edge-2", "file"},
		{"late", "0 5 * * *", "Fri 2026-03-20 11:00 CET", "-", "-", "anna", "nodes", "file"},
	}
	if diff := cmp.Diff(want, a.Table.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if !a.Bad || a.Title != "3 jobs" || len(a.Lines) != 1 || a.Lines[0] != "x never comes: five fields" {
		t.Errorf("answer = %+v, want three jobs, one that never comes", a)
	}
	var many []job.Job
	for i := range 60 {
		many = append(many, job.Job{Name: fmt.Sprintf("j-%d", i), At: "@every 5m"})
	}
	a = answer(job.Options{File: func() []job.Job { return many }})
	if rows, ok := a.Data.([]job.Row); len(a.Table.Rows) != 50 || !ok || len(rows) != 60 || a.Lines[0] != "the next 50 of 60" {
		t.Errorf("sixty jobs: %d rows, lines %v; want 50 and a line", len(a.Table.Rows), a.Lines)
	}
}

func TestNameFor(t *testing.T) {
	t.Parallel()
	taken := map[string]bool{"flush-edge-2": true}
	for _, test := range []struct{ command, want string }{
		{"nodes", "nodes"},
		{"flush edge-2", "flush-edge-2-b"},
		{"prime https://news/x.m3u8; explain \"hit rate\"", "prime-https-news-x-m3u8-explain-hit-rate"},
		{strings.Repeat("long ", 20), "long-long-long-long-long-long-long-long"},
		{"ÄÖ", "job"},
	} {
		got := job.NameFor(test.command, func(n string) bool { return taken[n] })
		if got != test.want || job.CheckName(got) != nil {
			t.Errorf("NameFor(%q) = %q, want %q", test.command, got, test.want)
		}
	}
	all := map[string]bool{}
	for range 2000 {
		name := job.NameFor("nodes", func(n string) bool { return all[n] })
		if all[name] || job.CheckName(name) != nil {
			t.Fatalf("NameFor gives %q twice, or it is no name", name)
		}
		all[name] = true
	}
}
