package teach_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/actions/teach"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// classroom is a teacher on a fake store, whose lint refuses phrases with "drain" in them.
type classroom struct {
	*teach.Teacher
	kv      store.KV
	changed atomic.Int32
}

func newClassroom(t *testing.T, kv store.KV) *classroom {
	t.Helper()
	c := &classroom{kv: kv}
	lint := func(_ context.Context, all []teach.Taught) error {
		for _, p := range all {
			if strings.Contains(p.Text, "drain") {
				return errors.New("it would move \"drain edge-1\"")
			}
		}
		return nil
	}
	var err error
	c.Teacher, err = teach.New(teach.Options{KV: kv, Lint: lint, Changed: func(context.Context) { c.changed.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func bucket() store.KV { return fake.New().Open(fake.Options{}).Bucket(store.Inventory) }

func request(text, intent string) actions.Request {
	return actions.Request{
		Intent: teach.Intent, Slots: map[string][]string{"text": {text}, "intent": {intent}},
		Actor: actions.Actor{Kind: actions.Person, Name: "anna", As: "unix:anna"},
	}
}

func (c *classroom) plan(t *testing.T, r actions.Request) (actions.Plan, error) {
	t.Helper()
	return c.Verbs()[0].Plan(t.Context(), r, nil)
}

func call(p actions.Plan, id string) run.Call {
	return run.Call{Run: id, Key: id + "/do/0", Args: p.Groups[0].Steps[0].Args, Request: p.Request}
}

func (c *classroom) do(t *testing.T, p actions.Plan, id string) (run.Result, error) {
	t.Helper()
	return c.Executors()[teach.KindKeep].Do(t.Context(), call(p, id))
}

func (c *classroom) undo(t *testing.T, p actions.Plan, id string) (run.Result, error) {
	t.Helper()
	return c.Executors()[teach.KindKeep].(run.Undoer).Undo(t.Context(), call(p, id), run.Result{})
}

func (c *classroom) texts() []string {
	var out []string
	for _, p := range c.Taught() {
		out = append(out, p.Text+" = "+p.Intent)
	}
	return out
}

// TestTeachAndForget: a phrase is kept once, known at once, and gone after the undo.
func TestTeachAndForget(t *testing.T) {
	t.Parallel()
	c := newClassroom(t, bucket())
	p, err := c.plan(t, request("  kick   the cache of edge-1 ", "cache.flush"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Risk != actions.Reversible || p.StepCount() != 1 {
		t.Errorf("plan = %+v, want one reversible step", p)
	}
	for range 2 { // a repeat of the same step changes nothing
		if _, err := c.do(t, p, "r-1"); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"kick the cache of edge-1 = cache.flush"}, c.texts()); diff != "" {
		t.Errorf("taught (-want +got):\n%s", diff)
	}
	if c.changed.Load() == 0 {
		t.Error("nobody was told of the change")
	}
	if _, err := c.plan(t, request("Kick the CACHE of edge-1", "cache.prime")); err == nil || !strings.Contains(err.Error(), "means cache.flush already, taught by anna") {
		t.Errorf("the same phrase again: %v, want who taught it as what", err)
	}
	for range 2 {
		if _, err := c.undo(t, p, "r-1"); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.texts()) != 0 {
		t.Errorf("after the undo %v is taught, want nothing", c.texts())
	}
}

// TestRefusedPhrases: what cannot be taught is refused before anybody is asked to agree.
func TestRefusedPhrases(t *testing.T) {
	t.Parallel()
	c := newClassroom(t, bucket())
	rule := request("flush it all", "cache.flush")
	rule.Actor.Kind = actions.Rule
	for _, test := range []struct {
		name string
		r    actions.Request
		want string
	}{
		{"nothing", request("   ", "cache.flush"), "no phrase"},
		{"a novel", request(strings.Repeat("word ", 60), "cache.flush"), "at most 200 bytes"},
		{"lint", request("drain the sink", "cache.flush"), `it would move "drain edge-1"`},
		{"a rule", rule, "nothing is learned by itself"},
	} {
		if _, err := c.plan(t, test.r); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// TestTwoTeachAtOnce: between plan and step somebody else taught the same phrase; the second does not overwrite it, and its undo leaves it.
func TestTwoTeachAtOnce(t *testing.T) {
	t.Parallel()
	c := newClassroom(t, bucket())
	first, err := c.plan(t, request("kick edge-1", "cache.flush"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.plan(t, request("kick edge-1", "cache.prime"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.do(t, first, "r-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.do(t, second, "r-2"); err == nil || !strings.Contains(err.Error(), "means cache.flush already") {
		t.Errorf("the second = %v, want that it is taken", err)
	}
	if _, err := c.undo(t, second, "r-2"); err == nil || !strings.Contains(err.Error(), "taught anew") {
		t.Errorf("undo of the second = %v, want that the other's stays", err)
	}
	if diff := cmp.Diff([]string{"kick edge-1 = cache.flush"}, c.texts()); diff != "" {
		t.Errorf("taught (-want +got):\n%s", diff)
	}
}

// TestLintIsAskedAgainAtTheStep: the language may have changed between the plan and the yes of the second person.
func TestLintIsAskedAgainAtTheStep(t *testing.T) {
	t.Parallel()
	asked := 0
	kv := bucket()
	teacher, err := teach.New(teach.Options{KV: kv, Lint: func(context.Context, []teach.Taught) error {
		if asked++; asked > 1 {
			return errors.New("it is a command by now")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := &classroom{Teacher: teacher, kv: kv}
	p, err := c.plan(t, request("kick edge-1", "cache.flush"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.do(t, p, "r-1"); err == nil || !strings.Contains(err.Error(), "command by now") {
		t.Errorf("step = %v, want the lint of now", err)
	}
	if len(c.texts()) != 0 {
		t.Errorf("taught %v, want nothing", c.texts())
	}
}

// TestFollowers: what one replica is taught, the other knows; a garbled record is left out.
func TestFollowers(t *testing.T) {
	t.Parallel()
	disk := fake.New()
	a := newClassroom(t, disk.Open(fake.Options{}).Bucket(store.Inventory))
	b := newClassroom(t, disk.Open(fake.Options{}).Bucket(store.Inventory))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	if _, err := a.kv.Create(ctx, "taught.garbled", []byte("{")); err != nil {
		t.Fatal(err)
	}
	p, err := a.plan(t, request("kick edge-1", "cache.flush"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.do(t, p, "r-1"); err != nil {
		t.Fatal(err)
	}
	until(t, "the other knows it", func() bool { return len(b.Taught()) == 1 && b.changed.Load() > 0 })
	if _, err := a.undo(t, p, "r-1"); err != nil {
		t.Fatal(err)
	}
	until(t, "the other has forgotten it", func() bool { return len(b.Taught()) == 0 })
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v, want nil at the end of its context", err)
	}
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

// TestCrashes: whatever the store loses or repeats, the phrase is there once, or not at all and said so.
func TestCrashes(t *testing.T) {
	t.Parallel()
	for n := range 12 {
		for _, fault := range []fake.Fault{fake.Unavailable, fake.ReplyLost} {
			t.Run(fmt.Sprintf("%d %v", n, fault), func(t *testing.T) {
				t.Parallel()
				disk, ops := fake.New(), 0
				faulty := disk.Open(fake.Options{Inject: func(fake.Op) fake.Fault {
					if ops++; ops == n+1 {
						return fault
					}
					return fake.None
				}})
				c := newClassroom(t, faulty.Bucket(store.Inventory))
				p, err := c.plan(t, request("kick edge-1", "cache.flush"))
				if err != nil {
					t.Fatal(err)
				}
				for try := 0; ; try++ {
					if _, err = c.do(t, p, "r-1"); err == nil || !actions.IsTemporary(err) || try > 3 {
						break
					}
				}
				if err != nil {
					t.Fatalf("step: %v, want that a repeat succeeds", err)
				}
				if got := c.texts(); len(got) != 1 {
					t.Errorf("taught %v, want the phrase once", got)
				}
			})
		}
	}
}
