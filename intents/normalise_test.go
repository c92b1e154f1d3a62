package intents_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents"
)

// Characters that mean the same as a plain one, by what they stand for in "flush edge-2".
func TestCharactersThatAreRead(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct {
		name, text string
	}{
		{"no-break space", "flush\u00a0edge-2"},
		{"narrow no-break space", "flush\u202fedge-2"},
		{"en quad", "flush\u2000edge-2"},
		{"em space", "flush\u2003edge-2"},
		{"figure space", "flush\u2007edge-2"},
		{"thin space", "flush\u2009edge-2"},
		{"ideographic space", "flush\u3000edge-2"},
		{"tab", "flush\tedge-2"},
		{"carriage return at the end", "flush edge-2\r"},
		{"line ends around", "\r\n\r\nflush edge-2\r\n"},
		{"paragraph separator at the end", "flush edge-2\u2029"},
		{"hyphen", "flush edge\u20102"},
		{"non-breaking hyphen", "flush edge\u20112"},
		{"figure dash", "flush edge\u20122"},
		{"en dash", "flush edge\u20132"},
		{"em dash", "flush edge\u20142"},
		{"minus sign", "flush edge\u22122"},
		{"small hyphen", "flush edge\ufe632"},
		{"fullwidth hyphen", "flush edge\uff0d2"},
		{"fullwidth letters", "\uff46\uff4c\uff55\uff53\uff48 edge-2"},
		{"fullwidth digit", "flush edge-\uff12"},
		{"mathematical letters", "flush \U0001d41e\U0001d41d\U0001d420\U0001d41e-2"},
		{"ligature", "\ufb02ush edge-2"},
		{"zero-width space", "flush ed\u200bge-2"},
		{"zero-width non-joiner", "flush ed\u200cge-2"},
		{"zero-width joiner", "flush ed\u200dge-2"},
		{"word joiner", "flush ed\u2060ge-2"},
		{"byte order mark", "\ufeffflush edge-2"},
		{"soft hyphen", "flush ed\u00adge-2"},
		{"variation selector", "flush edge-2\ufe0f"},
		{"curly double quotes", "flush \u201cedge-2\u201d"},
		{"low double quotes", "flush \u201eedge-2\u201c"},
		{"curly single quotes", "flush \u2018edge-2\u2019"},
		{"guillemets", "flush \u00abedge-2\u00bb"},
		{"back-ticks", "flush `edge-2`"},
		{"fullwidth full stop", "flush edge-2\uff0e"},
		{"fullwidth exclamation mark", "flush edge-2\uff01"},
		{"ideographic comma list", "flush edge-2\uff0cedge2"},
	} {
		if got, want := brief(say(t, p, tt.text)), "confirm cache.flush node=edge-2"; got != want {
			t.Errorf("%s: Parse(%q) = %s, want %s", tt.name, tt.text, got, want)
		}
	}
}

// Characters with which a line could look like another than it is. Each is refused with its name or number.
func TestCharactersThatAreRefused(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct {
		name, text, because string
	}{
		{"null", "flush edge-2\x00", "a control character (U+0000)"},
		{"bell", "flush edge-2\a", "a control character (U+0007)"},
		{"backspace", "flush edge-3\b2", "a control character (U+0008)"},
		{"vertical tab", "flush\vedge-2", "a control character (U+000B)"},
		{"form feed", "flush\fedge-2", "a control character (U+000C)"},
		{"escape", "\x1b[2Jflush edge-2", "a control character (U+001B)"},
		{"delete", "flush edge-2\x7f", "a control character (U+007F)"},
		{"next line", "flush\u0085edge-2", "a control character (U+0085)"},
		{"C1 control", "flush edge-2\u009b", "a control character (U+009B)"},
		{"left-to-right mark", "flush \u200eedge-2", "a control character (U+200E)"},
		{"right-to-left mark", "flush \u200fedge-2", "a control character (U+200F)"},
		{"right-to-left override", "flush \u202eedge-2", "a control character (U+202E)"},
		{"left-to-right isolate", "flush \u2066edge-2", "a control character (U+2066)"},
		{"pop directional isolate", "flush edge-2\u2069", "a control character (U+2069)"},
		{"invisible times", "flush edge-2\u2062", "a control character (U+2062)"},
		{"Arabic letter mark", "flush edge-2\u061c", "a control character (U+061C)"},
		{"tag letters", "flush edge-2\U000e0066", "a control character (U+E0066)"},
		{"replacement character", "flush edge-2\ufffd", "a control character (U+FFFD)"},
		{"broken UTF-8", "flush edge-2\xc3", "not valid UTF-8"},
		{"overlong UTF-8", "flush edge-2\xc0\xaf", "not valid UTF-8"},
		{"surrogate", "flush edge-2\xed\xa0\x80", "not valid UTF-8"},
		{"Cyrillic e", "flush \u0435dge-2", "\"\u0435dge-2\" mixes letters of two scripts"},
		{"Cyrillic in a verb", "fl\u0443sh edge-2", "\"fl\u0443sh\" mixes letters of two scripts"},
		{"Greek omicron", "purge \u03bfrigin-2x", "\"\u03bfrigin-2x\" mixes letters of two scripts"},
		{"Armenian", "flush e\u0564ge-2", "\"e\u0564ge-2\" mixes letters of two scripts"},
		{"Cherokee", "flush \u13a2dge-2", "\"\u13a2dge-2\" mixes letters of two scripts"},
		{"Cyrillic behind a flag", "flush edge-2 --dry-r\u0443n", "\"--dry-r\u0443n\" mixes letters of two scripts"},
	} {
		out := say(t, p, tt.text)
		if want := tt.because + "; nothing is done"; out.Decision != intents.Refuse || out.Because != want {
			t.Errorf("%s: Parse(%q) = %s because %q, want refuse because %q", tt.name, tt.text, out.Decision, out.Because, want)
		}
	}
}

