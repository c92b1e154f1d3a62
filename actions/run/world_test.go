package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// world is what steps change, and the ledger of their effects. It outlives processes.
type world struct {
	mu      sync.Mutex
	things  map[string]int // by Step.Key
	effects map[string]int // by idempotency key; more than one is a repeated effect
	calls   map[string]int // by idempotency key; more than one is normal
	live    map[string]int // steps at work, by Step.Key
	faults  []string       // what must never happen
	onCall  func(n int)
	n       int
}

func newWorld() *world {
	return &world{things: map[string]int{}, effects: map[string]int{}, calls: map[string]int{}, live: map[string]int{}}
}

// does are the arguments of a put step: how it behaves.
type does struct {
	Thing string        `json:"thing"`
	Fail  string        `json:"fail,omitempty"` // fails for good, on the node FailOn or everywhere
	On    string        `json:"on,omitempty"`
	Temp  int           `json:"temp,omitempty"` // so many tries fail temporarily first
	Lost  int           `json:"lost,omitempty"` // so many tries act, but their answer is lost
	Stop  string        `json:"stop,omitempty"`
	Wait  time.Duration `json:"wait,omitempty"`  // from Request.At on
	Long  time.Duration `json:"long,omitempty"`  // how long it takes, and it can be stopped
	Stuck string        `json:"stuck,omitempty"` // its undo fails with this
}

// put is the executor of the tests, of one process: it changes a thing of the world by one.
type put struct {
	w     *world
	alive func() bool
}

func (x put) Do(ctx context.Context, c run.Call) (run.Result, error) {
	var a does
	if err := json.Unmarshal(c.Args, &a); err != nil {
		return run.Result{}, err
	}
	a.Thing = actions.On(a.Thing, c.Node)
	n, done := x.w.begin(a.Thing, c.Key)
	defer done()
	if !pass(ctx, max(a.Long, 10*time.Millisecond)) {
		return run.Result{}, context.Cause(ctx)
	}
	if !x.alive() {
		return run.Result{}, errors.New("dead")
	}
	here := a.On == "" || a.On == c.Node
	switch {
	case here && a.Fail != "":
		return run.Result{}, errors.New(a.Fail)
	case here && a.Stop != "":
		return run.Result{}, actions.Stop{Why: a.Stop}
	case here && a.Wait > 0 && time.Now().Before(c.Request.At.Add(a.Wait)):
		return run.Result{}, actions.Wait{Until: c.Request.At.Add(a.Wait), Why: "for its time"}
	case here && n <= a.Temp:
		return run.Result{}, actions.Temporary{Err: errors.New("busy")}
	}
	x.w.apply(c.Key, a.Thing, 1)
	if here && n <= a.Lost {
		return run.Result{}, actions.Temporary{Err: errors.New("reply lost")}
	}
	return run.Result{Say: "put " + a.Thing, Data: actions.Encode(c.Key)}, nil
}

func (x put) Undo(ctx context.Context, c run.Call, done run.Result) (run.Result, error) {
	var a does
	if err := json.Unmarshal(c.Args, &a); err != nil {
		return run.Result{}, err
	}
	a.Thing = actions.On(a.Thing, c.Node)
	_, end := x.w.begin(a.Thing, c.Key)
	defer end()
	if !pass(ctx, 10*time.Millisecond) || !x.alive() {
		return run.Result{}, errors.New("dead")
	}
	if a.Stuck != "" {
		return run.Result{}, errors.New(a.Stuck)
	}
	if x.w.has(strings.Replace(c.Key, "/undo/", "/do/", 1)) {
		x.w.apply(c.Key, a.Thing, -1)
	}
	return run.Result{Say: "took " + a.Thing}, nil
}

func (x put) CanStop(c run.Call) bool {
	var a does
	_ = json.Unmarshal(c.Args, &a) // a bad one fails in Do
	return a.Long > 0
}

func (x put) Timeout(run.Call) time.Duration { return time.Hour }

func (x put) ByHand(_ context.Context, c run.Call) ([]string, error) {
	return []string{"put " + c.Node + " " + string(c.Args)}, nil
}

// final is put for steps that cannot be undone.
type final struct{ x put }

func (f final) Do(ctx context.Context, c run.Call) (run.Result, error) { return f.x.Do(ctx, c) }

