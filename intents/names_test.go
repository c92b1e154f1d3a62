package intents_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/intents"
)

func TestNameForms(t *testing.T) {
	t.Parallel()
	const flush = "confirm cache.flush node=edge-2"
	check(t, []line{
		{"flush edge-2", flush},
		{"flush edge2", flush},
		{"flush EDGE-2", flush},
		{"flush EDGE 2", flush},
		{"flush edge_2", flush},
		{"flush edge.2", flush},
		{"flush edge two", flush},
		{"flush Edge Two", flush},
		{"flush node edge-2", flush},
		{"flush the node edge-2", flush},
		{"flush edges 2", flush},
		{"prime sport two", "act cache.prime deployment=sport-2"},
		{"prime SPORT_2", "act cache.prime deployment=sport-2"},
		{"flush mac one", "confirm cache.flush node=mac-1"},
	})
}

func TestListsRangesAndSelectors(t *testing.T) {
	t.Parallel()
	flush := func(nodes ...string) string { return "confirm cache.flush node=" + strings.Join(nodes, ",") }
	all := []string{"edge-1", "edge-2", "edge-3", "edge-4", "edge-5", "edge-6", "edge-7", "edge-8", "mac-1", "mac-2"}
	berlin := flush("edge-1", "edge-2", "edge-3", "mac-2")
	check(t, []line{
		{"flush edge-1 and edge-2", flush("edge-1", "edge-2")},
		{"flush edge-1 & edge-2", flush("edge-1", "edge-2")},
		{"flush edge-1 edge-2", flush("edge-1", "edge-2")},
		{"flush edge-1,edge-2", flush("edge-1", "edge-2")},
		{"flush edge-3, edge-1, and edge-2", flush("edge-3", "edge-1", "edge-2")},
		{"flush edge-1, 2 and 5", flush("edge-1", "edge-2", "edge-5")},
		{"flush edge one, two and five", flush("edge-1", "edge-2", "edge-5")},
		{"flush edges 1, 2 and 5", flush("edge-1", "edge-2", "edge-5")},
		{"flush nodes edge-1 and mac-1", flush("edge-1", "mac-1")},
		{"flush edge-2, edge2 and EDGE 2", flush("edge-2")},
		{"flush edge-2 through edge-4", flush("edge-2", "edge-3", "edge-4")},
		{"flush edge-2 thru 4", flush("edge-2", "edge-3", "edge-4")},
		{"flush edge-2 to edge-4", flush("edge-2", "edge-3", "edge-4")},
		{"flush edges 2 to 4", flush("edge-2", "edge-3", "edge-4")},
		{"flush edge-2..edge-4", flush("edge-2", "edge-3", "edge-4")},
		{"flush edge-2..4", flush("edge-2", "edge-3", "edge-4")},
		{"flush edge-2...4", flush("edge-2", "edge-3", "edge-4")},
		{"flush edge-2 .. edge-4", flush("edge-2", "edge-3", "edge-4")},
		{"flush edge-1, edge-3 through edge-4 and mac-1", flush("edge-1", "edge-3", "edge-4", "mac-1")},
		{"flush all nodes", flush(all...)},
		{"flush all edges", flush(all...)},
		{"flush all the nodes", flush(all...)},
		{"flush all of the nodes", flush(all...)},
		{"flush every edge", flush(all...)},
		{"flush each node", flush(all...)},
		{"flush all edges in berlin", berlin},
		{"flush every edge in berlin", berlin},
		{"flush edges in berlin", berlin},
		{"flush the nodes at berlin", berlin},
		{"flush all nodes in the site berlin", berlin},
		{"flush site berlin", berlin},
		{"flush berlin nodes", berlin},
		{"flush all berlin edges", berlin},
		{"flush all in berlin", berlin},
		{"flush all of berlin", berlin},
		{"flush everything in BERLIN", berlin},
		{"flush all mac nodes", flush("mac-1", "mac-2")},
		{"flush macOS nodes", flush("mac-1", "mac-2")},
		{"flush all macs", flush("mac-1", "mac-2")},
		{"flush darwin edges in hamburg", flush("mac-1")},
		{"flush hamburg mac nodes", flush("mac-1")},
		{"flush nodes on darwin", flush("mac-1", "mac-2")},
		{"flush all linux nodes in hamburg", flush("edge-4", "edge-5", "edge-6")},
		{"flush tier=gold", flush("edge-1", "edge-4")},
		{"flush tier=gold nodes", flush("edge-1", "edge-4")},
		{"flush all nodes with tier=gold", flush("edge-1", "edge-4")},
		{"flush all nodes with label tier=gold in hamburg", flush("edge-4")},
		{"flush edges in berlin and mac-1", flush("edge-1", "edge-2", "edge-3", "mac-2", "mac-1")},
		{"flush mac-1 and edges in berlin", flush("mac-1", "edge-1", "edge-2", "edge-3", "mac-2")},
		{"flush all edges except edge-2 and edge-3", flush("edge-1", "edge-4", "edge-5", "edge-6", "edge-7", "edge-8", "mac-1", "mac-2")},
		{"flush all macOS nodes except mac-2", flush("mac-1")},
		{"flush all nodes in berlin but not edge-1", flush("edge-2", "edge-3", "mac-2")},
		{"flush all nodes but mac-1, mac-2", flush("edge-1", "edge-2", "edge-3", "edge-4", "edge-5", "edge-6", "edge-7", "edge-8")},
		{"flush edge-1 through edge-8 excluding edge-2 to edge-7", flush("edge-1", "edge-8")},
		{"flush all nodes except nodes in berlin", flush("edge-4", "edge-5", "edge-6", "edge-7", "edge-8", "mac-1")},
		{"prime news in berlin", "act cache.prime deployment=news node=edge-1,edge-2,edge-3,mac-2"},
		{"prime news on edges in berlin", "act cache.prime deployment=news node=edge-1,edge-2,edge-3,mac-2"},
	})
}

