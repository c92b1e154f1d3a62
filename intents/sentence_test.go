package intents_test

import (
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents"
	"pgregory.net/rapid"
)

// spoken are values for each type of slot, as people say them.
func spoken() map[string][]string {
	return map[string][]string{
		"node":       {"edge-1", "EDGE 2", "edge three", "edge-1 and edge-2", "edge-1, 2 and 5", "all edges in berlin", "edge-1 through edge-3", "all macs", "node mac-1", "all nodes except edge-1"},
		"deployment": {"news", "sport-1", "sport two", "the channel kids", "the news channel", "\"news\""},
		"site":       {"berlin", "Hamburg", "porto"},
		"platform":   {"mac", "macOS", "linux", "darwin"},
		"url":        {"http://o.example/a.ts", "http://o.example/a.ts and http://o.example/b.ts", "<https://o.example/c|label>"},
		"prefix":     {"/news/", "http://o.example/news/"},
		"tag":        {"ch-news", "x_1"},
		"run":        {"r-17", "run 17", "R17", "run seventeen"},
		"state":      {"waiting", "running", "failed", "done", "cancelled", "canceled"},
		"duration":   {"2h", "90 minutes", "an hour and a half", "1h30m"},
		"period":     {"2h", "hour", "30 minutes", "24h"},
		"rate":       {"100/s", "50 rps", "20 requests per second"},
		"rule":       {"flush-on-low-hit-rate", "FLUSH-ON-LOW-HIT-RATE", "the rule flush-on-low-hit-rate"},
		"job":        {"morning-prime", "morning prime", "nightly-7", "\"stop\""},
		"jobname":    {"early", "nightly-7", "\"stop\""},
		"person":     {"anna", "Tom"},
		"reason":     {"\"new disk\"", "\"don't ask\"", "\"for\""},
		"service":    {"\"Cache Hit Rate\"", "\"on\"", "'disk /'"},
		"schedule":   {"every day at 5:30", "every monday and friday at 6pm", "every 30 minutes", "\"30 5 * * *\"", "0,30 5 * * 1-5", "@every 90s", "hourly", "@daily", "weekdays at noon"},
		"command":    {"\"prime news\"", "\"flush edge-1 then prime news\"", "'status'"},
		"address":    {"192.0.2.77", "2001:db8::77", "edge-77.example.net"},
		"time":       {"22:00", "6pm", "tomorrow at 02:00", "today at 23:30", "2026-03-02 04:00", "2026-03-02T04:00:00+01:00"},
		"text":       {"\"who broke it\"", "\"flush the old stuff\"", "'warm up'"},
		"tenant":     {"acme"},
		"segment":    {"studio-a", "STUDIO-B", "guests"},
		"vni":        {"5007", "9001"},
		"topic":      {"flush", "cache.flush", "runs", "cache"},
	}
}

// Every sentence that a pattern allows is understood as a command of its intent, with the slots that were said. So no pattern is shadowed by
// another, and no value swallows the words behind it.
func TestEverySentenceOfEveryPattern(t *testing.T) {
	t.Parallel()
	c, err := intents.Load()
	if err != nil {
		t.Fatal(err)
	}
	p := worldParser(t)
	pool := spoken()
	rapid.Check(t, func(t *rapid.T) {
		spec := rapid.SampledFrom(c.Intents()).Draw(t, "intent")
		choose := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }
		value := func(slot, of, before string) string {
			s, _ := spec.Slot(slot)
			values := pool[of]
			if before == "until" || of == "duration" && (before == "to" || before == "till" || before == "and") {
				values = []string{"6pm", "13:30", "midnight"}
			}
			if of == "node" && !s.List {
				values = []string{"edge-1", "EDGE 2", "edge three", "the node mac-1", "node mac-1"}
			}
			return rapid.SampledFrom(values).Draw(t, slot)
		}
		text, filled := c.Sentence(spec.Name, choose, value)
		checkSentence(t, p, spec, text, filled)
	})
}

// checkSentence parses text, which is a sentence of spec that fills some slots.
func checkSentence(t *rapid.T, p *intents.Parser, spec intents.Spec, text string, filled map[string]bool) {
	now, zone := clock(t)
	out := p.Parse(intents.Utterance{Text: text, Now: now, Zone: zone})
	complete := true
	for _, group := range spec.Require {
		any := false
		for _, name := range group {
			any = any || filled[name]
		}
		complete = complete && any
	}
	want := spec.Risk.Exact()
	if len(out.Commands) == 1 && strings.Contains(out.Commands[0].Slots.One("command"), "flush") {
		want = intents.Confirm // a job is as grave as what it says
	}
	if !complete {
		want = intents.Ask
	}
	if out.Decision != want || len(out.Commands) != 1 || out.Commands[0].Name != spec.Name {
		t.Fatalf("Parse(%q) = %s because %s, want %s %s", text, brief(out), out.Because, want, spec.Name)
	}
	for name := range filled {
		if !out.Commands[0].Slots.Has(name) {
			t.Fatalf("Parse(%q) = %s, want the slot %s filled", text, brief(out), name)
		}
	}
}
