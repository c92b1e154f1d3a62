package intents_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/shitops/opsbot/intents"
)

// catalogOf returns a catalogue of n intents: the built-in ones, and as many made-up ones as it takes.
func catalogOf(tb testing.TB, n int) *intents.Catalog {
	tb.Helper()
	files := fstest.MapFS{}
	names, err := filepath.Glob("catalog/*.txt")
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names[:min(n, len(names))] {
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		files[filepath.Base(name)] = &fstest.MapFile{Data: text}
	}
	for i := len(files); i < n; i++ {
		name := fmt.Sprintf("made.up%d", i)
		files[name+".txt"] = &fstest.MapFile{Data: []byte(madeUp(name, i))}
	}
	c, err := intents.LoadFrom(files)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// madeUpCatalog returns a catalogue of n made-up intents.
func madeUpCatalog(tb testing.TB, n int) *intents.Catalog {
	tb.Helper()
	files := fstest.MapFS{}
	for i := range n {
		name := fmt.Sprintf("made.up%d", i)
		files[name+".txt"] = &fstest.MapFile{Data: []byte(madeUp(name, i))}
	}
	c, err := intents.LoadFrom(files)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// madeUp is a catalogue file with verbs and words that no other has, as rich as the built-in ones.
func madeUp(name string, i int) string {
	return strings.ReplaceAll(strings.ReplaceAll(`intent: NAME
risk: disruptive
help: a made-up intent
slots: deployment or url+, [node+] [duration]
options: dry-run by-hand follow reason=text
verbs: doN, makeN, shapeN, formN upN
= {verb} [the] thingN ([[the] (deployment|channel)] {deployment}|{url}) <{on} {node}|for {duration}>
= {verb} all thingsN [{on}] {node}
= (start|begin) the makingN of {deployment} [{on} {node}]
`, "NAME", name), "N", fmt.Sprint(i))
}

// fleet returns an inventory with about n names.
func fleet(n int) intents.Inventory {
	var inv intents.Inventory
	for i := 1; i <= (n*4+4)/5; i++ {
		inv.Nodes = append(inv.Nodes, intents.Node{Name: fmt.Sprintf("edge-%d", i), Site: fmt.Sprintf("site-%d", i%20), Platform: "linux"})
	}
	for i := 1; i <= n/5; i++ {
		inv.Deployments = append(inv.Deployments, fmt.Sprintf("channel-%d", i))
	}
	return inv
}

// utterances are what the benchmarks parse.
func utterances() []struct{ name, text string } {
	return []struct{ name, text string }{
		{"flush-one", "flush edge-2"},
		{"flush-two-flags", `flush edge-1 and edge-2 --reason "old content" --follow`},
		{"prime-on", "prime channel-1 on edge-1, edge-2 and edge-3"},
		{"show-run", "show run 17"},
		{"compound", "flush edge-1 then prime channel-1 on edge-1"},
	}
}

func benchParse(b *testing.B, p *intents.Parser, text string) {
	b.Helper()
	if out := p.Parse(intents.Utterance{Text: text}); out.Decision != intents.Act && out.Decision != intents.Confirm {
		b.Fatalf("Parse(%q) = %+v, want a command", text, out)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Parse(intents.Utterance{Text: text})
	}
}

func parserOf(tb testing.TB, c *intents.Catalog, inv intents.Inventory) *intents.Parser {
	tb.Helper()
	p, err := intents.NewParser(c, inv)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// A parse leaves little behind: the command, its slots and their values.
func TestParseAllocatesLittle(t *testing.T) {
	p := parserOf(t, catalogOf(t, 60), fleet(1000))
	for text, most := range map[string]float64{
		"flush edge-2": 10, "prime channel-1 on edge-1, edge-2 and edge-3": 12, "show run 17": 10, "whoami": 8, "the weather is fine today": 60,
	} {
		if got := testing.AllocsPerRun(200, func() { p.Parse(intents.Utterance{Text: text}) }); got > most {
			t.Errorf("Parse(%q) allocates %v times, want at most %v", text, got, most)
		}
	}
}

// BenchmarkParse is what an ordinary message costs at 60 intents and 1,000 names.
func BenchmarkParse(b *testing.B) {
	p := parserOf(b, catalogOf(b, 60), fleet(1000))
	for _, u := range utterances() {
		b.Run(u.name, func(b *testing.B) { benchParse(b, p, u.text) })
	}
}

// BenchmarkParseIntents shows that the number of intents costs nothing.
func BenchmarkParseIntents(b *testing.B) {
	for _, n := range []int{17, 30, 60, 240} {
		p := parserOf(b, catalogOf(b, n), fleet(1000))
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchParse(b, p, "prime channel-1 on edge-1 and edge-2") })
	}
}

// BenchmarkParseNames shows that the number of names costs nothing.
func BenchmarkParseNames(b *testing.B) {
	c := catalogOf(b, 60)
	for _, n := range []int{10, 100, 1000, 10000} {
		p := parserOf(b, c, fleet(n))
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchParse(b, p, "prime channel-1 on edge-1 and edge-2") })
	}
}

// BenchmarkMessage is what testdata/hubot/bench.mjs measures with Hubot: messages for the first to the last intent in turn, and one message in
// six that nobody understands. Names are looked up among 1,000.
func BenchmarkMessage(b *testing.B) {
	for _, n := range []int{50, 200} {
		p := parserOf(b, madeUpCatalog(b, n), fleet(1000))
		last := n - 1
		var texts []string
		for _, i := range []int{0, last / 4, last / 2, 3 * last / 4, last} {
			texts = append(texts, fmt.Sprintf("opsbot do%d thing%d channel-1 on edge-2", i, i))
		}
		texts = append(texts, "opsbot the weather is fine today")
		b.Run(fmt.Sprintf("intents=%d", n), func(b *testing.B) {
			heard := 0
			for _, text := range texts {
				if p.Parse(intents.Utterance{Text: text}).Decision == intents.Act {
					heard++
				}
			}
			if heard != len(texts)-1 {
				b.Fatalf("%d of %d messages were understood", heard, len(texts)-1)
			}
			for i := 0; b.Loop(); i++ {
				p.Parse(intents.Utterance{Text: texts[i%len(texts)]})
			}
		})
	}
}

// BenchmarkNewParser is what a reload costs.
func BenchmarkNewParser(b *testing.B) {
	c := catalogOf(b, 60)
	inv := fleet(1000)
	for b.Loop() {
		parserOf(b, c, inv)
	}
}

// BenchmarkLoad is what the catalogue costs at the start.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := intents.Load(); err != nil {
			b.Fatal(err)
		}
	}
}
