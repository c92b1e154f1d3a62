package bot_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/shitops/opsbot/"

// downhill says for each room, the longest matching prefix first, which rooms it may import, and the sentence that forbids the rest.
var downhill = []struct {
	room    string
	imports []string
	because string
}{
	{"bot/opsbot", []string{"bot"}, "main is 15 lines that call bot"},
	{"bot/config", []string{"actions", "internal", "intents", "overlay"}, "the configuration is data: it knows nouns, not servers or doors"},
	{"bot/reply", []string{"actions", "bot/reply", "internal"}, "a card is neutral: it knows nothing of where it came from"},
	{"bot/door/alert", []string{"actions", "actions/alert", "actions/rule", "actions/store", "icinga", "bot/door", "bot/reply", "internal"}, "the door of alerts stores what the monitoring says and hands it to rules"},
	{"bot/door/clock", []string{"actions", "actions/job", "actions/store", "bot/door", "bot/reply", "internal"}, "the clock says what jobs say, and does nothing itself"},
	{"bot/door/outbox", []string{"actions", "actions/store", "bot/door", "bot/reply", "internal"}, "the outbox keeps what is to be posted, and knows no platform"},
	{"bot/door/slack", chat(), "a door hands lines to the desk and knows nothing of what they do"},
	{"bot/door/discord", chat(), "a door hands lines to the desk and knows nothing of what they do"},
	{"bot/door", []string{"actions", "bot/door", "bot/reply", "internal"}, "a door hands lines to the desk and knows nothing of what they do"},
	{"bot/ops", []string{"internal"}, "health and metrics are told by votes and hooks: they import nobody who votes"},
	{"bot", []string{"bot", "intents", "actions", "icinga", "overlay", "cache", "internal"}, "bot wires the rooms and is imported by its main alone"},
	{"actions/store", []string{"actions/store", "internal"}, "the store keeps bytes and knows no noun"},
	{"actions/run", []string{"actions", "actions/store", "internal"}, "the engine carries out any plan and knows no verb's outside world"},
	{"actions/policy", []string{"actions", "actions/store", "internal"}, "policy judges plans and knows no server"},
	{"actions/content", verbs("cache"), "content speaks to caches only"},
	{"actions/node", verbs("cache"), "a verb's room uses the engine and its own outside world"},
	{"actions/alert", verbs("icinga"), "a verb's room uses the engine and its own outside world"},
	{"actions/rule", verbs("icinga"), "a verb's room uses the engine and its own outside world"},
	{"actions/teach", verbs(), "a verb's room uses the engine and its own outside world"},
	{"actions/enrol", verbs("icinga"), "a verb's room uses the engine and its own outside world"},
	{"actions/segment", verbs("overlay", "actions/agent"), "a verb's room uses the engine and its own outside world"},
	{"actions/agent", verbs("overlay"), "the agent applies desired state and knows no verb"},
	{"actions/job", verbs(), "a verb's room uses the engine and its own outside world"},
	{"actions", nil, "the root of actions holds nouns alone and imports nobody"},
	{"intents", []string{"intents", "internal"}, "the language is pure: it knows neither actions nor servers"},
	{"cache", []string{"cache", "internal"}, "an outside world knows neither the others nor actions"},
	{"icinga", []string{"icinga", "internal"}, "an outside world knows neither the others nor actions"},
	{"overlay", []string{"overlay", "internal"}, "an outside world knows neither the others nor actions"},
	{"fixtures", []string{"fixtures", "internal"}, "fixtures stand in for platforms and import none of what they test"},
	{"internal", []string{"internal"}, "internal is domain-free"},
}

// chat is what the door of a platform may import: what comes in is stored before it is acknowledged.
func chat() []string {
	return []string{"actions", "actions/store", "bot/door", "bot/door/outbox", "bot/reply", "internal"}
}

// verbs is what a room of verbs may import beside its own outside worlds.
func verbs(worlds ...string) []string {
	return append([]string{"actions", "actions/store", "actions/run", "actions/policy", "internal"}, worlds...)
}

// TestImportsRunDownhill holds every import of the tree against the table of rooms.
func TestImportsRunDownhill(t *testing.T) {
	list := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; packages++ {
		var p struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		from := strings.TrimPrefix(p.ImportPath, module)
		for _, to := range p.Imports {
			if why := forbidden(from, to); why != "" {
				t.Errorf("%s imports %s: %s", from, to, why)
			}
		}
	}
	if packages < 8 {
		t.Fatalf("go list named %d packages, want the whole tree", packages)
	}
}

// TestFixturesServeTestsAlone keeps recorded traffic and stand-ins out of the binary.
func TestFixturesServeTestsAlone(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "./opsbot")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if p := strings.TrimSpace(line); strings.HasPrefix(p, module+"fixtures") || p == "testing" {
			t.Errorf("the binary links %s, which is for tests alone", p)
		}
	}
}

// forbidden returns the sentence that forbids the import, or "".
func forbidden(from, to string) string {
	to, own := strings.CutPrefix(to, module)
	if !own {
		return ""
	}
	for _, rule := range downhill {
		if !within(from, rule.room) {
			continue
		}
		for _, allowed := range append(rule.imports, rule.room) {
			if within(to, allowed) && (allowed != "actions" || to == "actions" || from == "bot" || strings.HasPrefix(from, "bot/")) {
				return ""
			}
		}
		return rule.because
	}
	return fmt.Sprintf("%s is no room of the table", from)
}

func within(pkg, room string) bool { return pkg == room || strings.HasPrefix(pkg, room+"/") }

// TestForbiddenEdgesAreNamed proves that the table can say no.
func TestForbiddenEdgesAreNamed(t *testing.T) {
	for _, edge := range [][2]string{
		{"intents", module + "actions"}, {"actions/run", module + "cache"}, {"actions/store", module + "actions/run"},
		{"cache", module + "overlay"}, {"internal/lab", module + "cache"}, {"actions", module + "actions/run"}, {"attic", module + "bot"},
	} {
		if why := forbidden(edge[0], edge[1]); why == "" {
			t.Errorf("forbidden(%s, %s) = \"\", want a sentence", edge[0], edge[1])
		}
	}
}
