package bot_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/overlay"
)

// passphrase seals the keys in the tests of this file.
const passphrase = "correct horse battery staple"

// sealed lets the configuration name a passphrase, and the running bot read it again.
func (h *house) sealed(t *testing.T, file string) {
	t.Helper()
	write(t, filepath.Join(h.dir, "export.passphrase"), passphrase)
	rewriteFile(t, file, "\npeople:", "\nstore: {export: {passphrase_file: export.passphrase}}\npeople:")
	if err := h.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wipe stops the bot and takes its data away, as a lost disk does.
func (h *house) wipe(t *testing.T) {
	t.Helper()
	h.halt()
	if err := os.RemoveAll(filepath.Join(h.dir, "data")); err != nil {
		t.Fatal(err)
	}
}

// tellsNothing fails the test where an export holds a secret of the keys of the agents.
func (h *house) tellsNothing(t *testing.T, export string) {
	t.Helper()
	text, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(h.dir, "data", "agents", "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	var ring map[string]any
	if err := json.Unmarshal(raw, &ring); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"operator", "bot", "agents", "signer", "enrol", "ca_key"} {
		value, _ := ring[name].(string)
		if value == "" || bytes.Contains(text, []byte(value)) || bytes.Contains(text, []byte(strings.Split(value, "\n")[0]+"\n")) {
			t.Errorf("the key %q (%d letters) is in the export", name, len(value))
		}
	}
	if bytes.Contains(text, []byte(passphrase)) {
		t.Error("the passphrase is in the export")
	}
}

// TestAgentsComeBackToAnImportedBot: agents as processes with a segment between them, a bot whose disk is lost, an import. The agents come back by
// themselves, are only observed, go on with what they hold, and take the new life of the bot once somebody resumes.
func TestAgentsComeBackToAnImportedBot(t *testing.T) {
	t.Parallel()
	l := startAgentLab(t, 2)
	l.sealed(t, l.file)
	a, b := l.Nodes[0].Name, l.Nodes[1].Name
	l.expect(l.say(fmt.Sprintf("create segment studio-a with vni 5001 on %s and %s", a, b)), door.OK, "VNI 5001")
	l.expect(l.say("verify segment studio-a"), door.OK, "2/2 pairs ok")
	export := filepath.Join(l.dir, "copy.jsonl")
	opsbot(t, 0, "export", "--socket", l.SocketPath(), "--out", export)
	if info, err := os.Stat(export); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the export: %v, %v; want 0600", info.Mode(), err)
	}
	l.tellsNothing(t, export)
	before := map[string]agent.Status{a: l.Gate().Status(a), b: l.Gate().Status(b)}
	l.wipe(t)
	if out := opsbot(t, 0, "import", "--verify", "--config", l.file, export); !strings.Contains(out, "the keys of the agents are in it: 2 come back by themselves") {
		t.Errorf("import says\n%s", out)
	}
	l.house = startIn(t, l.dir, l.file)
	for name, was := range before {
		l.until(t, name, "is back", func(s agent.Status) bool {
			return s.Health != agent.Offline && s.Health != agent.NotEnrolled && s.Report.Segments == 1
		})
		s := l.Gate().Status(name)
		if s.Enrolled.NKey != was.Enrolled.NKey || s.Report.Incarnation != was.Report.Incarnation || s.Report.Generation != was.Report.Generation {
			t.Errorf("%s while it is only observed: incarnation %s, generation %d of key %s; want %s, %d of %s", name,
				s.Report.Incarnation, s.Report.Generation, s.Enrolled.NKey, was.Report.Incarnation, was.Report.Generation, was.Enrolled.NKey)
		}
	}
	l.expect(l.say("detach "+a+" from studio-a", withYes), door.Refused, "I only observe")
	for _, n := range l.Nodes {
		n.Run(t, "ip", "link", "show", "dev", overlay.TunnelName(5001))
	}
	l.expect(l.say("verify segment studio-a"), door.OK, "2/2 pairs ok")
	l.expect(l.say("resume"), door.Refused, "yes / no")
	l.expect(l.say("yes"), door.OK, "resumed")
	l.expect(l.say("create segment studio-b with vni 5002 on "+a+" and "+b), door.OK, "VNI 5002")
	for name, was := range before {
		l.until(t, name, "takes the new life", func(s agent.Status) bool {
			return s.Health == agent.OK && s.Report.Incarnation != was.Report.Incarnation && s.Report.Segments == 2
		})
	}
	l.expect(l.say("verify segment studio-a"), door.OK, "2/2 pairs ok")
	l.expect(l.say("verify segment studio-b"), door.OK, "2/2 pairs ok")
}

// TestImportSaysWhatBecomesOfAgents: without a passphrase they are enrolled again; with another one the import says so before the start does, and the
// keys can be given up.
func TestImportSaysWhatBecomesOfAgents(t *testing.T) {
	t.Parallel()
	h, _ := startListening(t, enrollable)
	if err := h.letIn(t, "edge-1", codeIn(t, h.say("enrol edge-1").text())); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(h.dir, "plain.jsonl")
	h.export(plain)
	h.sealed(t, h.file)
	copied := filepath.Join(h.dir, "sealed.jsonl")
	h.export(copied)
	h.wipe(t)
	if out := opsbot(t, 0, "import", "--config", h.file, plain); !strings.Contains(out, `the keys of the agents are not in it: after the start say "enrol NODE" for each of the 1 nodes`) {
		t.Errorf("import without keys says\n%s", out)
	}
	again := func(exit int, args ...string) string {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(h.dir, "data")); err != nil {
			t.Fatal(err)
		}
		return opsbot(t, exit, append([]string{"import", "--verify", "--config", h.file}, args...)...)
	}
	write(t, filepath.Join(h.dir, "export.passphrase"), "another passphrase of the house")
	again(int(door.Partly), copied)
	if out := again(0, "--without-keys", copied); !strings.Contains(out, `say "enrol NODE"`) {
		t.Errorf("import that gives the keys up says\n%s", out)
	}
	h2 := startIn(t, h.dir, h.file)
	h2.expect(h2.say("enrol edge-1"), door.OK, "--code")
}
