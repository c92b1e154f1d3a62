package content_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/cache"
)

// TestFlushRoad is the program's main job: a real Varnish holds old content while the origin serves new.
func TestFlushRoad(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.age()
	p := r.plan("cache.flush", "node=edge-1")
	var kinds []string
	for _, s := range p.Groups[0].Steps {
		kinds = append(kinds, s.Kind)
		if s.NoUndo == "" {
			t.Errorf("step %q says not why it cannot be taken back", s.Say)
		}
	}
	if diff := cmp.Diff([]string{content.KindFlush, content.KindSettle, content.KindFlush, content.KindPrime, content.KindVerify}, kinds); diff != "" {
		t.Errorf("steps of a flush (-want +got):\n%s", diff)
	}
	s := r.mustDo("r-17", p)
	for _, o := range s.outcomes["edge-1"] {
		t.Log(o.Say)
	}
	contains(t, "first flush", s.outcomes["edge-1"][0].Say, "front: ban accepted, it held about 1", "8 objects looked at: 8 stale")
	contains(t, "proof", s.last("edge-1"), "removed about 1", " objects (varnishstat), verified fresh: 15 objects against the origin, 15 hit", "before: 8 objects looked at: 8 stale", "took ")
	if got := r.bans(0, "r-17/do/2/edge-1"); got != 1 {
		t.Errorf("bans of the second flush = %d, want 1", got)
	}
	var v content.Verified
	if err := json.Unmarshal(s.outcomes["edge-1"][4].Data, &v); err != nil {
		t.Fatal(err)
	}
	if c := v.Caches[0]; c.Verdict != cache.Fresh || c.Removed == nil || *c.Removed < newsObjects-5 || *c.Removed > newsObjects || v.Took <= 0 {
		t.Errorf("data of the proof = %+v, want fresh, about 15 removed and a duration", v)
	}
	contains(t, "progress", strings.Join(s.told, "\n"), "looking at what edge-1 serves now", "primed 15 of 15", "verified 15 of 15")
}

// TestFlushRepeated does every step twice under its key, as after a crash between the act and its record.
func TestFlushRepeated(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.age()
	p := r.plan("cache.flush", "node=edge-1")
	s := r.carryOut("r-18", p, 2)
	if err := s.errs["edge-1"]; err != nil {
		t.Fatal(err)
	}
	contains(t, "first flush", s.outcomes["edge-1"][0].Say, "earlier, not sent again")
	if strings.Contains(s.outcomes["edge-1"][0].Say, "before it") {
		t.Errorf("a repeated flush tells of a look that was made after it: %q", s.outcomes["edge-1"][0].Say)
	}
	contains(t, "second flush", s.outcomes["edge-1"][2].Say, "earlier, not sent again")
	for _, step := range []int{0, 2} {
		if got := r.bans(0, fmt.Sprintf("r-18/do/%d/edge-1", step)); got > 1 {
			t.Errorf("bans of step %d = %d after a repetition, want at most 1", step, got)
		}
	}
	contains(t, "proof", s.last("edge-1"), "number unknown", "verified fresh: 15 objects")
}

// TestFlushTwoCaches flushes both caches of one node, and names each.
func TestFlushTwoCaches(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	shield := front(r.edges[1])
	shield.Name, shield.StatsDir = "shield", ""
	r.world.nodes = []actions.Node{node("edge-1", front(r.edges[0]), shield)}
	r.age()
	p := r.plan("cache.flush", "node=edge-1")
	contains(t, "plan", strings.Join(p.Lines(), "\n"), "flush every cache", "varnish front at "+r.edges[0].URL+", varnish shield at "+r.edges[1].URL)
	s := r.mustDo("r-19", p)
	contains(t, "proof", s.last("edge-1"), "front: removed about 1", "objects (varnishstat), verified fresh", "shield: removed everything it held (number unknown)", "; took ")

	// one cache that fails is named, and does not keep the other from being flushed
	r.world.nodes[0].Caches[0].AdminAddress = "127.0.0.1:1"
	s = r.carryOut("r-20", p, 1)
	err := s.errs["edge-1"]
	if !actions.IsTemporary(err) || !strings.Contains(err.Error(), "edge-1/front: the Varnish CLI at 127.0.0.1:1 cannot be reached") {
		t.Errorf("flush with one dead cache = %v, want a temporary error about edge-1/front", err)
	}
	if got := r.bans(1, "r-20/do/0/edge-1"); got != 1 {
		t.Errorf("bans of the other cache = %d, want 1", got)
	}
}

