package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/node"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// joined is the inventory of the file and of the store, as the bot sees it.
type joined struct {
	world
	store *node.Store
	blind bool // the store's nodes are not seen
}

func (j joined) Nodes(ctx context.Context) ([]actions.Node, error) {
	all, err := j.world.Nodes(ctx)
	if j.blind {
		return all, err
	}
	return append(all[:len(all):len(all)], j.store.Nodes()...), err
}

func (j joined) Node(ctx context.Context, name string) (actions.Node, error) {
	all, err := j.Nodes(ctx)
	for _, n := range all {
		if n.Name == name {
			return n, err
		}
	}
	return actions.Node{}, errors.Join(err, fmt.Errorf("%w: %s", actions.ErrUnknown, name))
}

// home is a store of nodes beside the sample inventory, and the verbs on both.
type home struct {
	*node.Nodes
	store   *node.Store
	kv      store.KV
	world   joined
	changes atomic.Int32
	kept    []string // orphans that are kept
}

func newHome(t *testing.T, kv store.KV, edit ...func(*node.Options)) *home {
	t.Helper()
	h := &home{kept: []string{"edge-2"}, kv: kv}
	s, err := node.NewStore(node.StoreOptions{KV: kv, Changed: func(context.Context) { h.changes.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.store, h.world = s, joined{world: sample(), store: s}
	o := node.Options{Store: s, World: h.world,
		Forget: func(_ context.Context, name string) error { h.kept, h.world.nodes[1].Name = nil, "gone"; return nil },
		Recall: func(_ context.Context, n actions.Node) error {
			h.kept, h.world.nodes[1].Name = []string{n.Name}, n.Name
			return nil
		}}
	for _, e := range edit {
		e(&o)
	}
	h.Nodes = node.New(o)
	return h
}

func request(intent string, slots ...string) actions.Request {
	r := actions.Request{Intent: intent, Slots: map[string][]string{}, Actor: actions.Actor{Kind: actions.Person, Name: "anna"}}
	for _, s := range slots {
		name, value, _ := strings.Cut(s, "=")
		if name == "new-site" {
			r.Options = map[string]string{name: value}
			continue
		}
		r.Slots[name] = append(r.Slots[name], value)
	}
	return r
}

func (h *home) plan(t *testing.T, intent string, slots ...string) (actions.Plan, error) {
	t.Helper()
	for _, v := range h.Verbs() {
		if v.Intent == intent {
			return v.Plan(t.Context(), request(intent, slots...), h.world)
		}
	}
	t.Fatalf("no verb %s", intent)
	return actions.Plan{}, nil
}

// perform does the first step of a plan, with its proof.
func (h *home) perform(t *testing.T, id string, p actions.Plan) error {
	t.Helper()
	s := p.Groups[0].Steps[0]
	c := run.Call{Run: id, Key: id + "/do/0/", Args: s.Args, Request: p.Request}
	x := h.Executors()[s.Kind]
	done, err := x.Do(t.Context(), c)
	if err == nil {
		err = x.(run.Verifier).Verify(t.Context(), c, done)
	}
	return err
}

func (h *home) undo(t *testing.T, id string, p actions.Plan) (string, error) {
	t.Helper()
	s := p.Groups[0].Steps[0]
	r, err := h.Executors()[s.Kind].(run.Undoer).Undo(t.Context(), run.Call{Run: id, Key: id + "/undo/0/", Args: s.Args, Request: p.Request}, run.Result{})
	return r.Say, err
}

func (h *home) names() []string {
	var out []string
	for _, n := range h.store.Nodes() {
		out = append(out, n.Name)
	}
	return out
}

func bucket() store.KV { return fake.New().Open(fake.Options{}).Bucket(store.Inventory) }

// TestAddIsPlanned tells what would be added, and refuses names and addresses that would do harm.
func TestAddIsPlanned(t *testing.T) {
	t.Parallel()
	h := newHome(t, bucket())
	for _, tt := range []struct {
		slots []string
		want  string // the plan's line and notes, or the error's words
	}{
		{[]string{"node=edge-9", "address=192.0.2.19", "site=BERLIN", "platform=linux"}, "add node edge-9: berlin, linux, 192.0.2.19; caches on it are named in the configuration file"},
		{[]string{"node=mac-9", "address=mac-9.example.net", "new-site=porto"}, "add node mac-9: porto, linux, mac-9.example.net; site porto is new; its platform is taken to be linux; --platform darwin says otherwise; caches on it are named in the configuration file"},
		{[]string{"node=edge-9", "address=192.0.2.11", "platform=darwin"}, "add node edge-9: darwin, 192.0.2.11; edge-1 has the address 192.0.2.11, too; caches on it are named in the configuration file"},
		{[]string{"node=edge-1", "address=192.0.2.19"}, "there is a node edge-1 already, in the configuration file"},
		{[]string{"node=edge1", "address=192.0.2.19"}, "edge1 would be taken for edge-1"},
		{[]string{"node=edge-2", "address=192.0.2.19"}, "kept as an orphan"},
		{[]string{"node=edge!9", "address=192.0.2.19"}, "cannot be called"},
		{[]string{"node=" + strings.Repeat("a", 64), "address=192.0.2.19"}, "at most 63"},
		{[]string{"node=edge-9", "address=224.0.0.1"}, "the address of no machine"},
		{[]string{"node=edge-9", "address=a b"}, "which address?"},
		{[]string{"node=edge-9", "address=192.0.2.19", "site=berlim"}, "did you mean berlin?"},
		{[]string{"node=edge-9", "address=192.0.2.19", "new-site=Berlin"}, "site berlin is not new"},
		{[]string{"node=edge-9", "address=192.0.2.19", "new-site=b!"}, "a site cannot be called"},
		{[]string{"node=edge-9", "address=192.0.2.19", "new-site=porto", "site=berlin"}, "do not go together"},
	} {
		p, err := h.plan(t, "node.add", tt.slots...)
		got := strings.Join(append([]string{p.Say}, p.Notes...), "; ")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("node.add %q: %q, want %q", tt.slots, got, tt.want)
		}
	}
	if h.changes.Load() != 0 {
		t.Error("planning has changed something")
	}
}

// TestAddAndRemove: what was added is known at once and to every replica, is added once however often, and its own undo takes it out.
func TestAddAndRemove(t *testing.T) {
	t.Parallel()
	kv := bucket()
	h := newHome(t, kv)
	p, err := h.plan(t, "node.add", "node=edge-9", "address=192.0.2.19", "site=berlin")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // again after a crash
		if err := h.perform(t, "r-1", p); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"edge-9"}, h.names()); diff != "" || h.changes.Load() != 1 {
		t.Errorf("%d changes, nodes (-want +got):\n%s", h.changes.Load(), diff)
	}
	if other := newHome(t, kv); !cmp.Equal(other.store.Nodes(), h.store.Nodes()) {
		t.Errorf("another replica knows %v", other.store.Nodes())
	}
	if err := h.perform(t, "r-2", p); err == nil || !strings.Contains(err.Error(), "there is a node edge-9 already, added by anna") {
		t.Errorf("a second adding = %v", err)
	}
	if say, err := h.undo(t, "r-2", p); err == nil || !strings.Contains(err.Error(), "it stays") {
		t.Errorf("the undo of another run = %q, %v", say, err)
	}
	gone, err := h.plan(t, "node.remove", "node=edge-9")
	if err != nil || gone.Risk != actions.Destructive {
		t.Fatalf("plan of the removal: %v, risk %s", err, gone.Risk)
	}
	for range 2 {
		if err := h.perform(t, "r-3", gone); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.names()) != 0 {
		t.Errorf("left: %q", h.names())
	}
	if say, err := h.undo(t, "r-3", gone); err != nil || len(h.names()) != 1 {
		t.Errorf("undo of the removal = %q, %v, nodes %q", say, err, h.names())
	}
	for _, want := range []string{"took edge-9 out of the inventory", "edge-9 is gone already"} {
		if say, err := h.undo(t, "r-1", p); err != nil || say != want {
			t.Errorf("undo of the adding = %q, %v, want %q", say, err, want)
		}
	}
}

