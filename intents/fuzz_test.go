package intents_test

import (
	"encoding/json"
	"testing"
	"testing/fstest"
	"time"

	"github.com/shitops/opsbot/intents"
)

// addSeeds gives a fuzzer every example, every trap and some oddities.
func addSeeds(f *testing.F, add func(text string)) {
	f.Helper()
	c, err := intents.Load()
	if err != nil {
		f.Fatal(err)
	}
	for _, spec := range c.Intents() {
		for _, text := range spec.Examples {
			add(text)
		}
	}
	for _, texts := range traps() {
		for _, text := range texts {
			add(text)
		}
	}
	for _, text := range []string{"", "'", "\"\\", "--", "--node", "--node=", "--node \"", "<", "<@", "<@>", "&", "'s", "a's's", ",", ";;", "\n>\n", "``", "```", "all of", "the", "node", "of the", "edges", "edge-1..", "..",
		"flush edge-1..", "r-", "r", "run", "run run", "\u00bd", "\ufdfa", "for", "1h1h1h", "until", "schedule every day at 5: flush edge-1 then status", "every 5 minutes : status", "ack edge-1 because a, b", "schedule schedule hourly hourly"} {
		add(text)
	}
}

// checkSound holds a result against what is true of every result.
func checkSound(t *testing.T, p *intents.Parser, text string, out intents.Parsed) {
	t.Helper()
	switch out.Decision {
	case intents.Refuse:
		if len(out.Commands) != 0 || out.Missing != nil || out.Question != "" {
			t.Errorf("Parse(%q) refuses and holds %s, question %q", text, brief(out), out.Question)
		}
	case intents.Ask:
		if out.Question == "" {
			t.Errorf("Parse(%q) = %s asks without a question", text, brief(out))
		}
	case intents.Act, intents.Confirm:
		checkCommands(t, p, text, out)
	case intents.Answer:
		if len(out.Commands) > 1 || out.Risk != intents.Read || changesAnything(out) {
			t.Errorf("Parse(%q) = %s: an answer is at most one request to see", text, brief(out))
		}
	default:
		t.Errorf("Parse(%q): decision %q", text, out.Decision)
	}
	if out.Because == "" || out.Commands == nil || out.Text != text {
		t.Errorf("Parse(%q) = %+v: text, commands or reason are missing", text, out)
	}
	if _, err := json.Marshal(out); err != nil {
		t.Errorf("Parse(%q) as JSON: %v", text, err)
	}
}

// changesAnything reports whether any command of out is not one that only shows.
func changesAnything(out intents.Parsed) bool {
	c, err := intents.Load()
	if err != nil {
		return true
	}
	for _, i := range out.Commands {
		if spec, ok := c.Intent(i.Name); !ok || spec.Risk.Changes() {
			return true
		}
	}
	return false
}

// checkCommands checks that each command is whole and means the same from its canonical text.
func checkCommands(t *testing.T, p *intents.Parser, text string, out intents.Parsed) {
	t.Helper()
	if len(out.Commands) == 0 {
		t.Errorf("Parse(%q) acts on nothing", text)
	}
	for _, c := range out.Commands {
		again := p.Parse(intents.Utterance{Text: c.Canonical(), Now: time.Unix(1e9, 0)})
		if len(again.Commands) != 1 || briefIntent(again.Commands[0]) != briefIntent(c) {
			t.Errorf("Parse(%q) = %s, whose canonical text %q means %s", text, briefIntent(c), c.Canonical(), brief(again))
		}
	}
}

func FuzzParse(f *testing.F) {
	addSeeds(f, func(text string) { f.Add(text) })
	p := worldParser(f)
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		out := p.Parse(intents.Utterance{Text: text, Now: time.Unix(1e9, 0), Explain: true})
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("Parse of %d bytes took %v", len(text), took)
		}
		checkSound(t, p, text, out)
		p.Complete(text)
		intents.YesNo(text)
	})
}

func FuzzAnswer(f *testing.F) {
	for _, asked := range []string{"flush", "flush edge-99", "purge", "cancel 17", "status news; prime", "show node edge-1 and edge-2", "loadtest news for 8", "runs faild", "schedule prime news", "schedule.add --schedule hourly", "ack"} {
		addSeeds(f, func(text string) { f.Add(asked, text) })
	}
	inv := world()
	inv.Nodes = append(inv.Nodes, intents.Node{Name: "news"})
	p := newParser(f, inv)
	f.Fuzz(func(t *testing.T, asked, said string) {
		pending := p.Parse(intents.Utterance{Text: asked})
		start := time.Now()
		out, ok := p.Answer(pending, said, intents.Utterance{})
		if took := time.Since(start); took > time.Second {
			t.Errorf("Answer(%q, %q) took %v", asked, said, took)
		}
		if !ok {
			return
		}
		if pending.Decision != intents.Ask {
			t.Errorf("%q was answered by %q although it asked nothing", asked, said)
		}
		switch out.Decision {
		case intents.Act, intents.Confirm:
			checkCommands(t, p, asked+" / "+said, out)
		case intents.Ask:
			if out.Question == "" || out.Missing == nil {
				t.Errorf("%q, answered %q, asks for nothing: %+v", asked, said, out)
			}
		default:
			t.Errorf("%q, answered %q: decision %q", asked, said, out.Decision)
		}
	})
}

func FuzzCatalogueFile(f *testing.F) {
	const head = "intent: a.b\nrisk: read\nhelp: h\nslots: node+ or url, [deployment]\noptions: soft reason=text\nverbs: v, w x\n"
	for _, text := range []string{"", head, head + "= {verb} [the] ({node}|{url}) <on {deployment}|soft> -> soft\nv edge-1\n! w  none\n", head + "= ((((", head + "= {verb} <a|b|c|d|e>", head + "= ->", "intent:\n", ":\n", "= {verb}\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := intents.LoadFrom(fstest.MapFS{"a.b.txt": &fstest.MapFile{Data: []byte(text)}})
		if err != nil {
			return
		}
		p, err := intents.NewParser(c, world())
		if err != nil {
			t.Fatal(err)
		}
		p.Parse(intents.Utterance{Text: "v edge-1"})
		p.Parse(intents.Utterance{Text: "v"})
		p.Complete("v ")
	})
}
