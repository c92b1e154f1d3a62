package embed_test

import (
	"strings"
	"testing"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/bot/reply/embed"
)

func TestEscape(t *testing.T) {
	for _, tt := range []struct{ name, given, want string }{
		{"plain", "edge-1 is up", "edge-1 is up"},
		{"bold", "**x**", `\*\*x\*\*`},
		{"names with underscores", "a_b_c", `a\_b\_c`},
		{"code", "`x`", "\\`x\\`"},
		{"spoiler", "||x||", `\|\|x\|\|`},
		{"a link that hides its address", "[edge-1](http://evil)", `\[edge-1\](http://evil)`},
		{"a mention", "<@42>", `\<@42>`},
		{"a heading", "# x", `\# x`},
		{"small text", "-# x", `\-# x`},
		{"a quotation", "> x", `\> x`},
		{"a list", "- x", `\- x`},
		{"an indented list", "  - x", `  \- x`},
		{"a numbered list", "12. x", `12\. x`},
		{"a version", "12.4 is out", "12.4 is out"},
		{"a number at the end", "it is 12.", "it is 12."},
		{"an address", "see http://edge-1/a_b?c=d_e now_", `see http://edge-1/a_b?c=d_e now\_`},
		{"an address in brackets", "<http://a_b>", `\<http://a_b>`},
		{"a backslash", `a\b`, `a\\b`},
		{"several lines", "a\r\n# b\n- c", "a\n\\# b\n\\- c"},
		{"what steers", "a\x1b[2Jb\u202e", `a\\x1b\[2Jb\\u202e`},
		{"other scripts", "Köln 東京 ✓", "Köln 東京 ✓"},
		{"empty", "", ""},
	} {
		if got := embed.Escape(tt.given); got != tt.want {
			t.Errorf("%s: Escape(%q) = %q, want %q", tt.name, tt.given, got, tt.want)
		}
	}
}

// TestNothingIsLost renders answers that are too long: what the message leaves out is in the file, and the message says so.
func TestNothingIsLost(t *testing.T) {
	lines := func(n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = strings.Repeat("word ", 20) + "."
		}
		return out
	}
	rows := actions.Table{Columns: []string{"node", "state"}}
	for range 400 {
		rows.Rows = append(rows.Rows, []string{"edge-with-a-name", "up"})
	}
	for _, tt := range []struct {
		name string
		card reply.Card
		file bool
	}{
		{"short", reply.Card{Title: "x", Lines: lines(3)}, false},
		{"many lines", reply.Card{Title: "x", Lines: lines(100)}, true},
		{"one long line", reply.Card{Title: "x", Lines: []string{strings.Repeat("word ", 2000)}}, true},
		{"a long title", reply.Card{Title: strings.Repeat("word ", 300)}, true},
		{"a title of some length", reply.Card{Title: strings.Repeat("word ", 80)}, false},
		{"a long table", reply.Card{Title: "x", Table: &rows}, true},
		{"long commands", reply.Card{Title: "x", Code: lines(100)}, true},
		{"a long hint", reply.Card{Title: "x", Hint: strings.Repeat("word ", 500)}, true},
	} {
		m := embed.Render(tt.card, embed.Options{})
		if (m.File != nil) != tt.file || len(m.Attachments) != boolean(tt.file) {
			t.Errorf("%s: file %v, attachments %v, want a file: %v", tt.name, m.File != nil, m.Attachments, tt.file)
		}
		if m.File == nil {
			continue
		}
		if got, want := strings.Count(string(m.File.Text), "word"), strings.Count(strings.Join(append(append(tt.card.Lines, tt.card.Code...), tt.card.Title, tt.card.Hint), " "), "word"); got != want {
			t.Errorf("%s: the file has %d words of %d", tt.name, got, want)
		}
		if !strings.Contains(m.Embeds[0].Description, "in the file") {
			t.Errorf("%s: the message does not say that there is a file: %q", tt.name, m.Embeds[0].Description)
		}
	}
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestFileName(t *testing.T) {
	long := []string{strings.Repeat("word ", 2000)}
	for run, want := range map[string]string{"": "reply.txt", "r-17": "r-17.txt", "../../etc/passwd": "etc-passwd.txt", "ÄÖÜ": "reply.txt", strings.Repeat("x", 200): strings.Repeat("x", 40) + ".txt"} {
		m := embed.Render(reply.Card{Title: "x", Run: run, Lines: long}, embed.Options{})
		if m.File == nil || m.File.Name != want {
			t.Errorf("run %q: file %+v, want %s", run, m.File, want)
		}
	}
}

// TestHugeFile cuts what is larger than a server takes, between two characters, and says so.
func TestHugeFile(t *testing.T) {
	m := embed.Render(reply.Card{Title: "x", Lines: []string{strings.Repeat("東", 4<<20)}}, embed.Options{})
	if n := len(m.File.Text); n > 8<<20 {
		t.Errorf("a file of %d bytes", n)
	}
	if text := string(m.File.Text); strings.Contains(text, "\ufffd") || !strings.Contains(text, "cut off here") {
		t.Error("the file is cut within a character, or does not say that it is cut")
	}
}

// TestLeftOver names what found no room among the components, so that it can be typed.
func TestLeftOver(t *testing.T) {
	var c reply.Card
	c.Title = "x"
	for n := range 30 {
		c.Buttons = append(c.Buttons, reply.Button{Label: "B", Say: "do-" + strings.Repeat("i", n+1) + "."})
	}
	m := embed.Render(c, embed.Options{})
	if len(m.Components) != 5 || !strings.Contains(m.Embeds[0].Description, "do-"+strings.Repeat("i", 30)+".") {
		t.Errorf("%d rows, and the text %q", len(m.Components), m.Embeds[0].Description)
	}
}
