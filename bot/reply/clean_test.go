package reply_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/reply"
)

func TestClean(t *testing.T) {
	tests := []struct{ name, given, want string }{
		{"plain text", "edge-1 is up", "edge-1 is up"},
		{"other scripts", "Köln 東京 ✓ 👩‍🔧", "Köln 東京 ✓ 👩‍🔧"},
		{"a title sequence", "a\x1b]0;pwned\x07b", `a\x1b]0;pwned\x07b`},
		{"an eight-bit CSI", "a\u009b2Jb", `a\u009b2Jb`},
		{"a raw C1 byte", "a\x9b2Jb", `a\x9b2Jb`},
		{"delete and backspace", "rm\x08\x08ls\x7f", `rm\x08\x08ls\x7f`},
		{"right to left override", "edge\u202e1-x", `edge\u202e1-x`},
		{"invisible", "ed\u200bge\ufeff", `ed\u200bge\ufeff`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"a tag character", "a\U000e0041b", `a\ue0041b`},
		{"a tab", "a\tb", "a b"},
		{"a line break", "a\nb\r", `a\x0ab\x0d`},
		{"the replacement character itself", "a\ufffdb", "a\ufffdb"},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := reply.Clean(tt.given); got != tt.want {
				t.Errorf("Clean(%q) = %q, want %q", tt.given, got, tt.want)
			}
		})
	}
}

// everywhere returns a card that carries the text in every place a card has.
func everywhere(text string) reply.Card {
	return reply.Card{
		ID: text, Kind: reply.Kind(text), Title: text, Lines: []string{text, "  " + text}, Code: []string{text}, Hint: text,
		Table:   &actions.Table{Columns: []string{text, "b"}, Rows: [][]string{{text}, {"1", text, text}}},
		Choices: []string{text}, Run: text, Data: map[string]string{text: text},
	}
}

func FuzzCard(f *testing.F) {
	for _, s := range []string{"", "edge-1", "\x1b[2J", "\u009b2J", "a\r\nb\n\n", "\u202e", "\xff\xfe", "東京東京東京 東京東京", "\U000e0041", strings.Repeat("word ", 40), "12 %"} {
		f.Add(s, 30)
	}
	f.Fuzz(func(t *testing.T, text string, width int) {
		for _, style := range []reply.Style{{}, {Unicode: true, Width: width % 200}} {
			out := reply.Text(everywhere(text), style)
			if i := strings.IndexFunc(out, steers); i >= 0 {
				t.Fatalf("Text of a card with %q holds a control character at %d: %q", text, i, out)
			}
			if !utf8.ValidString(out) {
				t.Fatalf("Text of a card with %q is no UTF-8: %q", text, out)
			}
			if out != "" && !strings.HasSuffix(out, "\n") {
				t.Fatalf("Text of a card with %q does not end its last line: %q", text, out)
			}
		}
		line, err := reply.JSON(everywhere(text))
		if err != nil {
			t.Fatalf("JSON of a card with %q: %v", text, err)
		}
		if i := strings.IndexFunc(strings.TrimSuffix(string(line), "\n"), func(r rune) bool { return r == '\n' || steers(r) }); i >= 0 {
			t.Fatalf("JSON of a card with %q holds a control character at %d: %q", text, i, line)
		}
		var back reply.Card
		if err := json.Unmarshal(line, &back); err != nil {
			t.Fatalf("JSON of a card with %q does not parse: %v: %s", text, err, line)
		}
		if utf8.ValidString(text) && back.Title != text {
			t.Fatalf("JSON of a card with title %q came back as %q", text, back.Title)
		}
	})
}

func steers(r rune) bool {
	if r == '\n' || r == '\u200c' || r == '\u200d' {
		return false
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

func TestJSON(t *testing.T) {
	got, err := reply.JSON(reply.Card{Kind: reply.Failed, Title: "a\u009bb\x1b\U000e0041", Run: "r-3", Live: true})
	want := `{"kind":"failed","title":"a\u009bb\u001b\udb40\udc41","run":"r-3","live":true}` + "\n"
	if err != nil || string(got) != want {
		t.Errorf("JSON = %s, %v, want %s", got, err, want)
	}
	if _, err := reply.JSON(reply.Card{Title: "t", Data: func() {}}); err == nil || !strings.Contains(err.Error(), `"t"`) {
		t.Errorf("JSON of a card that JSON cannot hold: error %v, want one that names the card", err)
	}
}

func TestColumns(t *testing.T) {
	for given, want := range map[string]int{
		"":                      0,
		"edge-1":                6,
		"Köln":                  4,
		"東京":                    4,
		"e\u0301":               1,
		"\x1b[1mbold\x1b[0m ok": 7,
		"✓ done":                6,
	} {
		if got := reply.Columns(given); got != want {
			t.Errorf("Columns(%q) = %d, want %d", given, got, want)
		}
	}
	if diff := cmp.Diff(reply.Text(reply.Card{}, reply.Style{}), ""); diff != "" {
		t.Errorf("an empty card is not empty: %s", diff)
	}
}
