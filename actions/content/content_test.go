package content_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/cache"
)

// TestVerbs holds the verbs to the catalogue: names, risks, and exactly one of Plan and Answer.
func TestVerbs(t *testing.T) {
	t.Parallel()
	c := newContent(t, content.Options{World: &world{}})
	want := map[string]actions.Risk{"cache.stats": actions.Read, "cache.purge": actions.Disruptive, "cache.flush": actions.Destructive,
		"cache.prime": actions.Reversible, "cache.verify": actions.Read, "cache.loadtest": actions.Disruptive}
	got := map[string]actions.Risk{}
	for _, v := range c.Verbs() {
		got[v.Intent] = v.Risk
		if (v.Plan == nil) == (v.Answer == nil) || (v.Answer != nil) != (v.Risk == actions.Read) {
			t.Errorf("%s (%s) has plan %v, answer %v; want an answer if and only if it reads", v.Intent, v.Risk, v.Plan != nil, v.Answer != nil)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("risks (-want +got):\n%s", diff)
	}
	for kind, x := range c.Executors() {
		if _, ok := x.(run.Handbook); !ok {
			t.Errorf("executor of %s has no runbook", kind)
		}
	}
}

func TestNewErrors(t *testing.T) {
	t.Parallel()
	if _, err := content.New(content.Options{}); err == nil || !strings.Contains(err.Error(), "World is required") {
		t.Errorf("New without a world = %v, want it refused", err)
	}
}

// TestBadArguments: steps that a broken or foreign journal holds.
func TestBadArguments(t *testing.T) {
	t.Parallel()
	w := &world{nodes: []actions.Node{node("edge-1", actions.Cache{Name: "front", Kind: "varnish", URL: "http://127.0.0.1:1"}), node("mac-1")}}
	c := newContent(t, content.Options{World: w})
	for kind, x := range c.Executors() {
		if kind == content.KindSettle {
			continue
		}
		in := run.Call{Node: "edge-1", Key: "r-1/do/0/edge-1", Args: json.RawMessage(`{"pass":`)}
		if _, err := x.Do(t.Context(), in); err == nil || !strings.Contains(err.Error(), "arguments of "+kind) {
			t.Errorf("%s with broken arguments = %v, want an error that names them", kind, err)
		}
		if _, err := x.Do(t.Context(), run.Call{Node: "mac-1"}); err == nil || !strings.Contains(err.Error(), "mac-1: no cache there in the inventory any more") {
			t.Errorf("%s on a node without caches = %v, want an error that says so", kind, err)
		}
	}
}

// TestHealth asks a real Varnish, and one that stopped its worker.
func TestHealth(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	n := r.world.nodes[0]
	h, err := r.c.Health(t.Context(), n, n.Caches[0])
	if err != nil || !h.OK || !strings.HasPrefix(h.Version, "varnish-") {
		t.Errorf("Health = %+v, %v; want well, with a version", h, err)
	}
	if err := r.edges[0].StopChild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h, err = r.c.Health(t.Context(), n, n.Caches[0]); err != nil || h.OK || len(h.Problems) == 0 {
		t.Errorf("Health with a stopped worker = %+v, %v; want problems and no error", h, err)
	}
	_, err = r.executor(content.KindFlush).Do(t.Context(), call("edge-1", content.FlushArgs{Pass: 2}))
	if !actions.IsTemporary(err) {
		t.Errorf("flush with a stopped worker = %v, want a temporary error", err)
	}
}

// TestSecretIsReadAnew: a rotated secret needs no reload, and a secret of absurd size is refused.
func TestSecretIsReadAnew(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	right, err := os.ReadFile(r.edges[0].SecretFile)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "secret")
	r.world.nodes[0].Caches[0].AdminSecretFile = file
	flush := func() error {
		_, err := r.executor(content.KindFlush).Do(t.Context(), call("edge-1", content.FlushArgs{Pass: 2}))
		return err
	}
	write := func(b []byte) {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(make([]byte, 65<<10))
	if err := flush(); err == nil || !strings.Contains(err.Error(), "more than 65536 bytes") {
		t.Errorf("flush with an absurd secret file = %v, want it refused", err)
	}
	write(right)
	if err := flush(); err != nil {
		t.Errorf("flush after the secret was put right = %v", err)
	}
}

// TestPool: a cache that is configured otherwise gets a new driver, the old one is closed once nobody uses it, all are closed at the end.
func TestPool(t *testing.T) {
	t.Parallel()
	var opened []*driver
	open := func(n actions.Node, c actions.Cache) (cache.Driver, error) {
		d := &driver{caps: cache.CanStats, stats: make([]cache.Counters, 9)}
		opened = append(opened, d)
		return d.open(n, c)
	}
	w := &world{nodes: []actions.Node{node("edge-1", actions.Cache{Name: "front", URL: "http://127.0.0.1:1"})}}
	c, err := content.New(content.Options{World: w, Open: open})
	if err != nil {
		t.Fatal(err)
	}
	settle := func() error {
		_, err := c.Executors()[content.KindSettle].Do(t.Context(), run.Call{Node: "edge-1", Before: []actions.Outcome{{At: time.Time{}}}})
		return err
	}
	for range 3 {
		if err := settle(); err != nil {
			t.Fatal(err)
		}
	}
	w.nodes = []actions.Node{node("edge-1", actions.Cache{Name: "front", URL: "http://127.0.0.1:2"})}
	if err := settle(); err != nil {
		t.Fatal(err)
	}
	if len(opened) != 2 || opened[0].closed != 1 || opened[1].closed != 0 {
		t.Errorf("opened %d drivers, closed %v; want 2, the first closed", len(opened), opened)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}
	if opened[1].closed != 1 {
		t.Errorf("the second driver was closed %d times, want once", opened[1].closed)
	}
	if err := settle(); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a call after Close = %v, want an error", err)
	}
}

