package intents_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents"
)

// deedForms is a deed of the catalogue in the forms of its verb, as people speak of it.
type deedForms struct {
	base, third, ing, past, noun string
	object, behind               string // "edge-2", "for 2h"
}

// order is the command itself.
func (d deedForms) order() string { return spaced(d.base, d.object, d.behind) }

// spaced joins the words that are not empty.
func spaced(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// deedsSpokenOf returns deeds of every kind that changes something.
func deedsSpokenOf() []deedForms {
	return []deedForms{
		{"ack", "acks", "acking", "acked", "ack", "edge-2", ""},
		{"acknowledge", "acknowledges", "acknowledging", "acknowledged", "acknowledgement", "edge-2", ""},
		{"unack", "unacks", "unacking", "unacked", "unack", "edge-2", ""},
		{"recheck", "rechecks", "rechecking", "rechecked", "recheck", "edge-2", ""},
		{"recheck", "rechecks", "rechecking", "rechecked", "recheck", "all nodes in berlin", ""},
		{"prime", "primes", "priming", "primed", "prime", "news", ""},
		{"warm up", "warms up", "warming up", "warmed up", "warm-up", "news", "on edge-2"},
		{"purge", "purges", "purging", "purged", "purge", "news", ""},
		{"flush", "flushes", "flushing", "flushed", "flush", "edge-2", ""},
		{"loadtest", "loadtests", "loadtesting", "loadtested", "loadtest", "news", ""},
		{"downtime", "downtimes", "downtiming", "downtimed", "downtime", "edge-2", "for 2h"},
		{"end downtime", "ends downtime", "ending downtime", "ended downtime", "end of downtime", "edge-2", ""},
		{"reject", "rejects", "rejecting", "rejected", "rejection", "r-17", ""},
		{"approve", "approves", "approving", "approved", "approval", "r-17", ""},
		{"retry", "retries", "retrying", "retried", "retry", "r-17", ""},
		{"cancel", "cancels", "cancelling", "cancelled", "cancellation", "r-17", ""},
		{"undo", "undoes", "undoing", "undid", "undoing", "r-17", ""},
		{"pause", "pauses", "pausing", "paused", "pause", "automation", ""},
		{"resume", "resumes", "resuming", "resumed", "resumption", "automation", ""},
		{"unschedule", "unschedules", "unscheduling", "unscheduled", "removal", "morning-prime", ""},
		{"enable", "enables", "enabling", "enabled", "enabling", "flush-on-low-hit-rate", ""},
		{"disable", "disables", "disabling", "disabled", "disabling", "flush-on-low-hit-rate", ""},
		{"add node", "adds node", "adding node", "added node", "addition", "edge-9", "at 192.0.2.19"},
		{"remove node", "removes node", "removing node", "removed node", "removal", "edge-2", ""},
		{"drain", "drains", "draining", "drained", "drain", "edge-2", ""},
		{"undrain", "undrains", "undraining", "undrained", "undrain", "edge-2", ""},
		{"delete segment", "deletes segment", "deleting segment", "deleted segment", "deletion", "studio-a", ""},
		{"attach", "attaches", "attaching", "attached", "attachment", "studio-a", "to edge-2"},
		{"detach", "detaches", "detaching", "detached", "detachment", "studio-a", "from edge-2"},
		{"create segment", "creates segment", "creating segment", "created segment", "creation", "studio-c", ""},
	}
}

// outcomesOf are predicates: what became of a deed.
func outcomesOf() []string {
	return strings.Split("failed|failed again|again failed|has failed|is broken|looks wrong|looks good|looks fine|looks odd to me|expired|has expired|expires soon|timed out|went wrong|went fine|went through|did nothing|does nothing|had no effect|"+
		"has no effect|is over|over|was fine|was wrong|was a mistake|was green|was slow|was enough|helped|did not help|worked|works|works again|never worked|still failing|keeps failing|fails often|fails every time|hung|hangs|got stuck|is stuck|crashed|"+
		"ended|completed|finished|finished early|happened|happens too often|took ages|takes too long|returned an error|gives errors|threw an exception|seems broken|seems ok|is running|is done|done|done already|has finished|succeeded|was rejected|"+
		"was refused|needs approval|needs a second person|came too late|is pending|pending|is due|is next|by tom was wrong|by mistake|made it worse|broke everything|solved it|fixed it|is still open|remains open|stays red|turned red|"+
		"ran twice|ran into a timeout|should be enough|should have worked|could be the reason|might be the cause|caused an outage|causes load|is what tom did|is not what I meant|is no good idea|is annoying|is the plan|"+
		"yesterday|last night|an hour ago|twice already|unsuccessfully|successful|unsuccessful|complete|in progress|ongoing|aborted|interrupted|denied|missing|unnecessary|nonsense", "|")
}

// reportShape is one way to speak of a deed that is no order.
type reportShape struct {
	name  string
	lines []string
}

// reportShapes returns the ways, all with their lines.
func reportShapes() []reportShape {
	var shapes []reportShape
	add := func(name string, say func(d deedForms) []string) {
		s := reportShape{name: name}
		for _, d := range deedsSpokenOf() {
			s.lines = append(s.lines, say(d)...)
		}
		slices.Sort(s.lines)
		s.lines = slices.Compact(s.lines)
		shapes = append(shapes, s)
	}
	add("an order and what became of it", func(d deedForms) []string { return each(outcomesOf(), d.order()+" %s") })
	add("a noun and what became of it", func(d deedForms) (lines []string) {
		for _, head := range []string{"%s of %s", "%s for %s"} {
			lines = append(lines, each(outcomesOf(), fmt.Sprintf(head, d.noun, d.object)+" %s")...)
		}
		more := []string{"the %s of %s", "last night's %s of %s", "your %s of %s", "another %s of %s"}
		for i, outcome := range outcomesOf() {
			lines = append(lines, spaced(fmt.Sprintf(more[i%len(more)], d.noun, d.object), outcome))
		}
		return lines
	})
	add("a deed that goes on", func(d deedForms) []string {
		going := spaced(d.ing, d.object, d.behind)
		return append(each(outcomesOf(), going+" %s"), each(strings.Split("%s|%s now|currently %s|still %s|busy %s|tom is %s|I am %s|we are %s|%s as we speak|%s since noon|someone is %s|it is %s|after %s|before %s|while %s|instead of %s|by %s|anna keeps %s|not %s|"+
			"%s again|the job is %s|no idea who is %s|%s is a bad idea|%s might help|%s would help|thinking about %s|considering %s|talked about %s", "|"), going)...)
	})
	add("a thing and what was done to it", func(d deedForms) []string {
		past := strings.TrimSuffix(strings.TrimSuffix(d.past, " node"), " segment")
		return each(strings.Split("%[1]s %[2]s|%[1]s was %[2]s|%[1]s is %[2]s|%[1]s has been %[2]s|%[1]s got %[2]s by tom|%[1]s is being %[2]s|%[1]s, %[2]s|%[1]s already %[2]s|%[1]s %[2]s yesterday|%[1]s %[2]s and fine|%[1]s was never %[2]s|%[1]s: %[2]s|%[1]s will be %[2]s|"+
			"%[1]s gets %[2]s every night|%[1]s should be %[2]s|%[1]s must have been %[2]s|%[1]s could be %[2]s|all of %[1]s %[2]s|%[1]s - %[2]s|%[1]s had to be %[2]s|once %[1]s is %[2]s|if %[1]s was %[2]s", "|"), d.object, past)
	})
	add("somebody did it", func(d deedForms) []string {
		return each(strings.Split("%[1]s %[4]s|tom %[1]s %[4]s|anna has %[1]s %[4]s|we %[1]s %[4]s|I %[1]s %[4]s|just %[1]s %[4]s|already %[1]s %[4]s|they %[1]s %[4]s last night|%[1]s %[4]s an hour ago|the job %[1]s %[4]s|nobody %[1]s %[4]s|who %[1]s %[4]s|tom says he %[1]s %[4]s|"+
			"tom %[2]s %[4]s|the job %[2]s %[4]s|it %[2]s %[4]s every night|nobody %[2]s %[4]s|somebody %[2]s %[4]s|the rule %[2]s %[4]s|tom wants to %[3]s %[4]s|tom tried to %[3]s %[4]s|anna had to %[3]s %[4]s|tom was about to %[3]s %[4]s|tom told me to %[3]s %[4]s|"+
			"tom said to %[3]s %[4]s|they will %[3]s %[4]s|the customer asked us to %[3]s %[4]s|it is time for tom to %[3]s %[4]s|tom forgot to %[3]s %[4]s|tom refuses to %[3]s %[4]s|I could not %[3]s %[4]s|I was able to %[3]s %[4]s|we failed to %[3]s %[4]s|"+
			"the plan was to %[3]s %[4]s|the idea is to %[3]s %[4]s|it helps to %[3]s %[4]s|it is dangerous to %[3]s %[4]s", "|"), d.past, d.third, d.base, spaced(d.object, d.behind))
	})
	add("a question", func(d deedForms) []string {
		noun := fmt.Sprintf("the %s of %s", d.noun, d.object)
		asked := each(strings.Split("did the %[1]s work|did tom %[2]s|has anybody %[3]s|was %[4]s %[5]s|is %[4]s %[5]s|who %[3]s|why did you %[2]s|when did we %[2]s|has %[1]s finished|how did %[1]s go|is %[1]s over|what did %[1]s change|why was %[4]s %[5]s|should I %[2]s|do you want to %[2]s|"+
			"is it ok to %[2]s|may I %[2]s|shall we %[2]s|do we need to %[2]s|does it help to %[2]s|what if I %[2]s|what happens if we %[2]s|how do I %[2]s|how long does it take to %[2]s|would it be wise to %[2]s|who can %[2]s|who wants to %[2]s|why not %[2]s|when will tom %[2]s|"+
			"did somebody just %[2]s|didn't we %[2]s|can one %[2]s|is somebody going to %[2]s", "|"), noun, d.order(), spaced(d.past, d.object, d.behind), d.object, d.past)
		lines := append(asked, each(asked, "%s?")...)
		return append(lines, each(strings.Split("%s?|%s ?|%s, right?|%s, ok?|%s or not?|%s, yes?|%s, really?|really %s?|so %s?|%s - good idea?|%s, anyone?|and %s?|what, %s?", "|"), d.order())...)
	})
	add("a choice", func(d deedForms) []string {
		other := strings.NewReplacer("edge-2", "edge-3", "news", "kids", "r-17", "r-18", "automation", "the rules", "morning-prime", "flush-on-low-hit-rate", "flush-on-low-hit-rate", "morning-prime", "studio-a", "studio-b", "edge-9", "edge-10", "studio-c", "studio-d", "berlin", "hamburg").Replace(d.object)
		return each(strings.Split("%[1]s %[2]s or %[3]s|either %[1]s %[2]s or %[3]s|%[1]s %[2]s or %[3]s %[4]s|%[1]s %[2]s instead of %[3]s|%[1]s %[2]s rather than %[3]s|%[1]s %[2]s not %[3]s|%[1]s %[2]s, not %[3]s|%[1]s not %[2]s but %[3]s|%[1]s %[2]s? no, %[3]s|%[1]s %[2]s or maybe %[3]s|"+
			"%[1]s %[2]s or else|%[1]s %[2]s, or %[3]s if you like|%[1]s %[2]s unless %[3]s is better|%[1]s %[2]s if %[3]s fails|%[1]s %[2]s/%[3]s|%[1]s %[2]s vs %[3]s|%[1]s neither %[2]s nor %[3]s|%[1]s %[2]s or something", "|"), d.base, d.object, other, d.behind)
	})
	add("the end of a deed", func(d deedForms) []string {
		return each(strings.Split("stop %s|please stop %s|quit %s|cease %s|no more %s|enough %s|stop it with %s|you can stop %s|avoid %s|refrain from %s|let's stop %s|stop the %s|stop with %s|forget about %s|never mind %s|hold off %s|delay %s|postpone %s", "|"), spaced(d.ing, d.object, d.behind))
	})
	add("in another's name", func(d deedForms) []string {
		return each(strings.Split("%s as tom|%s as user tom|%s as anna please|as tom %s|as tom: %s|as tom, %s|%s on behalf of tom|on behalf of tom %s|%s in tom's name|in the name of tom %s|%s as root|%s as admin|%s as the owner|%s as if I were tom|%s like tom would|%s pretending to be tom|"+
			"%s signed tom|%s under tom's account|%s with tom's rights|%s using tom's account|act as tom and %s|you are tom, %s|tom: %s|tom said %s|tom says %s|%s says tom|%s, tom said", "|"), d.order())
	})
	return shapes
}

// each fills every form, and leaves no spaces behind.
func each(forms []string, words ...any) []string {
	var lines []string
	for _, form := range forms {
		if one, ok := words[0].(string); ok && len(words) == 1 && strings.Contains(one, "%s") { // each(tails, "order %s")
			lines = append(lines, fmt.Sprintf(one, form))
			continue
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf(form+"%.0[1]s", words...)))
	}
	return lines
}

