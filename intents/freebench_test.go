package intents_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/shitops/opsbot/intents"
)

// talkativeCatalog returns the built-in catalogue and as many made-up intents as make n, which have phrases too.
func talkativeCatalog(tb testing.TB, n int) *intents.Catalog {
	tb.Helper()
	c, err := intents.LoadFrom(talkativeFiles(tb, n))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// talkativeFiles returns the files of talkativeCatalog.
func talkativeFiles(tb testing.TB, n int) fstest.MapFS {
	tb.Helper()
	files := fstest.MapFS{}
	names, err := filepath.Glob("catalog/*.txt")
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		files[filepath.Base(name)] = &fstest.MapFile{Data: text}
	}
	for i := len(files); i <= n; i++ { // none.txt is a file too, and no intent
		name := fmt.Sprintf("made.up%d", i)
		var text strings.Builder
		text.WriteString(madeUp(name, i))
		for k := range 30 {
			fmt.Fprintf(&text, "~ %s thing%d of kind %d for {deployment} on {node}, will you %d\n", []string{"do%d", "make%d", "shape%d"}[k%3], i, k, k*k)
		}
		files[name+".txt"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(text.String(), "%d", fmt.Sprint(i)))}
	}
	return files
}

// largeWorld is the world of the test sets and so many nodes and deployments more that there are about 1,000 names.
func largeWorld() intents.Inventory {
	inv, more := heldOutWorld(), fleet(980)
	inv.Nodes = append(inv.Nodes, more.Nodes[8:]...)
	inv.Deployments = append(inv.Deployments, more.Deployments...)
	return inv
}

// BenchmarkHeard is what a text costs at 60 intents and 1,000 names: an exact command, and free text of every category in turn. p50 and p99 are of single
// parses.
func BenchmarkHeard(b *testing.B) {
	c := talkativeCatalog(b, 60)
	if err := c.Learn(); err != nil {
		b.Fatal(err)
	}
	p := parserOf(b, c, largeWorld())
	kinds := map[string][]string{}
	for _, h := range readHeldOut(b, "dev.tsv") {
		switch {
		case h.category == "exact":
			kinds["exact"] = append(kinds["exact"], h.text)
		case plain(h.category):
			kinds["free"] = append(kinds["free"], h.text)
		default:
			kinds["other"] = append(kinds["other"], h.text)
		}
	}
	_, zone := clock(b)
	for _, kind := range []string{"exact", "free", "other"} {
		texts := kinds[kind]
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			took := make([]time.Duration, 0, 1<<20)
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				p.Parse(intents.Utterance{Text: texts[i%len(texts)], Now: heldOutNow(zone), Zone: zone})
				if d := time.Since(start); len(took) < cap(took) {
					took = append(took, d)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2]), "p50-ns")
			b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns")
		})
	}
}

// BenchmarkLearn is what the built-in catalogue costs at the start: reading its files, and training.
func BenchmarkLearn(b *testing.B) {
	files := talkativeFiles(b, 0)
	for b.Loop() {
		c, err := intents.LoadFrom(files)
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Learn(); err != nil {
			b.Fatal(err)
		}
	}
}
