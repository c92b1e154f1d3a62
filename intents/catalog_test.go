package intents_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/intents"
)

func TestBuiltInCatalogue(t *testing.T) {
	t.Parallel()
	c, err := intents.Load()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, spec := range c.Intents() {
		got = append(got, string(spec.Risk)+" "+spec.Usage)
	}
	want := []string{
		"reversible ack <node>... [service <service>] [for <duration>] [because <reason>]",
		"read alerts [of node <node>...] [for service <service>]",
		"reversible unack <node>... [service <service>]",
		"read audit [by person <person>] [of node <node>] [over the last <period>]",
		"reversible pause automation [for <duration>] [because <reason>]",
		"disruptive resume automation",
		"destructive flush <node>...",
		"disruptive loadtest <deployment> [on <node>...] [for <duration>] [at <rate>]",
		"reversible prime (<deployment> | <url>...) [on <node>...]",
		"disruptive purge (<url>... | tag <tag> | prefix <prefix> | <deployment>) [on <node>...]",
		"read stats [of node <node>...] [for deployment <deployment>] [over the last <period>]",
		"read verify (<deployment> | <url>...) [on <node>...]",
		"reversible recheck <node>... [service <service>]",
		"disruptive downtime <node>... [service <service>] [for <duration>] [because <reason>]",
		"reversible end downtime <node>... [service <service>]",
		"read help [<topic>]",
		"destructive prune monitoring",
		"reversible add node <node> <address> [in <site>] [<platform>]",
		"disruptive drain <node>... [for <duration>]",
		"reversible enrol <node>",
		"read list [<platform>] nodes [in <site>]",
		"destructive remove node <node>",
		"read show node <node>",
		"reversible undrain <node>...",
		"disruptive disable <rule> [for <duration>]",
		"disruptive enable <rule>",
		"read rules",
		"read test <rule> [over the last <period>]",
		"disruptive approve <run>",
		"disruptive cancel <run>",
		"read runs [<state>]",
		"reversible reject <run> [because <reason>]",
		"disruptive retry <run>",
		"read show run <run>",
		"disruptive undo <run>",
		"reversible schedule <command> <schedule> [as <job>]",
		"read jobs",
		"reversible unschedule <job>",
		"disruptive attach <node>... to <segment>",
		"reversible create segment <segment> [of <tenant>] [vni <vni>] [on <node>...]",
		"destructive delete segment <segment>",
		"disruptive detach <node>... from <segment>",
		"read list segments [of <tenant>] [on <node>]",
		"read show segment <segment>",
		"read verify segment <segment>",
		"read status [of node <node>...] [for deployment <deployment>]",
		"reversible teach <text> as <intent>",
		"read whoami",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("risk and usage of each intent (-want +got):\n%s", diff)
	}
	if _, ok := c.Intent("failover.run"); ok {
		t.Error("failover.run is in the catalogue although no action stands behind it")
	}
}

func TestSpecOfPurge(t *testing.T) {
	t.Parallel()
	c, err := intents.Load()
	if err != nil {
		t.Fatal(err)
	}
	spec, ok := c.Intent("cache.purge")
	if !ok {
		t.Fatal("no intent cache.purge")
	}
	if diff := cmp.Diff([][]string{{"url", "tag", "prefix", "deployment"}}, spec.Require); diff != "" {
		t.Errorf("required slots (-want +got):\n%s", diff)
	}
	url, _ := spec.Slot("url")
	node, _ := spec.Slot("node")
	if !url.List || !url.Required || !node.List || node.Required || node.Type != "node" {
		t.Errorf("slots: url %+v, node %+v; want a required list of URLs and optional nodes", url, node)
	}
	want := []string{"url", "tag", "prefix", "deployment", "node", "soft", "dry-run", "by-hand", "follow", "break-glass", "reason"}
	if diff := cmp.Diff(want, spec.Flags()); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	if _, ok := spec.Option("soft"); !ok || spec.Undo == "" || spec.Opposite != "cache.prime" || spec.Help == "" {
		t.Errorf("header was not read in full: %+v", spec)
	}
}

