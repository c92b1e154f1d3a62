package intents_test

import (
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents"
)

// An operator's example is understood, for every machine and not only the one that it names.
func TestExtraExamplesAreLearned(t *testing.T) {
	t.Parallel()
	plain := worldParser(t)
	const said = "give edge-4 the old heave-ho treatment"
	if out := say(t, plain, said); out.Decision == intents.Act || out.Decision == intents.Confirm {
		t.Fatalf("Parse(%q) = %s without the example; it must be one that nobody knows", said, brief(out))
	}
	c, err := intents.LoadWith(
		intents.Extra{Text: "give {node} the old heave-ho treatment", Intent: "check.rerun", From: "examples.txt:1"},
		intents.Extra{Text: "heave-ho {node}", Intent: "check.rerun", From: "examples.txt:2"},
	)
	if err != nil {
		t.Fatal(err)
	}
	p := parserOf(t, c, world())
	out := say(t, p, said)
	if got, want := brief(out), "act check.rerun node=edge-4"; got != want {
		t.Errorf("Parse(%q) = %s because %s, want %s", said, got, out.Because, want)
	}
	if c.Model() == "" || c.Model() == mustLoad(t).Model() {
		t.Errorf("the model with more examples is called %q, the shipped one too", c.Model())
	}
}

// What operators have taught is as sure as can be where it is said word for word, however near other intents are, and orders nothing in another mood.
func TestTaughtWordForWord(t *testing.T) {
	t.Parallel()
	c, err := intents.LoadWith(
		intents.Extra{Text: "give {node} a good wash", Intent: "cache.flush", From: "taught by anna"},
		intents.Extra{Text: "give {node} the enrolment of a flush", Intent: "cache.flush", From: "taught by anna"},
		intents.Extra{Text: "read me the tale of {node}", Intent: "node.show", From: "taught by anna"},
	)
	if err != nil {
		t.Fatal(err)
	}
	p := parserOf(t, c, world())
	for said, want := range map[string]string{
		"give edge-2 a good wash":                 "confirm cache.flush node=edge-2",
		"please give edge-4 a good wash":          "confirm cache.flush node=edge-4",
		"give edge-2 the enrolment of a flush":    "confirm cache.flush node=edge-2",
		"read me the tale of edge-2":              "act node.show node=edge-2",
		"don't give edge-2 a good wash":           "",
		"should I give edge-2 a good wash?":       "",
		"if it is slow, give edge-2 a good wash":  "",
		"tomorrow I will give edge-2 a good wash": "",
		"give edge-2 a good wash, no, edge-4":     "",
	} {
		out := say(t, p, said)
		if got := brief(out); got != want && (want != "" || out.Decision == intents.Act || out.Decision == intents.Confirm) {
			t.Errorf("Parse(%q) = %s because %s, want %q", said, got, out.Because, want)
		}
	}
}

