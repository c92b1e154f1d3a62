package bot_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestEnrolAnAgent asks for codes by the command, of a bot without a listener for agents and of one with it.
func TestEnrolAnAgent(t *testing.T) {
	t.Parallel()
	const inventory = "inventory: {nodes: [{name: edge-1, address: 192.0.2.11, site: berlin}]}\n"
	ask := func(h *house, args ...string) (string, string) {
		t.Helper()
		var out, errs bytes.Buffer
		c := exec.Command("opsbot", append([]string{"enrol", "--socket", h.SocketPath()}, args...)...)
		c.Stdout, c.Stderr = &out, &errs
		_ = c.Run() // what it says is looked at
		return out.String(), errs.String()
	}
	without := startHouse(t, inventory)
	if out, errs := ask(without, "edge-1"); out != "" || !strings.Contains(errs, "no listener has the group agents") {
		t.Errorf("without a listener: %q, %q", out, errs)
	}
	dir := folder(t)
	file := configure(t, dir, inventory)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(`serve: [ops]}`), []byte(`serve: [ops]}, {address: "127.0.0.1:0", serve: [agents]}`), 1)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	h := startIn(t, dir, file)
	if out, errs := ask(h, "edge-1"); !strings.HasPrefix(out, "opsbot agent --bot "+h.AgentsAddr()+" --code ") || errs != "" {
		t.Errorf("enrol edge-1 = %q, %q", out, errs)
	}
	if out, _ := ask(h, "edge-1", "--json"); !strings.HasPrefix(out, `{"node":"edge-1","line":"opsbot agent --bot `) {
		t.Errorf("enrol --json = %q", out)
	}
	for node, want := range map[string]string{"edge-9": `no node is called "edge-9"`, "*": `no node is called "*"`} {
		if out, errs := ask(h, node); out != "" || !strings.Contains(errs, want) {
			t.Errorf("enrol %s = %q, %q; want %q", node, out, errs, want)
		}
	}
}
