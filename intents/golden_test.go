package intents_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents"
)

// goldenFile holds what is understood, one text a line: the text, the decision, the commands as they are typed, and the margins of every class by which it was
// decided. It is written on one kind of processor and must hold on all.
const goldenFile = "testdata/golden.tsv"

// near is how far a margin may be from the stored one. The sums are made so that every processor rounds alike; this is a hundred times what they could differ by.
const near = 1e-4

// goldenLine writes what is understood of text, and the margins apart.
func goldenLine(tb testing.TB, p *intents.Parser, text string) (line string, margins []float64) {
	tb.Helper()
	_, zone := clock(tb)
	out := p.Parse(intents.Utterance{Text: text, Now: heldOutNow(zone), Zone: zone, Explain: true})
	said := make([]string, len(out.Commands))
	for i := range out.Commands {
		said[i] = out.Commands[i].Canonical()
	}
	line = strings.Join([]string{strconv.Quote(text), string(out.Decision), strconv.FormatFloat(out.Confidence, 'g', -1, 64), strings.Join(said, "; ")}, "\t")
	for _, step := range out.Trace {
		rest, found := strings.CutPrefix(step, "classifier: ")
		if !found {
			continue
		}
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			tb.Fatalf("%q: the trace says %q: %v", text, step, err)
		}
		masked, err := strconv.Unquote(quoted)
		if err != nil {
			tb.Fatalf("%q: the trace says %q: %v", text, step, err)
		}
		all, err := intents.MarginsOf(p, masked)
		if err != nil {
			tb.Fatal(err)
		}
		for _, margin := range all {
			margins = append(margins, float64(margin))
		}
	}
	return line, margins
}

// TestGolden holds decisions, commands and margins against those that are stored: every processor decides alike. -update writes them anew, after the catalogue or
// the language has changed.
func TestGolden(t *testing.T) {
	t.Parallel()
	p := newParser(t, heldOutWorld())
	if *update {
		writeGolden(t, p)
	}
	data, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(bytes.NewReader(data))
	in.Buffer(nil, 1<<20)
	if !in.Scan() || in.Text() != goldenHead(t) {
		t.Fatalf("%s is of another catalogue, refresh with -update: it begins with\n%s\nwant\n%s", goldenFile, in.Text(), goldenHead(t))
	}
	lines, compared, worst := 0, 0, 0.0
	for n := 2; in.Scan(); n++ {
		lines++
		fields := strings.Split(in.Text(), "\t")
		text, err := strconv.Unquote(fields[0])
		if err != nil || len(fields) != 5 {
			t.Fatalf("%s:%d: %d fields, the first %s (%v); want 5", goldenFile, n, len(fields), fields[0], err)
		}
		got, margins := goldenLine(t, p, text)
		if want := strings.Join(fields[:4], "\t"); got != want {
			t.Errorf("%s:%d: got  %s\nwant %s", goldenFile, n, got, want)
		}
		want := strings.Fields(fields[4])
		if len(want) != len(margins) {
			t.Errorf("%s:%d: %s: %d margins, want %d", goldenFile, n, fields[0], len(margins), len(want))
			continue
		}
		for i, margin := range margins {
			stored, err := strconv.ParseFloat(want[i], 64)
			if err != nil {
				t.Fatalf("%s:%d: %v", goldenFile, n, err)
			}
			off := math.Abs(stored - margin)
			if compared++; off > near {
				t.Errorf("%s:%d: %s: margin %d is %.6f, want %s", goldenFile, n, fields[0], i, margin, want[i])
				break
			}
			worst = max(worst, off)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	if t.Logf("%d texts, %d margins, at most %.7f off", lines, compared, worst); lines < 150 {
		t.Errorf("%d texts in %s, want 150", lines, goldenFile)
	}
}

// goldenHead is the first line of the file: how it is made, and of which model.
func goldenHead(tb testing.TB) string {
	tb.Helper()
	c, err := intents.Load()
	if err != nil {
		tb.Fatal(err)
	}
	return "# What is understood of texts of every category, with the margins of all classes (go test ./intents -run TestGolden -update), by model " + c.Model()
}

// writeGolden stores what is understood of the texts of dev.tsv now.
func writeGolden(t *testing.T, p *intents.Parser) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(goldenHead(t) + "\n")
	for _, h := range readHeldOut(t, "dev.tsv") {
		line, margins := goldenLine(t, p, h.text)
		said := make([]string, len(margins))
		for i, margin := range margins {
			said[i] = strconv.FormatFloat(margin, 'f', 6, 64)
		}
		fmt.Fprintf(&b, "%s\t%s\n", line, strings.Join(said, " "))
	}
	if err := os.WriteFile(goldenFile, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