// broken is a world whose store does not answer.
type broken struct{ actions.World }

var errBroken = errors.New("store closed")

func (broken) Nodes(context.Context) ([]actions.Node, error)             { return nil, errBroken }
func (broken) Node(context.Context, string) (actions.Node, error)        { return actions.Node{}, errBroken }
func (broken) Deployments(context.Context) ([]actions.Deployment, error) { return nil, errBroken }

func TestBrokenWorld(t *testing.T) {
	t.Parallel()
	c := newContent(t, content.Options{World: broken{}})
	for _, v := range c.Verbs() {
		var err error
		r := request(v.Intent, "node=edge-1", "deployment=news")
		if v.Plan != nil {
			_, err = v.Plan(t.Context(), r, broken{})
		} else {
			_, err = v.Answer(t.Context(), r, broken{})
		}
		if !errors.Is(err, errBroken) {
			t.Errorf("%s = %v, want %v", v.Intent, err, errBroken)
		}
	}
	for kind, x := range c.Executors() {
		if _, err := x.Do(t.Context(), run.Call{Node: "edge-1"}); !errors.Is(err, errBroken) {
			t.Errorf("%s = %v, want %v", kind, err, errBroken)
		}
	}
}

// TestManyNodes plans for 1,000 nodes in one plan whose words stay few and whose size stays small.
func TestManyNodes(t *testing.T) {
	t.Parallel()
	w := &world{deployments: []actions.Deployment{{Name: "news", Origin: "http://origin.example/news/master.m3u8"}}}
	for i := range 1000 {
		w.nodes = append(w.nodes, node(fmt.Sprintf("edge-%d", i), actions.Cache{Name: "front", Kind: "varnish", URL: fmt.Sprintf("http://192.0.2.1:%d", i+1),
			AdminAddress: "192.0.2.1:6082"}))
	}
	c := newContent(t, content.Options{World: w})
	p, err := verb(t, c, "cache.purge").Plan(t.Context(), request("cache.purge", "url=/news/v0/seg1.ts"), w)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(actions.Encode(p)); n > 32<<10 || len(p.Lines()) > 12 {
		t.Errorf("plan of 1000 nodes = %d bytes, %d lines; want at most 32 KiB and 12 lines", n, len(p.Lines()))
	}
	contains(t, "notes", strings.Join(p.Notes, "\n"), "and 992 more nodes")
	w.nodes = append(w.nodes, node("edge-1000", w.nodes[0].Caches...))
	if _, err := verb(t, c, "cache.purge").Plan(t.Context(), request("cache.purge", "url=/news/v0/seg1.ts"), w); err == nil {
		t.Error("a plan of 1001 nodes was made, want it refused")
	}
}

// TestLongSteps: the steps that take long may be stopped half-way and say how long they may take; those that remove something may not be
// stopped, so that nobody is left guessing.
func TestLongSteps(t *testing.T) {
	t.Parallel()
	c := newContent(t, content.Options{World: &world{}})
	for kind, want := range map[string]bool{content.KindFlush: false, content.KindPurge: false, content.KindSettle: true, content.KindPrime: true,
		content.KindVerify: true, content.KindLoadtest: true} {
		s, ok := c.Executors()[kind].(run.Stoppable)
		if got := ok && s.CanStop(run.Call{}); got != want {
			t.Errorf("%s can be stopped half-way = %v, want %v", kind, got, want)
		}
	}
	for kind, args := range map[string]any{content.KindPrime: nil, content.KindLoadtest: content.LoadArgs{Duration: 10 * time.Minute}} {
		timed, ok := c.Executors()[kind].(run.Timed)
		if !ok || timed.Timeout(call("edge-1", args)) < 15*time.Minute {
			t.Errorf("%s: time limit of its own = %v, want at least 15 minutes", kind, ok)
		}
	}
}

// TestStoppedHalfWay ends a prime and a load test with their context, and their errors are the context's: no cache is blamed.
func TestStoppedHalfWay(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.origin.SetDelay(200 * time.Millisecond)
	for kind, args := range map[string]any{content.KindPrime: content.PrimeArgs{}, content.KindVerify: content.VerifyArgs{},
		content.KindLoadtest: content.LoadArgs{Deployment: "news", Duration: time.Minute, Rate: 10}} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			in := call("edge-1", args)
			in.Progress = func(string, int, int) { cancel() }
			if _, err := r.executor(kind).Do(ctx, in); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "edge-1/front") {
				t.Errorf("%s that was stopped = %v, want the end of its context", kind, err)
			}
		})
	}
}