func TestOtherScriptsAreNames(t *testing.T) {
	t.Parallel()
	p := newParser(t, intents.Inventory{
		Nodes:       []intents.Node{{Name: "край-1", Site: "София"}, {Name: "köln-1", Site: "Köln"}, {Name: "東京-1", Site: "東京"}},
		Deployments: []string{"новости", "ニュース"},
	})
	for _, tt := range []line{
		{"flush край-1", "confirm cache.flush node=край-1"},
		{"flush КРАЙ 1", "confirm cache.flush node=край-1"},
		{"flush KÖLN-1", "confirm cache.flush node=köln-1"},
		{"flush ko\u0308ln-1", "confirm cache.flush node=köln-1"},
		{"flush 東京-1 and köln-1", "confirm cache.flush node=東京-1,köln-1"},
		{"flush nodes in София", "confirm cache.flush node=край-1"},
		{"prime новости on 東京-1", "act cache.prime deployment=новости node=東京-1"},
		{"prime ニュース", "act cache.prime deployment=ニュース"},
		{"prime ﾆｭｰｽ", "act cache.prime deployment=ニュース"},
	} {
		if got := brief(say(t, p, tt.text)); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestTheLimitCountsCharacters(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct {
		name, text string
		refused    bool
	}{
		{"just below", "flush edge-2 --reason " + strings.Repeat("x", 1978), false},
		{"just above", "flush edge-2 --reason " + strings.Repeat("x", 1979), true},
		{"as many runes of two bytes", "flush edge-2 --reason " + strings.Repeat("é", 1978), false},
		{"one rune of two bytes more", "flush edge-2 --reason " + strings.Repeat("é", 1979), true},
		{"as many runes of four bytes", "flush edge-2 --reason " + strings.Repeat("𝔁", 1978), false},
		{"blanks count", "flush edge-2" + strings.Repeat(" ", 1989), true},
	} {
		out := say(t, p, tt.text)
		if got := out.Because == fmt.Sprintf("longer than %d characters", intents.MaxCharacters); got != tt.refused {
			t.Errorf("%s: refused as too long is %v, want %v (%s because %s)", tt.name, got, tt.refused, out.Decision, out.Because)
		}
	}
}

func TestQuotationsAndTicks(t *testing.T) {
	t.Parallel()
	const flush = "confirm cache.flush node=edge-2"
	check(t, []line{
		{"`flush edge-2`", flush},
		{" `flush edge-2` ", flush},
		{"`flush edge-2`.", "refuse"},
		{"`flush edge-2` now", "refuse"},
		{"please `flush edge-2`", "refuse"},
		{"``flush edge-2``", "refuse"},
		{"```flush edge-2```", "refuse"},
		{"```\nflush edge-2\n```", "refuse"},
		{"~~~\nflush edge-2\n~~~", "refuse"},
		{"`flush` edge-2", flush},
		{"`purge` news", "confirm cache.purge deployment=news"},
		{"\"purge\" news", "confirm cache.purge deployment=news"},
		{"purge \"news\"", "act cache.purge deployment=news"},
		{"'flush' 'edge-2'", flush},
		{"\"flush\" \"edge-2\"", flush},
		{"'nodes'", "refuse"},
		{"\"nodes\"", "refuse"},
		{"`nodes`", "act node.list"},
		{"> nodes", "refuse"},
		{">nodes", "refuse"},
		{"&gt; nodes", "refuse"},
		{"nodes\n> flush edge-2", "refuse"},
		{"nodes > flush", "refuse"},
		{"flush \"edge-2", "refuse"},
		{"flush edge-2\"", "ask cache.flush"},
		{"flush ed\"ge-2", "ask cache.flush"},
		{"flush \"edge\"-2", "refuse"},
		{"flush \"\"", "ask cache.flush"},
		{"flush \"edge-2\",\"edge-3\"", "confirm cache.flush node=edge-2,edge-3"},
		{"flush \"edge-2\"; nodes", "confirm cache.flush node=edge-2 ; node.list"},
		{"flush edge-2's cache", flush},
		{"flush edge-2's", "ask cache.flush node=edge-2"},
		{"flush 'edge-2's cache", "refuse"},
	})
}
