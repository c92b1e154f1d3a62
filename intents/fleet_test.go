package intents_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents"
	"pgregory.net/rapid"
)

// realFleet is an inventory with names as people give them: padded numbers, places, domains, roles, underscores.
func realFleet() intents.Inventory {
	node := func(name, site, platform string, labels ...string) intents.Node {
		n := intents.Node{Name: name, Site: site, Platform: platform, Labels: map[string]string{}}
		for _, label := range labels {
			key, value, _ := strings.Cut(label, "=")
			n.Labels[key] = value
		}
		return n
	}
	return intents.Inventory{
		Nodes: []intents.Node{
			node("ams-edge-01", "ams1", "linux", "tier=gold", "rack=a"),
			node("ams-edge-02", "ams1", "linux", "tier=gold", "rack=b"),
			node("ams-edge-10", "ams1", "linux", "tier=silver", "rack=a"),
			node("fra1-cdn-3", "fra1", "linux", "tier=gold"),
			node("fra1-cdn-4", "fra1", "linux"),
			node("fra2-cdn-3", "fra2", "linux"),
			node("cache_a", "ams1", "linux"),
			node("cache_b", "ams1", "linux"),
			node("edge-1.berlin.example", "ber", "linux"),
			node("edge-2.berlin.example", "ber", "linux"),
			node("edge-3.berlin.example", "ber", "linux"),
			node("Studio", "ber", "darwin", "role=play out"),
			node("mini2", "ber", "darwin"),
			node("x", "new york", "linux"),
			node("web42b", "new york", "linux"),
		},
		Deployments: []string{"news-hd", "news-sd", "news", "Kanal 5", "3sat", "tv1", "tv1-plus", "sport.live", "das-erste"},
	}
}

