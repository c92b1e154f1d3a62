package intents_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/intents"
)

// reply is one answer to a question, and what it must lead to: "no answer" where the line is none.
type reply struct{ asked, said, want string }

// answer asks with one line and answers with another. The question goes through JSON in between, as it does in a store.
func answer(t *testing.T, p *intents.Parser, asked, said string) (intents.Parsed, bool) {
	t.Helper()
	question := say(t, p, asked)
	if question.Decision != intents.Ask {
		t.Fatalf("Parse(%q) = %s, want a question", asked, brief(question))
	}
	pending := stored(t, question)
	now, zone := clock(t)
	return p.Answer(pending, said, intents.Utterance{Now: now, Zone: zone})
}

// stored returns question as it comes back from a store.
func stored(t *testing.T, question intents.Parsed) intents.Parsed {
	t.Helper()
	text, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	missing, err := json.Marshal(question.Missing)
	if err != nil {
		t.Fatal(err)
	}
	var out intents.Parsed
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(missing, &out.Missing); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, r := range []reply{
		{"flush", "edge-2", "confirm cache.flush node=edge-2"},
		{"flush", "EDGE 2", "confirm cache.flush node=edge-2"},
		{"flush", "edge-2 please", "confirm cache.flush node=edge-2"},
		{"flush", "on edge-2.", "confirm cache.flush node=edge-2"},
		{"flush", "the edges in berlin", "confirm cache.flush node=edge-1,edge-2,edge-3,mac-2"},
		{"flush", "edge-1 and edge-2", "confirm cache.flush node=edge-1,edge-2"},
		{"flush", "<@U0123> edge-2", "confirm cache.flush node=edge-2"},
		{"flush", "edge-99", "ask cache.flush"},
		{"flush", "egde-2", "ask cache.flush"},
		{"flush", "nodes", "no answer"},
		{"flush", "flush edge-1", "no answer"},
		{"flush", "prime", "no answer"},
		{"flush", "the weather is fine", "no answer"},
		{"flush", "never mind", "no answer"},
		{"flush", "", "no answer"},
		{"flush", "3", "ask cache.flush"},
		{"flush berlin", "1", "confirm cache.flush node=edge-1,edge-2,edge-3,mac-2"},
		{"flush berlin", "yes", "confirm cache.flush node=edge-1,edge-2,edge-3,mac-2"},
		{"flush berlin", "all nodes in berlin", "confirm cache.flush node=edge-1,edge-2,edge-3,mac-2"},
		{"flush berlin", "edge-1", "confirm cache.flush node=edge-1"},
		{"flush edge-99", "1", "confirm cache.flush node=edge-8"},
		{"flush edge-99", "#2", "confirm cache.flush node=edge-7"},
		{"flush edge-99", "3)", "confirm cache.flush node=edge-6"},
		{"flush edge-99", "4", "ask cache.flush"},
		{"flush edge-99", "yes", "no answer"},
		{"flush egde-2", "yes", "confirm cache.flush node=edge-2"},
		{"flush egde-2", "edge-2", "confirm cache.flush node=edge-2"},
		{"purge news on edge-1, edge-22 and edge-3", "edge-2", "act cache.purge deployment=news node=edge-1,edge-2,edge-3"},
		{"purge news on edge-22", "edge-1 and edge-2", "act cache.purge deployment=news node=edge-1,edge-2"},
		{"purge", "news", "act cache.purge deployment=news"},
		{"purge", "tag ch-news", "act cache.purge tag=ch-news"},
		{"purge", "prefix /news/", "act cache.purge prefix=/news/"},
		{"purge", "http://o.example/a.ts", "act cache.purge url=http://o.example/a.ts"},
		{"purge", "url http://o.example/a.ts", "act cache.purge url=http://o.example/a.ts"},
		{"purge", "ch-news", "ask cache.purge"},
		{"purge edge-1", "news", "act cache.purge deployment=news node=edge-1"},
		{"cancel", "r-17", "act run.cancel run=r-17"},
		{"cancel", "run 17", "act run.cancel run=r-17"},
		{"cancel", "17", "ask run.cancel"},
		{"cancel 17", "1", "act run.cancel run=r-17"},
		{"cancel 17", "yes", "act run.cancel run=r-17"},
		{"cancel 17", "r-18", "act run.cancel run=r-18"},
		{"loadtest news for 8", "8 minutes", "act cache.loadtest deployment=news duration=8m0s"},
		{"loadtest news for eight", "2", "act cache.loadtest deployment=news duration=8h0m0s"},
		{"loadtest news for 8", "for 8m", "act cache.loadtest deployment=news duration=8m0s"},
		{"loadtest news for 8", "100 days", "ask cache.loadtest deployment=news"},
		{"loadtest news at 100", "yes", "act cache.loadtest deployment=news rate=100"},
		{"loadtest", "news", "act cache.loadtest deployment=news"},
		{"runs --state faild", "failed", "act run.list state=failed"},
		{"runs --state faild", "4", "act run.list state=failed"},
		{"show node edge-1 and edge-2", "2", "act node.show node=edge-2"},
		{"flush --node edge-99 --dry-run", "edge-1", "act cache.flush node=edge-1 --dry-run"},
		{"show", "edge-1", "no answer"},
	} {
		got := "no answer"
		if out, ok := answer(t, p, r.asked, r.said); ok {
			got = brief(out)
			if out.Decision == intents.Ask && out.Question == "" {
				t.Errorf("%q, answered %q, asks without a question", r.asked, r.said)
			}
		}
		if got != r.want {
			t.Errorf("%q, answered %q\n  = %s\nwant %s", r.asked, r.said, got, r.want)
		}
	}
}

