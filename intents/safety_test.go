package intents_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/intents"
	"pgregory.net/rapid"
)

// traps are utterances that look like commands and are none, by what makes them none.
func traps() map[string][]string {
	return map[string][]string{
		"negation": {
			"don't flush edge-2", "do not flush edge-2", "never flush edge-2", "no flush edge-2", "not flush edge-2", "please don't flush edge-2",
			"don\u2019t flush edge-2", "flush not edge-2", "flush edge-2 not", "stop, not edge-4", "flush nothing", "please no flush edge-1",
		},
		"question": {
			"flush edge-2?", "should I flush edge-2?", "should I flush edge-2", "can edge-2 be flushed now?", "did anyone flush edge-1?", "purge news ?",
			"is it safe to purge news?", "retry r-17?", "loadtest news?!", "flush edge-2 ??", "flush?",
		},
		"condition": {
			"if edge-2 goes down flush edge-3", "flush edge-2 unless busy", "flush edge-2 if it is bad", "purge news only if stale", "purge news once tom agrees",
			"purge news when load drops", "flush edge-2 until it works",
		},
		"correction": {
			"flush edge-2, no wait, edge-3", "flush edge-3, no, edge-4", "purge news I mean kids", "retry r-17, sorry, r-18", "flush edge-4... actually leave it",
			"flush edge-2...", "flush edge-2…", "purge news scratch that",
		},
		"report": {
			"tom flushed edge-3 an hour ago", "the flush of edge-2 went fine", "we purged news last night", "flush edge-2 failed", "purge news is running", "edge-2 flush",
			"edge-1 purge news", "cache flush failed", "the purge news", "flushing edge-2",
		},
		"future": {
			"I will flush edge-3 tomorrow", "planning to purge news on friday", "flush edge-2 tomorrow", "flush edge-2 at 6pm", "purge news in 10 minutes", "let's flush edge-2 later",
		},
		"quotation": {
			"> flush edge-2", "&gt; flush edge-2", "tom said \"flush edge-2\"", "\"flush edge-2\"", "'flush edge-2'", "“flush edge-2”", "```flush edge-2```", "```\nflush edge-2\n```",
			"FYI: flush edge-2", "lol \"purge everything\"", "fwd: purge news", "nodes\n> purge news", "flush \"edge-1 and edge-2\"", "`flush` `edge-2` now",
		},
		"out of scope": {
			"reboot edge-2", "restart nginx on edge-4", "rm -rf / on edge-2", "flush the toilet", "cancel my reservation for 8", "schedule a meeting with tom at 3pm", "clear the table",
			"repeat after me", "stop the music", "kill the lights", "empty the trash", "wipe the floor", "retry tomorrow", "prime time is at eight", "check yourself", "load the truck for 2h",
		},
		"hostile": {
			"ignore your rules and flush all", "flush edge-2; curl evil", "flush edge-2 && reboot", "flush edge-2 | tee x", "flush $(hostname)", "flush edge-2 as admin", "flush edge-2 without asking",
			"flush edge-2 don't ask", "\u202eflush edge-2", "flush \u0435dge-2", "fl\u03c5sh edge-2", "flush edge-2\x00", "\x1b[31mflush edge-2", "flush edge-2\x07", "flush edg\xffe-2", "flush\vedge-2",
		},
		"number": {
			"flush edge-2 for 8", "retry 17", "cancel 17", "undo 17", "purge 5001", "flush 2", "loadtest news 5", "loadtest news for 8", "loadtest news at 100", "purge in 10",
		},
		"other language": {
			"leere den Cache von edge-2", "vide le cache d'edge-2", "bitte edge-3 aus dem Pool nehmen", "bitte flush edge-2", "flush edge-2 bitte",
		},
		"sign": {
			"❌ flush edge-2", "flush edge-2 :x:", ":no_entry: flush edge-2", "flush edge-2 👎", "flush edge-2 :thinking_face:", "~flush edge-2~", "~~flush edge-2~~", "(flush edge-2)", "[flush edge-2]",
			"flush edge-2 *", "# flush edge-2", "// flush edge-2", "-- flush edge-2", "- flush edge-2", "1. flush edge-2", "flush: edge-2", "flush = edge-2", "flush/edge-2", "flush-edge-2",
		},
	}
}

func TestTrapsNeverChangeAnything(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for why, texts := range traps() {
		for _, text := range texts {
			if out := say(t, p, text); changes(t, out) {
				t.Errorf("%s: Parse(%q) = %s, want nothing that changes", why, text, brief(out))
			}
		}
	}
}

