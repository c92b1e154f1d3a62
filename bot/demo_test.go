package bot_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/demo"
	"github.com/shitops/opsbot/intents"
	"github.com/shitops/opsbot/internal/lab"
)

// TestTour plays the whole conversation as `make demo </dev/null` does: with what is installed as root, with stand-ins for everything as an ordinary
// user, and where the machine lets no nodes be made.
func TestTour(t *testing.T) {
	t.Parallel()
	varnish, monitoring := []string{"varnishd", "varnishadm", "varnishstat", "cc", "gcc"}, []string{"icinga2"}
	for _, tt := range []struct {
		name     string
		as       []string // what the program is run by
		hidden   []string
		need     []string
		standIns int
		want     []string
	}{
		{
			"as installed", nil, nil, []string{"varnishd", "varnishadm", "varnishstat", "cc", "icinga2"}, 0,
			[]string{"made as root", "in the kernels of the nodes", "no kernel has a device of any segment"},
		},
		{
			"nothing is installed, as an ordinary user", []string{"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"}, slices.Concat(varnish, monitoring), []string{"setpriv"}, 3,
			[]string{"in user, network and mount namespaces of their own, without root", "in the kernels of the nodes", "no kernel has a device of any segment"},
		},
		{
			"no nodes, in a user namespace that forbids them", []string{"unshare", "--user", "--map-root-user", "sh", "-c", forbid + ` && exec "$0" "$@"`}, slices.Concat(varnish, monitoring),
			[]string{"unshare"}, 3, []string{"NONE, segments are on paper alone: as root: ", "in a user namespace: ", "user.max_user_namespaces is 0", "segment studio-a is deleted"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, tt.need...)
			switch root := os.Getuid() == 0; {
			case !root && slices.Contains(tt.as, "setpriv"):
				t.Skip("needs root to become somebody else")
			case !root && tt.as == nil:
				tt.want = nil // whether there are nodes is up to the machine
			}
			out, left := tour(t, tt.as, tt.hidden)
			if n := strings.Count(out, "STAND-IN"); n != tt.standIns {
				t.Errorf("%d parts stand in, want %d:\n%s", n, tt.standIns, head(out, 10))
			}
			for _, want := range append(tt.want, "intents of the catalogue were touched") {
				if !strings.Contains(out, want) {
					t.Errorf("%q is missing:\n%s\n...\n%s", want, head(out, 10), last(out, 2000))
				}
			}
			if len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// forbid lets nobody in this user namespace make another one, or a network namespace.
const forbid = "echo 0 >/proc/sys/user/max_user_namespaces && echo 0 >/proc/sys/user/max_net_namespaces"

func head(text string, lines int) string {
	all := strings.SplitAfter(text, "\n")
	return strings.Join(all[:min(lines, len(all))], "")
}

// demoPlace is a folder in which anybody can run the program, and a folder below it for what a demo makes.
func demoPlace(t *testing.T) (program, work string) {
	t.Helper()
	from, err := exec.LookPath("opsbot")
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	program, work = filepath.Join(dir, "opsbot"), filepath.Join(dir, "work")
	text, err := os.ReadFile(from)
	if err == nil {
		err = errors.Join(os.WriteFile(program, text, 0o755), os.Mkdir(work, 0o700), os.Chmod(dir, 0o755), os.Chmod(work, 0o777))
	}
	if err != nil {
		t.Fatal(err)
	}
	return program, work
}

// tour runs the program without a terminal and without the hidden programs, and returns what it printed and what it left behind.
func tour(t *testing.T, as, hidden []string) (out string, left []string) {
	t.Helper()
	program, work := demoPlace(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute) // of a minute, on a machine that does much else
	defer cancel()
	line := slices.Concat(as, []string{program, "demo"})
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(os.Environ(), "TMPDIR="+work)
	if hidden != nil {
		cmd.Env = append(cmd.Env, "PATH="+without(t, filepath.Join(filepath.Dir(work), "bin"), hidden))
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("demo: %v: %s\n%s", err, stderr.String(), last(stdout.String(), 4000))
	}
	return stdout.String(), leftovers(t, work)
}

// leftovers are the files in the folder of a demo, and the processes that were started with it. Those are waited for: some end just after the demo.
func leftovers(t *testing.T, work string) (left []string) {
	t.Helper()
	entries, err := os.ReadDir(work)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	return append(left, survivors(t, work)...)
}

// survivors are the processes of a demo that do not end by themselves.
func survivors(t *testing.T, work string) []string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		var left []string
		files, err := filepath.Glob("/proc/[0-9]*/environ")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f) // a process that has ended has none
			if err == nil && bytes.Contains(text, []byte("TMPDIR="+work+"\x00")) {
				name, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline")) // it is only told
				left = append(left, string(bytes.ReplaceAll(name, []byte{0}, []byte{' '})))
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return left
		}
		pause(t.Context(), 20*time.Millisecond)
	}
}

