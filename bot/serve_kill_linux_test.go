package bot_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/overlay"
)

// cut says a line and kills the bot as soon as after steps of it have ended that count; 0 is as soon as it is accepted. It starts the bot again and
// returns the run with how it ended. Cut is false when the run ended before.
func (s *served) cut(line string, after int, counts func(state string) bool) (run, state string, cut bool) {
	s.t.Helper()
	bot, n := s.cmd.Process, 0
	s.out.watch(func(line []byte) {
		id, state, ok := stepEnded(line)
		if !ok {
			return
		}
		run = id
		if counts(state) {
			n++
		}
		if n == after && !cut && after > 0 {
			cut = true
			_ = bot.Kill()
		}
	})
	accepted := ""
	s.say(line, func(c reply.Card) bool {
		if accepted = c.Run; accepted != "" && after == 0 {
			_ = bot.Kill()
		}
		return accepted != "" && after == 0
	})
	s.out.watch(nil)
	if cut = cut || after == 0; cut {
		s.die("serve")
		s.begin()
	}
	if run == "" {
		run = accepted
	}
	return run, s.state(run), cut
}

func everyStep(string) bool { return true }

// every is how many numbers one of is tried: all of them with OPSBOT_SOAK=1.
func every(n int) int {
	if os.Getenv("OPSBOT_SOAK") == "1" {
		return 1
	}
	return n
}

// TestKillServeBetweenSteps kills the bot after each number of finished steps of what changes segments, and starts it again: the run goes on to its end,
// and bot and nodes agree. Without OPSBOT_SOAK=1 each number is for one of the commands, in turn.
func TestKillServeBetweenSteps(t *testing.T) {
	t.Parallel()
	s := startServed(t, 2)
	rest := every(3)
	tried, over := map[string]int{}, map[string]bool{}
	for vni, after := overlay.VNI(6001), 0; len(over) < 3; vni, after = vni+1, after+1 {
		name := fmt.Sprintf("studio-%d", after)
		for i, line := range []string{"create segment " + name + fmt.Sprintf(" of acme with vni %d on edge-1", vni), "attach edge-2 to segment " + name, "delete segment " + name} {
			for _, n := range s.Nodes {
				s.there(n.Name)
			}
			verb, _, _ := strings.Cut(line, " ")
			if over[verb] || (after+i)%rest != 0 {
				s.told(line)
				continue
			}
			run, state, cut := s.cut(line, after, everyStep)
			if tried[verb]++; !cut {
				over[verb], tried[verb] = true, tried[verb]-1
			}
			if state != "done" {
				t.Fatalf("%s, killed after %d steps: %s is %q, want done", line, after, run, state)
			}
			if strings.HasPrefix(line, "attach") {
				s.crosses(vni, 2)
			}
		}
		for _, n := range s.Nodes {
			if left := devices(t, n); len(left) > 0 {
				t.Errorf("killed after %d steps: %s still has %v", after, n.Name, left)
			}
		}
		s.told("list segments", "there are no segments")
	}
	t.Logf("killed so often: %v", tried)
	for _, verb := range []string{"create", "attach", "delete"} {
		if tried[verb] < 5/rest {
			t.Errorf("%s was cut %d times, want at least %d", verb, tried[verb], 5/rest)
		}
	}
	s.nothingLeft()
}

// TestKillServeWhileItUndoes kills the bot after each number of steps that were taken back, of a run that finds something foreign in the way half-way:
// all is taken back, and what is foreign stays. Without OPSBOT_SOAK=1 it is every second number.
func TestKillServeWhileItUndoes(t *testing.T) {
	t.Parallel()
	s := startServed(t, 2)
	tried := 0
	for vni, after := overlay.VNI(7001), 1; ; vni, after = vni+1, after+every(2) {
		// The device comes when the plan is made, and nobody has told of it.
		slow := s.agents["edge-2"].cmd.Process
		if err := slow.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		s.Nodes[1].Run(t, "ip", "link", "add", "flannel.1", "type", "vxlan", "id", fmt.Sprint(vni), "local", "192.0.2.2", "dstport", "4789")
		begun := false
		run, state, cut := s.cut(fmt.Sprintf("create segment studio of acme with vni %d on edge-1 and edge-2", vni), after, func(state string) bool {
			if !begun {
				begun = true
				_ = slow.Signal(syscall.SIGCONT) // it would be seen below
			}
			return state == "undone" || state == "failed"
		})
		if state != "undone" {
			t.Fatalf("killed after %d steps back: %s is %q, want undone", after, run, state)
		}
		s.told("list segments", "there are no segments")
		for _, n := range s.Nodes {
			if left := devices(t, n); len(left) > 0 {
				t.Errorf("killed after %d steps back: %s still has %v", after, n.Name, left)
			}
			s.there(n.Name)
		}
		s.Nodes[1].Run(t, "ip", "link", "del", "flannel.1")
		if !cut {
			break
		}
		tried++
	}
	t.Logf("killed %d times", tried)
	if tried < 5/every(2) {
		t.Errorf("cut %d times on the way back, want at least %d", tried, 5/every(2))
	}
	s.told("create segment studio of acme on edge-1 and edge-2")
	s.told("verify segment studio", "2/2 pairs ok")
	s.told("delete segment studio")
	s.nothingLeft()
}

// TestEnrolForbiddenNames asks the real bot to let in agents whose names would mean the messages of others.
func TestEnrolForbiddenNames(t *testing.T) {
	t.Parallel()
	s := startServed(t, 1)
	for _, name := range []string{"*", ">", "a.b", "{{name()}}"} {
		out, err := exec.Command("opsbot", "enrol", "--socket", s.dir+"/s", name).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "no node is called") {
			t.Errorf("enrol %s = %v, %q; want that no node is called so", name, err, out)
		}
	}
	// A name with a dot may stand in the inventory, but no agent goes by it.
	s.told("add node a.b with address 192.0.2.99 in berlin", "a.b is in the inventory")
	if out, err := exec.Command("opsbot", "enrol", "--socket", s.dir+"/s", "a.b").CombinedOutput(); err == nil || !strings.Contains(string(out), "cannot be an agent's id") {
		t.Errorf("enrol a.b = %v, %q; want that it cannot be an agent's id", err, out)
	}
	s.there("edge-1")
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"*", "a.b"} {
		file := filepath.Join(s.dir, "other.yaml")
		if err := os.WriteFile(file, bytes.Replace(text, []byte("{name: edge-1,"), fmt.Appendf(nil, "{name: %q,", name), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("opsbot", "check-config", "--config", file).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "is no name") {
			t.Errorf("a configuration with a node %s: %v, %q; want that it is no name", name, err, out)
		}
	}
}