func TestListsThatAreNone(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{"flush edge-1 edge", "refuse"},
		{"flush edge-1 2", "ask cache.flush node=edge-1"},
		{"flush edge-4 to edge-2", "ask cache.flush node=edge-4"},
		{"flush edge-1 to mac-2", "ask cache.flush node=edge-1"},
		{"flush edge-1,, edge-2", "refuse"},
		{"flush , edge-1", "confirm cache.flush node=edge-1"},
		{"flush edge-1, and", "refuse"},
		{"flush edge-1 or edge-2", "refuse"},
		{"flush edge-1 not edge-2", "refuse"},
		{"flush gold edges", "refuse"},
		{"flush in berlin", "ask cache.flush node=edge-1,edge-2,edge-3,mac-2"},
		{"flush edge-1 except edge-1", "refuse"},
		{"flush on", "ask cache.flush"},
	})
}

func TestSelectorOrderIsThatOfTheInventory(t *testing.T) {
	t.Parallel()
	inv := world()
	slices.Reverse(inv.Nodes)
	p := newParser(t, inv)
	if got, want := brief(say(t, p, "flush edge-1 through edge-3")), "confirm cache.flush node=edge-3,edge-2,edge-1"; got != want {
		t.Errorf("range in an inventory that runs backwards = %s, want %s", got, want)
	}
	if got, want := brief(say(t, p, "flush edge-1, edge-3 and edge-2")), "confirm cache.flush node=edge-1,edge-3,edge-2"; got != want {
		t.Errorf("list in an inventory that runs backwards = %s, want %s", got, want)
	}
}

func TestMistypedNames(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{"flush egde-2", "ask cache.flush"},
		{"flush edeg 2", "ask cache.flush node=edge-2"},
		{"purge nws", "ask cache.purge"},
		{"prime sprot-2 on edge-1", "ask cache.prime node=edge-1"},
		{"status egde-2", "act status.show node=edge-2"},
		{"verify sprot-2 on edge-1", "act cache.verify deployment=sport-2 node=edge-1"},
		{"show node egde two", "act node.show node=edge-2"},
		{"status edge-1, egde-2 and edge-3", "act status.show node=edge-1,edge-2,edge-3"},
		{"flush edge-99", "ask cache.flush"},
		{"status edge-99", "ask status.show"},
		{"flush edge-1 and edge-99", "ask cache.flush node=edge-1"},
		{"flush toilet-9", "ask cache.flush"},
		{"flush 17", "ask cache.flush"},
		{"flush the toilet", "refuse"},
		{"flush the edg-2", "ask cache.flush"},
		{"show node edge-1 and edge-2", "ask node.show"},
	})
}

