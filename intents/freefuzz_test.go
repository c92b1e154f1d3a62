package intents_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/shitops/opsbot/intents"
)

// TestRandomBytesChangeNothing parses noise of several kinds. Nothing that somebody means comes out of it, so nothing may change.
func TestRandomBytesChangeNothing(t *testing.T) {
	t.Parallel()
	lines := 4_000
	if os.Getenv("OPSBOT_SOAK") == "1" {
		lines *= 25
	}
	p := newParser(t, heldOutWorld())
	rng := rand.New(rand.NewPCG(11, 13))
	for kind, alphabet := range map[string]string{
		"bytes":       "",
		"letters":     "abcdefghijklmnopqrstuvwxyz ",
		"printable":   " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~",
		"names":       "edg-12345678macnws ",
		"punctuation": " ,;:.!?-'\"`<>@&*_~\n",
	} {
		changed := 0
		for range lines {
			text := noise(rng, alphabet)
			out := hearsay(t, p, text)
			if changing(out) {
				changed++
				t.Errorf("%s: Parse(%q) = %s", kind, text, brief(out))
			}
			checkHeard(t, p, text, out)
		}
		t.Logf("%d lines of random %s, %d of which change something", lines, kind, changed)
	}
}

// noise returns up to 60 random letters of alphabet, random bytes where that is empty.
func noise(rng *rand.Rand, alphabet string) string {
	b := make([]byte, 1+rng.IntN(60))
	for i := range b {
		if b[i] = byte(rng.UintN(256)); alphabet != "" {
			b[i] = alphabet[rng.IntN(len(alphabet))]
		}
	}
	return string(b)
}

// changing reports whether out would do something that is not read, at once or after a yes.
func changing(out intents.Parsed) bool {
	return (out.Decision == intents.Act || out.Decision == intents.Confirm) && out.Risk.Changes()
}

// TestWordsInAnyOrder throws the words of commands together. Some make commands by chance; each result must be sound, and safe.
func TestWordsInAnyOrder(t *testing.T) {
	t.Parallel()
	lines := 6_000
	if os.Getenv("OPSBOT_SOAK") == "1" {
		lines *= 25
	}
	p := newParser(t, heldOutWorld())
	rng := rand.New(rand.NewPCG(17, 19))
	vocabulary := strings.Fields(`flush purge prime warm wipe empty ack unack downtime maintenance recheck check verify remove add approve reject cancel undo retry pause resume enable disable schedule
		unschedule teach edge-1 edge-2 mac-1 edge two news kids sport-1 anna tom run r-17 17 rule job morning-prime flush-on-low-hit-rate berlin lisbon all every nodes edges the a on in of from for
		to and then it them cache caches alert disk 2h until 6pm tomorrow at an hour please could you would should I we they don't never not no if unless when after wait sorry actually mean
		was has been did will is are what who how why ? , . ; : "flush edge-1" because without asking as admin said > again back off out up`)
	changed := 0
	for range lines {
		words := make([]string, 1+rng.IntN(9))
		for i := range words {
			words[i] = vocabulary[rng.IntN(len(vocabulary))]
		}
		text := strings.Join(words, " ")
		out := hearsay(t, p, text)
		if changing(out) {
			changed++
		}
		checkHeard(t, p, text, out)
		checkSafe(t, text, out)
	}
	t.Logf("%d lines of words in any order, %d of which would change something", lines, changed)
}

