package job_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

func removal(name string) actions.Request {
	return actions.Request{Intent: "schedule.remove", Actor: anna(), Slots: map[string][]string{"job": {name}}}
}

func TestAddAndRemoveAndTakeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, fake.Options{}, job.Job{Name: "night", At: "0 4 * * *"})
		p := f.plan(t, add("@every 1h", "nodes", "look"))
		time.Sleep(90 * time.Minute) // it waits for a yes
		for range 2 {                // the second time after a crash
			if err := f.do(t, p, "r-1"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		j, ok := f.Find("look")
		if got := f.names(); got != "look(chat) night(file)" || !ok || j.Since.Unix() != 946684800+5400 {
			t.Errorf("jobs = %s, look since %v; want both, since the first try", got, j.Since)
		}
		if err := f.do(t, p, "r-2"); err == nil || !strings.Contains(err.Error(), "there is a job look already") {
			t.Errorf("another run of the same plan: %v, want that there is one", err)
		}
		if err := f.undo(t, p, "r-2"); err == nil || !strings.Contains(err.Error(), "another one now") {
			t.Errorf("undo of the run that made nothing: %v, want that it is another's", err)
		}
		out := f.plan(t, removal("look"))
		for range 2 {
			if err := f.do(t, out, "r-3"); err != nil {
				t.Fatal(err)
			}
		}
		if got := f.names(); got != "night(file)" {
			t.Errorf("after the removal: %s", got)
		}
		for range 2 {
			if err := f.undo(t, out, "r-3"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		back, _ := f.Find("look")
		want := j
		want.Since = time.Unix(946684800+5400+120, 0).UTC()
		if diff := cmp.Diff(want, back); diff != "" {
			t.Errorf("after taking the removal back (-want +got):\n%s", diff)
		}
		for range 2 {
			if err := f.undo(t, p, "r-1"); err != nil {
				t.Fatal(err)
			}
		}
		if got := f.names(); got != "night(file)" {
			t.Errorf("after taking all back: %s", got)
		}
	})
}

func TestWhatOthersChangedStays(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fake.Options{})
	first := f.plan(t, add("@every 1h", "nodes", "look"))
	if err := f.do(t, first, "r-1"); err != nil {
		t.Fatal(err)
	}
	out := f.plan(t, removal("look"))
	if err := f.do(t, out, "r-2"); err != nil {
		t.Fatal(err)
	}
	if err := f.do(t, f.plan(t, add("@every 2h", "nodes", "look")), "r-3"); err != nil {
		t.Fatal(err)
	}
	if err := f.do(t, out, "r-4"); err == nil || !strings.Contains(err.Error(), "another one now") {
		t.Errorf("removal that was planned for the first job: %v", err)
	}
	if err := f.undo(t, out, "r-2"); err == nil || !strings.Contains(err.Error(), "@every 2h") {
		t.Errorf("undo of the first removal: %v, want that there is another job", err)
	}
	if err := f.undo(t, first, "r-1"); err == nil || !strings.Contains(err.Error(), "it stays") {
		t.Errorf("undo of the first job: %v, want that another stays", err)
	}
	f.setFile(job.Job{Name: "new", At: "0 4 * * *"})
	p := call(f.plan(t, add("@every 1h", "nodes", "other")), "r-5")
	p.Args = []byte(strings.Replace(string(p.Args), `"other"`, `"new"`, 1))
	if _, err := f.Executors()[job.KindPut].Do(t.Context(), p); err == nil || !strings.Contains(err.Error(), "configuration file has a job new now") {
		t.Errorf("a name that the file has taken meanwhile: %v", err)
	}
	p.Args = []byte(`{"name":"../x"}`)
	for kind, x := range f.Executors() {
		if _, err := x.Do(t.Context(), p); err == nil {
			t.Errorf("%s took the arguments %s", kind, p.Args)
		}
	}
}