// TestFlushWithoutDeployments says honestly that nothing can be verified.
func TestFlushWithoutDeployments(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.age()
	r.world.deployments = nil
	p := r.plan("cache.flush", "node=edge-1")
	if len(p.Groups[0].Steps) != 4 {
		t.Errorf("steps = %d, want 4: nothing to prime", len(p.Groups[0].Steps))
	}
	contains(t, "notes", strings.Join(p.Notes, "\n"), "serves no deployment", "verified will be: unknown, because no deployment says which URLs")
	s := r.mustDo("r-21", p)
	contains(t, "flush", s.outcomes["edge-1"][0].Say, "ban accepted, it held about 1")
	contains(t, "proof", s.last("edge-1"), "front: removed about 1", "verified: unknown, because no deployment on edge-1 says which URLs to look at; took ")
	r.world.deployments = []actions.Deployment{{Name: "other", Origin: r.origin.URL + "/sport/master.m3u8", Nodes: []string{"edge-9"}}}
	got, err := r.executor(content.KindVerify).Do(t.Context(), call("edge-1", content.VerifyArgs{Proof: true}))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, "verify", got.Say, "verified: unknown, because no deployment on edge-1 says which URLs to look at")
	got, err = r.executor(content.KindPrime).Do(t.Context(), call("edge-1", content.PrimeArgs{}))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, "prime", got.Say, "nothing to prime: edge-1 serves no deployment")
}

// TestFlushDeadOrigin leaves the old content to the viewers when there is nothing to replace it with.
func TestFlushDeadOrigin(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.age()
	p := r.plan("cache.flush", "node=edge-1")
	if err := r.origin.Stop(); err != nil {
		t.Fatal(err)
	}
	err := r.carryOut("r-22", p, 1).errs["edge-1"]
	if !actions.IsTemporary(err) || !strings.Contains(err.Error(), "flush edge-1 --by-hand shows how to do it all the same") {
		t.Errorf("flush with a dead origin = %v, want a temporary refusal", err)
	}
	if got := r.bans(0, "r-22"); got != 0 {
		t.Errorf("bans after the refusal = %d, want 0", got)
	}
}

// TestFlushStillStale fails the run when an old answer was stored after the second flush.
func TestFlushStillStale(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.age()
	_, err := r.executor(content.KindVerify).Do(t.Context(), call("edge-1", content.VerifyArgs{Proof: true}))
	if err == nil || actions.IsTemporary(err) {
		t.Fatalf("verify of old content = %v, want a permanent error", err)
	}
	contains(t, "verify of old content", err.Error(), "edge-1/front: still 15 of 15 objects stale", "edge has ETag", "settle (now 60ms)")
}

func TestFlushErrors(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	wrong := filepath.Join(t.TempDir(), "wrong.secret")
	if err := os.WriteFile(wrong, []byte("not the secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name      string
		change    func(*actions.Cache)
		want      []string
		is        error
		temporary bool
	}{
		{"wrong secret", func(c *actions.Cache) { c.AdminSecretFile = wrong },
			[]string{"edge-1/front: the Varnish CLI at ", " refused the secret in " + wrong + ": check admin.secret_file"}, cache.ErrWrongSecret, false},
		{"no such secret file", func(c *actions.Cache) { c.AdminSecretFile = "/nonexistent/secret" },
			[]string{"edge-1/front: ", "/nonexistent/secret", "check that the bot may read admin.secret_file"}, os.ErrNotExist, false},
		{"no secret configured", func(c *actions.Cache) { c.AdminSecretFile = "" },
			[]string{"refused the secret in none: check admin.secret_file"}, cache.ErrWrongSecret, false},
		{"nobody there", func(c *actions.Cache) { c.AdminAddress = "127.0.0.1:1" },
			[]string{"the Varnish CLI at 127.0.0.1:1 cannot be reached", "is varnishd running there?"}, nil, true},
		{"hangs", func(c *actions.Cache) { c.AdminAddress = hanging(t) }, []string{"did not answer in time"}, nil, true},
		{"resets", func(c *actions.Cache) { c.AdminAddress = resetting(t) }, []string{"edge-1/front: the Varnish CLI at "}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ca := front(r.edges[0])
			tt.change(&ca)
			w := &world{nodes: []actions.Node{node("edge-1", ca)}}
			c := newContent(t, content.Options{World: w, Open: shortOpen})
			_, err := c.Executors()[content.KindFlush].Do(t.Context(), call("edge-1", content.FlushArgs{Pass: 2}))
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || actions.IsTemporary(err) != tt.temporary {
				t.Fatalf("flush = %v (temporary %v), want %v, temporary %v", err, actions.IsTemporary(err), tt.is, tt.temporary)
			}
			contains(t, "flush", err.Error(), tt.want...)
		})
	}
}

