package intents_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/intents"
)

// heldOut is one line of a test set: what somebody said, and what may come of it.
type heldOut struct {
	at       string // file and line
	category string
	text     string
	allowed  []intents.Decision
	checked  bool // whether want counts
	want     []intents.Intent
}

// plain are the categories of which nearly all must be right, intent and slots: commands said plainly, in whatever words.
func plain(category string) bool {
	return slices.Contains([]string{"exact", "paraphrase", "polite", "voice", "name forms", misspelt, "times", "several targets"}, category)
}

// mayChange reports whether a decision that does something is right for h.
func (h *heldOut) mayChange() bool {
	return slices.Contains(h.allowed, intents.Act) || slices.Contains(h.allowed, intents.Confirm)
}

// readHeldOut reads testdata/file: category, text, decisions and commands, with tabs between.
func readHeldOut(tb testing.TB, file string) []heldOut {
	tb.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		tb.Fatal(err)
	}
	var lines []heldOut
	in := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; in.Scan(); n++ {
		if in.Text() == "" || in.Text()[0] == '#' {
			continue
		}
		fields := strings.Split(in.Text(), "\t")
		if len(fields) != 4 {
			tb.Fatalf("%s:%d: %d fields, want 4", file, n, len(fields))
		}
		h := heldOut{at: fmt.Sprintf("%s:%d", file, n), category: fields[0], text: unescape(tb, fields[1]), checked: fields[3] != "-"}
		for d := range strings.SplitSeq(fields[2], "|") {
			h.allowed = append(h.allowed, intents.Decision(d))
		}
		if h.checked {
			if err := json.Unmarshal([]byte(fields[3]), &h.want); err != nil {
				tb.Fatalf("%s: %v", h.at, err)
			}
		}
		lines = append(lines, h)
	}
	if err := in.Err(); err != nil {
		tb.Fatal(err)
	}
	return lines
}