// Each example of a catalogue file is a command of that intent, and each line with an exclamation mark is not.
func TestExamplesOfEachFile(t *testing.T) {
	t.Parallel()
	c, err := intents.Load()
	if err != nil {
		t.Fatal(err)
	}
	p := worldParser(t)
	for _, spec := range c.Intents() {
		if len(spec.Examples) < 3 {
			t.Errorf("%s has %d examples, want three or more", spec.Name, len(spec.Examples))
		}
		for _, text := range spec.Examples {
			out := say(t, p, text)
			if out.Decision != spec.Risk.Exact() || len(out.Commands) != 1 || out.Commands[0].Name != spec.Name {
				t.Errorf("%s: example %q = %s because %s", spec.Name, text, brief(out), out.Because)
			}
		}
		for _, u := range spec.Unlike {
			out := say(t, p, u.Text)
			name := "none"
			if out.Decision == intents.Act || out.Decision == intents.Confirm {
				name = out.Commands[0].Name
			}
			if name != u.Is {
				t.Errorf("%s: %q is %s, want %s", spec.Name, u.Text, name, u.Is)
			}
		}
		if spec.Opposite != "" {
			if _, ok := c.Intent(spec.Opposite); !ok {
				t.Errorf("%s: the opposite %s is no intent", spec.Name, spec.Opposite)
			}
		}
		if spec.Risk.Changes() && spec.Undo == "" {
			t.Errorf("%s changes something and does not say how to undo it", spec.Name)
		}
	}
}

// Every verb of every intent is understood, alone or with what it needs.
func TestEveryVerbLeadsToItsIntent(t *testing.T) {
	t.Parallel()
	c, err := intents.Load()
	if err != nil {
		t.Fatal(err)
	}
	p := worldParser(t)
	for _, spec := range c.Intents() {
		for _, verb := range append(spec.Verbs, spec.Name, strings.ReplaceAll(spec.Name, ".", " ")) {
			flags := map[string]string{"cache.purge": " --deployment news", "cache.prime": " --deployment news", "cache.verify": " --deployment news", "cache.loadtest": " --deployment news",
				"cache.flush": " --node edge-1", "alert.ack": " --node edge-1", "alert.unack": " --node edge-1",
				"downtime.add": " --node edge-1 --for 2h", "downtime.remove": " --node edge-1", "check.rerun": " --node edge-1", "rule.test": " --rule flush-on-low-hit-rate",
				"node.add": " --node edge-77 --address 192.0.2.77", "node.remove": " --node edge-1", "node.drain": " --node edge-1", "node.enrol": " --node edge-1", "node.undrain": " --node edge-1",
				"segment.show": " --segment studio-a", "segment.verify": " --segment studio-a", "segment.delete": " --segment studio-a", "segment.create": " --segment studio-9",
				"segment.attach": " --segment studio-a --node edge-1", "segment.detach": " --segment studio-a --node edge-1",
				"teach": " --text \"warm it\" --intent cache.prime", "rule.enable": " --rule flush-on-low-hit-rate", "rule.disable": " --rule flush-on-low-hit-rate", "run.approve": " --run r-17", "run.reject": " --run r-17",
				"schedule.add": " --schedule @hourly --command status", "schedule.remove": " --job morning-prime", "node.show": " --node edge-1", "run.show": " --run r-17", "run.cancel": " --run r-17", "run.retry": " --run r-17", "run.undo": " --run r-17"}[spec.Name]
			out := say(t, p, verb+flags)
			if spec.Name == "automation.resume" && out.Decision == intents.Ask {
				continue // "unpause" alone is asked back
			}
			if len(out.Commands) != 1 || out.Commands[0].Name != spec.Name || out.Decision != spec.Risk.Exact() {
				t.Errorf("Parse(%q) = %s because %s, want %s", verb+flags, brief(out), out.Because, spec.Name)
			}
		}
	}
}

