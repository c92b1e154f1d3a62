package config_test

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/bot/config"
)

// TestRedactedReadsBack: the effective configuration of any file is a file with the same meaning.
func TestRedactedReadsBack(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"full": full, "base": base, "default rule": monitored, "no rule": monitored + "rules: []\n"} {
		c := parse(t, text)
		out, err := c.Redacted()
		if err != nil {
			t.Fatalf("%s: Redacted: %v", name, err)
		}
		again := parse(t, string(out))
		if diff := cmp.Diff(c, again, cmpopts.IgnoreUnexported(config.Config{}), cmpopts.IgnoreFields(config.Config{}, "Warnings")); diff != "" {
			t.Errorf("%s: read back from\n%s\n(-want +got):\n%s", name, out, diff)
		}
		if c.Hash() != again.Hash() {
			t.Errorf("%s: hash %s, read back %s", name, c.Hash(), again.Hash())
		}
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	plain := parse(t, "data_dir: /d\npeople: [{name: anna, roles: [viewer], unix: [anna]}]\n")
	spelt := parse(t, "# a comment\npeople:\n  - unix: [anna]\n    name: anna\n    roles: [viewer]\nlog: {level: info}\ndata_dir: /d\n")
	other := parse(t, "data_dir: /d\npeople: [{name: anna, roles: [operator], unix: [anna]}]\n")
	if plain.Hash() != spelt.Hash() {
		t.Error("comments, order and spelt-out defaults change the hash")
	}
	if plain.Hash() == other.Hash() {
		t.Error("another role of a person does not change the hash")
	}
	all := parse(t, base+"roles: [{name: operator, may: [\"*\"]}]\n")
	none := parse(t, base+"roles: [{name: operator, may: [\"*\"], sites: []}]\n")
	if all.Hash() == none.Hash() {
		t.Error("no limit and a limit to nothing have the same hash")
	}
}

func TestDurationsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(100*365*24*time.Hour)).Draw(t, "d"))
		text := config.FormatDuration(d)
		if got, err := config.ParseDuration(text); err != nil || got != d {
			t.Fatalf("ParseDuration(%q) = %v, %v, want %v", text, got, err, d)
		}
	})
}

func TestDurations(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, test := range []struct {
		given string
		want  time.Duration
		text  string
	}{
		{"90d", 90 * day, "90d"},
		{"2w", 14 * day, "14d"},
		{"24h", day, "1d"},
		{"1w2d3h", 9*day + 3*time.Hour, "9d3h"},
		{"1h30m", 90 * time.Minute, "1h30m"},
		{"500ms", 500 * time.Millisecond, "500ms"},
		{"0s", 0, "0s"},
		{" 5m ", 5 * time.Minute, "5m"},
	} {
		got, err := config.ParseDuration(test.given)
		if err != nil || got != test.want || config.FormatDuration(got) != test.text {
			t.Errorf("ParseDuration(%q) = %v, %v (written %q), want %v (%q)", test.given, got, err, config.FormatDuration(got), test.want, test.text)
		}
	}
	for _, given := range []string{"", "5", "d", "-1d", "1.5d", "2d1w", "1d-1h", "99999999999999999999d", "36501d", "5200w400d", "876001h", "1d1d", "soon", "+1d"} {
		if got, err := config.ParseDuration(given); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", given, got)
		}
	}
}

// TestSampleHoldsEveryKey: with every comment sign before a key taken away, the sample has each key of the types, and loads.
func TestSampleHoldsEveryKey(t *testing.T) {
	t.Parallel()
	sample, err := config.Sample(config.SampleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(sample), "  nodes: []\n", "")
	text = strings.ReplaceAll(text, "  deployments: []\n", "")
	text = strings.ReplaceAll(text, "  segments: []\n", "")
	text = strings.ReplaceAll(text, "tenants: []", "tenants: [acme]")
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		bare := strings.TrimLeft(line, " ")
		switch {
		case strings.HasPrefix(bare, "# ") && strings.HasPrefix(line, "  "):
			line = strings.Replace(line, "# ", "", 1) // a block inside the inventory
		case strings.HasPrefix(bare, "# "):
			continue // a comment
		default:
			line = strings.Replace(line, "#", "", 1) // a key
			line = strings.Replace(line, "-{", "- {", 1)
		}
		lines = append(lines, line)
	}
	opened := strings.Join(lines, "\n")
	c := parse(t, opened)
	if len(c.Warnings) > 0 {
		t.Errorf("the opened sample warns: %v", c.Warnings)
	}
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(opened), &root); err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	collect("", root.Content[0], have)
	// The other two ways to name a secret stand in a comment behind the first.
	for _, key := range config.Keys() {
		if !have[key] && !strings.HasSuffix(key, "_env") && !strings.HasSuffix(key, "_credential") {
			t.Errorf("the sample lacks the key %s", key)
		}
	}
	for _, word := range []string{"secret_env", "secret_credential", "*_env", "*_credential"} {
		if !strings.Contains(string(sample), word) {
			t.Errorf("the sample does not mention %s", word)
		}
	}
}