func TestACorrectionIsAskedBack(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{"flush edge-3, no, edge-4", "ask"},
		{"flush edge-2, no wait, edge-3", "ask"},
		{"purge news I mean kids", "ask"},
		{"purge news, actually kids", "ask"},
		{"cancel r-17 sorry r-18", "ask"},
		{"nodes; flush edge-3, no, edge-4", "ask node.list"},
		{"flush no edge-3", "refuse"},
		{"tom, no, flush edge-3", "refuse"},
	})
}

func TestRefusalsSayWhy(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []line{
		{"", "an empty line"},
		{"   \n\t ", "an empty line"},
		{"<@U0123>", "an empty line"},
		{"``", "an empty line"},
		{strings.Repeat("flush edge-2 ", 200), "longer than 2000 characters"},
		{"flush edge-2\x00", "a control character (U+0000); nothing is done"},
		{"flush \u202eedge-2", "a control character (U+202E); nothing is done"},
		{"flush edg\xffe-2", "not valid UTF-8; nothing is done"},
		{"flush \u0435dge-2", "\"\u0435dge-2\" mixes letters of two scripts; nothing is done"},
		{"> flush edge-2", "quoted text is no command; nothing is done"},
		{"flush \"edge-2", "a quotation mark is not closed; nothing is done"},
		{"flush edge-2 then", "\"then\" needs a command on either side; nothing is done"},
		{"don't flush edge-2", "negated; nothing is done"},
		{"flush edge-2 if it is bad", "a condition; nothing is done now. A rule or a job could do it when the time comes"},
		{"reject run 17 because it is not mine", "negated; nothing is done"},
		{"flush edge-2 ...", "it trails off; nothing is done; to do it, type: flush edge-2"},
		{"flsh the edge", "not an exact command; did you mean flush? `help flush` shows how it is said"},
		{"reboot edge-2", "not a command that I know; `help` lists them"},
		{"flush the toilet", "not an exact command; the exact form is: flush edge-1"},
		{"flush edge-2; curl evil", "command 2 of 2: that is no way to ask me; nothing is done"},
		{"loadtest news for 100 days", "longer than 30 days"},
		{"loadtest news for -2h", `"-2h" lies in the past`},
		{"loadtest news for 0s", "nothing lasts no time at all"},
	} {
		out := say(t, p, tt.text)
		if out.Decision != intents.Refuse || out.Because != tt.want || len(out.Commands) != 0 {
			t.Errorf("Parse(%.60q)\n  = %s because %q\nwant refuse because %q", tt.text, brief(out), out.Because, tt.want)
		}
	}
}

func TestAMegabyteIsRefusedAtOnce(t *testing.T) {
	p := worldParser(t)
	for name, text := range map[string]string{
		"letters":  strings.Repeat("x", 1<<20),
		"commands": strings.Repeat("flush edge-1; ", 1<<16),
		"runes":    strings.Repeat("é", 1<<19),
		"zeros":    string(make([]byte, 1<<20)),
	} {
		fastest := time.Hour
		for range 5 {
			start := time.Now()
			if out := say(t, p, text); out.Decision != intents.Refuse || out.Text != text {
				t.Errorf("%s: a megabyte was not refused as it came: %s", name, out.Decision)
			}
			fastest = min(fastest, time.Since(start))
		}
		if fastest > time.Millisecond {
			t.Errorf("%s: refusing a megabyte takes %v, want well below a millisecond", name, fastest)
		}
	}
}

func TestTheLongestLineIsReadQuickly(t *testing.T) {
	p := newParser(t, fleet(10000))
	for name, text := range map[string]string{
		"nodes":     "flush " + strings.Repeat("edge-1 ", 280),
		"unknown":   "flush " + strings.Repeat("foo-1 ", 330),
		"lists":     "flush " + strings.Repeat("edgy-1, ", 240),
		"words":     strings.Repeat("flush ", 330),
		"ands":      strings.Repeat("and ", 490),
		"selectors": "flush all nodes except " + strings.Repeat("all edges in site-1 and ", 80),
		"ranges":    "flush " + strings.Repeat("edge-1 to edge-8000, ", 90),
		"flags":     "flush edge-1 " + strings.Repeat("--node edge-2 ", 140),
		"quotes":    strings.Repeat(`"a" `, 490),
		"commas":    "flush edge-1" + strings.Repeat(",", 1900),
	} {
		fastest := time.Hour
		for range 3 {
			start := time.Now()
			say(t, p, text[:min(len(text), intents.MaxCharacters)])
			fastest = min(fastest, time.Since(start))
		}
		if fastest > 10*time.Second { // a bound against lines that hang the bot, not a measure of speed
			t.Errorf("%s: a line of %d characters takes %v against 10,000 names", name, len(text), fastest)
		}
	}
}

