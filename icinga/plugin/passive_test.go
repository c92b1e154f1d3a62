package plugin_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/plugin"
)

func TestPassive(t *testing.T) {
	t.Parallel()
	limits, err := plugin.ParseThresholds("30", "120")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		result plugin.Result
		every  time.Duration
		want   icinga.CheckResult
	}{
		{"a word alone", plugin.Result{Name: "X", Text: "well"}, time.Minute,
			icinga.CheckResult{Output: "X OK: well", TTL: 150 * time.Second}},
		{"all of it", plugin.Result{
			Name: "X", Status: plugin.Critical, Text: "a | bar\nand a line", Details: []string{"more\tof it", "and | more"},
			Metrics: []plugin.Metric{{Label: "beat age", Value: 31, Unit: "s", Thresholds: limits}, {Label: "n", Value: 2}},
		}, 2 * time.Second, icinga.CheckResult{
			Exit: 2, Output: "X CRITICAL: a / bar and a line\nmore of it\nand / more", Perfdata: []string{"'beat age'=31s;30;120", "n=2"}, TTL: 5 * time.Second,
		}},
		{"a status that is none", plugin.Result{Name: "X", Status: 7, Text: "?"}, 0, icinga.CheckResult{Exit: 3, Output: "X UNKNOWN: ?"}},
	} {
		if diff := cmp.Diff(tt.want, plugin.Passive(tt.result, tt.every)); diff != "" {
			t.Errorf("%s: Passive(%+v, %s) (-want +got):\n%s", tt.name, tt.result, tt.every, diff)
		}
	}
}

func TestWorst(t *testing.T) {
	t.Parallel()
	order := []plugin.Status{plugin.OK, plugin.Unknown, plugin.Warning, plugin.Critical}
	for i, a := range order {
		for j, b := range order {
			if got, want := plugin.Worst(a, b), order[max(i, j)]; got != want {
				t.Errorf("Worst(%s, %s) = %s, want %s", a, b, got, want)
			}
		}
	}
}

// kept is what these tests keep: a word that is longer than nothing.
type kept struct{ Word string }

func parseKept(data []byte) (kept, error) {
	if !strings.HasPrefix(string(data), `{"Word":"`) {
		return kept{"what does not fit"}, errors.New("it is no word")
	}
	return kept{string(data[9 : len(data)-3])}, nil
}

func TestLoadAndSave(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a", "b", "state.json")
	if got, note, err := plugin.Load(file, parseKept); got != (kept{}) || note != "" || err != nil {
		t.Errorf("Load of nothing = %v, %q, %v; want nothing at all", got, note, err)
	}
	if err := plugin.Save(file, kept{"hello"}); err != nil {
		t.Fatal(err)
	}
	if got, note, err := plugin.Load(file, parseKept); got != (kept{"hello"}) || note != "" || err != nil {
		t.Errorf("Load = %v, %q, %v; want hello", got, note, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v; want mode 0600", info, err)
	}
	for name, content := range map[string]string{"no word": "broken", "empty": "", "too much": `{"Word":"` + strings.Repeat("x", 1<<20) + `"}`} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, note, err := plugin.Load(file, parseKept); got != (kept{}) || !strings.Contains(note, "is replaced") || err != nil {
			t.Errorf("%s: Load = %v, %q, %v; want nothing and a note", name, got, note, err)
		}
	}
	if _, _, err := plugin.Load(dir, parseKept); err == nil {
		t.Error("Load of a folder = nil, want an error")
	}
	if _, _, err := plugin.Load(filepath.Join(file, "below a file"), parseKept); err == nil {
		t.Error("Load below a file = nil, want an error")
	}
	if err := plugin.Save(filepath.Join(file, "below a file"), kept{}); err == nil {
		t.Error("Save below a file = nil, want an error")
	}
	if err := plugin.Save(file, func() {}); err == nil {
		t.Error("Save of a function = nil, want an error")
	}
}
