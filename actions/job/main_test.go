package job_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// check understands three sorts of commands.
func check(_ context.Context, text string, by actions.Actor) (job.Checked, error) {
	switch {
	case strings.HasPrefix(text, "flush"):
		return job.Checked{Text: "flush edge-2", Intents: []string{"cache.flush"}, Risk: actions.Destructive}, nil
	case strings.HasPrefix(text, "nodes"):
		return job.Checked{Text: "nodes", Intents: []string{"node.list"}, Risk: actions.Read}, nil
	case strings.HasPrefix(text, "unschedule"):
		return job.Checked{Text: text, Intents: []string{"schedule.remove"}, Risk: actions.Reversible}, nil
	}
	return job.Checked{}, errors.New(by.Name + " said what nobody understands")
}

// fixture is a store of jobs on a fake.
type fixture struct {
	*job.Store
	disk *fake.Disk

	mu   sync.Mutex
	file []job.Job
}

func newFixture(t *testing.T, o fake.Options, file ...job.Job) *fixture {
	t.Helper()
	return onDisk(t, fake.New(), o, file...)
}

func onDisk(t *testing.T, disk *fake.Disk, o fake.Options, file ...job.Job) *fixture {
	t.Helper()
	f := &fixture{disk: disk, file: file}
	s, err := job.NewStore(job.Options{
		KV: disk.Open(o).Bucket(store.Inventory), File: f.ofFile, Check: check, Zone: func() string { return "Europe/Berlin" },
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Store = s
	return f
}

func (f *fixture) ofFile() []job.Job {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file
}

func (f *fixture) setFile(jobs ...job.Job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.file = jobs
}

func (f *fixture) verb(intent string) actions.Verb {
	for _, v := range f.Verbs() {
		if v.Intent == intent {
			return v
		}
	}
	return actions.Verb{}
}

func anna() actions.Actor { return actions.Actor{Kind: actions.Person, Name: "anna", As: "unix:anna"} }

func add(at, command, name string) actions.Request {
	r := actions.Request{Intent: "schedule.add", Actor: anna(), Slots: map[string][]string{"schedule": {at}, "command": {command}}}
	if name != "" {
		r.Slots["job"] = []string{name}
	}
	return r
}

func (f *fixture) plan(t *testing.T, r actions.Request) actions.Plan {
	t.Helper()
	p, err := f.verb(r.Intent).Plan(t.Context(), r, nil)
	if err != nil {
		t.Fatalf("plan %s %v: %v", r.Intent, r.Slots, err)
	}
	return p
}

// call is the only step of a plan, as a run carries it out.
func call(p actions.Plan, id string) run.Call {
	return run.Call{Run: id, Key: id + "/do/0", Args: p.Groups[0].Steps[0].Args, Request: p.Request}
}

// do carries a plan out, and loads.
func (f *fixture) do(t *testing.T, p actions.Plan, id string) error {
	t.Helper()
	_, err := f.Executors()[p.Groups[0].Steps[0].Kind].Do(t.Context(), call(p, id))
	if loaded := f.Load(t.Context()); loaded != nil {
		t.Fatal(loaded)
	}
	return err
}

func (f *fixture) undo(t *testing.T, p actions.Plan, id string) error {
	t.Helper()
	undoer, ok := f.Executors()[p.Groups[0].Steps[0].Kind].(run.Undoer)
	if !ok {
		t.Fatalf("%s cannot be undone", p.Groups[0].Steps[0].Kind)
	}
	_, err := undoer.Undo(t.Context(), call(p, id), run.Result{})
	if loaded := f.Load(t.Context()); loaded != nil {
		t.Fatal(loaded)
	}
	return err
}

func (f *fixture) names() string {
	var out []string
	for _, j := range f.Jobs() {
		out = append(out, j.Name+"("+j.Source+")")
	}
	return strings.Join(out, " ")
}
