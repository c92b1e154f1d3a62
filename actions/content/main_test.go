package content_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/internal/lab"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an inventory that a test changes as it likes.
type world struct {
	mu          sync.Mutex
	nodes       []actions.Node
	deployments []actions.Deployment
}

func (w *world) Nodes(context.Context) ([]actions.Node, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.nodes), nil
}

func (w *world) Node(_ context.Context, name string) (actions.Node, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.nodes {
		if n.Name == name {
			return n, nil
		}
	}
	return actions.Node{}, fmt.Errorf("%w: %s", actions.ErrUnknown, name)
}

func (w *world) Deployments(context.Context) ([]actions.Deployment, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.deployments), nil
}

func (w *world) Deployment(_ context.Context, name string) (actions.Deployment, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.deployments {
		if d.Name == name {
			return d, nil
		}
	}
	return actions.Deployment{}, fmt.Errorf("%w: %s", actions.ErrUnknown, name)
}

// rig is an origin with the channel news (15 objects), real Varnishes in front of it, and the verbs over them.
type rig struct {
	t      testing.TB
	origin *lab.Origin
	edges  []*lab.Varnish
	world  *world
	c      *content.Content
}

// newsObjects is 1 master, 2 variants of 6 segments and their playlists.
const newsObjects = 15

const settle = 60 * time.Millisecond

func newRig(t testing.TB, edges int) *rig {
	t.Helper()
	r := &rig{t: t, world: &world{}}
	r.origin = lab.NewOrigin(t, lab.OriginOptions{Channels: []lab.Channel{{Name: "news", Variants: 2}, {Name: "sport"}}, PlaylistAge: time.Hour})
	var wg sync.WaitGroup
	r.edges = make([]*lab.Varnish, edges)
	for i := range edges {
		wg.Go(func() { r.edges[i] = lab.NewVarnish(t, lab.VarnishOptions{Origin: r.origin.Address}) })
	}
	wg.Wait()
	for i, e := range r.edges {
		if e == nil {
			t.FailNow()
		}
		r.world.nodes = append(r.world.nodes, node(fmt.Sprintf("edge-%d", i+1), front(e)))
	}
	r.world.deployments = []actions.Deployment{{Name: "news", Origin: r.origin.URL + "/news/master.m3u8"}}
	r.c = newContent(t, content.Options{World: r.world})
	return r
}

func newContent(t testing.TB, o content.Options) *content.Content {
	t.Helper()
	c, err := content.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return c
}

func node(name string, caches ...actions.Cache) actions.Node {
	return actions.Node{Name: name, Address: "127.0.0.1", Site: "berlin", Platform: "linux", Caches: caches}
}

func front(e *lab.Varnish) actions.Cache {
	return actions.Cache{Name: "front", Kind: "varnish", URL: e.URL, AdminAddress: e.AdminAddress, AdminSecretFile: e.SecretFile,
		StatsDir: e.StatsDir, Settle: settle}
}

// verb returns what stands behind an intent.
func verb(t testing.TB, c *content.Content, intent string) actions.Verb {
	t.Helper()
	for _, v := range c.Verbs() {
		if v.Intent == intent {
			return v
		}
	}
	t.Fatalf("no verb stands behind %s", intent)
	return actions.Verb{}
}

// request makes a request from "slot=value" words; a slot named again gets one more value. "+soft" is an option.
func request(intent string, words ...string) actions.Request {
	r := actions.Request{Intent: intent, Cause: "test", Slots: map[string][]string{}, Options: map[string]string{}}
	for _, w := range words {
		if option, ok := strings.CutPrefix(w, "+"); ok {
			r.Options[option] = "true"
			continue
		}
		slot, value, _ := strings.Cut(w, "=")
		r.Slots[slot] = append(r.Slots[slot], value)
	}
	return r
}

func (r *rig) plan(intent string, words ...string) actions.Plan {
	r.t.Helper()
	p, err := verb(r.t, r.c, intent).Plan(r.t.Context(), request(intent, words...), r.world)
	if err != nil {
		r.t.Fatalf("Plan(%s %q) = %v", intent, words, err)
	}
	return p
}

func (r *rig) answer(intent string, words ...string) actions.Answer {
	r.t.Helper()
	a, err := verb(r.t, r.c, intent).Answer(r.t.Context(), request(intent, words...), r.world)
	if err != nil {
		r.t.Fatalf("Answer(%s %q) = %v", intent, words, err)
	}
	return a
}

// story is what became of a plan, node by node.
type story struct {
	outcomes map[string][]actions.Outcome
	errs     map[string]error
	told     []string // progress
}

// last is what the last step on a node said.
func (s *story) last(node string) string {
	if o := s.outcomes[node]; len(o) > 0 {
		return o[len(o)-1].Say
	}
	return ""
}

// carryOut does a plan as the engine would: the steps of a node in order, each done times times under the same key, as after a crash
// between acting and writing it down.
func (r *rig) carryOut(runID string, p actions.Plan, times int) *story {
	r.t.Helper()
	s := &story{outcomes: map[string][]actions.Outcome{}, errs: map[string]error{}}
	first := 0
	for _, g := range p.Groups {
		for _, n := range g.Nodes {
			for i, step := range g.Steps {
				if s.errs[n] == nil {
					r.step(s, runID, first+i, n, step, times)
				}
			}
		}
		first += len(g.Steps)
	}
	return s
}

func (r *rig) step(s *story, runID string, index int, node string, step actions.Step, times int) {
	r.t.Helper()
	var mu sync.Mutex
	call := run.Call{Run: runID, Step: index, Node: node, Key: fmt.Sprintf("%s/do/%d/%s", runID, index, node), Attempt: 1, Args: step.Args,
		Before: s.outcomes[node], Progress: func(say string, _, _ int) {
			mu.Lock()
			defer mu.Unlock()
			s.told = append(s.told, say)
		}}
	for range times {
		got, err := r.executor(step.Kind).Do(r.t.Context(), call)
		if err != nil {
			s.errs[node] = err
			return
		}
		if times > 1 && call.Attempt == 1 {
			call.Attempt = 2
			continue
		}
		s.outcomes[node] = append(s.outcomes[node], actions.Outcome{Step: index, Node: node, State: actions.StepDone, Say: got.Say, Data: got.Data, At: time.Now()})
	}
}

func (r *rig) executor(kind string) run.Executor {
	r.t.Helper()
	x, ok := r.c.Executors()[kind]
	if !ok {
		r.t.Fatalf("no executor of kind %s", kind)
	}
	return x
}

// mustDo does a plan and fails the test when a node fails.
func (r *rig) mustDo(runID string, p actions.Plan) *story {
	r.t.Helper()
	s := r.carryOut(runID, p, 1)
	for n, err := range s.errs {
		r.t.Fatalf("%s on %s: %v", p.Say, n, err)
	}
	return s
}

// age fills every cache with news and then makes the origin's content new: all that the caches hold is old.
func (r *rig) age() {
	r.t.Helper()
	r.mustDo("r-0", r.plan("cache.prime", "deployment=news"))
	r.origin.SetGeneration(1)
}

// bans counts the bans in a server's list that bear the mark.
func (r *rig) bans(edge int, mark string) int {
	r.t.Helper()
	out, err := r.edges[edge].Admin(r.t.Context(), "ban.list")
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.Count(out, mark)
}

func contains(t testing.TB, what, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%s: got %q, want %q in it", what, got, w)
		}
	}
}
