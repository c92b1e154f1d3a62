package intents_test

import (
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents"
)

// TestGates: for each gate a text that it stops although the words are those of an order, and what stops it. Nothing of it may change anything.
func TestGates(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct{ gate, text, why string }{
		{"no order", "a full cache flush of edge-2", "it gives no order"},
		{"another's verb", "reboot edge-2 with an empty cache", ""},
		{"the contrary", "stop muting edge-2 for 2h", ""},
		{"another time", "get rid of everything cached on edge-2 tomorrow at 6am", "another time"},
		{"two for one", "could you rehearse flush-on-low-hit-rate and cancel r-17 and r-18 for me", ""},
		{"a word like any other", "please purge the news", "could be a word like any other"},
		{"a shifting word", "empty the caches of edge-2 or edge-3 please", "may change what is meant"},
		{"a shifting word", "get rid of everything on edge-2 but edge-3", ""},
		{"a word of nothing", "please flush the toilet on edge-2", ""},
		{"a word of nothing", "delete the database on edge-3", ""},
		{"an unknown place", "get rid of everything cached on all nodes in narnia", "may change what is meant"},
		{"an unknown member", "please flush edge-1, edge-2 and production", "there is no node"},
		{"a sign", "please flush edge-2 # now", "is nothing that I know"},
		{"a number", "please flush edge-2 for me 8", "takes no count"},
		{"a thing of another kind", "please ack sport-1", ""},
		{"a quotation", "purge kids `halt`", "takes no text"},
		{"a slip of the scope", "please flush all macz", ""},
		{"no slots and a slip", "parse", ""},
		{"a question before", "what is down? flush edge-2 please", ""},
		{"nothing but a verb", "please pause the video", ""},
		{"a name that is not there", "could you empty the cache of edge-99", "there is no node"},
		{"a slot that is missing", "could you empty the cache please", "node is missing"},
		{"several for one", "please show me node edge-1 and edge-2", ""},
		{"what is taught", "please learn that \"warm it up\" means cache.prime", "said exactly"},
	} {
		out := say(t, p, tt.text)
		if changes(t, out) {
			t.Errorf("%s: Parse(%q) = %s because %s, want nothing that changes", tt.gate, tt.text, brief(out), out.Because)
		}
		if said := out.Because + " " + out.Question; tt.why != "" && !strings.Contains(said, tt.why) {
			t.Errorf("%s: Parse(%q) = %s because %q, want a reason with %q", tt.gate, tt.text, brief(out), said, tt.why)
		}
	}
}

// TestRiskDecides: the table of INTENTS for free text, sure and less sure.
func TestRiskDecides(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct{ what, text, want string }{
		{"read", "is anything on fire in berlin?", "act alert.list node=edge-1,edge-2,edge-3,mac-2"},
		{"reversible, sure", "take over the alerts on edge-2", "act alert.ack node=edge-2"},
		{"reversible, polite", "could you take over the alerts on edge-2?", "confirm alert.ack node=edge-2"},
		{"reversible, a slip", "take over the alerts on egde-2", "confirm alert.ack node=edge-2"},
		{"disruptive, sure", "throw sport-1 out of the caches", "confirm cache.purge deployment=sport-1"},
		{"disruptive, a slip", "throw sprot-1 out of the caches", "confirm cache.purge deployment=sport-1"},
		{"destructive, sure", "edge-2 serves stale stuff, empty its cache", "confirm cache.flush node=edge-2"},
		{"destructive, a slip", "get rid of everything cached on egde-2", "ask cache.flush node=edge-2"},
		{"destructive, a site alone", "get rid of everything cached in lisbon", "ask cache.flush node=edge-7,edge-8"},
		{"destructive, polite and exact", "would you be so kind as to flush edge-2", "confirm cache.flush node=edge-2"},
	} {
		out := say(t, p, tt.text)
		if got := brief(out); got != tt.want {
			t.Errorf("%s: Parse(%q) = %s because %s, want %s", tt.what, tt.text, got, out.Because, tt.want)
		}
		if out.Confidence >= 1 || out.Decision != intents.Ask && out.Confidence < 0.5 {
			t.Errorf("%s: Parse(%q): confidence %v, want free text to be less than certain", tt.what, tt.text, out.Confidence)
		}
	}
}

// TestAnUnsureDestructionSaysWhatToType, and a click on it is that very command.
func TestAnUnsureDestructionSaysWhatToType(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	out := say(t, p, "get rid of everything cached on egde-2")
	if out.Decision != intents.Ask || !strings.Contains(out.Question, "type: flush edge-2") || out.Missing == nil || len(out.Missing.Choices) != 1 || out.Missing.Choices[0] != "flush edge-2" {
		t.Errorf("it asks %q with choices %+v, want the exact command", out.Question, out.Missing)
	}
	if !strings.Contains(out.Because, "taking egde-2 as edge-2") {
		t.Errorf("because %q, want the slip shown", out.Because)
	}
}

