package intents_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/intents"
	"pgregory.net/rapid"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []line{
		{"empty the cache of EDGE 2", "flush edge-2"},
		{"flush edge one, two and five", "flush edge-1, edge-2, edge-5"},
		{"cache.purge --node edge-1 --tag ch-news", "purge tag ch-news on edge-1"},
		{"soft purge news", "purge news --soft"},
		{"loadtest news at 100 rps for 90 minutes in lisbon", "loadtest news on edge-7, edge-8 for 1h30m0s at 100/s"},
		{`flush edge-1 --reason "it's \"old\" \\ stale" --follow --dry-run`, `flush edge-1 --dry-run --follow --reason "it's \"old\" \\ stale"`},
		{"failed runs", "runs failed"},
		{"follow r-17", "show run r-17 --follow"},
		{"what can you do", "help"},
		{"help cache purge", "help cache.purge"},
		{"show mac nodes in berlin", "list darwin nodes in berlin"},
		{"stats edge-1 last hour", "stats of node edge-1 over the last 1h0m0s"},
		{`purge "http://o.example/a,"`, `purge "http://o.example/a,"`},
	} {
		out := say(t, p, tt.text)
		got := ""
		if len(out.Commands) == 1 {
			got = out.Commands[0].Canonical()
		}
		if got != tt.want {
			t.Errorf("canonical text of %q = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestCanonicalOfAnIntentThatIsNotBuiltIn(t *testing.T) {
	t.Parallel()
	i := intents.Intent{
		Name:    "made.up",
		Slots:   intents.Slots{{Name: "node", Values: []string{"edge-1", "on"}}},
		Options: map[string]string{"loud": "true", "why": "no reason"},
	}
	if got, want := i.Canonical(), `made.up --node "edge-1" --node "on" --loud --why "no reason"`; got != want {
		t.Errorf("Canonical = %s, want %s", got, want)
	}
}

// oddName draws names that try the grammar: its own words, numbers, every separator, quotation marks, capitals.
func oddName(t *rapid.T, label string) string {
	piece := rapid.SampledFrom([]string{
		"edge", "news", "on", "all", "node", "nodes", "edges", "cache", "tag", "prefix", "url", "then", "and", "please", "in", "for", "to", "berlin", "mac", "linux", "run", "r", "site",
		"flush", "purge", "last", "2h", "two", "one", "1", "2", "17", "007", "x", "Y", "é", "r-17", "failed", "deployment", "channel", "except", "every", "macs", "a", "the", "opsbot",
		"http://x", "'", "\"", "\\", ",", ";", ":", "=", "/", "!", "?", "--x",
	})
	sep := rapid.SampledFrom([]string{"-", "", " ", ".", "_", "..", "--"})
	var b strings.Builder
	for i := range rapid.IntRange(1, 3).Draw(t, label+" length") {
		if i > 0 {
			b.WriteString(sep.Draw(t, label+" separator"))
		}
		b.WriteString(piece.Draw(t, label+" piece"))
	}
	return b.String()
}

// oddInventory draws an inventory of names that can all be said.
func oddInventory(t *rapid.T, c *intents.Catalog) intents.Inventory {
	draw := func(label string) []string {
		var names []string
		for range rapid.IntRange(1, 4).Draw(t, label+" count") {
			name := oddName(t, label)
			if p, err := intents.NewParser(c, intents.Inventory{Deployments: []string{name}}); err == nil && p.Problems() == nil && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		return names
	}
	inv := intents.Inventory{Deployments: draw("deployment"), People: draw("person"), Rules: draw("rule"), Services: []string{"Cache Hit Rate"}, Sites: []string{"köln", "edge", "berlin", "hill side"}}
	for _, name := range draw("node") {
		inv.Nodes = append(inv.Nodes, intents.Node{Name: name, Platform: "linux"})
	}
	return inv
}

// values draws values for a slot, nil where the inventory has none.
func values(t *rapid.T, slot intents.SlotSpec, inv intents.Inventory) []string {
	pool := map[string][]string{
		"deployment": inv.Deployments, "site": inv.Sites, "platform": {"linux", "darwin"}, "run": {"r-1", "r-17", "r-18446744073709551615"},
		"state": {"waiting", "running", "done", "failed", "undone", "cancelled"}, "tag": {"ch-news", "tag", "a:b", "on", "17", "x.", "a/b"}, "topic": {"cache", "cache.flush", "flush", "run"},
		"prefix":   {"/", "/news/", "/a,b", "http://o.example/news/", "/x?", "/it's"},
		"url":      {"http://o.example/a.ts", "https://o.example/b?x=1&y=2", "http://o.example/c,", "http://o.example/d;e", "http://o.example/f!", "http://[::1]:8080/", "http://o.example/'g'"},
		"duration": {"1s", "2h0m0s", "1h30m0s", "1.5s", "720h0m0s", "500ms"}, "period": {"1h0m0s", "24h0m0s"}, "rate": {"1", "100", "1000000"},
		"person": inv.People, "rule": inv.Rules, "job": {"morning-prime", "early", "x.y", "stop", "n_7"}, "jobname": {"morning-prime", "early", "stop", "news", "n_7"},
		"reason": {"new disk", "don't", `say "hi"`, "for 2h", "; then flush", "on", "x?"}, "service": {"Cache Hit Rate", "disk", "on", "disk /", `a "b"`, "17", "service"},
		"schedule": {"30 5 * * *", "0,30 5 * * 1-5", "*/5 1-4 * jan sun", "@every 30m", "@every 1h30m", "@every 1m30s"}, "command": {"status", "runs failed", "cancel r-17", "status then runs"},
	}
	for _, n := range inv.Nodes {
		pool["node"] = append(pool["node"], n.Name)
	}
	from := pool[slot.Type]
	if len(from) == 0 {
		return nil
	}
	if !slot.List {
		return []string{rapid.SampledFrom(from).Draw(t, slot.Name)}
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, min(3, len(from)), rapid.ID).Draw(t, slot.Name)
}

// Canonical text is what jobs store and questions restate: it must mean the same when it is read again.
func TestCanonicalTextParsesBack(t *testing.T) {
	t.Parallel()
	c, err := intents.Load()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		inv := oddInventory(t, c)
		p, err := intents.NewParser(c, inv)
		if err != nil {
			t.Fatal(err)
		}
		spec := rapid.SampledFrom(c.Intents()).Draw(t, "intent")
		want := intents.Intent{Name: spec.Name, Slots: intents.Slots{}}
		if !fill(t, &want, spec, inv) {
			t.Skip("the inventory has nothing to fill a slot with")
		}
		text := want.Canonical()
		out := p.Parse(intents.Utterance{Text: text, Now: time.Unix(1e9, 0)})
		if len(out.Commands) != 1 || out.Decision == intents.Ask || out.Decision == intents.Refuse {
			t.Fatalf("%s: Parse(%q) = %s because %s %s", briefIntent(want), text, brief(out), out.Because, out.Question)
		}
		if diff := cmp.Diff(want, out.Commands[0]); diff != "" {
			t.Fatalf("Parse(%q) (-want +got):\n%s", text, diff)
		}
		if again := out.Commands[0].Canonical(); again != text {
			t.Fatalf("canonical text of %q is %q", text, again)
		}
	})
}

// fill fills the slots and options of i at random: of each group that is required one, of the others any.
func fill(t *rapid.T, i *intents.Intent, spec intents.Spec, inv intents.Inventory) bool {
	chosen := map[string]bool{}
	for _, group := range spec.Require {
		chosen[rapid.SampledFrom(group).Draw(t, "one of "+fmt.Sprint(group))] = true
	}
	for _, slot := range spec.Slots {
		if !slot.Required && !rapid.Bool().Draw(t, "with "+slot.Name) || slot.Required && !chosen[slot.Name] {
			continue
		}
		vs := values(t, slot, inv)
		if vs == nil {
			return false
		}
		i.Slots = i.Slots.With(slot.Name, vs...)
	}
	for _, option := range spec.Options {
		if !rapid.Bool().Draw(t, "with --"+option.Name) {
			continue
		}
		if i.Options == nil {
			i.Options = map[string]string{}
		}
		i.Options[option.Name] = "true"
		if option.Value {
			i.Options[option.Name] = rapid.SampledFrom([]string{"old content", "it's", `say "hi"`, `back\slash`, "--dry-run", "; then flush", "don't", "true", "a, b", "x?"}).Draw(t, option.Name)
		}
	}
	return true
}