// TestFaultsAtEveryCall breaks every call of the store while a job is added, removed and taken back, each step tried until it is done.
func TestFaultsAtEveryCall(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable} {
		for n := 1; n <= 40; n++ {
			disk, count := fake.New(), 0
			inject := func(fake.Op) fake.Fault {
				if count++; count == n {
					return fault
				}
				return fake.None
			}
			f := onDisk(t, disk, fake.Options{Inject: inject})
			steady := onDisk(t, disk, fake.Options{})
			p := steady.plan(t, add("@every 1h", "nodes", "look"))
			again := func(what string, try func(*fixture) error) {
				t.Helper()
				for range 3 {
					err := try(f)
					if err == nil {
						return
					}
					if f.Load(t.Context()) != nil { // crashed: another process carries on
						f = steady
					} else if !actions.IsTemporary(err) {
						t.Fatalf("%v at call %d: %s: %v", fault, n, what, err)
					}
				}
				t.Fatalf("%v at call %d: %s is not done", fault, n, what)
			}
			exec := func(p actions.Plan, id string) func(*fixture) error {
				return func(f *fixture) error {
					_, err := f.Executors()[p.Groups[0].Steps[0].Kind].Do(t.Context(), call(p, id))
					return err
				}
			}
			has := func(want string) {
				t.Helper()
				if err := steady.Load(t.Context()); err != nil || steady.names() != want {
					t.Fatalf("%v at call %d: jobs %q, %v; want %q", fault, n, steady.names(), err, want)
				}
			}
			again("add", exec(p, "r-1"))
			has("look(chat)")
			out := steady.plan(t, removal("look"))
			again("remove", exec(out, "r-2"))
			has("")
			again("take back", func(f *fixture) error {
				u, ok := f.Executors()[job.KindRemove].(run.Undoer)
				if !ok {
					t.Fatal("job.remove cannot be undone")
				}
				_, err := u.Undo(t.Context(), call(out, "r-2"), run.Result{})
				return err
			})
			has("look(chat)")
		}
	}
}

func TestRunFollowsTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		f, other := onDisk(t, disk, fake.Options{}), onDisk(t, disk, fake.Options{})
		kv := disk.Open(fake.Options{}).Bucket(store.Inventory)
		for key, value := range map[string]string{"job.spoilt": "{", "job.liar": `{"name":"x"}`, "node.edge-1": "{}"} {
			if _, err := kv.Create(t.Context(), key, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
		if err := other.do(t, other.plan(t, add("@every 1h", "nodes", "before")), "r-1"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		has := func(want string) {
			t.Helper()
			<-f.Changed()
			synctest.Wait()
			if got := f.names(); got != want {
				t.Errorf("jobs = %q, want %q", got, want)
			}
		}
		has("before(chat)")
		if err := other.do(t, other.plan(t, add("@every 1h", "nodes", "after")), "r-2"); err != nil {
			t.Fatal(err)
		}
		has("after(chat) before(chat)")
		if err := other.do(t, other.plan(t, removal("before")), "r-3"); err != nil {
			t.Fatal(err)
		}
		has("after(chat)")
		f.setFile(job.Job{Name: "after", At: "0 4 * * *"}, job.Job{Name: "mine", At: "0 4 * * *"})
		f.Reload()
		has("after(file) mine(file)")
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func TestRunComesBackAfterAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		began := time.Now()
		f := onDisk(t, disk, fake.Options{Inject: func(fake.Op) fake.Fault {
			if time.Since(began) < 10*time.Second {
				return fake.Unavailable
			}
			return fake.None
		}})
		other := onDisk(t, disk, fake.Options{})
		if err := other.do(t, other.plan(t, add("@every 1h", "nodes", "look")), "r-1"); err != nil {
			t.Fatal(err)
		}
		if err := f.Load(t.Context()); err == nil {
			t.Error("Load without a store gave no error")
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		<-f.Changed()
		if got := f.names(); got != "look(chat)" {
			t.Errorf("jobs = %q, want look", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func TestNewStoreNeedsItsOptions(t *testing.T) {
	t.Parallel()
	if _, err := job.NewStore(job.Options{}); err == nil {
		t.Error("a store without options was made")
	}
}