func TestAnswerToACompoundAsksForEverythingInTurn(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	out, ok := answer(t, p, "nodes; flush edge-1 and edge-98; prime sprot-2 on edge-1; purge news", "edge-2")
	if want := "ask node.list ; cache.flush node=edge-1,edge-2 ; cache.prime node=edge-1 ; cache.purge deployment=news"; !ok || brief(out) != want {
		t.Fatalf("first answer = %s, want %s", brief(out), want)
	}
	if want := "Did you mean sport-2? Then type: prime sport-2 on edge-1"; out.Question != want {
		t.Errorf("the second question is %q, want %q", out.Question, want)
	}
}

func TestAnswerOneOfTwoReadings(t *testing.T) {
	t.Parallel()
	inv := world()
	inv.Deployments = append(inv.Deployments, "edge-1")
	p := newParser(t, inv)
	for _, r := range []reply{
		{"status edge-1", "1", "act status.show node=edge-1"},
		{"status edge-1", "2", "act status.show deployment=edge-1"},
		{"status edge-1", "status for deployment edge-1", "act status.show deployment=edge-1"},
		{"status edge-1", "3", "no answer"},
		{"status edge-1", "edge-1", "no answer"},
		{"status edge-1; prime", "2", "ask status.show deployment=edge-1 ; cache.prime"},
		{"prime; status edge-1", "news", "ask cache.prime deployment=news"},
	} {
		got := "no answer"
		if out, ok := answer(t, p, r.asked, r.said); ok {
			got = brief(out)
		}
		if got != r.want {
			t.Errorf("%q, answered %q\n  = %s\nwant %s", r.asked, r.said, got, r.want)
		}
	}
}

func TestAnswersOneAfterAnother(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	out := say(t, p, "flush; prime; cancel")
	for _, step := range []line{
		{"edge-1", "ask cache.flush node=edge-1 ; cache.prime ; run.cancel"},
		{"news", "ask cache.flush node=edge-1 ; cache.prime deployment=news ; run.cancel"},
		{"r-3", "confirm cache.flush node=edge-1 ; cache.prime deployment=news ; run.cancel run=r-3"},
	} {
		next, ok := p.Answer(stored(t, out), step.text, intents.Utterance{})
		if !ok || brief(next) != step.want {
			t.Fatalf("answer %q = %s, want %s", step.text, brief(next), step.want)
		}
		out = next
	}
	if want := "flush edge-1; prime news; cancel r-3"; out.Text != want {
		t.Errorf("the answered commands read %q, want %q", out.Text, want)
	}
	if out.Risk != intents.Destructive || out.Confidence != 1 || out.Question != "" {
		t.Errorf("risk %s, confidence %v, question %q; want destructive, 1 and none", out.Risk, out.Confidence, out.Question)
	}
}

func TestAnswerToNoQuestion(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, pending := range []intents.Parsed{
		{},
		say(t, p, "flush edge-1"),
		say(t, p, "the weather is fine"),
		{Decision: intents.Ask, Missing: &intents.Missing{Command: 3, Slot: "node"}},
		{Decision: intents.Ask, Missing: &intents.Missing{Slot: "node"}, Commands: []intents.Intent{{Name: "gone.away"}}},
		{Decision: intents.Ask, Missing: &intents.Missing{Slot: "planet"}, Commands: []intents.Intent{{Name: "cache.flush"}}},
		{Decision: intents.Ask, Missing: &intents.Missing{Command: -1, Slot: "node"}, Commands: []intents.Intent{{Name: "cache.flush"}}},
		{Decision: intents.Ask, Missing: &intents.Missing{Slot: intents.SlotCommand, Choices: []string{"flush the toilet"}}},
	} {
		for _, said := range []string{"edge-1", "1", "yes", ""} {
			if out, ok := p.Answer(pending, said, intents.Utterance{}); ok {
				t.Errorf("Answer(%+v, %q) = %s, want no answer", pending, said, brief(out))
			}
		}
	}
}

