package main

import (
	"context"
	"strings"
	"testing"
)

// TestTable reads what go test prints and compares a peer with ours.
func TestTable(t *testing.T) {
	var tab table
	for line := range strings.Lines(`
goos: linux
BenchmarkParse/names=1000-2   	  500000	      2000 ns/op	       0 B/op	       0 allocs/op
BenchmarkParse/names=1000-2   	  500000	      4000 ns/op	       0 B/op	       0 allocs/op
BenchmarkParse/names=1000-2   	  500000	      3000 ns/op	       0 B/op	       0 allocs/op
BenchmarkParse/names=1000/peer=hubot 100 30000 ns/op
BenchmarkRuns/six-2 	 10	 5000000 ns/op	 212.5 runs/s
BenchmarkAlone/peer=curl 1 1500000000 ns/op
Benchmark is not a result
BenchmarkBroken-2 1 x ns/op
PASS
`) {
		tab.add(line)
	}
	var b strings.Builder
	tab.print(&b)
	want := []string{
		"benchmark                     runs  median  other measures  against ours",
		"Parse/names=1000              3     3 µs",
		"Parse/names=1000/peer=hubot   1     30 µs                   x10",
		"Runs/six                      1     5 ms    212 runs/s",
		"Alone/peer=curl               1     1.5 s",
	}
	got := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if len(got) != len(want) {
		t.Fatalf("table has %d lines, want %d:\n%s", len(got), len(want), b.String())
	}
	for i := range want {
		if g, w := strings.Join(strings.Fields(got[i]), " "), strings.Join(strings.Fields(want[i]), " "); g != w {
			t.Errorf("line %d:\n got %s\nwant %s", i, g, w)
		}
	}
}

// TestMedian takes the middle.
func TestMedian(t *testing.T) {
	for _, c := range []struct {
		given []float64
		want  float64
	}{{nil, 0}, {[]float64{5}, 5}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 2}, 3}} {
		if got := median(c.given); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.given, got, c.want)
		}
	}
}

// TestRunNamesWhatFailed shows the other results and fails.
func TestRunNamesWhatFailed(t *testing.T) {
	var out, errs strings.Builder
	err := run(context.Background(), []string{"echo BenchmarkA-2 1 100 ns/op", "exit 3"}, &out, &errs)
	if err == nil || !strings.Contains(err.Error(), `"exit 3": exit status 3`) {
		t.Errorf("run = %v, want an error that names the command", err)
	}
	for _, want := range []string{"machine: ", "A          1     100 ns"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
}