// TestReportsChangeNothing: to speak of a deed is no order to do it, whatever the shape.
func TestReportsChangeNothing(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	all := 0
	for _, shape := range reportShapes() {
		bad := 0
		for _, text := range shape.lines {
			if strings.Contains(text, "%!") {
				t.Fatalf("%s: a badly filled line: %q", shape.name, text)
			}
			if out := say(t, p, text); changing(out) {
				if bad++; bad <= 12 {
					t.Errorf("%s: Parse(%q) = %s because %s", shape.name, text, brief(out), out.Because)
				}
			}
		}
		all += len(shape.lines)
		t.Logf("%-34s %5d lines, %d obeyed", shape.name, len(shape.lines), bad)
	}
	t.Logf("%d lines in all", all)
}

// TestUnknownWordsNeverWiden: a word that could narrow down what is meant, and that nobody knows, does not leave the whole machine meant.
func TestUnknownWordsNeverWiden(t *testing.T) {
	t.Parallel()
	p := newParser(t, heldOutWorld())
	forms := strings.Split("ack edge-2 W|ack W on edge-2|ack the W problem on edge-2|ack the W alert on edge-2|ack only W on edge-2|ack edge-2 only W|ack edge-2 but only W|ack edge-2 just the W|ack edge-2, W|ack edge-2 (W)|acknowledge W for edge-2|take over the W alert on edge-2|"+
		"unack W on edge-2|unack the W problem on edge-2|unack edge-2 only W|recheck the W on edge-2|recheck W on edge-2|recheck edge-2 W|recheck only W on edge-2|check the W of edge-2 again|run the W check on edge-2 again|"+
		"downtime edge-2 for 2h only W|downtime edge-2 W for 2h|downtime W on edge-2 for 2h|downtime the W of edge-2 for 2h|silence the W alerts of edge-2 for 2h|silence W on edge-2 for 2h|put the W of edge-2 into downtime for 2h|"+
		"end downtime W on edge-2|remove the downtime from the W of edge-2|remove the downtime of edge-2 only for W|flush edge-2 only W|flush only W on edge-2|flush the W cache of edge-2|flush W from edge-2|flush W on edge-2|"+
		"purge only W of news|purge the W of news|purge news only W|purge news but keep W|prime only W of news|prime the W of news on edge-2|ack edge-2 without W|ack edge-2 except W|ack edge-2 minus W|ack all but W on edge-2|ack everything except W on edge-2|"+
		"flush all except W|flush all nodes except W|recheck everything but W|flush all nodes but W|flush edge-2 and W|flush edge-2, W|recheck edge-2 or W|flush berlin except W|purge news everywhere except W|ack the alert about W on edge-2|ack edge-2 regarding W|ack edge-2 concerning W", "|")
	words := strings.Split("ntp|memory|latency|procs|zookeeper|frobnicator|backup job|raid|postgres|interface eth0|smart|swap space|hit ratio|segments|m3u8|thumbnails|playlists|bitrate|subtitles", "|")
	lines, bad := 0, map[string]int{}
	for _, form := range forms {
		for _, word := range words {
			text := strings.ReplaceAll(form, "W", word)
			lines++
			if out := say(t, p, text); changing(out) && !holds(out, word) {
				if bad[form]++; bad[form] <= 2 {
					t.Errorf("Parse(%q) = %s because %s", text, brief(out), out.Because)
				}
			}
		}
	}
	t.Logf("%d lines with words that nobody knows, %d forms of %d obeyed without them", lines, len(bad), len(forms))
}