// unescape makes of \n a new line and of \uXXXX the character.
func unescape(tb testing.TB, text string) string {
	tb.Helper()
	if !strings.Contains(text, `\`) {
		return text
	}
	out, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return out
}

// heldOutWorld is the inventory of the test sets.
func heldOutWorld() intents.Inventory {
	inv := world()
	inv.People = []string{"anna", "tom", "alex"}
	inv.Rules = []string{"flush-on-low-hit-rate", "recheck-on-flap"}
	inv.Jobs = []string{"morning-prime", "nightly-check"}
	inv.Services = []string{"Cache Hit Rate", "disk", "HTTP"}
	inv.Sites = nil
	return inv
}

// hearsay parses text at the clock of the test sets: a Wednesday in summer, 14:20 in Berlin.
func hearsay(tb testing.TB, p *intents.Parser, text string) intents.Parsed {
	tb.Helper()
	_, zone := clock(tb)
	return p.Parse(intents.Utterance{Text: text, Now: heldOutNow(zone), Zone: zone})
}

func heldOutNow(zone *time.Location) time.Time { return time.Date(2026, 6, 10, 14, 20, 0, 0, zone) }

// understood reports whether the commands of out are those of h. A reason that h does not name does not count, nor does a start that is now.
// What is asked back may hold less than was meant, but nothing else; where it may be refused, there is nothing to compare.
func (h *heldOut) understood(out intents.Parsed) bool {
	if !h.checked || out.Decision == intents.Refuse && slices.Contains(h.allowed, intents.Refuse) {
		return true
	}
	asked := out.Decision == intents.Ask
	if len(out.Commands) > len(h.want) || len(out.Commands) < len(h.want) && !asked || len(out.Commands) == 0 {
		return false
	}
	for i := range out.Commands {
		got, want := slotMap(out.Commands[i]), slotMap(h.want[i])
		if out.Commands[i].Name != h.want[i].Name {
			return false
		}
		for name := range got {
			if _, ok := want[name]; !ok && (name == "reason" || name == "start" && got[name][0] == "2026-06-10T14:20:00+02:00") {
				delete(got, name)
			}
		}
		if asked {
			for name := range want {
				want[name] = slices.DeleteFunc(slices.Clone(want[name]), func(v string) bool { return !slices.Contains(got[name], v) })
				if len(want[name]) == 0 {
					delete(want, name)
				}
			}
		}
		if !cmp.Equal(got, want) {
			return false
		}
	}
	return true
}

// slotMap returns the slots of i, and its options but for the reason, by name.
func slotMap(i intents.Intent) map[string][]string {
	m := map[string][]string{}
	for _, s := range i.Slots {
		m[s.Name] = s.Values
	}
	for name, v := range i.Options {
		if name != "reason" {
			m["--"+name] = []string{v}
		}
	}
	return m
}

// right reports whether out is what h asks for, intent, slots and decision.
func (h *heldOut) right(out intents.Parsed) bool {
	return slices.Contains(h.allowed, out.Decision) && h.understood(out)
}

// heldOutFile is the set that is measured; who works on the language measures with dev.tsv: OPSBOT_HELDOUT_FILE=dev.tsv, and sees what is
// wrong in a category with OPSBOT_HELDOUT=paraphrase.
func heldOutFile() string {
	if file := os.Getenv("OPSBOT_HELDOUT_FILE"); file != "" {
		return file
	}
	return "heldout.tsv"
}

// shown returns text as a failure shows it: sentences that are held out stay so unless OPSBOT_HELDOUT asks for them.
func (h *heldOut) shown(text string) string {
	if strings.HasPrefix(h.at, "heldout.tsv") && os.Getenv("OPSBOT_HELDOUT") == "" {
		return "a held-out sentence (" + h.category + ")"
	}
	return strconv.Quote(text)
}

// What the held-out set asks for, in per cent and in points.
const (
	leastPlain = 95.0 // of the plain commands are right, intent and slots
	mostLost   = 5.0  // with one letter wrong
)

// score counts by category.
type score struct {
	lines, right, decided, unsafe int
}

// TestHeldOut measures the language with sentences that nobody wrote a rule or an example for.
func TestHeldOut(t *testing.T) {
	t.Parallel()
	p := newParser(t, heldOutWorld())
	by, order := map[string]*score{}, []string{}
	var all score
	for _, h := range readHeldOut(t, heldOutFile()) {
		s := by[h.category]
		if s == nil {
			s = &score{}
			by[h.category], order = s, append(order, h.category)
		}
		out := hearsay(t, p, h.text)
		s.lines++
		if slices.Contains(h.allowed, out.Decision) {
			s.decided++
		}
		if h.right(out) {
			s.right++
		}
		if changing(out) && !h.mayChange() {
			s.unsafe++
			t.Errorf("%s: %s must do nothing, got %s", h.at, h.shown(h.text), brief(out))
		}
		if changing(out) && out.Decision == intents.Act && !h.understood(out) {
			s.unsafe++
			t.Errorf("%s: %s does something else at once: %s", h.at, h.shown(h.text), brief(out))
		}
		if show := os.Getenv("OPSBOT_HELDOUT"); (show == h.category || show == "all") && !h.right(out) {
			t.Logf("%s: %q = %s (%s)", h.at, h.text, brief(out), out.Because)
		}
	}
	for _, c := range order {
		s := by[c]
		t.Logf("%-18s %4d lines, %5.1f %% right, %5.1f %% decided as allowed, %d unsafe", c, s.lines, share(s.right, s.lines), share(s.decided, s.lines), s.unsafe)
		if plain(c) {
			all.lines, all.right = all.lines+s.lines, all.right+s.right
		}
	}
	t.Logf("plain commands: %d of %d right, %.1f %%", all.right, all.lines, share(all.right, all.lines))
	if got := share(all.right, all.lines); got < leastPlain && heldOutFile() == "heldout.tsv" {
		t.Errorf("%.1f %% of the plain commands are understood, want %v %%", got, leastPlain)
	}
}

func share(part, whole int) float64 { return 100 * float64(part) / float64(max(1, whole)) }

// TestHeldOutIsLarge keeps the set from shrinking: at least 550 lines, of which 200 are plain commands, and no line twice.
func TestHeldOutIsLarge(t *testing.T) {
	t.Parallel()
	lines, plains, seen := readHeldOut(t, "heldout.tsv"), 0, map[string]bool{}
	for _, h := range lines {
		if plain(h.category) {
			plains++
		}
		if seen[h.text] {
			t.Errorf("%s: %q stands there twice", h.at, h.text)
		}
		seen[h.text] = true
	}
	if len(lines) < 550 || plains < 200 {
		t.Errorf("the held-out set has %d lines, %d of them plain commands; want 550 and 200", len(lines), plains)
	}
	for _, h := range readHeldOut(t, "dev.tsv") {
		if seen[h.text] {
			t.Errorf("%s: %q stands in the held-out set too", h.at, h.text)
		}
	}
}

// misspelt is the category of the plain commands that have a letter wrong as they stand.
const misspelt = "misspelt"

// TestHeldOutWithTypos says every plain command that is spelt right once more with one letter wrong. Digits, links and quotations stay as they are.
func TestHeldOutWithTypos(t *testing.T) {
	t.Parallel()
	p := newParser(t, heldOutWorld())
	rng := rand.New(rand.NewPCG(5, 7))
	var clean, typo score
	show := os.Getenv("OPSBOT_HELDOUT") == "typos"
	for _, h := range readHeldOut(t, "heldout.tsv") {
		out := hearsay(t, p, h.text)
		slip := h.slip(t, p, rng)
		for range slips() - 1 {
			h.slip(t, p, rng)
		}
		if !plain(h.category) || h.category == misspelt {
			continue
		}
		clean.lines++
		if h.right(out) {
			clean.right++
		}
		if h.right(slip) || h.understood(slip) && slip.Decision != intents.Refuse && slip.Decision != intents.Answer {
			typo.right++
		} else if show && h.right(out) {
			t.Logf("%s: with one letter wrong %q = %s (%s)", h.at, slip.Text, brief(slip), slip.Because)
		}
	}
	t.Logf("plain commands: %.1f %% right as written, %.1f %% with one letter wrong", share(clean.right, clean.lines), share(typo.right, clean.lines))
	if lost := share(clean.right-typo.right, clean.lines); lost > mostLost && slips() == fewSlips {
		t.Errorf("one letter wrong costs %.1f points, want at most %v", lost, mostLost)
	}
}

// fewSlips is how many typos each sentence is tried with where nobody asks for more.
const fewSlips = 2

// slips is how many typos each sentence is tried with.
func slips() int {
	if os.Getenv("OPSBOT_SOAK") == "1" {
		return 50
	}
	return fewSlips
}

// slip says h with one letter wrong. What must do nothing still must not, and nothing else may be done at once.
func (h *heldOut) slip(t *testing.T, p *intents.Parser, rng *rand.Rand) intents.Parsed {
	t.Helper()
	said := mistype(rng, h.text, h.coined())
	out := hearsay(t, p, said)
	if !h.mayChange() && changing(out) {
		t.Errorf("%s: %s must do nothing, got %s", h.at, h.shown(said), brief(out))
	}
	if changing(out) && out.Decision == intents.Act && !h.understood(out) {
		t.Errorf("%s: %s does something else at once: %s", h.at, h.shown(said), brief(out))
	}
	return out
}

// coined returns the words of h that nobody can know to be mistyped: tags, paths, and names that are new or kept in the store.
func (h *heldOut) coined() []string {
	var words []string
	for _, want := range h.want {
		for _, s := range want.Slots {
			if slices.Contains([]string{"tag", "prefix", "job", "intent"}, s.Name) || want.Name == "node.add" && s.Name == "node" {
				words = append(words, s.Values...)
			}
		}
	}
	return words
}

// mistype changes one letter of text: it is left out, doubled, exchanged with the next, or another one. Short words, digits, links,
// quotations and coined words stay as they are.
func mistype(rng *rand.Rand, text string, coined []string) string {
	var places []int
	quoted, flag, at := false, false, 0
	for word := range strings.SplitAfterSeq(text, " ") {
		bare := strings.TrimRight(word, " .,;:!?")
		held := quoted || flag || strings.ContainsAny(word, "/<>@=`\"'") || strings.HasPrefix(word, "--") || slices.Contains(coined, strings.ToLower(bare))
		flag = strings.HasPrefix(word, "--") // its value is taken as it stands
		if strings.Count(word, `"`)%2 == 1 {
			quoted = !quoted
		}
		letters := 0
		for i := range len(bare) {
			if letter(bare[i]) {
				letters++
			}
		}
		for i := range len(bare) {
			if !held && letters >= 4 && letter(bare[i]) {
				places = append(places, at+i)
			}
		}
		at += len(word)
	}
	if len(places) == 0 {
		return text
	}
	i := places[rng.IntN(len(places))]
	switch rng.IntN(4) {
	case 0:
		return text[:i] + text[i+1:]
	case 1:
		return text[:i] + text[i:i+1] + text[i:]
	case 2:
		if i+1 < len(text) && letter(text[i+1]) && text[i] != text[i+1] {
			return text[:i] + text[i+1:i+2] + text[i:i+1] + text[i+2:]
		}
	}
	return text[:i] + string(rune('a'+rng.IntN(26))) + text[i+1:]
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