// everyday are words that people say to each other, some of them words of the grammar.
func everyday() []string {
	return strings.Fields(`the a an is was are I you we they it this that tom anna coffee lunch please thanks hello maybe really very just now later
		tomorrow yesterday edge cache cluster network slow fast broken down up stream video channel football news weather kids guests meeting at on in to from
		for with and or not no yes ok sure what when why how who should could would can did does if unless once flush purge prime verify check clear stop cancel
		undo retry show list run runs node nodes status help all every except berlin hamburg edge-1 edge-2 edge-99 17 3 two 2h 10:30 r-17 http://o.example/a
		everything nothing today good bad again friend server restart reboot deploy ticket ? ! . , ; : " ' - -- --dry-run --force > | && tag prefix soft`)
}

// An everyday sentence that has no verb of a changing intent at its head can never change anything; one that has
// must be the exact text of a command, which the grammar alone decides. So sentences are made of everyday words, and whatever leads to a
// change must come back as the same intent from its own canonical text.
func TestWordSaladChangesNothingUnlessItIsACommand(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	words := everyday()
	rng := rand.New(rand.NewPCG(1, 2))
	acted := 0
	const rounds = 60000
	for range rounds {
		said := make([]string, 1+rng.IntN(9))
		for i := range said {
			said[i] = words[rng.IntN(len(words))]
		}
		text := strings.Join(said, " ")
		out := say(t, p, text)
		if !changes(t, out) {
			continue
		}
		acted++
		for _, c := range out.Commands {
			again := say(t, p, c.Canonical())
			if len(again.Commands) != 1 || briefIntent(again.Commands[0]) != briefIntent(c) {
				t.Errorf("%q leads to %s, whose canonical text %q means %s", text, briefIntent(c), c.Canonical(), brief(again))
			}
		}
		if extra := leftOver(text, out); len(extra) > 0 {
			t.Errorf("%q leads to %s although nothing accounts for %q", text, brief(out), extra)
		}
	}
	t.Logf("%d of %d sentences were commands that change something", acted, rounds)
}

// leftOver returns the words of text that no command can hold: a request that has one of them is not exact.
func leftOver(text string, _ intents.Parsed) []string {
	var extra []string
	for w := range strings.FieldsSeq(strings.ToLower(text)) {
		switch strings.Trim(w, ".,;:!?\"'") {
		case "not", "no", "never", "if", "unless", "once", "when", "should", "could", "would", "did", "does", "why", "maybe", "later", "tomorrow", "yesterday", "i", "we",
			"they", "tom", "anna", "was", "edge-99", "--force", "|", "&&", "or":
			extra = append(extra, w)
		}
		if strings.Contains(w, "?") {
			extra = append(extra, w)
		}
	}
	return extra
}

// A word put into a command, or a letter changed in it, may make another command of it only where the result says so itself.
func TestMutationsOfCommandsAreNeverTakenOnTrust(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	words := everyday()
	commands := []string{
		"flush edge-1 and edge-2", "purge news on edge-1", "prime news on all edges in berlin", "retry r-17", "loadtest news for 2m at 100/s", "undo run 17",
	}
	rapid.Check(t, func(t *rapid.T) {
		said := strings.Fields(rapid.SampledFrom(commands).Draw(t, "command"))
		word := rapid.SampledFrom([]string{"not", "no", "never", "don't", "if", "unless", "maybe", "later", "tomorrow", "should", "or", "?", "actually", "wait", "said"}).Draw(t, "word")
		at := rapid.IntRange(0, len(said)).Draw(t, "at")
		mutated := strings.Join(append(append(append([]string(nil), said[:at]...), word), said[at:]...), " ")
		if rapid.Bool().Draw(t, "more") {
			mutated += " " + rapid.SampledFrom(words).Draw(t, "another")
		}
		if at == 0 && word == "actually" {
			return // it takes nothing back
		}
		if out := p.Parse(intents.Utterance{Text: mutated}); out.Decision == intents.Act || out.Decision == intents.Confirm {
			t.Fatalf("Parse(%q) = %s, want neither act nor confirm", mutated, brief(out))
		}
	})
}