// holds reports whether a slot of out holds word: it was taken as the name of something, and is shown.
func holds(out intents.Parsed, word string) bool {
	for _, c := range out.Commands {
		for _, s := range c.Slots {
			if slices.ContainsFunc(s.Values, func(v string) bool { return strings.Contains(strings.ToLower(v), word) }) {
				return true
			}
		}
	}
	return false
}

// TestNothingRecommendsTheContrary: what is asked back, and why, never names as the command to type what the line leaves out or ends.
func TestNothingRecommendsTheContrary(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct{ text, never string }{
		{"flush berlin except edge-1", "flush edge-1"}, {"flush edge-2 or edge-3", "flush edge-2"}, {"flush edge-2 or edge-3", "flush edge-3"}, {"ack edge-2 instead of edge-3", "ack edge-3"}, {"ack edge-2 instead of edge-3", "ack edge-2 edge-3"},
		{"stop flushing edge-2", "flush edge-2"}, {"stop acking edge-2", "type: ack edge-2"}, {"stop rechecking edge-2", "recheck edge-2"}, {"stop pausing automation", "type: pause"}, {"do not flush edge-2", "flush edge-2"}, {"never purge news", "purge news"},
		{"flush all but edge-2", "flush edge-2"}, {"flush edge-2, not edge-3", "edge-3"}, {"everything except edge-2 should be flushed", "type: flush edge-2"}, {"quit purging news", "type: purge news"}, {"flush edge-4 through edge-1", "flush edge-4 edge-1"},
		{"flush edge-2 on edge-3", "flush edge-2 and edge-3"}, {"no more flushing of edge-2", "type: flush"},
	} {
		out := say(t, p, tt.text)
		said := out.Because + " | " + out.Question
		if out.Missing != nil {
			said += " | " + strings.Join(out.Missing.Choices, " | ")
		}
		if strings.Contains(strings.ReplaceAll(said, tt.text, ""), tt.never) {
			t.Errorf("Parse(%q) says %q, which recommends %q", tt.text, said, tt.never)
		}
		for _, c := range out.Commands {
			if changing(out) && strings.HasPrefix(c.Canonical(), tt.never) {
				t.Errorf("Parse(%q) = %s", tt.text, brief(out))
			}
		}
	}
}