func TestNamesOfARealFleet(t *testing.T) {
	t.Parallel()
	p := newParser(t, realFleet())
	if problems := p.Problems(); problems != nil {
		t.Fatalf("problems: %q", problems)
	}
	flush := func(nodes ...string) string { return "confirm cache.flush node=" + strings.Join(nodes, ",") }
	prime := func(name string) string { return "act cache.prime deployment=" + name }
	for _, tt := range []line{
		{"flush ams-edge-01", flush("ams-edge-01")},
		{"flush AMS-EDGE-01", flush("ams-edge-01")},
		{"flush ams edge 01", flush("ams-edge-01")},
		{"flush ams-edge01", flush("ams-edge-01")},
		{"flush ams_edge_01", flush("ams-edge-01")},
		{"flush ams-edge-1", "ask cache.flush"},
		{"flush ams-edge-001", "ask cache.flush"},
		{"flush amsedge01", "ask cache.flush"},
		{"flush ams-edge one", "ask cache.flush"},
		{"flush ams-edge-01, 02 and 10", flush("ams-edge-01", "ams-edge-02", "ams-edge-10")},
		{"flush ams-edge-01 through ams-edge-10", flush("ams-edge-01", "ams-edge-02", "ams-edge-10")},
		{"flush ams-edge-01..10", flush("ams-edge-01", "ams-edge-02", "ams-edge-10")},
		{"flush ams-edge-01 to 02", flush("ams-edge-01", "ams-edge-02")},
		{"flush ams-edge-01 to fra1-cdn-3", "ask cache.flush node=ams-edge-01"},
		{"flush fra1-cdn-3", flush("fra1-cdn-3")},
		{"flush fra1 cdn 3", flush("fra1-cdn-3")},
		{"flush fra 1 cdn 3", flush("fra1-cdn-3")},
		{"flush fra-1-cdn-3", flush("fra1-cdn-3")},
		{"flush fra1-cdn-3 to 4", flush("fra1-cdn-3", "fra1-cdn-4")},
		{"flush fra1-cdn-3 to fra2-cdn-3", "ask cache.flush node=fra1-cdn-3"},
		{"flush fra1-cdn-3 and 4", flush("fra1-cdn-3", "fra1-cdn-4")},
		{"flush cache_a", flush("cache_a")},
		{"flush cache-a", flush("cache_a")},
		{"flush cache_a and cache_b", flush("cache_a", "cache_b")},
		{"flush the cache on cache_a", flush("cache_a")},
		{"flush cache_a's cache", flush("cache_a")},
		{"flush edge-1.berlin.example", flush("edge-1.berlin.example")},
		{"flush EDGE-1.Berlin.Example", flush("edge-1.berlin.example")},
		{"flush edge-1.berlin.example.", flush("edge-1.berlin.example")},
		{"flush edge-1.berlin.example to edge-3.berlin.example", flush("edge-1.berlin.example", "edge-2.berlin.example", "edge-3.berlin.example")},
		{"flush edge-1.berlin.example..edge-2.berlin.example", flush("edge-1.berlin.example", "edge-2.berlin.example")},
		{"flush edge-1.berlin.example and 2", "ask cache.flush node=edge-1.berlin.example"},
		{"flush edge-1", "ask cache.flush"},
		{"flush Studio", flush("Studio")},
		{"flush studio", flush("Studio")},
		{"flush mini2", flush("mini2")},
		{"flush mini-2", flush("mini2")},
		{"flush mini two", flush("mini2")},
		{"flush x", flush("x")},
		{"flush web42b", flush("web42b")},
		{"flush web 42 b", flush("web42b")},
		{"flush web-42-b", flush("web42b")},
		{"flush web43b", "ask cache.flush"},
		{"flush nodes in new york", flush("x", "web42b")},
		{"flush nodes in New-York", flush("x", "web42b")},
		{"flush all new york nodes", flush("x", "web42b")},
		{"flush nodes in ams1", flush("ams-edge-01", "ams-edge-02", "ams-edge-10", "cache_a", "cache_b")},
		{"flush nodes in ams 1", flush("ams-edge-01", "ams-edge-02", "ams-edge-10", "cache_a", "cache_b")},
		{"flush nodes in fra1", flush("fra1-cdn-3", "fra1-cdn-4")},
		{"flush nodes in fra", "refuse"},
		{"flush tier=gold nodes in ams1", flush("ams-edge-01", "ams-edge-02")},
		{"flush nodes with tier=gold", flush("ams-edge-01", "ams-edge-02", "fra1-cdn-3")},
		{"flush nodes with rack=a", flush("ams-edge-01", "ams-edge-10")},
		{"flush nodes with rack=A", "ask cache.flush"},
		{"flush nodes with rack=", "ask cache.flush"},
		{"flush nodes with =a", "ask cache.flush"},
		{"flush nodes with nothing=here", "ask cache.flush"},
		{"prime news", prime("news")},
		{"prime news-hd", prime("news-hd")},
		{"prime news hd", prime("news-hd")},
		{"prime NEWS SD", prime("news-sd")},
		{"prime news on x", prime("news") + " node=x"},
		{"prime news hd on x", prime("news-hd") + " node=x"},
		{"prime Kanal 5", prime("Kanal 5")},
		{"prime kanal five", prime("Kanal 5")},
		{"prime kanal-5", prime("Kanal 5")},
		{"prime kanal5", prime("Kanal 5")},
		{"prime \"Kanal 5\"", prime("Kanal 5")},
		{"prime 3sat", prime("3sat")},
		{"prime 3 sat", prime("3sat")},
		{"prime tv1", prime("tv1")},
		{"prime tv 1", prime("tv1")},
		{"prime tv one", prime("tv1")},
		{"prime tv 1 plus", prime("tv1-plus")},
		{"prime tv1-plus on mini2", prime("tv1-plus") + " node=mini2"},
		{"prime sport.live", prime("sport.live")},
		{"prime sport live", prime("sport.live")},
		{"prime das erste", prime("das-erste")},
		{"prime das", "ask cache.prime"},
		{"verify newshd", "act cache.verify deployment=news-hd"},
		{"verify das-ertse", "act cache.verify deployment=das-erste"},
		{"verify tv2", "ask cache.verify"},
	} {
		if got := brief(say(t, p, tt.text)); got != tt.want {
			t.Errorf("Parse(%q)\n  = %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

// Whatever separates the parts of a name, and whatever their case, the name is found.
func TestEverySpellingOfANameResolves(t *testing.T) {
	t.Parallel()
	inv := fleet(200)
	p := newParser(t, inv)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom(inv.Nodes).Draw(t, "node")
		letters, number, _ := strings.Cut(n.Name, "-")
		var b strings.Builder
		for _, r := range letters {
			if rapid.Bool().Draw(t, "capital") {
				r += 'A' - 'a'
			}
			b.WriteRune(r)
		}
		b.WriteString(rapid.SampledFrom([]string{"-", "", " ", "_", ".", "--", "  ", "\u2011", "\u00a0"}).Draw(t, "separator"))
		b.WriteString(number)
		text := "flush " + b.String()
		if got, want := brief(p.Parse(intents.Utterance{Text: text})), "confirm cache.flush node="+n.Name; got != want {
			t.Fatalf("Parse(%q) = %s, want %s", text, got, want)
		}
	})
}

// One slip in the letters of a name is seen; a changed digit never names a node that was not typed.
func TestSlipsInLettersAndDigits(t *testing.T) {
	t.Parallel()
	inv := fleet(40)
	p := newParser(t, inv)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom(inv.Nodes).Draw(t, "node")
		name := []rune(n.Name)
		i := rapid.IntRange(0, 3).Draw(t, "place")
		switch rapid.SampledFrom([]string{"swap", "drop", "double", "other", "digit"}).Draw(t, "slip") {
		case "swap":
			if i == 3 || name[i] == name[i+1] {
				t.Skip("nothing to swap")
			}
			name[i], name[i+1] = name[i+1], name[i]
		case "drop":
			name = slices.Delete(name, i, i+1)
		case "double":
			name = slices.Insert(name, i, name[i])
		case "other":
			name[i] = 'x'
		case "digit":
			name[len(name)-1] = '0' + (name[len(name)-1]-'0'+1)%10
			text := "status " + string(name)
			if out := p.Parse(intents.Utterance{Text: text}); out.Decision == intents.Act && out.Commands[0].Slots.One("node") != string(name) {
				t.Fatalf("Parse(%q) = %s, want that node or a question", text, brief(out))
			}
			return
		}
		text := "status " + string(name)
		if got, want := brief(p.Parse(intents.Utterance{Text: text})), "act status.show node="+n.Name; got != want {
			t.Fatalf("Parse(%q) = %s, want %s", text, got, want)
		}
		text = "flush " + string(name)
		if got := brief(p.Parse(intents.Utterance{Text: text})); got != "ask cache.flush" {
			t.Fatalf("Parse(%q) = %s, want a question: it changes something", text, got)
		}
	})
}