func TestFlushPlanErrors(t *testing.T) {
	t.Parallel()
	noAdmin := actions.Cache{Name: "front", Kind: "varnish", URL: "http://127.0.0.1:1"}
	odd := actions.Cache{Name: "front", Kind: "nginx", URL: "http://127.0.0.1:1"}
	good := actions.Cache{Name: "front", Kind: "varnish", URL: "http://127.0.0.1:1", AdminAddress: "127.0.0.1:2"}
	w := &world{nodes: []actions.Node{node("edge-1", good), node("edge-2", noAdmin), node("edge-3", odd), node("mac-1")}}
	c := newContent(t, content.Options{World: w, Fanout: 1})
	tests := []struct {
		name  string
		words []string
		want  string
		is    error
	}{
		{"no node", nil, "flush which node?", nil},
		{"mistyped", []string{"node=egde-1"}, `no node is called "egde-1"; did you mean edge-1?`, actions.ErrUnknown},
		{"digits are not guessed", []string{"node=edge-9"}, "known: edge-1, edge-2, edge-3, mac-1", actions.ErrUnknown},
		{"no cache", []string{"node=mac-1"}, "mac-1: no cache there in the inventory", nil},
		{"cannot flush", []string{"node=edge-2"}, "edge-2/front: not supported by this cache: flush", cache.ErrUnsupported},
		{"foreign make", []string{"node=edge-3"}, `kind "nginx"`, cache.ErrUnsupported},
		{"too many", []string{"node=edge-1", "node=edge-2"}, "2 nodes are more than one plan may touch", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := verb(t, c, "cache.flush").Plan(t.Context(), request("cache.flush", tt.words...), w)
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) {
				t.Fatalf("Plan(%q) = %v, want %v", tt.words, err, tt.is)
			}
			contains(t, fmt.Sprintf("Plan(%q)", tt.words), err.Error(), tt.want)
		})
	}
}

// TestFlushPlan holds the plan's words and its hash: a world that changed is another plan.
func TestFlushPlan(t *testing.T) {
	t.Parallel()
	good := actions.Cache{Name: "front", Kind: "varnish", URL: "http://127.0.0.1:1", AdminAddress: "127.0.0.1:2"}
	w := &world{nodes: []actions.Node{node("edge-1", good), node("edge-2", good), node("mac-1")},
		deployments: []actions.Deployment{{Name: "news", Origin: "http://origin.example/news/master.m3u8", Nodes: []string{"edge-1", "edge-2"}}}}
	c := newContent(t, content.Options{World: w})
	plan := func() actions.Plan {
		p, err := verb(t, c, "cache.flush").Plan(t.Context(), request("cache.flush", "node=edge-1", "node=edge-2", "node=edge-1", "node=mac-1"), w)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := plan()
	want := []string{
		"on edge-1, edge-2, one after another:",
		"  look at what each node serves, then flush cache front",
		"  wait for fetches in flight: they store the old answer after a flush",
		"  flush cache front again",
		"  prime news",
		"  verify news: all hits, each as the origin has it",
		"note: edge-1: varnish front at http://127.0.0.1:1; serves news",
		"note: edge-2: varnish front at http://127.0.0.1:1; serves news",
		"note: left out, since they have no cache: mac-1",
		"note: a flush cannot be taken back: until the cache has refilled, viewers wait for the origin",
	}
	if diff := cmp.Diff(want, p.Lines()); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if p.Risk != actions.Destructive || p.Groups[0].Width != 1 || p.Groups[0].KeepGoing {
		t.Errorf("plan = risk %s, width %d, keep going %v; want destructive, one node after another, stopping at the first that fails",
			p.Risk, p.Groups[0].Width, p.Groups[0].KeepGoing)
	}
	if again := plan(); again.Hash() != p.Hash() {
		t.Error("the same world gave two plans")
	}
	w.nodes[1].Caches[0].AdminAddress = "127.0.0.1:3"
	if changed := plan(); changed.Hash() == p.Hash() {
		t.Error("another admin address gave the same plan")
	}
	w.deployments = append(w.deployments, actions.Deployment{Name: "sport", Origin: "http://origin.example/sport.m3u8", Nodes: []string{"edge-2"}})
	diff := p.Diff(plan())
	contains(t, "difference", strings.Join(diff, "\n"), "- note: edge-2: varnish front at http://127.0.0.1:1; serves news", "+ note: edge-2: varnish front at http://127.0.0.1:1; serves news, sport",
		"+ prime the deployments of each node")
}
