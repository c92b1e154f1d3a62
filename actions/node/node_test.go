package node_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/node"
	"github.com/shitops/opsbot/cache"
)

// world is a fixed inventory.
type world struct {
	nodes       []actions.Node
	deployments []actions.Deployment
	err         error
}

func (w world) Nodes(context.Context) ([]actions.Node, error) { return w.nodes, w.err }
func (w world) Deployments(context.Context) ([]actions.Deployment, error) {
	return w.deployments, w.err
}

func (w world) Node(_ context.Context, name string) (actions.Node, error) {
	i := slices.IndexFunc(w.nodes, func(n actions.Node) bool { return n.Name == name })
	if i < 0 || w.err != nil {
		return actions.Node{}, errors.Join(w.err, fmt.Errorf("%w: %s", actions.ErrUnknown, name))
	}
	return w.nodes[i], nil
}

func (w world) Deployment(_ context.Context, name string) (actions.Deployment, error) {
	return actions.Deployment{}, fmt.Errorf("%w: %s", actions.ErrUnknown, name)
}

func sample() world {
	front := actions.Cache{Name: "front", Kind: "varnish", URL: "http://192.0.2.11:6081", AdminAddress: "192.0.2.11:6082"}
	back := actions.Cache{Name: "back", Kind: "varnish", URL: "http://192.0.2.11:6091"}
	return world{
		nodes: []actions.Node{
			{Name: "edge-1", Address: "192.0.2.11", Site: "berlin", Platform: "linux", Labels: map[string]string{"tier": "gold", "rack": "7"}, Caches: []actions.Cache{front, back}},
			{Name: "edge-2", Address: "192.0.2.12", Site: "hamburg", Platform: "linux", Caches: []actions.Cache{front}, Orphaned: true},
			{Name: "mac-1", Platform: "darwin"},
		},
		deployments: []actions.Deployment{{Name: "news", Nodes: []string{"edge-1"}}, {Name: "sport"}},
	}
}

func answer(t *testing.T, o node.Options, w actions.World, intent string, slots map[string][]string) (actions.Answer, error) {
	t.Helper()
	for _, v := range node.New(o).Verbs() {
		if v.Intent == intent {
			return v.Answer(t.Context(), actions.Request{Intent: intent, Slots: slots}, w)
		}
	}
	t.Fatalf("no verb stands behind %s", intent)
	return actions.Answer{}, nil
}

func TestVerbs(t *testing.T) {
	t.Parallel()
	var got []string
	for _, v := range node.New(node.Options{}).Verbs() {
		got = append(got, v.Intent)
		reads, answers := v.Intent == "node.list" || v.Intent == "node.show", v.Intent == "node.enrol"
		if answers = answers || reads; (v.Risk == actions.Read) != reads || (v.Answer != nil) != answers || (v.Plan != nil) == answers {
			t.Errorf("%s = risk %s, plan %v, answer %v", v.Intent, v.Risk, v.Plan != nil, v.Answer != nil)
		}
	}
	if diff := cmp.Diff([]string{"node.list", "node.show", "node.enrol", "node.add", "node.remove", "node.drain", "node.undrain"}, got); diff != "" {
		t.Errorf("verbs (-want +got):\n%s", diff)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	edge1 := "edge-1 | 192.0.2.11 | berlin | linux | front, back | news, sport"
	edge2 := "edge-2 (orphaned) | 192.0.2.12 | hamburg | linux | front | sport"
	mac1 := "mac-1 | - | - | darwin | - | -"
	tests := []struct {
		name  string
		slots map[string][]string
		title string
		rows  []string
	}{
		{"all", nil, "3 nodes", []string{edge1, edge2, mac1}},
		{"a site", map[string][]string{"site": {"berlin"}}, "1 of 3 nodes: site berlin", []string{edge1}},
		{"case does not count", map[string][]string{"site": {"Hamburg"}}, "1 of 3 nodes: site Hamburg", []string{edge2}},
		{"a platform", map[string][]string{"platform": {"darwin"}}, "1 of 3 nodes: platform darwin", []string{mac1}},
		{"both", map[string][]string{"site": {"hamburg"}, "platform": {"linux"}}, "1 of 3 nodes: site hamburg, platform linux", []string{edge2}},
		{"none", map[string][]string{"site": {"hamburg"}, "platform": {"darwin"}}, "0 of 3 nodes: site hamburg, platform darwin", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := answer(t, node.Options{}, sample(), "node.list", tt.slots)
			if err != nil || a.Title != tt.title {
				t.Fatalf("node.list %v = %q, %v; want %q", tt.slots, a.Title, err, tt.title)
			}
			var rows []string
			if a.Table != nil {
				for _, r := range a.Table.Rows {
					rows = append(rows, strings.Join(r, " | "))
				}
			}
			if diff := cmp.Diff(tt.rows, rows); diff != "" {
				t.Errorf("node.list %v (-want +got):\n%s", tt.slots, diff)
			}
			if got := a.Data.([]node.Listed); len(got) != len(tt.rows) {
				t.Errorf("node.list %v: data of %d nodes, want %d", tt.slots, len(got), len(tt.rows))
			}
		})
	}
}