func TestQuestionNamesTheNearest(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []line{
		{"flush egde-2", "Did you mean edge-2? Then type: flush edge-2"},
		{"flush edge-99", `There is no node "edge-99"; did you mean 1) edge-8, 2) edge-7 or 3) edge-6?`},
		{"prime sport", `There is no deployment "sport"; did you mean 1) sport-1, 2) sport-2 or 3) news?`},
		{"flush berlin", `"berlin" is a site; did you mean all nodes in berlin?`},
		{"flush all", "Which node? For example: flush edge-1"},
		{"flush all except edge-1", "It does not say which nodes; did you mean all nodes except edge-1?"},
		{"flush edges", "It does not say which nodes; did you mean all nodes?"},
		{"flush all mac nodes in lisbon", "No node is on darwin in lisbon. Which node?"},
		{"show node edge-1 and edge-2", "This takes one node; did you mean 1) edge-1 or 2) edge-2?"},
		{"cancel 17", "A bare number could be anything; did you mean r-17?"},
		{"runs --state faild", `There is no state "faild"; did you mean 1) waiting, 2) running, 3) done, 4) failed, 5) undone or 6) cancelled?`},
		{"loadtest news for 8", "A time span needs a unit; did you mean 1) 8m or 2) 8h?"},
		{"loadtest news at 100", "A rate needs a unit; did you mean 100/s?"},
		{"flush", "Which node? For example: flush edge-1"},
		{"prime", "Which deployment or URL? For example: prime news"},
		{"prime news on", "Which node? For example: prime news"},
		{"purge tag", "Which URL, tag, path prefix or deployment? For example: purge news"},
		{"cancel", "Which run, as r-17? For example: cancel r-17"},
		{"purge http://u:p@o.example/", "A URL with a user or a password in it is not taken. Which URL?"},
	} {
		out := say(t, p, tt.text)
		if out.Decision != intents.Ask || out.Question != tt.want {
			t.Errorf("Parse(%q) = %s, question\n     %q\nwant %q", tt.text, brief(out), out.Question, tt.want)
		}
	}
}

func TestDigitsAreNeverGuessed(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, said := range []string{"edge-12", "edge-22", "edge-0", "edge-02", "egde-12", "edge", "edge-", "edge--9"} {
		out := say(t, p, "status "+said)
		if out.Decision == intents.Act {
			t.Errorf("Parse(%q) = %s, want a question", "status "+said, brief(out))
		}
	}
}

func TestTwoSlipsAwayFromTwoNames(t *testing.T) {
	t.Parallel()
	p := newParser(t, intents.Inventory{Nodes: []intents.Node{{Name: "hamburg-1"}, {Name: "homburg-1"}}})
	out := say(t, p, "status humburg-1")
	if want := "ask status.show"; brief(out) != want {
		t.Errorf("a name one slip away from two = %s, want %s", brief(out), want)
	}
	if !strings.Contains(out.Question, "hamburg-1") || !strings.Contains(out.Question, "homburg-1") {
		t.Errorf("the question names not both: %s", out.Question)
	}
}