func mustLoad(tb testing.TB) *intents.Catalog {
	tb.Helper()
	c, err := intents.Load()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// What would spoil the catalogue is refused with where it is from, and everything at once.
func TestExtraExamplesThatAreWrong(t *testing.T) {
	t.Parallel()
	ack, ok := mustLoad(t).Intent("alert.ack")
	if !ok || len(ack.Phrases) == 0 {
		t.Fatal("alert.ack has no phrases")
	}
	for name, tt := range map[string]struct {
		extra intents.Extra
		want  string
	}{
		"no such intent":  {intents.Extra{Text: "make coffee", Intent: "coffee.make", From: "a.txt:7"}, "a.txt:7: \"make coffee\" for coffee.make: there is no such intent"},
		"no words":        {intents.Extra{Text: "  ", Intent: "alert.ack", From: "a.txt:1"}, "a.txt:1: \"  \" for alert.ack: a phrase without words"},
		"unknown hole":    {intents.Extra{Text: "ack {planet}", Intent: "alert.ack", From: "a.txt:2"}, "{planet} is no hole"},
		"open hole":       {intents.Extra{Text: "ack {node", Intent: "alert.ack", From: "a.txt:2"}, "has no closing }"},
		"foreign hole":    {intents.Extra{Text: "ack {url}", Intent: "alert.ack", From: "a.txt:3"}, "alert.ack has no slot for {url}"},
		"another's words": {intents.Extra{Text: ack.Phrases[0].Text, Intent: "alert.unack", From: "a.txt:4"}, "these words belong to alert.ack"},
		"nothing's words": {intents.Extra{Text: "good morning everyone", Intent: "status.show", From: "a.txt:5"}, ""},
		"a negation":      {intents.Extra{Text: "don't flush {node}", Intent: "cache.flush", From: "a.txt:7"}, "these words give no order: negated"},
		"advice":          {intents.Extra{Text: "should I hose down {node}?", Intent: "cache.flush", From: "a.txt:8"}, "these words give no order"},
		"a condition":     {intents.Extra{Text: "hose {node} down if it is slow, flush it", Intent: "cache.flush", From: "a.txt:9"}, "these words give no order: conditional"},
		"courtesy":        {intents.Extra{Text: "please", Intent: "status.show", From: "a.txt:6"}, "nothing but courtesy"},
	} {
		_, err := intents.LoadWith(tt.extra)
		if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: LoadWith(%+v): error %v, want one with %q", name, tt.extra, err, tt.want)
		}
	}
	_, err := intents.LoadWith(intents.Extra{Text: "x", Intent: "no.one", From: "a:1"}, intents.Extra{Text: "y", Intent: "no.two", From: "a:2"})
	if err == nil || strings.Count(err.Error(), "there is no such intent") != 2 {
		t.Errorf("two mistakes: error %v, want both", err)
	}
	if c, err := intents.LoadWith(); err != nil || c != mustLoad(t) {
		t.Errorf("LoadWith nothing = %p, %v, want the built-in catalogue", c, err)
	}
}

// Examples that would make a shipped phrase mean something of another risk are refused.
func TestExtraExamplesMoveNothing(t *testing.T) {
	t.Parallel()
	c := mustLoad(t)
	ack, _ := c.Intent("alert.ack")
	var extra []intents.Extra
	for _, phrase := range ack.Phrases {
		if !strings.HasPrefix(phrase.Text, "ack") || !strings.Contains(phrase.Text, "{node}") || strings.Contains(phrase.Text, "{service}") || strings.Contains(phrase.Text, "{duration}") || strings.Contains(phrase.Text, "{reason}") || strings.Contains(phrase.Text, "{time}") || strings.Contains(phrase.Text, ",") {
			continue
		}
		for _, word := range []string{"one", "a", "at", "an", "of", "to", "by", "with"} { // words of no weight
			extra = append(extra, intents.Extra{Text: phrase.Text + " " + word, Intent: "cache.flush", From: "hostile.txt"})
		}
	}
	if _, err := intents.LoadWith(extra...); err == nil || !strings.Contains(err.Error(), "would be read") {
		t.Errorf("%d examples that make flushes of acknowledgements: error %v, want a refusal", len(extra), err)
	}
}

// The same phrases make the same model, whoever trains it.
func TestTheModelIsTheSameOnEveryRun(t *testing.T) {
	t.Parallel()
	extra := intents.Extra{Text: "heave-ho {node}", Intent: "check.rerun", From: "examples.txt:2"}
	a, err := intents.LoadWith(extra)
	if err != nil {
		t.Fatal(err)
	}
	b, err := intents.LoadWith(extra)
	if err != nil || a.Model() != b.Model() || a.Model() == "" {
		t.Errorf("the same examples made the models %s and %s, error %v", a.Model(), b.Model(), err)
	}
}

func TestHoles(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	now, zone := clock(t)
	for text, want := range map[string]string{
		"empty edge 2 for me":                         "empty {node} for me",
		"give all edges in berlin a rest for 2 hours": "give {node} a rest {duration}",
		"refresh http://o.example/a on edge-1":        "refresh {url} on {node}",
		"what did anna do to run 17":                  "what did {person} do to {run}",
		"warm up sport-1 tomorrow at 6am":             "warm up {deployment} {time}",
		"nothing of ours":                             "nothing of ours",
	} {
		got, err := p.Holes(intents.Utterance{Text: text, Now: now, Zone: zone})
		if err != nil || got != want {
			t.Errorf("Holes(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	if _, err := p.Holes(intents.Utterance{Text: "> quoted"}); err == nil {
		t.Error("Holes of quoted text: no error")
	}
}