func collect(around string, n *yaml.Node, have map[string]bool) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := strings.TrimPrefix(around+"."+n.Content[i].Value, ".")
			have[key] = true
			collect(key, n.Content[i+1], have)
		}
	case yaml.SequenceNode:
		for _, e := range n.Content {
			collect(around+"[]", e, have)
		}
	}
}

// TestSampleSaysDefaults: what the sample shows as defaults are the defaults.
func TestSampleSaysDefaults(t *testing.T) {
	t.Parallel()
	sample, err := config.Sample(config.SampleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text := string(sample)
	for _, show := range []string{`#store:`, `#retention:`, `#log:`, `#limits:`, `#mode:`} {
		if !strings.Contains(text, show) {
			t.Fatalf("the sample does not show %s", show)
		}
		text = strings.ReplaceAll(text, show, show[1:])
	}
	got, want := parse(t, text), config.Default()
	got.Inventory, want.Inventory = config.Inventory{}, config.Inventory{}
	want.DataDir, want.File, want.People = "/var/lib/opsbot", got.File, got.People
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(config.Config{}), cmpopts.IgnoreFields(config.Config{}, "Warnings")); diff != "" {
		t.Errorf("the sample is not the default (-want +got):\n%s", diff)
	}
}

func TestSampleAnswers(t *testing.T) {
	t.Parallel()
	out, err := config.Sample(config.SampleOptions{DataDir: "/home/a b/ops: bot", Zone: "Asia/Tokyo", Ops: "127.0.0.1:0", User: "Anna.K"})
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, string(out))
	want := []config.Person{{Name: "anna-k", Roles: []string{"operator"}, Unix: []string{"Anna.K"}}}
	if diff := cmp.Diff(want, c.People); diff != "" {
		t.Errorf("people (-want +got):\n%s", diff)
	}
	if c.DataDir != "/home/a b/ops: bot" || c.Socket.Path != "/home/a b/ops: bot/opsbot.sock" || c.Zone != "Asia/Tokyo" || c.Listeners[0].Address != "127.0.0.1:0" {
		t.Errorf("answers are lost: %+v", c)
	}
	if out, err := config.Sample(config.SampleOptions{Zone: "Mars"}); err == nil {
		t.Errorf("a zone that is none gives\n%s", out)
	}
	for user, want := range map[string]string{"anna": "anna", "Anna.K": "anna-k", "_www": "www", "--": "operator", "ünal": "nal", strings.Repeat("x", 70): "operator"} {
		if got := config.NameFor(user); got != want {
			t.Errorf("NameFor(%q) = %q, want %q", user, got, want)
		}
	}
}

// TestContract holds the keys against the whole contract: each is supported or known to come later, and nothing else is said of it.
func TestContract(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/opsbot.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = config.Parse(text, "opsbot.yaml", config.Options{})
	if err == nil {
		t.Fatal("the contract loads as a whole; then this version supports all of it, and the list of later keys must go")
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !strings.Contains(line, "is not supported by this version yet") && !strings.Contains(line, "comes with a later release") {
			t.Errorf("the contract is refused for another reason than its version: %s", line)
		}
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	out, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("the schema is no JSON: %v", err)
	}
	have := map[string]bool{}
	walkSchema(t, "", s, have)
	if diff := cmp.Diff(slices.Sorted(slices.Values(config.Keys())), slices.Sorted(maps.Keys(have))); diff != "" {
		t.Errorf("keys of the schema (-types +schema):\n%s", diff)
	}
}

func walkSchema(t *testing.T, around string, s map[string]any, have map[string]bool) {
	t.Helper()
	if items, ok := s["items"].(map[string]any); ok {
		walkSchema(t, around+"[]", items, have)
	}
	properties, ok := s["properties"].(map[string]any)
	if !ok {
		return
	}
	if s["additionalProperties"] != false {
		t.Errorf("%s takes keys that are not known", around)
	}
	for name, p := range properties {
		key := strings.TrimPrefix(around+"."+name, ".")
		have[key] = true
		inner := p.(map[string]any)
		if say, _ := inner["description"].(string); !strings.HasSuffix(say, ".") {
			t.Errorf("%s is not described: %q", key, say)
		}
		walkSchema(t, key, inner, have)
	}
	for _, r := range anyList(s["required"]) {
		if _, ok := properties[r.(string)]; !ok {
			t.Errorf("%s demands %v, which it does not know", around, r)
		}
	}
}

func anyList(v any) []any {
	list, _ := v.([]any)
	return list
}

// TestTypesStayReadable: every field of the types has a key, so that nothing can be set by code alone and be lost on the way through a file.
func TestTypesStayReadable(t *testing.T) {
	t.Parallel()
	for _, typ := range []reflect.Type{reflect.TypeFor[config.Config](), reflect.TypeFor[config.Node](), reflect.TypeFor[config.Cache](), reflect.TypeFor[config.Role]()} {
		for f := range typ.Fields() {
			if f.IsExported() && f.Tag.Get("yaml") == "" {
				t.Errorf("%s.%s has no key", typ.Name(), f.Name)
			}
		}
	}
}