func TestListEmpty(t *testing.T) {
	t.Parallel()
	a, err := answer(t, node.Options{}, world{}, "node.list", nil)
	if err != nil || a.Title != "the inventory has no nodes" || a.Hint == "" || a.Table != nil {
		t.Errorf("node.list of nothing = %+v, %v; want a title and what to do", a, err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	down := errors.New("store closed")
	tests := []struct {
		name   string
		intent string
		slots  map[string][]string
		world  world
		want   string
		is     error
	}{
		{"unknown site", "node.list", map[string][]string{"site": {"berln"}}, sample(), `no site is called "berln"; did you mean berlin?`, actions.ErrUnknown},
		{"unknown platform", "node.list", map[string][]string{"platform": {"windows"}}, sample(), "known: darwin, linux", actions.ErrUnknown},
		{"world down", "node.list", nil, world{err: down}, "store closed", down},
		{"no node", "node.show", nil, sample(), "node.show wants one node, got 0", nil},
		{"two nodes", "node.show", map[string][]string{"node": {"edge-1", "edge-2"}}, sample(), "got 2; for several say: list nodes", nil},
		{"mistyped", "node.show", map[string][]string{"node": {"egde-2"}}, sample(), `no node is called "egde-2"; did you mean edge-2?`, actions.ErrUnknown},
		{"digits are not guessed", "node.show", map[string][]string{"node": {"edge-9"}}, sample(), "known: edge-1, edge-2, mac-1", actions.ErrUnknown},
		{"world down", "node.show", map[string][]string{"node": {"edge-1"}}, world{err: down}, "store closed", down},
	}
	for _, tt := range tests {
		t.Run(tt.intent+" "+tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := answer(t, node.Options{}, tt.world, tt.intent, tt.slots)
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%s %v = %v, want %q", tt.intent, tt.slots, err, tt.want)
			}
		})
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	well := func(context.Context, actions.Node, actions.Cache) (cache.Health, error) {
		return cache.Health{OK: true, Version: "varnish-7.1.1"}, nil
	}
	tests := []struct {
		name   string
		node   string
		health func(context.Context, actions.Node, actions.Cache) (cache.Health, error)
		title  string
		lines  []string
		states []string
		bad    bool
	}{
		{"well", "edge-1", well, "edge-1 is well: berlin, linux, 192.0.2.11", []string{"labels: rack=7, tier=gold", "serves: news, sport"},
			[]string{"well, varnish-7.1.1", "well, varnish-7.1.1"}, false},
		{"nobody asked", "edge-1", nil, "edge-1: berlin, linux, 192.0.2.11", []string{"labels: rack=7, tier=gold", "serves: news, sport"},
			[]string{"not asked", "not asked"}, false},
		{"one is down", "edge-1", func(_ context.Context, _ actions.Node, c actions.Cache) (cache.Health, error) {
			if c.Name == "back" {
				return cache.Health{Problems: []string{"the worker process is stopped", "viewers' port: refused"}}, nil
			}
			return cache.Health{OK: true}, nil
		}, "edge-1 is not well: berlin, linux, 192.0.2.11", []string{"labels: rack=7, tier=gold", "serves: news, sport"},
			[]string{"well", "the worker process is stopped; viewers' port: refused"}, true},
		{"an error", "edge-2", func(context.Context, actions.Node, actions.Cache) (cache.Health, error) {
			return cache.Health{}, errors.New("edge-2/front: refused the secret")
		}, "edge-2 is not well: hamburg, linux, 192.0.2.12", []string{"orphaned: it vanished from the configuration file and is kept until a person decides", "serves: sport"},
			[]string{"edge-2/front: refused the secret"}, true},
		{"says not why", "edge-2", func(context.Context, actions.Node, actions.Cache) (cache.Health, error) { return cache.Health{}, nil },
			"edge-2 is not well: hamburg, linux, 192.0.2.12", []string{"orphaned: it vanished from the configuration file and is kept until a person decides", "serves: sport"},
			[]string{"not well, and it does not say why"}, true},
		{"no caches", "mac-1", well, "mac-1: darwin", []string{"serves: no deployment", "caches: none"}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := answer(t, node.Options{Health: tt.health}, sample(), "node.show", map[string][]string{"node": {tt.node}})
			if err != nil || a.Title != tt.title || a.Bad != tt.bad {
				t.Fatalf("node.show %s = %q (bad %v), %v; want %q (bad %v)", tt.node, a.Title, a.Bad, err, tt.title, tt.bad)
			}
			if diff := cmp.Diff(tt.lines, a.Lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			var states []string
			if a.Table != nil {
				for _, r := range a.Table.Rows {
					states = append(states, r[len(r)-1])
				}
			}
			if diff := cmp.Diff(tt.states, states); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
}

// TestShowHangingCache answers in time although a cache does not.
func TestShowHangingCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, _ actions.Node, _ actions.Cache) (cache.Health, error) {
			<-ctx.Done()
			return cache.Health{}, fmt.Errorf("health: %w", ctx.Err())
		}
		start := time.Now()
		a, err := answer(t, node.Options{Health: hang, Patience: time.Second}, sample(), "node.show", map[string][]string{"node": {"edge-1"}})
		if err != nil || !a.Bad || a.Table.Rows[0][4] != "no answer within 1s" {
			t.Errorf("node.show with hanging caches = %+v, %v; want it told", a, err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("node.show took %s, want 1s: the caches are asked at once", took)
		}
	})
}

func ExampleNodes_Verbs() {
	w := world{nodes: []actions.Node{{Name: "edge-1", Site: "berlin", Platform: "linux", Address: "192.0.2.11"}}}
	verbs := node.New(node.Options{}).Verbs()
	a, err := verbs[1].Answer(context.Background(), actions.Request{Slots: map[string][]string{"node": {"edge-1"}}}, w)
	fmt.Println(a.Title, err)
	// Output: edge-1: berlin, linux, 192.0.2.11 <nil>
}
