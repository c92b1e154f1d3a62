package blockkit_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/bot/reply/blockkit"
	workspace "github.com/shitops/opsbot/fixtures/slack"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestRender renders each card of testdata. A file holds card.json and what Slack is given for it: the plain text, the blocks and, where something
// did not fit, the file. The blocks can be looked at in Slack's Block Kit Builder.
func TestRender(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			arc, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var card reply.Card
			if err := json.Unmarshal(section(arc, "card.json"), &card); err != nil {
				t.Fatalf("%s: card.json: %v", file, err)
			}
			m := blockkit.Render(card)
			got := &txtar.Archive{Comment: arc.Comment, Files: []txtar.File{
				{Name: "card.json", Data: section(arc, "card.json")},
				{Name: "text", Data: []byte(m.Text + "\n")},
				{Name: "blocks.json", Data: indented(t, m)},
			}}
			if m.Short {
				f := blockkit.Whole(card)
				got.Files = append(got.Files, txtar.File{Name: f.Name, Data: []byte(f.Content)})
			}
			if err := workspace.CheckBlocks(raw(t, m), workspace.InMessage); err != nil {
				t.Errorf("Slack would refuse the blocks of %s: %v", file, err)
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(arc)), string(txtar.Format(got))); diff != "" {
				t.Errorf("Render(%s) differs (-want +got):\n%s", file, diff)
			}
		})
	}
}

func section(arc *txtar.Archive, name string) []byte {
	for _, f := range arc.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func raw(t testing.TB, m blockkit.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(m.Blocks); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func indented(t testing.TB, m blockkit.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, raw(t, m), "", " "); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// cards draws cards of any shape, some far too large.
func cards() *rapid.Generator[reply.Card] {
	piece := rapid.OneOf(
		rapid.StringN(0, 40, -1),
		rapid.SampledFrom([]string{"", " ", "edge-1", "<!here>", "<@U1>", "&amp;", "```", "*b* _i_ ~s~ `c`", "a\nb", "\x1b[2J", "\u202e", "👩‍🔧", ">quote", "@channel", "\xff\xfe"}),
		rapid.Custom(func(r *rapid.T) string {
			return strings.Repeat(rapid.SampledFrom([]string{"x", "<", "&", "é", "𝕏", "word ", "a\n", "*"}).Draw(r, "unit"), rapid.IntRange(0, 4000).Draw(r, "times"))
		}),
	)
	list := func(most int) *rapid.Generator[[]string] { return rapid.SliceOfN(piece, 0, most) }
	return rapid.Custom(func(r *rapid.T) reply.Card {
		c := reply.Card{
			ID: piece.Draw(r, "id"), Kind: rapid.SampledFrom([]reply.Kind{"", reply.Answer, reply.Plan, reply.Question, reply.Done, reply.Failed, "odd"}).Draw(r, "kind"),
			Title: piece.Draw(r, "title"), Lines: list(60).Draw(r, "lines"), Code: list(5).Draw(r, "code"), Hint: piece.Draw(r, "hint"),
			Choices: list(120).Draw(r, "choices"), Run: piece.Draw(r, "run"), Token: piece.Draw(r, "token"),
		}
		if rapid.Bool().Draw(r, "table") {
			c.Table = &actions.Table{Columns: list(5).Draw(r, "columns"), Rows: rapid.SliceOfN(list(5), 0, 80).Draw(r, "rows")}
		}
		for range rapid.IntRange(0, 60).Draw(r, "buttons") {
			look := rapid.SampledFrom([]reply.Look{reply.Plain, reply.Primary, reply.Danger}).Draw(r, "look")
			c.Buttons = append(c.Buttons, reply.Button{Label: piece.Draw(r, "label"), Say: piece.Draw(r, "say"), Look: look})
		}
		return c
	})
}

// TestLimits renders cards of any shape: Slack would take every one of them, nobody is called by any, and what did not fit is in the file.
func TestLimits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := cards().Draw(r, "card")
		m := blockkit.Render(c)
		blocks := raw(t, m)
		if err := workspace.CheckBlocks(blocks, workspace.InMessage); err != nil {
			r.Fatalf("Slack would refuse the blocks: %v", err)
		}
		if m.Text == "" && c.Kind != "" || utf8.RuneCountInString(m.Text) > 4000 {
			r.Errorf("the plain text has %d letters", utf8.RuneCountInString(m.Text))
		}
		if bad := markup(r, blocks); bad != "" {
			r.Errorf("Slack would obey %q", bad)
		}
		if i := strings.IndexAny(m.Text, "<>"); i >= 0 {
			r.Errorf("the plain text holds markup at %d: %q", i, m.Text)
		}
		if f := blockkit.Whole(c); len(f.Content) > 1<<20 || !utf8.ValidString(f.Content) || !strings.HasSuffix(f.Name, ".txt") {
			r.Errorf("the file %q has %d bytes", f.Name, len(f.Content))
		}
	})
}

