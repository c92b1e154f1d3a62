package nodes_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/demo/nodes"
)

// holdNow lets the binary of the tests be the holder.
const holdNow = "hold-the-nodes"

// pretend lets it be an agent that only waits.
const pretend = "pretend-to-be-an-agent"

func TestMain(m *testing.M) {
	switch {
	case slices.Contains(os.Args, holdNow):
		if err := nodes.Hold(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case slices.Contains(os.Args, pretend):
		fmt.Fprintln(os.Stderr, strings.Join(os.Args[1:], " "))
		select {}
	}
	os.Exit(m.Run())
}

// start makes a lab of n nodes. Where the machine forbids it the test is skipped, unless real things are required.
func start(t *testing.T, n int) *nodes.Lab {
	t.Helper()
	opt := nodes.Options{Dir: t.TempDir(), Program: os.Args[0], Args: []string{holdNow}}
	for i := range n {
		opt.Names = append(opt.Names, fmt.Sprintf("edge-%d", i+1))
	}
	l, err := nodes.Start(t.Context(), opt)
	if err != nil {
		if os.Getenv("OPSBOT_REQUIRE_REAL") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// comes is how long a packet that must come may take on a busy machine.
const comes = 20 * time.Second

func TestNodesReachEachOther(t *testing.T) {
	t.Parallel()
	l := start(t, 3)
	if len(l.Nodes) != 3 {
		t.Fatalf("%d nodes, want 3", len(l.Nodes))
	}
	for _, from := range l.Nodes {
		for _, to := range l.Nodes {
			if _, err := l.Ping(t.Context(), from.Name, to.Addr, 1500, comes); err != nil {
				t.Error(err)
			}
		}
	}
	devices, err := l.Devices(t.Context(), "edge-2")
	if err != nil || len(devices) != 1 || devices[0].Name != "e0" || devices[0].MTU != 1500 || !slices.Contains(devices[0].Addrs, l.Nodes[1].Addr) {
		t.Errorf("devices of edge-2 = %+v, %v, want e0 with %s", devices, err, l.Nodes[1].Addr)
	}
}

// TestHiddenHop limits what passes to and from one node, by the same size both ways, and nothing between the others.
func TestHiddenHop(t *testing.T) {
	t.Parallel()
	l := start(t, 3)
	ping := func(from, to, bytes int, wait time.Duration) error {
		_, err := l.Ping(t.Context(), l.Nodes[from].Name, l.Nodes[to].Addr, bytes, wait)
		return err
	}
	if err := l.Hop(t.Context(), "edge-2", 1400); err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct{ from, to int }{{0, 1}, {1, 0}} {
		if err := ping(p.from, p.to, 1400, comes); err != nil {
			t.Error(err)
		}
		if err := ping(p.from, p.to, 1401, 500*time.Millisecond); err == nil || !strings.Contains(err.Error(), "no answer within 500ms") {
			t.Errorf("1401 bytes by a hop of 1400: %v, want silence", err)
		}
	}
	if err := ping(0, 2, 1500, comes); err != nil {
		t.Error(err)
	}
	// What may be cut into fragments must be lost as well: the packets of VXLAN may.
	if out, err := l.Shell(t.Context(), "edge-1", "ping -c3 -i0.2 -W1 -M dont -s 1373 192.0.2.2"); err != nil || !strings.Contains(out.Output, "100% packet loss") {
		t.Errorf("1401 bytes that may be cut: %+v, %v, want them lost", out, err)
	}
	if err := l.Hop(t.Context(), "edge-2", 1500); err != nil {
		t.Fatal(err)
	}
	if err := ping(0, 1, 1500, comes); err != nil {
		t.Error(err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	l := start(t, 1)
	if err := l.Delete(t.Context(), "edge-1", "nothing"); err == nil || !strings.Contains(err.Error(), "find nothing on edge-1") {
		t.Errorf("delete what is not there: %v", err)
	}
	if err := l.Delete(t.Context(), "edge-1", "e0"); err != nil {
		t.Fatal(err)
	}
	if devices, err := l.Devices(t.Context(), "edge-1"); err != nil || len(devices) != 0 {
		t.Errorf("devices = %+v, %v, want none", devices, err)
	}
}

func TestShell(t *testing.T) {
	t.Parallel()
	l := start(t, 1)
	for _, tt := range []struct{ line, want, failed string }{
		{"cat /proc/net/dev | grep -c e0", "1\n", ""},
		{"echo out; echo err >&2; exit 3", "out\nerr\n", "exit status 3"},
		{"head -c 100000 /dev/zero | tr '\\0' x", strings.Repeat("x", 64<<10), ""},
		{"cat", "", ""}, // nothing can be typed into it
	} {
		got, err := l.Shell(t.Context(), "edge-1", tt.line)
		if err != nil || got.Output != tt.want || got.Failed != tt.failed {
			t.Errorf("Shell(%q) = %.100q, %q, %v, want %.100q, %q", tt.line, got.Output, got.Failed, err, tt.want, tt.failed)
		}
	}
}

func TestUnknownNode(t *testing.T) {
	t.Parallel()
	l := start(t, 1)
	_, ping := l.Ping(t.Context(), "edge-9", l.Nodes[0].Addr, 100, time.Second)
	_, shell := l.Shell(t.Context(), "edge-9", "true")
	_, devices := l.Devices(t.Context(), "edge-9")
	for what, err := range map[string]error{
		"ping": ping, "shell": shell, "devices": devices, "agent": l.Agent(t.Context(), "edge-9", nil), "hop": l.Hop(t.Context(), "edge-9", 1400), "delete": l.Delete(t.Context(), "edge-9", "e0"),
	} {
		if err == nil || !strings.Contains(err.Error(), `there is no node "edge-9"`) {
			t.Errorf("%s of a node that is not there: %v", what, err)
		}
	}
}

// children are the processes below one.
func children(t *testing.T, pid int) (list []string) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err == nil {
			list = append(list, strings.Fields(string(text))...)
		}
	}
	return list
}

// gone waits until none of the processes runs.
func gone(t *testing.T, pids []string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		left := slices.DeleteFunc(slices.Clone(pids), func(pid string) bool {
			text, err := os.ReadFile("/proc/" + pid + "/stat")
			return err != nil || strings.Contains(string(text), ") Z ")
		})
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("still there: %q of %q", left, pids)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// agents starts what waits on every node, and returns the processes.
func agents(t *testing.T, l *nodes.Lab) []string {
	t.Helper()
	holder := strings.Split(l.Nodes[0].Path, "/")[2]
	var pid int
	if _, err := fmt.Sscan(holder, &pid); err != nil {
		t.Fatal(err)
	}
	for _, n := range l.Nodes {
		if err := l.Agent(t.Context(), n.Name, []string{pretend}); err != nil {
			t.Fatal(err)
		}
	}
	list := children(t, pid)
	if len(list) != len(l.Nodes) {
		t.Fatalf("%d agents, want %d", len(list), len(l.Nodes))
	}
	return append(list, holder)
}

func TestStopEndsAll(t *testing.T) {
	t.Parallel()
	l := start(t, 2)
	all := agents(t, l)
	for end := time.Now().Add(20 * time.Second); !strings.Contains(l.LastWords("edge-1"), "--netns "+l.Nodes[0].Path); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log of edge-1 ends with %q", l.LastWords("edge-1"))
		}
	}
	if err := l.Stop(); err != nil {
		t.Error(err)
	}
	gone(t, all)
	if err := l.Stop(); err != nil {
		t.Errorf("the second stop: %v", err)
	}
	if _, err := l.Devices(t.Context(), "edge-1"); err == nil {
		t.Error("a node answers after the stop")
	}
}

// TestDeathOfTheHolder kills it: agents end, and calls say so.
func TestDeathOfTheHolder(t *testing.T) {
	t.Parallel()
	l := start(t, 1)
	all := agents(t, l)
	var holder int
	if _, err := fmt.Sscan(all[1], &holder); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(holder, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, all)
	if _, err := l.Devices(t.Context(), "edge-1"); err == nil || !strings.Contains(err.Error(), "the holder of the nodes has ended") {
		t.Errorf("a call to a dead holder: %v", err)
	}
}

// TestWithoutRoot makes a lab as an ordinary user, by this test again.
func TestWithoutRoot(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("the other tests show it")
	}
	again(t, "exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$0\" -test.run 'TestNodesReachEachOther|TestHiddenHop|TestStopEndsAll' -test.v", "--- PASS: TestStopEndsAll", "OPSBOT_REQUIRE_REAL=1")
}

// TestForbidden tries it where neither root nor others may: it says what forbids it.
func TestForbidden(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root to forbid it")
	}
	again(t, "echo 0 >/proc/sys/user/max_user_namespaces && echo 0 >/proc/sys/user/max_net_namespaces && exec \"$0\" -test.run TestNodesReachEachOther -test.v",
		"user.max_user_namespaces is 0", "OPSBOT_REQUIRE_REAL=0")
}

// again runs the binary of the tests by a line of shell, in a user namespace where that line says so, and wants words in what it prints.
func again(t *testing.T, line, want string, env ...string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "opsbot-nodes-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	program := filepath.Join(dir, "nodes.test")
	text, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(program, text, 0o755)
	}
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"sh", "-c", line, program}
	if strings.Contains(line, "/proc/sys/user") {
		args = append([]string{"unshare", "--user", "--map-root-user"}, args...)
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), append(env, "TMPDIR="+dir)...)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%s: %v, want %q in\n%s", line, err, want, out)
	}
}
