package reply

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions"
)

func TestWrap(t *testing.T) {
	tests := []struct {
		name  string
		given string
		limit int
		want  []string
	}{
		{"short enough", "flush edge-1", 20, []string{"flush edge-1"}},
		{"just fits", "flush edge-1", 12, []string{"flush edge-1"}},
		{"at a space", "flush edge-1 now", 12, []string{"flush edge-1", "now"}},
		{"keeps its indent", "  flush edge-1 now", 14, []string{"  flush edge-1", "  now"}},
		{"a word that is too long stays whole", "see http://edge-1.example/news now", 10, []string{"see", "http://edge-1.example/news", "now"}},
		{"no limit", "flush edge-1 now", 0, []string{"flush edge-1 now"}},
		{"wide letters", "東京 東京 東京", 9, []string{"東京 東京", "東京"}},
		{"nothing", "", 10, []string{""}},
		{"spaces alone", "              ", 10, []string{"              "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, wrap(tt.given, tt.limit)); diff != "" {
				t.Errorf("wrap(%q, %d) differs (-want +got):\n%s", tt.given, tt.limit, diff)
			}
		})
	}
}

func TestNumber(t *testing.T) {
	for cell, want := range map[string]bool{
		"17": true, "-3": true, "99.5 %": true, "12ms": true, "4 KiB": true, "1,234": true, "5 req/s": true, "+1": true,
		"": false, "-": false, "edge-1": false, "192.0.2.11": false, "2h0m0s": false, "2026-01-01": false, "r-17": false, "--1": false, "7 objects": false,
	} {
		if got := number(cell); got != want {
			t.Errorf("number(%q) = %v, want %v", cell, got, want)
		}
	}
}

// TestNothingIsCutOff renders cards at any width: every word of them is there, in order, and no line is wider than the terminal unless a word,
// a command or what stands in a table before its last column is.
func TestNothingIsCutOff(t *testing.T) {
	word := rapid.StringMatching(`[a-zA-Z0-9é東]{1,12}`)
	sentence := rapid.Custom(func(r *rapid.T) string { return strings.Join(rapid.SliceOfN(word, 1, 12).Draw(r, "words"), " ") })
	rapid.Check(t, func(r *rapid.T) {
		c := Card{
			Kind: Done, Title: sentence.Draw(r, "title"), Lines: rapid.SliceOfN(sentence, 0, 3).Draw(r, "lines"), Hint: sentence.Draw(r, "hint"),
		}
		width := rapid.IntRange(28, 100).Draw(r, "width") // below, a body has 20 columns all the same
		text := Text(c, Style{Width: width})
		want := strings.Fields(c.Title + " " + strings.Join(c.Lines, " ") + " " + c.Hint)
		got := strings.Fields(strings.Replace(strings.TrimPrefix(text, "+ "), "  next: ", "  ", 1))
		if strings.Join(got, " ") != strings.Join(want, " ") {
			r.Errorf("words of\n%s\nare %q, want %q", text, got, want)
		}
		for line := range strings.Lines(text) {
			if n := Columns(strings.TrimSuffix(line, "\n")); n > width && strings.Count(strings.TrimSpace(line), " ") > 0 {
				r.Errorf("line %q has %d columns of %d", line, n, width)
			}
		}
	})
}

// TestTablesOfAnyShape renders tables whose rows are too short, too long or empty: every cell is there, and what stands under each other begins at
// the same column.
func TestTablesOfAnyShape(t *testing.T) {
	cell := rapid.StringMatching(`[a-z]{1,9}( [a-z]{1,9})?`)
	rapid.Check(t, func(r *rapid.T) {
		table := actions.Table{
			Columns: rapid.SliceOfN(cell, 0, 5).Draw(r, "columns"),
			Rows:    rapid.SliceOfN(rapid.SliceOfN(cell, 0, 6), 0, 5).Draw(r, "rows"),
		}
		width := rapid.SampledFrom([]int{0, 20, 40, 120}).Draw(r, "width")
		text := Text(Card{Table: &table}, Style{Width: width})
		squeezed := strings.Join(strings.Fields(text), " ")
		for _, row := range table.Rows {
			for _, c := range row {
				for w := range strings.FieldsSeq(c) {
					if !strings.Contains(squeezed, w) {
						r.Errorf("table %v at width %d lacks %q:\n%s", table, width, c, text)
					}
				}
			}
		}
		if width == 0 {
			aligned(r, table, text)
		}
	})
}

// aligned finds every column of an unwrapped table at the place where its head stands.
func aligned(r *rapid.T, table actions.Table, text string) {
	if len(table.Rows) == 0 || len(table.Columns) == 0 {
		return
	}
	lines := strings.Split(text, "\n")
	at := len(margin)
	for i, head := range table.Columns {
		if !strings.HasPrefix(lines[0][at:], strings.ToUpper(head)) {
			r.Fatalf("column %d of\n%s\ndoes not begin at %d", i, text, at)
		}
		widest := len(head)
		for k, row := range table.Rows {
			if i >= len(row) {
				continue
			}
			widest = max(widest, len(row[i]))
			if !strings.HasPrefix(lines[k+1][at:], row[i]) {
				r.Fatalf("cell %q of\n%s\ndoes not begin at %d", row[i], text, at)
			}
		}
		at += widest + len(gap)
	}
}
