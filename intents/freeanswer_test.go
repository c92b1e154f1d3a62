package intents_test

import (
	"testing"
	"time"

	"github.com/shitops/opsbot/intents"
)

// TestAnswersInOwnWords: a question is answered as people answer questions.
func TestAnswersInOwnWords(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	now, zone := clock(t)
	for _, tt := range []struct{ asked, said, want string }{
		{"flush", "edge-2 please", "confirm cache.flush node=edge-2"},
		{"flush", "edge two, thanks", "confirm cache.flush node=edge-2"},
		{"flush", "I mean edge-2", "confirm cache.flush node=edge-2"},
		{"flush", "yes, edge-2 and edge-3", "confirm cache.flush node=edge-2,edge-3"},
		{"flush", "all edges in lisbon please", "confirm cache.flush node=edge-7,edge-8"},
		{"prime", "the news channel please", "act cache.prime deployment=news"},
		{"loadtest news for 8", "the first one", "act cache.loadtest deployment=news duration=8m0s"},
		{"flush edge-99", "the first one", "confirm cache.flush node=edge-8"},
		{"flush edge-99", "the last", "confirm cache.flush node=edge-6"},
		{"flush edge-99", "2", "confirm cache.flush node=edge-7"},
		{"flush edge-99", "the second one please", "confirm cache.flush node=edge-7"},
		{"flush edge-99", "the hamburg one", "confirm cache.flush node=edge-6"},
		{"loadtest", "sport-1, please", "act cache.loadtest deployment=sport-1"},
		{"undo", "run 17 please", "act run.undo run=r-17"},
		{"downtime edge-1", "two hours please", "act downtime.add node=edge-1 duration=2h0m0s"},
	} {
		pending := say(t, p, tt.asked)
		if pending.Decision != intents.Ask {
			t.Errorf("Parse(%q) = %s, want a question", tt.asked, brief(pending))
			continue
		}
		out, ok := p.Answer(pending, tt.said, intents.Utterance{Now: now, Zone: zone})
		if !ok || brief(out) != tt.want {
			t.Errorf("%q, asked %q, answered %q = %s, %v, want %s", tt.asked, pending.Question, tt.said, brief(out), ok, tt.want)
		}
	}
}

// TestAQuestionSwallowsNoCommand: what is a line of its own is never taken for an answer, also with a slip in it.
func TestAQuestionSwallowsNoCommand(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	now, zone := clock(t)
	for _, asked := range []string{"flush", "prime", "flush edge-99", "undo", "downtime edge-1", "purge"} {
		pending := say(t, p, asked)
		for _, said := range []string{
			"flush edge-1", "flsh edge-1", "prmie news on edge-1", "could you ack edge-2?", "should I flush edge-1?", "don't flush edge-1", "what is alerting?", "did anyone flush edge-1?", "never mind", "status", "pruge news", "get rid of what is cached on edge-7",
			"what do you mean?", "the weather is fine", "the other one", "how do I purge a url?",
		} {
			if out, ok := p.Answer(pending, said, intents.Utterance{Now: now, Zone: zone}); ok {
				t.Errorf("%q answered by %q = %s, want no answer", asked, said, brief(out))
			}
		}
	}
}

// TestItIsWhatWasDoneLast: words that point back mean what the same person did last, within ten minutes, and are said again in full.
func TestItIsWhatWasDoneLast(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	now, zone := clock(t)
	last := func(text string) *intents.Context {
		return &intents.Context{Last: say(t, p, text).Commands, Run: "r-17", At: now.Add(-time.Minute)}
	}
	for _, tt := range []struct{ before, said, want string }{
		{"ack edge-2", "same for edge-3", "confirm alert.ack node=edge-3"},
		{"ack edge-2 for 2h", "same for edge-3", "confirm alert.ack node=edge-3 duration=2h0m0s"},
		{"purge news on edge-1", "and edge-2 too", "confirm cache.purge deployment=news node=edge-2"},
		{"purge news on edge-1", "do that again", "confirm cache.purge deployment=news node=edge-1"},
		{"purge news on edge-1", "undo that", "confirm run.undo run=r-17"},
		{"purge news on edge-1", "please undo that", "confirm run.undo run=r-17"},
		{"ack edge-2", "recheck it", "confirm check.rerun node=edge-2"},
		{"ack edge-2", "unack it please", "confirm alert.unack node=edge-2"},
		{"flush edge-2", "same for edge-3", "ask cache.flush node=edge-3"},
		{"ack edge-2", "flush it", "ask cache.flush node=edge-2"},
		{"ack edge-7", "the other one too", "confirm alert.ack node=edge-8"},
		{"ack edge-2", "the other one", "ask alert.ack"},
		{"status edge-2", "same for edge-3", "act status.show node=edge-3"},
		{"status edge-2", "do that again", "act status.show node=edge-2"},
	} {
		out := p.Parse(intents.Utterance{Text: tt.said, Now: now, Zone: zone, Context: last(tt.before)})
		if got := brief(out); got != tt.want {
			t.Errorf("after %q, Parse(%q) = %s because %s, want %s", tt.before, tt.said, got, out.Because, tt.want)
		}
	}
}

// TestItMeansNothingWithoutContext: without a last command, or with one that is too old, it is asked back.
func TestItMeansNothingWithoutContext(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	now, zone := clock(t)
	old := &intents.Context{Last: say(t, p, "ack edge-2").Commands, Run: "r-17", At: now.Add(-11 * time.Minute)}
	ahead := &intents.Context{Last: old.Last, Run: "r-17", At: now.Add(time.Hour)}
	for _, said := range []string{"same for edge-3", "undo that", "do that again", "the other one", "flush it", "recheck it", "unack them", "flush that one"} {
		for name, c := range map[string]*intents.Context{"none": nil, "old": old, "ahead": ahead, "empty": {At: now}} {
			out := p.Parse(intents.Utterance{Text: said, Now: now, Zone: zone, Context: c})
			if out.Decision != intents.Ask {
				t.Errorf("context %s: Parse(%q) = %s because %s, want a question", name, said, brief(out), out.Because)
			}
		}
	}
}
