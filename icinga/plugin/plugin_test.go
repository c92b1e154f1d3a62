package plugin_test

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/icinga/plugin"
)

func TestRanges(t *testing.T) {
	t.Parallel()
	const inf = 1e300
	for _, tt := range []struct {
		text  string
		bad   []float64
		quiet []float64
	}{
		{"", nil, []float64{-inf, 0, inf, math.NaN()}},
		{"10", []float64{-0.1, 10.1, inf, math.NaN()}, []float64{0, 5, 10}},
		{"10:", []float64{-inf, 9.99, math.NaN()}, []float64{10, 11, inf}},
		{"~:10", []float64{10.01, inf}, []float64{-inf, 0, 10}},
		{":10", []float64{-1, 11}, []float64{0, 10}},
		{"10:20", []float64{9, 21}, []float64{10, 15, 20}},
		{"@10:20", []float64{10, 15, 20}, []float64{9.9, 20.1}},
		{"@10", []float64{0, 10}, []float64{-1, 11}},
		{"@~:0", []float64{-inf, 0}, []float64{0.1}},
		{"-5:-1", []float64{-6, 0}, []float64{-5, -1}},
		{"0.5:1.5e1", []float64{0.4, 15.1}, []float64{0.5, 15}},
		{"85:", []float64{84.9}, []float64{85, 100}},
		{"~:", []float64{math.NaN()}, []float64{-inf, inf}},
	} {
		r, err := plugin.ParseRange(tt.text)
		if err != nil || r.String() != tt.text {
			t.Errorf("ParseRange(%q) = %q, %v", tt.text, r, err)
			continue
		}
		for _, v := range tt.bad {
			if !r.Alarms(v) {
				t.Errorf("%q does not alarm at %g, want an alarm", tt.text, v)
			}
		}
		for _, v := range tt.quiet {
			if r.Alarms(v) {
				t.Errorf("%q alarms at %g, want none", tt.text, v)
			}
		}
	}
	for _, text := range []string{"x", "10:x", "20:10", "1:2:3", "@", "~", "NaN", "Inf:", "0x10", "1_0", " 10", "10 ", "85%:", "10;", "5:~"} {
		if r, err := plugin.ParseRange(text); !errors.Is(err, plugin.ErrRange) {
			t.Errorf("ParseRange(%q) = %q, %v; want ErrRange", text, r, err)
		}
	}
}

func TestThresholds(t *testing.T) {
	t.Parallel()
	limits, err := plugin.ParseThresholds("85:", "70:")
	if err != nil {
		t.Fatal(err)
	}
	for v, want := range map[float64]plugin.Status{100: plugin.OK, 85: plugin.OK, 84.9: plugin.Warning, 70: plugin.Warning, 69.9: plugin.Critical, 0: plugin.Critical} {
		if got := limits.Judge(v); got != want {
			t.Errorf("Judge(%g) = %s, want %s", v, got, want)
		}
	}
	if got := (plugin.Thresholds{}).Judge(-1); got != plugin.OK {
		t.Errorf("no thresholds judge %s, want OK", got)
	}
	for _, tt := range []struct{ w, c, say string }{{"x", "", "warning"}, {"", "x", "critical"}} {
		if _, err := plugin.ParseThresholds(tt.w, tt.c); err == nil || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("ParseThresholds(%q, %q) = %v, want it to name %s", tt.w, tt.c, err, tt.say)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	limits, err := plugin.ParseThresholds("85:", "70:")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		metric plugin.Metric
		want   string
	}{
		{plugin.Metric{Label: "hit_ratio", Value: 88.4, Unit: "%", Thresholds: limits, Min: new(0.0), Max: new(100.0)}, "hit_ratio=88.4%;85:;70:;0;100"},
		{plugin.Metric{Label: "hits", Value: 731, Unit: "c"}, "hits=731c"},
		{plugin.Metric{Label: "lag", Value: 1.23456, Unit: "s", Decimals: 2, Min: new(0.0)}, "lag=1.23s;;;0"},
		{plugin.Metric{Label: "big", Value: 12345678901234567}, "big=12345678901234568"},
		{plugin.Metric{Label: "small", Value: -0.00004, Decimals: 2}, "small=0"},
		{plugin.Metric{Label: "none", Value: math.NaN(), Unit: "s"}, "none=U"},
		{plugin.Metric{Label: "two words", Value: 1}, "'two words'=1"},
		{plugin.Metric{Label: "it's", Value: 1}, "'it''s'=1"},
		{plugin.Metric{Label: "a=b|c\nd", Value: 1, Unit: "B 1;|"}, "a_b_c_d=1B"},
		{plugin.Metric{Value: 1}, "''=1"},
	} {
		if got := tt.metric.String(); got != tt.want {
			t.Errorf("%+v prints %q, want %q", tt.metric, got, tt.want)
		}
	}
}