// A new intent is one file more: here intents of later days, with every type of slot.
func TestANewIntentIsOneFile(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{}
	for name, body := range map[string]string{
		"segment.attach":   "risk: disruptive\nhelp: attach\nslots: segment node+\nverbs: attach\n= {verb} {segment} to {node}\n",
		"segment.create":   "risk: reversible\nhelp: create\nslots: segment [tenant] [vni] [node+]\nverbs: create\n= {verb} {segment} <for {tenant}|with vni {vni}|on {node}>\n",
		"deployment.scale": "risk: disruptive\nhelp: scale\nslots: deployment count\nverbs: scale\n= {verb} {deployment} to {count}\n",
		"failover.run":     "risk: destructive\nhelp: fail over\nconfirm: Fail over {node}?\nslots: node [to:node]\nverbs: failover, fail over\n= {verb} {node} [to {to}]\n",
		"profile.issue":    "risk: reversible\nhelp: issue\nslots: person [deployment]\nverbs: issue\n= {verb} [a] profile (for|to) {person} [for {deployment}]\n",
		"rule.disable":     "risk: disruptive\nhelp: disable\nslots: rule [duration]\nverbs: disable\n= {verb} [rule] {rule} [for {duration}]\n",
		"schedule.remove":  "risk: reversible\nhelp: remove a job\nslots: job\nverbs: unschedule\n= {verb} [job] {job}\n",
		"alert.ack":        "risk: reversible\nhelp: acknowledge\nslots: node+ [reason:text] [duration]\nverbs: ack\n= {verb} {node} <for {duration}|because {reason}>\n",
	} {
		files[name+".txt"] = &fstest.MapFile{Data: []byte("intent: " + name + "\n" + body)}
	}
	c, err := intents.LoadFrom(files)
	if err != nil {
		t.Fatal(err)
	}
	inv := world()
	p := parserOf(t, c, inv)
	for _, tt := range []line{
		{"attach studio-a to edge-1", "act segment.attach segment=studio-a node=edge-1"},
		{"attach segment 5001 to edge-1 to edge-3", "act segment.attach segment=studio-a node=edge-1,edge-2,edge-3"},
		{"attach vni 5002 to mac-1", "act segment.attach segment=studio-b node=mac-1"},
		{"attach vni 9999 to mac-1", "act segment.attach segment=9999 node=mac-1"},
		{"attach segment studio-a to mac-1", "act segment.attach segment=studio-a node=mac-1"},
		{"attach segment guests to mac-1", "act segment.attach segment=guests node=mac-1"},
		{"attach 5001 to edge-1", "ask segment.attach node=edge-1"},
		{"attach vni 16777216 to edge-1", "refuse"},
		{"create studio-a for acme with vni 16777215 on edge-1", "act segment.create segment=studio-a tenant=acme vni=16777215 node=edge-1"},
		{"create studio-a with vni 0", "ask segment.create segment=studio-a"},
		{"create studio-a with vni 16777216", "ask segment.create segment=studio-a"},
		{"scale news to 3", "act deployment.scale deployment=news count=3"},
		{"scale news to 0", "ask deployment.scale deployment=news"},
		{"scale news", "ask deployment.scale deployment=news"},
		{"failover edge-1 to edge-2", "confirm failover.run node=edge-1 to=edge-2"},
		{"fail over edge 1 to edge two", "confirm failover.run node=edge-1 to=edge-2"},
		{"failover edge-1 --to edge-2", "confirm failover.run node=edge-1 to=edge-2"},
		{"issue a profile for anna for news", "act profile.issue person=anna deployment=news"},
		{"issue a profile for ana", "ask profile.issue"},
		{"disable flush-on-low-hit-rate for 2h", "act rule.disable rule=flush-on-low-hit-rate duration=2h0m0s"},
		{"disable rule flush on low hit rate", "refuse"},
		{"unschedule morning-prime", "act schedule.remove job=morning-prime"},
		{"unschedule morning prime", "act schedule.remove job=morning-prime"},
		{`ack edge-1 because "disk is full" for 2h`, "act alert.ack node=edge-1 reason=disk is full duration=2h0m0s"},
		{`ack edge-1 --reason "disk is full"`, "act alert.ack node=edge-1 reason=disk is full"},
		{"ack edge-1 --reason disk", "act alert.ack node=edge-1 reason=disk"},
	} {
		if got := brief(say(t, p, tt.text)); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestMistakesInCatalogueFiles(t *testing.T) {
	t.Parallel()
	const head = "intent: a.b\nrisk: read\nhelp: h\nverbs: v\n"
	for _, tt := range []struct{ name, text, want string }{
		{"no intent", "risk: read\n", "a.b.txt: the header has no intent"},
		{"no risk", "intent: a.b\nhelp: h\nverbs: v\n", "a.b.txt: intent a.b: the header has no risk"},
		{"no help", "intent: a.b\nrisk: read\nverbs: v\n", "a.b.txt: intent a.b: the header has no help"},
		{"no verbs", "intent: a.b\nrisk: read\nhelp: h\n", "a.b.txt: intent a.b: the header has no verbs"},
		{"wrong name", strings.Replace(head, "a.b", "a.c", 1) + "= {verb}\n", "a.b.txt: the file of intent a.c must be called a.c.txt"},
		{"wrong risk", "intent: a.b\nrisk: mild\n", `a.b.txt:2: risk "mild": must be read, reversible, disruptive or destructive`},
		{"unknown key", "intent: a.b\nriks: read\n", `a.b.txt:2: unknown key "riks"; known are intent, risk, help, slots, options, verbs, words, undo, confirm, opposite`},
		{"unknown slot type", head + "slots: planet\n= {verb}\n", `a.b.txt:5: slots: planet: slot type "planet" is not known`},
		{"slot twice", head + "slots: node node\n", "a.b.txt:5: slots: node is there twice"},
		{"or without a slot", head + "slots: or node\n", `a.b.txt:5: slots: nothing stands before "or"`},
		{"open bracket", head + "slots: [node\n", `a.b.txt:5: slots: "[node" has no closing bracket`},
		{"unknown hole", head + "= {verb} {node}\n", `a.b.txt:5: pattern "{verb} {node}": a.b has no slot {node}`},
		{"unclosed group", head + "= {verb} (a|b\n", `a.b.txt:5: pattern "{verb} (a|b": "(a|b" has no closing )`},
		{"unclosed hole", head + "= {verb\n", `a.b.txt:5: pattern "{verb": "{verb" has no closing }`},
		{"stray brace", head + "= verb} a\n", `a.b.txt:5: pattern "verb} a": a } without its {`},
		{"too deep", head + "= " + strings.Repeat("(", 13) + "a" + strings.Repeat(")", 13) + "\n", `a.b.txt:5: pattern "(((((((((((((a)))))))))))))": more than 12 brackets within each other`},
		{"too large", head + "= " + strings.Repeat("<a ", 5) + "<a|b|c|d|e>" + strings.Repeat("|b|c|d|e>", 5) + "\n", "intent a.b: the patterns are too large"},
		{"stray bracket", head + "= {verb} a]\n", `a.b.txt:5: pattern "{verb} a]": "]" has no opening bracket`},
		{"unknown preset", head + "= {verb} -> loud\n", `a.b.txt:5: "{verb} -> loud": a.b has no slot or option loud`},
		{"slot and option", head + "slots: node\noptions: node\n", "a.b.txt: intent a.b: node is a slot and an option"},
		{"destructive without a question", strings.Replace(head, "read", "destructive", 1), "a.b.txt: intent a.b: is destructive and has no confirm"},
		{"unlike what", head + "= {verb}\n! never\n", `a.b.txt:6: "never": after two spaces name the intent that it is, or none`},
		{"set too large", head + "= {verb} <a|b|c|d|e|f>\n", "intent a.b: a set of 6 phrases is too large, the most is 5"},
	} {
		_, err := intents.LoadFrom(fstest.MapFS{"a.b.txt": &fstest.MapFile{Data: []byte(tt.text)}})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: error\n     %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

func TestTwoIntentsWithOnePattern(t *testing.T) {
	t.Parallel()
	file := func(name, pattern string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("intent: " + name + "\nrisk: read\nhelp: h\nslots: [node+]\nverbs: show\n= " + pattern + "\n")}
	}
	_, err := intents.LoadFrom(fstest.MapFS{"a.b.txt": file("a.b", "{verb} [me] {node}"), "c.d.txt": file("c.d", "(show|tell) me {node}")})
	if want := "intents a.b (line 6) and c.d (line 6) have a pattern in common"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	bad := file("c.d", "{verb} {nod}")
	_, err = intents.LoadFrom(fstest.MapFS{"a.b.txt": file("a.b", "{verb} {nod}"), "c.d.txt": bad})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("error %v, want the mistakes of both files", err)
	}
}

func TestFlagOfTwoMinds(t *testing.T) {
	t.Parallel()
	file := func(name, options string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("intent: " + name + "\nrisk: read\nhelp: h\noptions: " + options + "\nverbs: " + name[:1] + "\n= {verb}\n")}
	}
	_, err := intents.LoadFrom(fstest.MapFS{"a.b.txt": file("a.b", "reason=text"), "c.d.txt": file("c.d", "reason")})
	if want := "c.d.txt: flag --reason takes a value in one intent and none in another"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestNewParserWantsACatalogue(t *testing.T) {
	t.Parallel()
	for _, c := range []*intents.Catalog{nil, {}} {
		if p, err := intents.NewParser(c, world()); err == nil {
			t.Errorf("NewParser(%v) = %v, want an error", c, p)
		}
	}
}

// Every file is in the order that a reader expects: header, patterns, examples, what it is not.
func TestCatalogueFilesAreTidy(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("catalog/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d catalogue files, error %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		for i, l := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			kind := "3 example"
			switch {
			case strings.TrimRight(l, " \t") != l:
				t.Errorf("%s:%d: white space at the end of the line", name, i+1)
			case l == "" || l[0] == '#':
				continue
			case l[0] == '=':
				kind = "2 pattern"
			case l[0] == '!':
				kind = "4 unlike"
			case len(order) == 0 || order[len(order)-1] == "1 header":
				if key, _, ok := strings.Cut(l, ":"); ok && !strings.Contains(key, " ") {
					kind = "1 header"
				}
			}
			order = append(order, kind)
		}
		if !slices.IsSorted(order) {
			t.Errorf("%s: the lines are not in the order header, patterns, examples, counter-examples: %s", name, fmt.Sprint(order))
		}
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"fl", []string{"flush"}},
		{"FL", []string{"flush"}},
		{"cache.p", []string{"cache.prime", "cache.purge"}},
		{"flush mac", []string{"mac-1", "mac-2"}},
		{"flush edge-1, m", []string{"mac-1", "mac-2"}},
		{"flush edge-1 and mac-", []string{"mac-1", "mac-2"}},
		{"flush edge-1,m", []string{"mac-1", "mac-2"}},
		{"prime s", []string{"sport-1", "sport-2"}},
		{"prime news o", []string{"of", "on"}},
		{"prime news on mac", []string{"mac-1", "mac-2"}},
		{"flush edge-1 then pri", []string{"prime"}},
		{"flush edge-1; pri", []string{"prime"}},
		{"flush edge-1 --d", []string{"--dry-run"}},
		{"flush edge-1 --", []string{"--break-glass", "--by-hand", "--dry-run", "--follow", "--node", "--reason"}},
		{"loadtest news --f", []string{"--follow", "--for"}},
		{"list nodes in b", []string{"berlin"}},
		{"nodes in p", []string{"porto"}},
		{"flush nosuch", nil},
		{"the weather is ", nil},
		{"flush \"edge", nil},
		{strings.Repeat("x", 3000), nil},
	} {
		if diff := cmp.Diff(tt.want, p.Complete(tt.line)); diff != "" {
			t.Errorf("Complete(%.40q) (-want +got):\n%s", tt.line, diff)
		}
	}
	if got := p.Complete(""); !slices.Contains(got, "flush") || !slices.Contains(got, "status") || slices.Contains(got, "cache.flush") {
		t.Errorf("Complete(\"\") = %q, want verbs and no dotted names", got)
	}
	if got := newParser(t, fleet(10000)).Complete("flush edge"); len(got) != 200 {
		t.Errorf("%d completions of 8,000 names, want the first 200", len(got))
	}
}
