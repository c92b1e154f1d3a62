package overlay_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/shitops/opsbot/overlay"
	"pgregory.net/rapid"
)

func TestParseRange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want overlay.Range
		err  string
	}{
		{"5001-9000", overlay.Range{First: 5001, Last: 9000}, ""},
		{"5001", overlay.Range{First: 5001, Last: 5001}, ""},
		{"5001 - 9000", overlay.Range{First: 5001, Last: 9000}, ""},
		{"9000-5001", overlay.Range{First: 9000, Last: 5001}, "the first is above the last"},
		{"0-5000", overlay.Range{}, "VNI 0"},
		{"100-5000", overlay.Range{}, "1-4095 are refused"},
		{"5001-16777215", overlay.Range{}, "all ones"},
		{"5001-16777216", overlay.Range{}, "24 bits"},
		{"five", overlay.Range{}, `VNI "five": not a number`},
		{"-5", overlay.Range{}, `VNI "": not a number`},
		{"", overlay.Range{}, "not a number"},
	} {
		got, err := overlay.ParseRange(c.text)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("ParseRange(%q) = %v, %v, want %v, %q", c.text, got, err, c.want, c.err)
		}
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	r := overlay.Range{First: 5001, Last: 9000}
	for _, c := range []struct {
		other    overlay.Range
		overlaps bool
	}{
		{overlay.Range{First: 9000, Last: 9001}, true}, {overlay.Range{First: 9001, Last: 9002}, false},
		{overlay.Range{First: 4096, Last: 5000}, false}, {overlay.Range{First: 4096, Last: 10000}, true}, {overlay.Range{}, false},
	} {
		if got := r.Overlaps(c.other); got != c.overlaps || c.other.Overlaps(r) != got {
			t.Errorf("%s overlaps %s: %v, want %v", r, c.other, got, c.overlaps)
		}
	}
	if r.Len() != 4000 || (overlay.Range{}).Len() != 0 || overlay.AllVNIs().Len() != 1<<24-4097 {
		t.Errorf("Len: %d, %d, %d", r.Len(), overlay.Range{}.Len(), overlay.AllVNIs().Len())
	}
	if r.Contains(5000) || !r.Contains(5001) || !r.Contains(9000) || r.Contains(9001) || (overlay.Range{}).Contains(0) {
		t.Error("Contains is off by one")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"live": true, "a": true, "edge-3": true, "3": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "a-": false, "a.b": false, "*": false, ">": false, "Edge": false, "a b": false, "a/b": false, "..": false, "a\n": false, strings.Repeat("a", 64): false,
	} {
		if err := overlay.CheckName("node", name); (err == nil) != ok {
			t.Errorf("CheckName(%q) = %v, want ok %v", name, err, ok)
		}
	}
}

// TestNamesAreLabels holds that what may be a name is what the pattern of labels says.
func TestNamesAreLabels(t *testing.T) {
	t.Parallel()
	label := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.StringMatching(`[a-z0-9-]{0,65}`), rapid.StringMatching(`[a-zA-Z0-9./*_-]{0,5}`), rapid.String()).Draw(t, "name")
		if err := overlay.CheckName("node", name); (err == nil) != label.MatchString(name) {
			t.Fatalf("CheckName(%q) = %v, want ok %v", name, err, label.MatchString(name))
		}
	})
}

// TestNamesCostNothing: they are checked by the thousand, each time a node's state is composed, and again where it is taken.
func TestNamesCostNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _ = overlay.CheckName("node", "edge-3") }); n != 0 {
		t.Errorf("CheckName of a good name allocates %v times, want 0", n)
	}
}