// TestRemoveRefuses names who still needs the node, and leaves what the file owns.
func TestRemoveRefuses(t *testing.T) {
	t.Parallel()
	h := newHome(t, bucket(), func(o *node.Options) {
		o.Users = []node.User{func(_ context.Context, name string) ([]string, error) {
			if name == "mac-1" {
				return []string{"job nightly: recheck mac-1"}, nil
			}
			return nil, nil
		}}
	})
	p, err := h.plan(t, "node.add", "node=edge-9", "address=192.0.2.19")
	if err != nil || h.perform(t, "r-1", p) != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"edge-1":  "edge-1 is still referred to by deployment news: change that first",
		"mac-1":   "mac-1 is still referred to by job nightly: recheck mac-1: change that first",
		"edge-99": "no node is called",
	} {
		if _, err := h.plan(t, "node.remove", "node="+name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("node.remove %s = %v, want %q", name, err, want)
		}
	}
	h.world.deployments = nil
	claimed := newHome(t, h.kv, func(o *node.Options) { o.File = func(name string) bool { return name == "edge-9" } })
	if _, err := claimed.plan(t, "node.remove", "node=edge-9"); err == nil || !strings.Contains(err.Error(), "is in the configuration file") {
		t.Errorf("of one that the file has taken over: %v", err)
	}
	if _, err := h.plan(t, "node.remove", "node=edge-1"); err == nil || !strings.Contains(err.Error(), "is in the configuration file, which alone decides") {
		t.Errorf("of the file: %v", err)
	}
	if _, err := newHome(t, bucket(), func(o *node.Options) { o.Store = nil }).plan(t, "node.add", "node=x"); err == nil || !strings.Contains(err.Error(), "inventory.nodes") {
		t.Errorf("without a store: %v", err)
	}
}

