package intents

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzNormalise brings whatever bytes there are into the form that the grammar reads: valid, with nothing invisible and nothing that controls how
// it is shown, and the same when done again. Text that is plain stays as it is.
func FuzzNormalise(f *testing.F) {
	for _, text := range []string{
		"", "flush edge-2", "flush\u00a0edge-2", "“flush” edge\u20112", "\uff26\uff2c\uff35\uff33\uff28 edge-2", "fl\u200bush", "\u202eflush", "\u0435dge-2", "flush edge-2\r\nstatus", "\u00bd", "\ufb01", "\u2014\u2014dry-run",
		"https://cdn.example/\u00fc?x=\u2019", "<https://cdn.example/a.ts|link>", "&lt;@U1&gt; flush", "`flush edge-2`", "> flush", "\x00", "\xff\xfe", "\v", "e\u0301", "\U0001f525 ack", "\ufeffflush", "a\u2028b", "\u212a", "ﷺ",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once, err := normalise(text)
		if err != nil {
			if once != "" {
				t.Errorf("normalise(%q) = %q and fails: %v", text, once, err)
			}
			return
		}
		if plain(text) && once != text {
			t.Errorf("normalise(%q) = %q, although it is plain", text, once)
		}
		if !utf8.ValidString(once) {
			t.Errorf("normalise(%q) = %q, which is not valid", text, once)
		}
		for _, r := range once {
			if r != '\n' && (unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r)) || invisible(r) {
				t.Errorf("normalise(%q) = %q has U+%04X in it", text, once, r)
			}
		}
		if again, err := normalise(once); err != nil || again != once {
			t.Errorf("normalise(%q) = %q, normalised again %q, %v", text, once, again, err)
		}
	})
}

// FuzzUnwrap takes the markup off whatever bytes there are. What comes out has nothing around it that is taken off, and nothing in it that was not there.
func FuzzUnwrap(f *testing.F) {
	for _, text := range []string{"<@U1> flush edge-2", "<@U1|bot>: flush", "opsbot, flush", "`flush edge-2`", "``", "\"flush\"", "> x", "x\n> y", "```x```", "<http://a.example/|flush edge-1>", "&amp;lt;", "<", "<@", "/ops status", "'a' 'b'"} {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, terminal bool) {
		u := Utterance{Text: text, Door: DoorChat}
		if terminal {
			u.Door = DoorTerminal
		}
		out, err := clean(&u)
		if err != nil {
			if out != "" {
				t.Errorf("%q gives %q and fails: %v", text, out, err)
			}
			return
		}
		if out == "" || strings.TrimSpace(out) != out {
			t.Errorf("%q becomes %q, with space around it or nothing at all", text, out)
		}
		if strings.HasPrefix(out, ">") || strings.Contains(out, "\n>") || strings.Contains(out, "```") {
			t.Errorf("%q becomes %q, which somebody else said", text, out)
		}
		if len(out) > len(text)*18 { // NFKC makes up to 18 characters of one
			t.Errorf("%d bytes become %d", len(text), len(out))
		}
	})
}