// TestInterruptedDemo ends the demo in the middle by what a terminal and a service manager send: nothing is left behind then, either. What kills it
// at once leaves files alone, no process and no node.
func TestInterruptedDemo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		sig  syscall.Signal
		exit int
	}{{"Ctrl-C", syscall.SIGINT, 130}, {"TERM", syscall.SIGTERM, 130}, {"KILL", syscall.SIGKILL, -1}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			program, work := demoPlace(t)
			cmd := exec.CommandContext(t.Context(), program, "demo", "--tour")
			cmd.Env = append(os.Environ(), "TMPDIR="+work, "PATH="+without(t, filepath.Join(filepath.Dir(work), "bin"), []string{"varnishd", "icinga2"}))
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			nodes := false
			for lines := bufio.NewScanner(out); lines.Scan(); {
				nodes = nodes || strings.Contains(lines.Text(), "edge-3 192.0.2.3")
				if strings.Contains(lines.Text(), "anna> flush edge-1") {
					if err := cmd.Process.Signal(tt.sig); err != nil {
						t.Fatal(err)
					}
				}
			}
			if !nodes && os.Getenv(lab.RequireReal) == "1" {
				t.Error("there were no nodes")
			}
			if err := cmd.Wait(); cmd.ProcessState.ExitCode() != tt.exit {
				t.Errorf("the demo ended with %v, want exit code %d", err, tt.exit)
			}
			left := survivors(t, work)
			if tt.sig != syscall.SIGKILL {
				left = leftovers(t, work)
			}
			if len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// without makes a folder of links to all programs of PATH but the hidden ones.
func without(t *testing.T, dir string, hidden []string) string {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, from := range filepath.SplitList(os.Getenv("PATH")) {
		entries, err := os.ReadDir(from)
		if err != nil {
			continue // PATH may name what is not there
		}
		for _, e := range entries {
			if !slices.Contains(hidden, e.Name()) {
				_ = os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())) // the first one of a name counts
			}
		}
	}
	return dir
}

// TestScenesCoverTheCatalogue finds a new intent without a scene at once.
func TestScenesCoverTheCatalogue(t *testing.T) {
	t.Parallel()
	catalog, err := intents.Load()
	if err != nil {
		t.Fatal(err)
	}
	parser, err := intents.NewParser(catalog, intents.Inventory{
		Nodes: []intents.Node{{Name: "edge-1", Site: "berlin"}, {Name: "edge-2", Site: "berlin"}, {Name: "edge-3", Site: "berlin"}, {Name: "edge-4", Site: "berlin"}}, Deployments: []string{"news"},
		People: []string{"anna", "ben", "vik"}, Rules: []string{"flush-on-low-hit-rate"}, Jobs: []string{"often"},
		Segments: []intents.Segment{{Name: "studio-a", VNI: 5001}},
	})
	if err != nil {
		t.Fatal(err)
	}
	touched := map[string]bool{}
	for _, s := range demo.Scenes() {
		line := s.Say
		for _, name := range []string{"flush", "purge", "rejected", "long", "prime", "ack"} {
			line = strings.ReplaceAll(line, "{"+name+"}", "r-7")
		}
		for _, c := range parser.Parse(intents.Utterance{Text: line, Now: time.Now(), Zone: time.UTC}).Commands {
			touched[c.Name] = true
		}
	}
	for _, i := range catalog.Intents() {
		if !touched[i.Name] {
			t.Errorf("no scene of the demo touches %s; add one to bot/demo/scenes_*.go", i.Name)
		}
	}
}
