package embed_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/bot/reply/embed"
	fake "github.com/shitops/opsbot/fixtures/discord"
)

var update = flag.Bool("update", false, "write the golden files")

// token is as long as the desk's are.
const token = "0123456789abcdef01234567"

func table(rows int) *actions.Table {
	t := actions.Table{Columns: []string{"node", "cache", "hit rate"}}
	for range rows {
		t.Rows = append(t.Rows, []string{"edge-1", "front", "97.1 %"})
	}
	return &t
}

func TestGolden(t *testing.T) {
	long := strings.Repeat("a line of a long answer with *stars* in it ", 40)
	for name, given := range map[string]struct {
		card    reply.Card
		options embed.Options
	}{
		"answer":   {card: reply.Card{Kind: reply.Answer, Title: "edge-1 is up", Lines: []string{"since 2 days"}, Hint: `say "help" for more`}},
		"table":    {card: reply.Card{Kind: reply.Answer, Title: "caches", Table: table(3)}},
		"done":     {card: reply.Card{ID: "r-17", Kind: reply.Done, Run: "r-17", Title: "r-17: done in 2s: flush edge-1", Lines: []string{"✓ edge-1: emptied"}, Buttons: []reply.Button{{Label: "Undo", Say: "undo r-17", Look: reply.Danger}}}},
		"question": {card: reply.Card{ID: "question/1", Kind: reply.Question, Title: "flush edge-1 (disruptive): do it?", Lines: []string{"1. flush front on edge-1", "# not a heading"}, Choices: []string{"yes", "no"}, Token: token, Private: true}},
		"select":   {card: reply.Card{Kind: reply.Question, Title: "which node?", Choices: []string{"edge-1", "edge-2", "edge-3", "edge-4", "edge-5", "edge-6"}, Token: token}},
		"form":     {card: reply.Card{Kind: reply.Question, Title: "for how long?", Token: token}},
		"typed":    {card: reply.Card{Kind: reply.Question, Title: "which node?", Choices: []string{"edge-1", "edge-2"}}},
		"code":     {card: reply.Card{Kind: reply.Plan, Title: "what would run", Code: []string{"varnishadm ban 'req.url ~ .'", "echo ```"}}},
		"incident": {card: reply.Card{ID: "incident/7", Kind: reply.Failed, Title: "edge-1: Cache Hit Rate is CRITICAL", Token: token, Buttons: []reply.Button{
			{Label: "Acknowledge", Say: `ack edge-1 service "Cache Hit Rate"`, Look: reply.Primary}, {Label: "Downtime 2 h", Say: `downtime edge-1 service "Cache Hit Rate" for 2h`},
			{Label: "Re-check", Say: `recheck edge-1 service "Cache Hit Rate"`}, {Label: "Run the remedy", Say: "flush edge-1 then prime news, kidstv and sports on edge-1 then verify news, kidstv and sports on edge-1", Look: reply.Danger},
		}}, options: embed.Options{Loud: true}},
		"markup":  {card: reply.Card{Kind: reply.Error, Title: "*bold* <@42> @everyone [x](http://evil)", Lines: []string{"> quoted", "- listed", "1. first", "a_b_c `code` ~~gone~~ ||spoiler||", "http://edge-1/a_b_c*d?x=[y]", "\x1b[31mred\u202e"}}},
		"long":    {card: reply.Card{Kind: reply.Answer, Run: "r-9", Title: "much", Lines: []string{long, long, long, long, long}}},
		"wide":    {card: reply.Card{Kind: reply.Answer, Title: "wide", Table: &actions.Table{Columns: []string{"a", "b"}, Rows: [][]string{{"x", strings.Repeat("word ", 60)}}}}},
		"nothing": {},
	} {
		t.Run(name, func(t *testing.T) {
			m := embed.Render(given.card, given.options)
			got, err := json.MarshalIndent(m, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			if m.File != nil {
				got = append(got, "\n--- "+m.File.Name+"\n"+string(m.File.Text)...)
			}
			if err := fake.Check(body(t, m)); err != nil {
				t.Errorf("Discord refuses it: %v", err)
			}
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("Render(%+v) differs (-want +got):\n%s", given.card, diff)
			}
		})
	}
}

func body(t interface{ Fatal(...any) }, m embed.Message) []byte {
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// cards draws cards of any shape and size.
func cards() *rapid.Generator[reply.Card] {
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"", " ", "edge-1", "```", "****", "\n\n", "\x1b[31m", "😀", strings.Repeat("😀", 300), strings.Repeat("word ", 1200), strings.Repeat("*", 5000), strings.Repeat("\\", 300)}),
		rapid.String(),
	)
	return rapid.Custom(func(t *rapid.T) reply.Card {
		c := reply.Card{
			ID: text.Draw(t, "id"), Kind: rapid.SampledFrom([]reply.Kind{reply.Answer, reply.Question, reply.Done, reply.Failed, reply.Progress}).Draw(t, "kind"),
			Title: text.Draw(t, "title"), Lines: rapid.SliceOfN(text, 0, 8).Draw(t, "lines"), Code: rapid.SliceOfN(text, 0, 4).Draw(t, "code"),
			Hint: text.Draw(t, "hint"), Choices: rapid.SliceOfN(text, 0, 160).Draw(t, "choices"), Run: text.Draw(t, "run"),
			Token: rapid.SampledFrom([]string{"", token, strings.Repeat("t", 200)}).Draw(t, "token"),
		}
		if rapid.Bool().Draw(t, "table") {
			c.Table = &actions.Table{Columns: rapid.SliceOfN(text, 0, 3).Draw(t, "columns"), Rows: rapid.SliceOfN(rapid.SliceOfN(text, 0, 3), 0, 30).Draw(t, "rows")}
		}
		for range rapid.IntRange(0, 30).Draw(t, "buttons") {
			c.Buttons = append(c.Buttons, reply.Button{Label: text.Draw(t, "label"), Say: text.Draw(t, "say")})
		}
		return c
	})
}

func TestWithinEveryLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, loud := cards().Draw(t, "card"), rapid.Bool().Draw(t, "loud")
		m := embed.Render(c, embed.Options{Loud: loud})
		if err := fake.Check(body(t, m)); err != nil {
			t.Fatalf("Discord refuses the message of %+v: %v", c, err)
		}
		if m.File != nil && len(m.File.Text) > 8<<20 {
			t.Fatalf("a file of %d bytes", len(m.File.Text))
		}
	})
}

// TestEveryButtonComesBack presses everything on a card: what comes back is what the card said, bound to its token.
func TestEveryButtonComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := cards().Draw(t, "card")
		m := embed.Render(c, embed.Options{})
		var shown fake.Payload
		if err := json.Unmarshal(body(t, m), &shown); err != nil {
			t.Fatal(err)
		}
		says := map[string]bool{}
		for _, b := range c.Buttons {
			says[b.Say] = true
		}
		for _, choice := range c.Choices {
			says[choice] = true
		}
		read := func(id string) embed.Action {
			a, err := embed.ParseAction(id)
			if err != nil {
				t.Fatalf("ParseAction(%q): %v", id, err)
			}
			if a.Verb == embed.Kept {
				a = m.Keep[a.Key]
			}
			if a.Token != c.Token {
				t.Fatalf("custom id %q of %+v has token %q, want %q", id, c, a.Token, c.Token)
			}
			return a
		}
		for _, row := range shown.Components {
			for _, x := range row.Components {
				a := read(x.CustomID)
				if a.Verb == embed.Press && !says[a.Text] {
					t.Fatalf("custom id %q of %+v says %q, which is no button or choice", x.CustomID, c, a.Text)
				}
				for _, o := range x.Options {
					if kept, err := embed.ParseAction(o.Value); err == nil && kept.Verb == embed.Kept {
						o.Value = read(o.Value).Text
					}
					if !says[o.Value] {
						t.Fatalf("option %q of %+v is no choice", o.Value, c)
					}
				}
			}
		}
	})
}

func TestModal(t *testing.T) {
	for _, asked := range []string{"for how long?", "", strings.Repeat("long ", 50), "\n\n"} {
		form := embed.Modal(asked, strings.Repeat("t", 24))
		raw, err := json.Marshal(form)
		if err != nil {
			t.Fatal(err)
		}
		var shown fake.Modal
		if err := json.Unmarshal(raw, &shown); err != nil {
			t.Fatal(err)
		}
		if err := fake.CheckModal(shown.Title, shown.CustomID, shown.Components); err != nil {
			t.Errorf("Modal(%q): %v", asked, err)
		}
		if a, err := embed.ParseAction(shown.CustomID); err != nil || a.Verb != embed.Submit || a.Token != strings.Repeat("t", 24) {
			t.Errorf("Modal(%q) has custom id %q: %+v, %v", asked, shown.CustomID, a, err)
		}
	}
}

func TestForeignIDs(t *testing.T) {
	for _, id := range []string{"", "x", "b", "b.", "b0.", "b0.5.ab", "b0.-1.ab", "z0.0.text", "c0.0.text", "b.0.text", strings.Repeat("b", 1000), "bx.0.y"} {
		if a, err := embed.ParseAction(id); err == nil {
			t.Errorf("ParseAction(%q) = %+v, want an error", id, a)
		}
	}
}

func FuzzParseAction(f *testing.F) {
	for _, s := range []string{"b0.24.0123456789abcdef01234567yes", "k3.0.abcdef", "c1.0.", "m0.3.tok", "t0.3.tok", "b0.99999999999999999999.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, id string) {
		a, err := embed.ParseAction(id)
		if err == nil && a.Verb != embed.Kept && len(a.Token)+len(a.Text) > len(id) {
			t.Errorf("ParseAction(%q) = %+v: longer than what it was read from", id, a)
		}
	})
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"*a*", "> q", "1. x", "http://a/b_c", "```", "a\r\nb", "<@1>", "[x](http://y)", "\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := embed.Escape(text)
		for line := range strings.Lines(out) {
			bare := strings.ReplaceAll(line, `\\`, "")
			for _, mark := range []string{"*", "`", "[", "]", "<", "|"} {
				if strings.Contains(strings.ReplaceAll(bare, `\`+mark, ""), mark) {
					t.Fatalf("Escape(%q) = %q: a bare %q", text, out, mark)
				}
			}
		}
	})
}
