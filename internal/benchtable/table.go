package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// table collects benchmark lines: for each benchmark and unit all values, in the order in which the benchmarks were first seen.
type table struct {
	rows  []*row
	index map[string]*row
}

// row is one benchmark.
type row struct {
	name   string
	units  []string
	values map[string][]float64 // by unit
}

// cores is the GOMAXPROCS suffix that go test puts behind a name.
var cores = regexp.MustCompile(`-\d+$`)

// add takes one line of output. Lines that are no results are ignored.
func (t *table) add(line string) {
	f := strings.Fields(line)
	if len(f) < 4 || len(f)%2 != 0 || !strings.HasPrefix(f[0], "Benchmark") {
		return
	}
	name := cores.ReplaceAllString(strings.TrimPrefix(f[0], "Benchmark"), "")
	var values []float64
	for i := 2; i < len(f); i += 2 {
		v, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			return
		}
		values = append(values, v)
	}
	r := t.row(name)
	for i, v := range values {
		unit := f[3+2*i]
		if r.values[unit] == nil {
			r.units = append(r.units, unit)
		}
		r.values[unit] = append(r.values[unit], v)
	}
}

func (t *table) row(name string) *row {
	if t.index == nil {
		t.index = map[string]*row{}
	}
	r := t.index[name]
	if r == nil {
		r = &row{name: name, values: map[string][]float64{}}
		t.index[name] = r
		t.rows = append(t.rows, r)
	}
	return r
}

// median returns the middle value, or the mean of the two middle ones; 0 for none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// print writes the table: one line a benchmark, its median time and its other measures, and for a peer how many times slower it is than ours.
func (t *table) print(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "benchmark\truns\tmedian\tother measures\tagainst ours")
	for _, r := range t.rows {
		fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t%s\n", r.name, len(r.values["ns/op"]), nanos(median(r.values["ns/op"])), r.others(), t.ratio(r))
	}
	_ = tw.Flush() // an output that is gone needs no table
}

// others prints the measures beside the time; those of memory are left out, since they say nothing beside a peer in another process.
func (r *row) others() string {
	var out []string
	for _, u := range r.units {
		if u != "ns/op" && u != "B/op" && u != "allocs/op" {
			out = append(out, fmt.Sprintf("%s %s", short(median(r.values[u])), u))
		}
	}
	return strings.Join(out, ", ")
}

// ratio tells how many times the time of ours a peer takes: over 1 means that ours is faster.
func (t *table) ratio(r *row) string {
	cut := strings.LastIndex(r.name, "/peer=")
	if cut < 0 {
		return ""
	}
	ours := t.index[r.name[:cut]]
	if ours == nil {
		ours = t.index[r.name[:cut]+"/ours"]
	}
	if ours == nil || median(ours.values["ns/op"]) == 0 {
		return ""
	}
	return fmt.Sprintf("x%.3g", median(r.values["ns/op"])/median(ours.values["ns/op"]))
}

func nanos(v float64) string {
	switch {
	case v >= 1e9:
		return short(v/1e9) + " s"
	case v >= 1e6:
		return short(v/1e6) + " ms"
	case v >= 1e3:
		return short(v/1e3) + " µs"
	default:
		return short(v) + " ns"
	}
}

// short prints three significant digits without an exponent.
func short(v float64) string {
	if v >= 100 || v <= -100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