// TestForget: removing an orphan is the decision that it waits for, and can be taken back.
func TestForget(t *testing.T) {
	t.Parallel()
	h := newHome(t, bucket())
	p, err := h.plan(t, "node.remove", "node=edge-2")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.perform(t, "r-1", p); err != nil || len(h.kept) != 0 {
		t.Errorf("forget: %v, kept %q", err, h.kept)
	}
	if say, err := h.undo(t, "r-1", p); err != nil || len(h.kept) != 1 {
		t.Errorf("recall: %q, %v, kept %q", say, err, h.kept)
	}
}

// TestNotSeen: a node that the inventory does not show after it was added is not done yet.
func TestNotSeen(t *testing.T) {
	t.Parallel()
	h := newHome(t, bucket(), func(o *node.Options) {
		w := o.World.(joined)
		w.blind = true
		o.World = w
	})
	p, err := h.plan(t, "node.add", "node=edge-9", "address=192.0.2.19")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.perform(t, "r-1", p); !actions.IsTemporary(err) {
		t.Errorf("perform = %v, want a temporary error", err)
	}
}

// TestFollows: another replica's nodes arrive by themselves, and a spoilt one does not stop the others.
func TestFollows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kv := bucket()
		h, other := newHome(t, kv), newHome(t, kv)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- other.store.Run(ctx) }()
		synctest.Wait()
		p, err := h.plan(t, "node.add", "node=edge-9", "address=192.0.2.19")
		if err != nil || h.perform(t, "r-1", p) != nil {
			t.Fatal(err)
		}
		if _, err := kv.Create(ctx, "node.bad", []byte(`{"schema":9,"name":"bad"}`)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"edge-9"}, other.names()); diff != "" || other.changes.Load() != 1 {
			t.Errorf("%d changes, the other knows (-want +got):\n%s", other.changes.Load(), diff)
		}
		if _, err := h.undo(t, "r-1", p); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(other.names()) != 0 {
			t.Errorf("the other knows %q still", other.names())
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestUnknownOutcome: whatever the store loses, a step that is repeated ends with the node there, once.
func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.Unavailable, fake.ReplyLost} {
		synctest.Test(t, func(t *testing.T) {
			s := fake.New()
			n := 0
			faulty := s.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
				if n++; n%3 == 0 {
					return fault
				}
				return 0
			}})
			h := newHome(t, s.Open(fake.Options{}).Bucket(store.Inventory))
			p, err := h.plan(t, "node.add", "node=edge-9", "address=192.0.2.19")
			if err != nil {
				t.Fatal(err)
			}
			bad, err := node.NewStore(node.StoreOptions{KV: faulty.Bucket(store.Inventory)})
			if err != nil {
				t.Fatal(err)
			}
			x := node.New(node.Options{Store: bad}).Executors()[node.KindPut]
			for attempt := 1; ; attempt++ {
				_, err := x.Do(t.Context(), run.Call{Run: "r-1", Args: p.Groups[0].Steps[0].Args})
				if err == nil {
					break
				}
				if !actions.IsTemporary(err) || attempt > 9 {
					t.Fatalf("attempt %d: %v", attempt, err)
				}
				time.Sleep(time.Second)
			}
			if err := h.store.Load(t.Context()); err != nil || len(h.names()) != 1 {
				t.Errorf("%v, nodes %q", err, h.names())
			}
		})
	}
}