func TestYesNo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text    string
		yes, no bool
	}{
		{"yes", true, false}, {"Yes!", true, false}, {"  YES  ", true, false}, {"y", true, false}, {"do it", true, false}, {"yes, please", true, false},
		{"go ahead.", true, false}, {"👍", true, false}, {":+1:", true, false}, {"ｙｅｓ", true, false},
		{"no", false, true}, {"No.", false, true}, {"cancel", false, true}, {"never mind", false, true}, {"don't", false, true}, {"don\u2019t", false, true}, {"no, thanks", false, true},
		{"👎", false, true},
		{"yes?", false, false}, {"yes but only edge-1", false, false}, {"yes no", false, false}, {"yesterday", false, false}, {"", false, false}, {"no idea", false, false},
		{"cancel r-17", false, false}, {"yes\x00", false, false}, {"> yes", false, false}, {"\"yes\"", false, false}, {"yes, flush it all and everything else too", false, false},
	} {
		if yes, no := intents.YesNo(tt.text); yes != tt.yes || no != tt.no {
			t.Errorf("YesNo(%q) = %v, %v, want %v, %v", tt.text, yes, no, tt.yes, tt.no)
		}
	}
}

func TestParsedAsJSON(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []line{
		{"flush edge-2", `{"text":"flush edge-2","decision":"confirm","commands":[{"intent":"cache.flush","slots":{"node":["edge-2"]}}],"confidence":1,"because":"exact command; destructive"}`},
		{"whoami", `{"text":"whoami","decision":"act","commands":[{"intent":"whoami","slots":{}}],"confidence":1,"because":"exact command; read"}`},
		{"show edge-1", `{"text":"show edge-1","decision":"act","commands":[{"intent":"node.show","slots":{"node":["edge-1"]}}],"confidence":1,"because":"exact command; read"}`},
		{"purge news --soft", `{"text":"purge news --soft","decision":"act","commands":[{"intent":"cache.purge","slots":{"deployment":"news"},"options":{"soft":"true"}}],"confidence":1,"because":"exact command; disruptive"}`},
		{"", `{"text":"","decision":"refuse","commands":[],"confidence":0,"because":"an empty line"}`},
		{"cancel", `{"text":"cancel","decision":"ask","commands":[{"intent":"run.cancel","slots":{}}],"confidence":1,"because":"run is missing","question":"Which run, as r-17? For example: cancel r-17"}`},
	} {
		got, err := json.Marshal(say(t, p, tt.text))
		if err != nil || string(got) != tt.want {
			t.Errorf("JSON of Parse(%q), error %v\n  = %s\nwant %s", tt.text, err, got, tt.want)
		}
	}
}

func TestSlots(t *testing.T) {
	t.Parallel()
	s := intents.Slots{}.With("node", "edge-1", "edge-2").With("deployment", "news")
	if s.One("node") != "edge-1" || s.One("deployment") != "news" || s.One("tag") != "" || !s.Has("node") || s.Has("tag") {
		t.Errorf("slots %+v do not hold what was put in", s)
	}
	if diff := cmp.Diff(intents.Slots{{Name: "node", Values: []string{"edge-3"}}, {Name: "deployment", Values: []string{"news"}}}, s.With("node", "edge-3")); diff != "" {
		t.Errorf("With in place (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(intents.Slots{{Name: "deployment", Values: []string{"news"}}}, s.With("node")); diff != "" {
		t.Errorf("With without values (-want +got):\n%s", diff)
	}
	if got := s.All("node"); len(got) != 2 {
		t.Errorf("With changed what it was called on: %v", got)
	}
	text, err := json.Marshal(s)
	if want := `{"node":["edge-1","edge-2"],"deployment":"news"}`; err != nil || string(text) != want {
		t.Errorf("JSON of slots = %s, %v, want %s", text, err, want)
	}
	var back intents.Slots
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, back); diff != "" {
		t.Errorf("slots after JSON (-want +got):\n%s", diff)
	}
	for _, bad := range []string{`[]`, `{"node":1}`, `{"node":[1]}`, `"x"`, `{"node":{}}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("slots from %s: no error", bad)
		}
	}
	if err := json.Unmarshal([]byte("null"), &back); err != nil || back != nil {
		t.Errorf("slots from null = %v, %v, want none", back, err)
	}
}
