package intents

import (
	"strings"
	"testing"
	"time"
)

// samplesOf is a reader of the shipped catalogue's phrases.
func samplesOf(t *testing.T) *samples {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c.newSamples()
}

// TestPhrasesAreReadAsTheyAreSaid: what stands around a hole belongs to the mask where it does so in what people say.
func TestPhrasesAreReadAsTheyAreSaid(t *testing.T) {
	t.Parallel()
	r := samplesOf(t)
	for _, tt := range []struct{ phrase, want string }{
		{"flush {node}", "flush xnode"},
		{"please flush {node}, thanks", "flush xnode"},
		{"ack {node} and {node}", "ack xnode"},
		{"ack {service} on {node} for {duration}", "ack xsvc on xnode xdur"},
		{"downtime {node} until {time}", "downtime xnode xdur"},
		{"enable the rule {rule}", "enable the xrule"},
		{"retry run {run}", "retry xrun"},
		{"list all nodes", "list xnode"},
		{"purge {url}", "purge xurl"},
		{"is {deployment} ok?", "is xdep ok ?"},
		{"learn {text}", "learn xtext"},
		{"the coffee is cold", "the coffee is cold"},
	} {
		if got := r.mask(tt.phrase); got != tt.want {
			t.Errorf("mask(%q) = %q, want %q", tt.phrase, got, tt.want)
		}
	}
}

// TestSamplesFitTheirHoles: what is said in place of a hole is read as what the hole stands for.
func TestSamplesFitTheirHoles(t *testing.T) {
	t.Parallel()
	r := samplesOf(t)
	for _, hole := range holeNames() {
		want, known := maskOf(hole)
		if hole == "vni" {
			want = maskSegment // a number that the inventory knows is a segment
		}
		for _, said := range sampleOf(hole) {
			if got := r.mask("the " + said + " there"); !known || !strings.Contains(" "+got+" ", " "+want+" ") {
				t.Errorf("{%s} filled with %q is masked %q, want %s in it", hole, said, got, want)
			}
		}
	}
}

// TestPhrasesAreMaskedAsTheyWillBeHeard holds every phrase of the catalogue against the parser: once filled and said to it, the classifier is shown what
// it was taught.
func TestPhrasesAreMaskedAsTheyWillBeHeard(t *testing.T) {
	t.Parallel()
	r := samplesOf(t)
	l, err := r.p.catalog.lessons()
	if err != nil || l == nil {
		t.Fatalf("lessons: %v, %v", l, err)
	}
	wrong, all := 0, 0
	for _, spec := range r.p.catalog.specs {
		for i := range spec.Phrases {
			text, err := clean(&Utterance{Text: r.fill(spec.Phrases[i].Text), Now: time.Date(2026, 6, 10, 14, 20, 0, 0, time.UTC)})
			if err != nil {
				continue
			}
			toks, err := r.p.catalog.tokenise(nil, text)
			if err != nil {
				continue
			}
			parts, err := r.p.catalog.split(nil, toks)
			if err != nil || len(parts) != 1 {
				continue // read one by one
			}
			s, _ := r.p.hear(r.m, &parts[0], l, &tracer{})
			all++
			if got, want := s.mask(), r.mask(spec.Phrases[i].Text); got != want {
				wrong++
				t.Logf("%s: %q is heard as %q, taught as %q", spec.Name, text, got, want)
			}
		}
	}
	if wrong*100 > all {
		t.Errorf("%d of %d phrases are heard otherwise than they are taught, want one in a hundred at most", wrong, all)
	}
}