func pass(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// begin notes a call and that no other step on the thing is at work.
func (w *world) begin(thing, key string) (try int, done func()) {
	w.mu.Lock()
	w.n++
	n, hook := w.n, w.onCall
	w.calls[key]++
	try = w.calls[key]
	w.live[thing]++
	if w.live[thing] > 1 {
		w.faults = append(w.faults, "two steps at once on "+thing)
	}
	w.mu.Unlock()
	if hook != nil {
		hook(n)
	}
	return try, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.live[thing]--
	}
}

// hook has f called at each call of an executor, with its number.
func (w *world) hook(f func(n int)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onCall = f
}

// apply has an effect, once per key.
func (w *world) apply(key, thing string, by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.effects[key] > 0 {
		return
	}
	w.effects[key]++
	w.things[thing] += by
}

func (w *world) called(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[key] > 0
}

func (w *world) has(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.effects[key] > 0
}

// state renders the things that are not zero.
func (w *world) state() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for k, n := range w.things {
		if n != 0 {
			out = append(out, fmt.Sprintf("%s=%d", k, n))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// process is one engine on a handle of its own.
type process struct {
	h    *fake.Handle
	e    *run.Engine
	stop context.CancelFunc
	end  chan error
}

// start serves the world's store with a process.
func (w *world) start(t testing.TB, disk *fake.Disk, owner string, inject func(fake.Op) fake.Fault, tune ...func(*run.Options)) *process {
	t.Helper()
	h := disk.Open(fake.Options{Inject: inject})
	x := put{w: w, alive: func() bool { return h.Ready() == nil }}
	o := run.Options{Store: h, Owner: owner, Executors: map[string]run.Executor{"put": x, "final": final{x}}}
	for _, f := range tune {
		f(&o)
	}
	e, err := run.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	p := &process{h: h, e: e, stop: stop, end: make(chan error, 1)}
	go func() { p.end <- e.Serve(ctx) }()
	return p
}

// close stops the process in order and waits for it.
func (p *process) close(t testing.TB) {
	t.Helper()
	p.stop()
	if err := <-p.end; err != nil && !errors.Is(err, store.ErrClosed) {
		t.Errorf("serve: %v", err)
	}
	if err := p.h.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// until follows a run until it is final or f is true of it.
func (p *process) until(t testing.TB, id string, f func(actions.Run) bool) actions.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	defer cancel()
	events, err := p.e.Follow(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for e := range events {
		if e.Progress == nil && f != nil && f(e.Run) {
			break
		}
	}
	r, err := p.e.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// steps returns n put steps on things of their own, changed by f.
func steps(n int, f func(i int, d *does)) []actions.Step {
	out := make([]actions.Step, n)
	for i := range out {
		d := does{Thing: fmt.Sprintf("t%d", i)}
		if f != nil {
			f(i, &d)
		}
		out[i] = actions.Step{Kind: "put", Key: d.Thing, Args: actions.Encode(d), Say: "put " + d.Thing}
	}
	return out
}

// plan returns a plan of the groups.
func plan(cause string, groups ...actions.Group) actions.Plan {
	return actions.Plan{Request: actions.Request{
		Cause: cause, Intent: "test.put", Text: "put it", Actor: actions.Actor{Kind: actions.Person, Name: "anna"}, At: time.Now(),
	}, Risk: actions.Reversible, Say: "put things", Groups: groups}
}

func nodes(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("edge-%d", i+1)
	}
	return out
}

// states renders the outcomes that count: "0:done 1@edge-1:failed". A step that failed is told so also when it was undone to be sure.
func states(r actions.Run) string {
	failed := map[string]bool{}
	name := func(o actions.Outcome) string {
		if o.Node == "" {
			return fmt.Sprint(o.Step)
		}
		return fmt.Sprintf("%d@%s", o.Step, o.Node)
	}
	for _, o := range r.Outcomes {
		failed[name(o)] = failed[name(o)] || o.State == actions.StepFailed
	}
	var out []string
	for _, o := range r.Latest() {
		if failed[name(o)] && o.State == actions.StepUndone {
			o.State = actions.StepFailed
		}
		out = append(out, name(o)+":"+string(o.State))
	}
	return strings.Join(out, " ")
}

func sorted(in []string) []string { return slices.Sorted(slices.Values(in)) }