func TestNamesThatDifferInSeparatorsAlone(t *testing.T) {
	t.Parallel()
	p := newParser(t, intents.Inventory{Nodes: []intents.Node{{Name: "edge-1"}, {Name: "edge1"}, {Name: "Edge-1"}}})
	for _, tt := range []line{
		{"flush edge-1", "confirm cache.flush node=edge-1"},
		{"flush edge1", "confirm cache.flush node=edge1"},
		{"flush Edge-1", "confirm cache.flush node=Edge-1"},
		{"flush edge 1", "ask cache.flush"},
		{"flush EDGE-1", "ask cache.flush"},
	} {
		if got := brief(say(t, p, tt.text)); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
	want := []string{
		`node names "edge-1" and "edge1" differ only in how they are written: each must be typed exactly`,
		`node names "edge1" and "Edge-1" differ only in how they are written: each must be typed exactly`,
	}
	if diff := cmp.Diff(want, p.Problems()); diff != "" {
		t.Errorf("Problems (-want +got):\n%s", diff)
	}
}

func TestNamesThatAreWords(t *testing.T) {
	t.Parallel()
	p := newParser(t, intents.Inventory{
		Nodes:       []intents.Node{{Name: "on"}, {Name: "all"}, {Name: "flush"}, {Name: "node"}, {Name: "7"}, {Name: "cache"}, {Name: "r-17"}},
		Deployments: []string{"tag", "then", "news on"},
	})
	for _, tt := range []line{
		{"flush on", "ask cache.flush"},
		{"flush on and cache", "ask cache.flush node=cache"},
		{"purge then", "refuse"},
		{"purge deployment tag", "act cache.purge deployment=tag"},
		{`flush "on"`, "confirm cache.flush node=on"},
		{"flush node on", "confirm cache.flush node=on"},
		{"flush --node on", "ask cache.flush"},
		{`flush --node "on"`, "confirm cache.flush node=on"},
		{"flush flush", "confirm cache.flush node=flush"},
		{"flush cache", "confirm cache.flush node=cache"},
		{"flush the cache on cache", "confirm cache.flush node=cache"},
		{"flush r-17", "confirm cache.flush node=r-17"},
		{"flush 7", "ask cache.flush"},
		{`flush "7"`, "confirm cache.flush node=7"},
		{`flush "node"`, "confirm cache.flush node=node"},
		{"purge tag", "act cache.purge deployment=tag"},
		{"purge tag tag", "act cache.purge tag=tag"},
		{`purge "then"`, "act cache.purge deployment=then"},
		{`purge "news on" on "on"`, "act cache.purge deployment=news on node=on"},
		{`flush "all" and "on"`, "confirm cache.flush node=all,on"},
	} {
		if got := brief(say(t, p, tt.text)); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestTheSlotDecidesBetweenKindsOfNames(t *testing.T) {
	t.Parallel()
	inv := intents.Inventory{Nodes: []intents.Node{{Name: "news", Site: "berlin"}, {Name: "berlin", Site: "berlin"}}, Deployments: []string{"news"}}
	p := newParser(t, inv)
	for _, tt := range []line{
		{"flush news", "confirm cache.flush node=news"},
		{"purge news", "act cache.purge deployment=news"},
		{"purge news on news", "act cache.purge deployment=news node=news"},
		{"prime news on news", "act cache.prime deployment=news node=news"},
		{"status news", "ask"},
		{"status of node news", "act status.show node=news"},
		{"status for deployment news", "act status.show deployment=news"},
		{"flush berlin", "ask cache.flush"},
		{"flush node berlin", "confirm cache.flush node=berlin"},
		{`flush "berlin"`, "confirm cache.flush node=berlin"},
		{"flush all nodes in berlin", "confirm cache.flush node=news,berlin"},
	} {
		if got := brief(say(t, p, tt.text)); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
	if diff := cmp.Diff([]string{`"berlin" is a node and a site: say node berlin, or all nodes in berlin`}, p.Problems()); diff != "" {
		t.Errorf("Problems (-want +got):\n%s", diff)
	}
	if got, want := say(t, p, "status news").Question, "Which one: 1) status of node \"news\" or 2) status for deployment news?"; got != want {
		t.Errorf("question = %q, want %q", got, want)
	}
}

func TestNamesThatCannotBeSaid(t *testing.T) {
	t.Parallel()
	names := []string{"edge-1-", "--", "a\nb", "ed\u200bge", "a```b", "edg\u0435-9", ""}
	var inv intents.Inventory
	for _, name := range names {
		inv.Nodes = append(inv.Nodes, intents.Node{Name: name})
	}
	p := newParser(t, inv)
	if got := len(p.Problems()); got != len(names) {
		t.Errorf("%d problems for %d names that cannot be said:\n%s", got, len(names), strings.Join(p.Problems(), "\n"))
	}
	odd := []string{"café 7", "a\"b", "a\\b", "it's", "münchen", "a,b", "x=y", "edge..1"}
	inv.Nodes = nil
	for _, name := range odd {
		inv.Nodes = append(inv.Nodes, intents.Node{Name: name})
	}
	if p = newParser(t, inv); p.Problems() != nil {
		t.Errorf("problems with names that can be said in quotation marks:\n%s", strings.Join(p.Problems(), "\n"))
	}
	for _, name := range odd {
		want := intents.Intent{Name: "cache.flush", Slots: intents.Slots{{Name: "node", Values: []string{name}}}}
		out := say(t, p, want.Canonical())
		if len(out.Commands) != 1 || out.Commands[0].Slots.One("node") != name {
			t.Errorf("Parse(%q) = %s, want the node %q", want.Canonical(), brief(out), name)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct {
		kind, name string
		want       []string
	}{
		{"node", "egde-2", []string{"edge-2", "edge-1", "edge-3"}},
		{"node", "edge-9", []string{"edge-8", "edge-7", "edge-6"}},
		{"segment", "studio", []string{"studio-a", "studio-b", "guests"}},
		{"deployment", "sprot-2", []string{"sport-2", "sport-1", "news"}},
		{"site", "berln", []string{"berlin", "hamburg", "lisbon"}},
		{"person", "ana", []string{"anna", "tom"}},
		{"url", "x", nil},
		{"planet", "x", nil},
	} {
		got := p.Nearest(tt.kind, tt.name)
		if tt.kind == "site" {
			got, tt.want = got[:1], tt.want[:1]
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Nearest(%q, %q) (-want +got):\n%s", tt.kind, tt.name, diff)
		}
	}
}

func TestManyNamesAreTakenInQuickly(t *testing.T) {
	c := catalogOf(t, 60)
	inv := fleet(1000)
	fastest := time.Hour
	for range 5 {
		start := time.Now()
		parserOf(t, c, inv)
		fastest = min(fastest, time.Since(start))
	}
	if fastest > 20*time.Millisecond {
		t.Errorf("a parser for 1,000 names takes %v, want less than 20ms", fastest)
	}
}

func TestEveryNameOfALargeFleetResolves(t *testing.T) {
	t.Parallel()
	p := newParser(t, fleet(10000))
	for _, i := range []int{1, 10, 999, 1000, 8000} {
		text := fmt.Sprintf("flush EDGE %d", i)
		if got, want := brief(say(t, p, text)), fmt.Sprintf("confirm cache.flush node=edge-%d", i); got != want {
			t.Errorf("Parse(%q) = %s, want %s", text, got, want)
		}
	}
}