func TestResult(t *testing.T) {
	t.Parallel()
	r := plugin.Result{
		Name: "HIT RATE", Status: plugin.Warning, Text: "84 % | of\nmany\x00", Metrics: []plugin.Metric{{Label: "a", Value: 1}, {Label: "b", Value: 2}},
		Details: []string{"one | two", "three\nfour"},
	}
	want := "HIT RATE WARNING: 84 % / of many | a=1 b=2\none / two\nthree four\n"
	if got := r.String(); got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
	if got, want := plugin.Failed("HIT RATE", errors.New("no varnishstat")).String(), "HIT RATE UNKNOWN: no varnishstat\n"; got != want {
		t.Errorf("Failed = %q, want %q", got, want)
	}
	for s, want := range map[plugin.Status]string{plugin.OK: "OK 0", plugin.Warning: "WARNING 1", plugin.Critical: "CRITICAL 2", plugin.Unknown: "UNKNOWN 3", 17: "UNKNOWN 3", -1: "UNKNOWN 3"} {
		if got := fmt.Sprint(s, s.Exit()); got != want {
			t.Errorf("status %d is %q, want %q", int(s), got, want)
		}
	}
}

// TestOutputHoldsItsForm prints hostile texts: whatever they hold, the first line has one bar at most and the metrics behind it.
func TestOutputHoldsItsForm(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[^|\n]* (OK|WARNING|CRITICAL|UNKNOWN):[^|\n]*( \|( ('([^'\n]|'')*'|[^ '=|\n;]+)=(U|-?[0-9.]+[^0-9 ;|=\n]*)(;[^ ]*)?)+)?\n`)
	rapid.Check(t, func(t *rapid.T) {
		r := plugin.Result{Name: "N", Status: plugin.Status(rapid.IntRange(0, 3).Draw(t, "status")), Text: rapid.String().Draw(t, "text")}
		for range rapid.IntRange(0, 3).Draw(t, "metrics") {
			r.Metrics = append(r.Metrics, plugin.Metric{
				Label: rapid.String().Draw(t, "label"), Value: rapid.Float64().Draw(t, "value"), Unit: rapid.String().Draw(t, "unit"),
			})
		}
		if out := r.String(); !form.MatchString(out) || strings.Count(out, "\n") != 1 {
			t.Fatalf("%+v prints %q", r, out)
		}
	})
}

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"10", "10:", "~:10", "@10:20", "1e3:", ""} {
		f.Add(s, 11.0)
	}
	f.Fuzz(func(t *testing.T, text string, v float64) {
		r, err := plugin.ParseRange(text)
		if err != nil {
			return
		}
		if strings.ContainsAny(text, " |;'\n") {
			t.Fatalf("ParseRange takes %q, which does not fit into performance data", text)
		}
		if !strings.HasPrefix(text, "@") && text != "" && !math.IsNaN(v) {
			if opposite, err := plugin.ParseRange("@" + text); err != nil || opposite.Alarms(v) == r.Alarms(v) {
				t.Fatalf("%q and its opposite agree on %g, %v", text, v, err)
			}
		}
	})
}

func Example() {
	limits, err := plugin.ParseThresholds("85:", "70:")
	if err != nil {
		fmt.Println(err)
		return
	}
	r := plugin.Result{Name: "HIT RATE", Status: limits.Judge(88.4), Text: "88.4 % of 827 requests in 5m0s"}
	r.Metrics = append(r.Metrics, plugin.Metric{Label: "hit_ratio", Value: 88.4, Unit: "%", Thresholds: limits, Min: new(0.0), Max: new(100.0)})
	fmt.Print(r)
	// Output: HIT RATE OK: 88.4 % of 827 requests in 5m0s | hit_ratio=88.4%;85:;70:;0;100
}