// checkHeard holds a result against what is true of every result: what each decision carries, and that a command means the same from its canonical text.
func checkHeard(t *testing.T, p *intents.Parser, text string, out intents.Parsed) {
	t.Helper()
	switch out.Decision {
	case intents.Refuse:
		if len(out.Commands) != 0 {
			t.Errorf("Parse(%q) refuses and holds %s", text, brief(out))
		}
	case intents.Answer:
		if len(out.Commands) > 1 || out.Risk.Changes() && len(out.Commands) > 0 {
			t.Errorf("Parse(%q) = %s: an answer holds one intent that is read", text, brief(out))
		}
	case intents.Ask:
	case intents.Act, intents.Confirm:
		if len(out.Commands) == 0 {
			t.Errorf("Parse(%q) acts on nothing", text)
		}
		for _, c := range out.Commands {
			again := hearsay(t, p, c.Canonical())
			if len(again.Commands) != 1 || briefIntent(again.Commands[0]) != briefIntent(c) || again.Confidence < 1 {
				t.Errorf("Parse(%q) = %s, whose canonical text %q means %s", text, briefIntent(c), c.Canonical(), brief(again))
			}
		}
	default:
		t.Errorf("Parse(%q): decision %q", text, out.Decision)
	}
	if (out.Question != "") != (out.Decision == intents.Ask) || out.Because == "" || out.Commands == nil || out.Text != text {
		t.Errorf("Parse(%q) = %+v: the question, the reason, the text or the commands are wrong", text, out)
	}
}

// checkSafe holds a result against the table of risks, and against what must never lead to a change.
func checkSafe(t *testing.T, text string, out intents.Parsed) {
	t.Helper()
	if !changing(out) {
		return
	}
	if out.Decision == intents.Act && (out.Risk == intents.Destructive || out.Risk == intents.Disruptive && out.Confidence < 1 && len(out.Commands) == 1) {
		t.Errorf("Parse(%q) = %s: at once, although it is %s and confidence is %v", text, brief(out), out.Risk, out.Confidence)
	}
	outside := strings.NewReplacer("don't mind", "", "don\u2019t mind", "").Replace(strings.ToLower(unquoted(text)))
	words := strings.FieldsFunc(outside, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' })
	for _, never := range []string{"never", "don't", "unless", "shouldn't"} {
		if slices.Contains(words, never) && !strings.Contains(outside, "because") {
			t.Errorf("Parse(%q) = %s, although somebody said %s", text, brief(out), never)
		}
	}
	for _, c := range out.Commands {
		checkDigits(t, text, c)
	}
}

// unquoted returns text without what stands between double quotation marks.
func unquoted(text string) string {
	parts := strings.Split(text, `"`)
	for i := 1; i < len(parts); i += 2 {
		parts[i] = ""
	}
	return strings.Join(parts, " ")
}

// checkDigits checks that no number was guessed: a run or a deployment with a number is one whose number was said, in digits or in words.
func checkDigits(t *testing.T, text string, c intents.Intent) {
	t.Helper()
	for _, slot := range []string{"run", "deployment"} {
		digits := strings.Trim(c.Slots.One(slot), "abcdefghijklmnopqrstuvwxyz-")
		if digits != "" && !strings.Contains(text, digits) && !strings.Contains(inDigits(text), digits) {
			t.Errorf("Parse(%q) = %s: %s was not said", text, briefIntent(c), c.Slots.One(slot))
		}
	}
}

// inDigits writes the numbers of text that are words in digits.
func inDigits(text string) string {
	small := strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	tens := strings.Fields("twenty thirty forty fifty sixty seventy eighty ninety")
	sum, out := 0, ""
	for _, word := range append(strings.Fields(strings.ToLower(text)), "") {
		word = strings.Trim(word, ",.;:!?")
		switch n, t := slices.Index(small, word), slices.Index(tens, word); {
		case n >= 0:
			sum += n
		case t >= 0:
			sum += 20 + 10*t
		case sum > 0:
			out, sum = fmt.Sprint(out, " ", sum), 0
		}
	}
	return out
}

// FuzzFree reads whatever bytes there are as free text, from the sentences of the test sets on.
func FuzzFree(f *testing.F) {
	for _, file := range []string{"heldout.tsv", "dev.tsv"} {
		for _, h := range readHeldOut(f, file) {
			f.Add(h.text)
		}
	}
	p := newParser(f, heldOutWorld())
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		_, zone := clock(t)
		out := p.Parse(intents.Utterance{Text: text, Now: heldOutNow(zone), Zone: zone, Explain: true})
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("Parse of %d bytes took %v", len(text), took)
		}
		if !strings.ContainsFunc(text, unicode.IsLetter) && changing(out) {
			t.Errorf("Parse(%q) = %s without a single letter", text, brief(out))
		}
		checkHeard(t, p, text, out)
		checkSafe(t, text, out)
	})
}