// markup returns what Slack would take for markup in the mrkdwn of blocks.
func markup(r *rapid.T, blocks []byte) string {
	var all any
	if err := json.Unmarshal(blocks, &all); err != nil {
		r.Fatal(err)
	}
	bad := ""
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			if text, ok := v["text"].(string); ok && v["type"] == "mrkdwn" {
				if i := strings.IndexAny(text, "<>"); i >= 0 {
					bad = text[i:min(len(text), i+20)]
				}
				if v["verbatim"] != true {
					bad = "a text that is not verbatim"
				}
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(all)
	return bad
}

// TestNothingIsMissing renders cards of ordinary size: every word is there, unless the message says that there is more.
func TestNothingIsMissing(t *testing.T) {
	word := rapid.StringMatching(`[a-z0-9]{1,12}`)
	sentence := rapid.Custom(func(r *rapid.T) string { return strings.Join(rapid.SliceOfN(word, 1, 12).Draw(r, "words"), " ") })
	rapid.Check(t, func(r *rapid.T) {
		c := reply.Card{
			Kind: reply.Done, Title: sentence.Draw(r, "title"), Lines: rapid.SliceOfN(sentence, 0, 200).Draw(r, "lines"),
			Code: rapid.SliceOfN(sentence, 0, 20).Draw(r, "code"), Hint: sentence.Draw(r, "hint"),
		}
		m := blockkit.Render(c)
		text := string(raw(t, m))
		for _, part := range append(append([]string{c.Title, c.Hint}, c.Lines...), c.Code...) {
			if !strings.Contains(text, part) && !m.Short {
				r.Fatalf("%q is missing, and nothing says so", part)
			}
		}
		if m.Short && !strings.Contains(text, "in the file below") {
			r.Error("something is missing, and nobody is told")
		}
	})
}

func TestEscape(t *testing.T) {
	for _, tt := range []struct{ given, want string }{
		{"edge-1 is up", "edge-1 is up"},
		{"<!here> & <@U1>", "&lt;!here&gt; &amp; &lt;@U1&gt;"},
		{"&amp;", "&amp;amp;"},
		{"node_a_b and node_c_d", "node_a_b and node_c_d"},
		{"*bold*", "\u2060*bold\u2060*"},
		{"one * alone", "one * alone"},
		{"> quote", "\u2060&gt; quote"},
		{"a\x1b[2J", `a\x1b[2J`},
		{"`code` here", "\u2060`code\u2060` here"},
	} {
		if got := blockkit.Escape(tt.given); got != tt.want {
			t.Errorf("Escape(%q) = %q, want %q", tt.given, got, tt.want)
		}
	}
}

func TestForm(t *testing.T) {
	for _, question := range []string{"how long?", "", strings.Repeat("long ", 2000), "<!here>\nwhy?"} {
		v, err := blockkit.Form(question, `{"token":"t"}`)
		if err != nil {
			t.Fatalf("Form(%.20q): %v", question, err)
		}
		blocks, err := json.Marshal(v.Blocks)
		if err != nil {
			t.Fatal(err)
		}
		if err := workspace.CheckBlocks(blocks, workspace.InView); err != nil {
			t.Errorf("Slack would refuse the form for %.20q: %v", question, err)
		}
	}
	if _, err := blockkit.Form("x", strings.Repeat("x", 3001)); err == nil {
		t.Error("a form that carries too much was made")
	}
}

func TestParseAction(t *testing.T) {
	for _, tt := range []struct {
		given string
		want  blockkit.Action
		ok    bool
	}{
		{"opsbot:choose:0:t.1", blockkit.Action{Deed: blockkit.Choose, Token: "t.1"}, true},
		{"opsbot:say:12:", blockkit.Action{Deed: blockkit.Say}, true},
		{"opsbot:ask:0:a:b", blockkit.Action{Deed: blockkit.Ask, Token: "a:b"}, true},
		{"opsbot:ask:0:", blockkit.Action{Deed: blockkit.Ask}, false},
		{"opsbot:drop:0:x", blockkit.Action{Deed: "drop", Token: "x"}, false},
		{"other:say:0:", blockkit.Action{}, false},
		{"", blockkit.Action{}, false},
	} {
		if got, ok := blockkit.ParseAction(tt.given); got != tt.want || ok != tt.ok {
			t.Errorf("ParseAction(%q) = %+v, %v, want %+v, %v", tt.given, got, ok, tt.want, tt.ok)
		}
	}
	for _, tt := range []struct{ given, card, thread string }{
		{"opsbot:answer:0::question/1", "question/1", ""},
		{"opsbot:answer:0:1700000000.000100:question/1", "question/1", "1700000000.000100"},
		{"opsbot:do:1::a:b", "a:b", ""},
		{"opsbot:do:1:", "", ""},
		{"x", "", ""},
	} {
		if card, thread := blockkit.CardOf(tt.given); card != tt.card || thread != tt.thread {
			t.Errorf("CardOf(%q) = %q, %q, want %q, %q", tt.given, card, thread, tt.card, tt.thread)
		}
	}
}

// TestTokensComeBack renders questions and reads their controls: the token and the choice come back as they were.
func TestTokensComeBack(t *testing.T) {
	for _, n := range []int{0, 1, 2, 5, 6, 100, 101} {
		var choices []string
		for i := range n {
			choices = append(choices, fmt.Sprint("edge-", i))
		}
		m := blockkit.Render(reply.Card{ID: "question/1", Kind: reply.Question, Title: "which?", Choices: choices, Token: "a.b"})
		text := string(raw(t, m))
		want := map[bool]string{true: "opsbot:choose:0:a.b", false: "opsbot:ask:0:a.b"}[n > 0 && n <= 100]
		if !strings.Contains(text, want) {
			t.Errorf("%d choices: no control has the action id %q:\n%s", n, want, text)
		}
		if menu := strings.Contains(text, "static_select"); menu != (n > 5 && n <= 100) {
			t.Errorf("%d choices: select %v", n, menu)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	c := reply.Card{ID: "r-1", Run: "r-1", Kind: reply.Progress, Title: "r-1: running: flush edge-1", Lines: []string{"✓ edge-1: purged", "… edge-2: purging (3/9)"}, Live: true}
	for b.Loop() {
		blockkit.Render(c)
	}
}