// said is a list of nodes in words, and the nodes that it means.
type said struct {
	words string
	nodes []string
}

// TestListsAgainstAnOracle draws lists of names, ranges and selectors, with exceptions, and compares them with a plain reading.
func TestListsAgainstAnOracle(t *testing.T) {
	t.Parallel()
	inv := world()
	p := worldParser(t)
	all := make([]string, len(inv.Nodes))
	for i, n := range inv.Nodes {
		all[i] = n.Name
	}
	rapid.Check(t, func(t *rapid.T) {
		list := drawList(t, inv, all, "list")
		if rapid.Bool().Draw(t, "with an exception") {
			gone := drawList(t, inv, all, "exception")
			list.words += rapid.SampledFrom([]string{" except ", " excluding ", " but not ", " without ", ", except "}).Draw(t, "except") + gone.words
			list.nodes = slices.DeleteFunc(list.nodes, func(name string) bool { return slices.Contains(gone.nodes, name) })
		}
		text := "flush " + list.words
		out := p.Parse(intents.Utterance{Text: text})
		want := "confirm cache.flush node=" + strings.Join(list.nodes, ",")
		if len(list.nodes) == 0 {
			if out.Decision == intents.Confirm {
				t.Fatalf("Parse(%q) = %s, want no nodes", text, brief(out))
			}
			return
		}
		if got := brief(out); got != want {
			t.Fatalf("Parse(%q)\n  = %s\nwant %s", text, got, want)
		}
	})
}

// drawList draws one to three items and joins them.
func drawList(t *rapid.T, inv intents.Inventory, all []string, label string) said {
	var list said
	for i := range rapid.IntRange(1, 3).Draw(t, label+" length") {
		item := drawItem(t, inv, all, label)
		if i > 0 {
			list.words += rapid.SampledFrom([]string{", ", " and ", ", and ", ",", " & "}).Draw(t, label+" joint")
		}
		list.words += item.words
		for _, name := range item.nodes {
			if !slices.Contains(list.nodes, name) {
				list.nodes = append(list.nodes, name)
			}
		}
	}
	return list
}

// drawItem draws a name, a range or a selector.
func drawItem(t *rapid.T, inv intents.Inventory, all []string, label string) said {
	where := func(fits func(intents.Node) bool) []string {
		var names []string
		for _, n := range inv.Nodes {
			if fits(n) {
				names = append(names, n.Name)
			}
		}
		return names
	}
	switch rapid.SampledFrom([]string{"name", "range", "site", "platform", "label", "all"}).Draw(t, label+" kind") {
	case "name":
		name := rapid.SampledFrom(all).Draw(t, label+" name")
		return said{name, []string{name}}
	case "range":
		from := rapid.IntRange(1, 8).Draw(t, label+" from")
		to := rapid.IntRange(from, 8).Draw(t, label+" to")
		joint := rapid.SampledFrom([]string{" through edge-", " to edge-", " to ", "..", "..edge-", " thru "}).Draw(t, label+" through")
		return said{fmt.Sprintf("edge-%d%s%d", from, joint, to), all[from-1 : to]}
	case "site":
		site := rapid.SampledFrom([]string{"berlin", "hamburg", "lisbon"}).Draw(t, label+" site")
		form := rapid.SampledFrom([]string{"all nodes in %s", "edges in %s", "%s nodes", "site %s", "everything in %s"}).Draw(t, label+" form")
		return said{fmt.Sprintf(form, site), where(func(n intents.Node) bool { return n.Site == site })}
	case "platform":
		return said{rapid.SampledFrom([]string{"all mac nodes", "macs", "nodes on darwin"}).Draw(t, label+" form"), where(func(n intents.Node) bool { return n.Platform == "darwin" })}
	case "label":
		return said{rapid.SampledFrom([]string{"tier=gold", "tier=gold nodes", "all nodes with tier=gold"}).Draw(t, label+" form"), where(func(n intents.Node) bool { return n.Labels["tier"] == "gold" })}
	}
	return said{"all nodes", slices.Clone(all)}
}
