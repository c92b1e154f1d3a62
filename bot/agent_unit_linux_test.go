package bot_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/ops/unit"
	"github.com/shitops/opsbot/internal/lab"
)

// TestAgentWithTheRightsOfItsUnit runs an agent with the capabilities that its unit gives it and no other: it holds a segment and probes it.
func TestAgentWithTheRightsOfItsUnit(t *testing.T) {
	lab.Need(t, "setpriv")
	_, rest, _ := strings.Cut(unit.SystemdAgent, "\nCapabilityBoundingSet=")
	given, _, _ := strings.Cut(rest, "\n")
	var set strings.Builder
	set.WriteString("-all")
	for c := range strings.FieldsSeq(given) {
		set.WriteString(",+" + strings.ToLower(strings.TrimPrefix(c, "CAP_")))
	}
	l := startAgentLab(t, 2)
	a := l.agents["edge-1"]
	a.kill(syscall.SIGTERM)
	netns := filepath.Join(t.TempDir(), "netns") // a name that can be opened without the right to look into the process that holds it
	if err := os.WriteFile(netns, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(a.space.Path, netns, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(netns, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	a.cmd = exec.Command("setpriv", "--bounding-set", set.String(), "--no-new-privs", "opsbot", "agent", "--data", a.dir, "--netns", netns, "--endpoints", a.space.Endpoints)
	a.cmd.Stderr = a
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l.until(t, "edge-1", "is back", func(s agent.Status) bool { return s.Health == agent.OK && !s.Report.Leaving })
	l.expect(l.say("create segment studio of acme with vni 5001 on edge-1 and edge-2", withYes, patient), door.OK, "studio")
	l.expect(l.say("verify segment studio", patient), door.OK, "2/2 pairs ok")
	l.expect(l.say("delete segment studio", withYes, patient), door.OK)
	if left := devices(t, l.Nodes[0]); len(left) > 0 {
		t.Errorf("edge-1 still has %v", left)
	}
}