// TestSeveralOrders: "and" joins orders that each stand alone; the strictest decision counts, and what one part lacks in a name the other may give.
func TestSeveralOrders(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{"ack edge-2 and recheck edge-2", "act alert.ack node=edge-2 ; check.rerun node=edge-2"},
		{"purge news, prime it on edge-4", "confirm cache.purge deployment=news ; cache.prime deployment=news node=edge-4"},
		{"ack edge-2 and put it into maintenance for 2h", "confirm alert.ack node=edge-2 ; downtime.add node=edge-2 duration=2h0m0s"},
		{"flush edge-1 then prime news on it", "confirm cache.flush node=edge-1 ; cache.prime deployment=news node=edge-1"},
		{"ack edge-1 and reboot edge-2", "refuse"},
		{"flush edge-1 and should I flush edge-2?", "answer cache.stats node=edge-1"},
		{"flush edge-1 and don't flush edge-2", "refuse"},
		{"first ack edge-1, after that recheck edge-1", "confirm alert.ack node=edge-1 ; check.rerun node=edge-1"},
	})
}

// TestExplain: the trace shows every layer.
func TestExplain(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	now, zone := clock(t)
	out := p.Parse(intents.Utterance{Text: "edge-2 serves stale stuff, empty its cahce", Now: now, Zone: zone, Explain: true})
	trace := strings.Join(out.Trace, "\n")
	for _, want := range []string{"text: edge-2 serves", "words: ", "thing: \"edge-2\" is node edge-2", "mood: command", "the verb is \"empty\"", "classifier: ", "xnode", "cache.flush", "low ", "high ", "frame: flush edge-2", "decision: "} {
		if !strings.Contains(trace, want) {
			t.Errorf("the trace has no %q:\n%s", want, trace)
		}
	}
	if out := p.Parse(intents.Utterance{Text: "edge-2 serves stale stuff, empty its cache"}); out.Trace != nil {
		t.Errorf("a trace that nobody asked for: %q", out.Trace)
	}
}

// TestExactAlone: where only the exact grammar may read, free words are refused as they always were.
func TestExactAlone(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	now, zone := clock(t)
	for _, text := range []string{"edge-2 serves stale stuff, empty its cache", "could you flush edge-2", "flsh edge-2", "same for edge-3", "ack edge-2 and recheck edge-2"} {
		out := p.Parse(intents.Utterance{Text: text, Now: now, Zone: zone, Exact: true, Context: &intents.Context{Last: say(t, p, "ack edge-2").Commands, At: now}})
		if out.Decision != intents.Refuse {
			t.Errorf("Parse(%q), exact alone = %s, want a refusal", text, brief(out))
		}
	}
	if out := p.Parse(intents.Utterance{Text: "flush edge-2", Exact: true}); brief(out) != "confirm cache.flush node=edge-2" {
		t.Errorf("an exact command = %s", brief(out))
	}
}

// TestMarkupOfChats: links, channels and emoji as chat platforms write them.
func TestMarkupOfChats(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{"please purge <https://cdn.example/a.ts|click here>", "act cache.purge url=https://cdn.example/a.ts"},
		{"<:fire:1234567> ack edge-2 <a:pray:99>", "act alert.ack node=edge-2"},
		{"*could you* flush _edge-2_ please", "confirm cache.flush node=edge-2"},
		{"~flush edge-2~", "refuse"},
		{"<@U5> could you flush edge-2", "confirm cache.flush node=edge-2"},
		{"could you flush edge-2 <@U5>", "refuse"},
	})
	for _, text := range []string{"flush <#C123|edge-2>", "please flush #edge-2", "flush edge-2 <!here>"} {
		if out := say(t, worldParser(t), text); changes(t, out) {
			t.Errorf("Parse(%q) = %s, want nothing that changes", text, brief(out))
		}
	}
}

// TestOrdersInManyForms: what orders although it is no verb with its object.
func TestOrdersInManyForms(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{"I'll take care of edge-2, ack it", "confirm alert.ack node=edge-2"},
		{"I've got edge-2, acknowledge it", "act alert.ack node=edge-2"},
		{"I was on edge-2", "refuse"},
		{"maintenance on edge-2 for 2h", "confirm downtime.add node=edge-2 duration=2h0m0s"},
		{"run r-17 again", "confirm run.retry run=r-17"},
		{"let edge-2 alert again, remove the ack", "act alert.unack node=edge-2"},
		{"add edge-77 (192.0.2.7) to the inventory", "act node.add node=edge-77 address=192.0.2.7"},
		{"which runs went wrong?", "act run.list state=failed"},
		{"throw tag ch-news out of the caches", "confirm cache.purge tag=ch-news"},
		{"give r-17 a second chance", "confirm run.retry run=r-17"},
		{"purge sport-1 softly please", "confirm cache.purge deployment=sport-1 --soft"},
		{"edge-2 flush", "ask cache.flush node=edge-2"},
		{"we had maintenance on edge-2 for 2h", "answer audit.show node=edge-2"},
	})
}
