package bot_test

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/demo"
	"github.com/shitops/opsbot/intents"
	"github.com/shitops/opsbot/internal/lab"
)

// TestTour plays the whole conversation as `make demo </dev/null` does: with what is installed, and with stand-ins for everything.
func TestTour(t *testing.T) {
	t.Parallel()
	varnish, monitoring := []string{"varnishd", "varnishadm", "varnishstat", "cc", "gcc"}, []string{"icinga2"}
	for _, tt := range []struct {
		name     string
		hidden   []string
		need     []string
		standIns int
	}{
		{"as installed", nil, []string{"varnishd", "varnishadm", "varnishstat", "cc", "icinga2"}, 0},
		{"nothing is installed", slices.Concat(varnish, monitoring), nil, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if len(tt.need) > 0 {
				lab.Need(t, tt.need...)
			}
			out, left := tour(t, tt.hidden)
			if n := strings.Count(out, "STAND-IN"); n != tt.standIns {
				t.Errorf("%d parts stand in, want %d:\n%s", n, tt.standIns, head(out, 10))
			}
			if !strings.Contains(out, "intents of the catalogue were touched") {
				t.Errorf("the end is missing:\n%s", last(out, 2000))
			}
			if len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func head(text string, lines int) string {
	all := strings.SplitAfter(text, "\n")
	return strings.Join(all[:min(lines, len(all))], "")
}

// tour runs the program without a terminal and without the hidden programs, and returns what it printed and what it left behind.
func tour(t *testing.T, hidden []string) (out string, left []string) {
	t.Helper()
	program, err := exec.LookPath("opsbot")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute) // of a minute, on a machine that does much else
	defer cancel()
	dir := folder(t)
	cmd := exec.CommandContext(ctx, program, "demo")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	if hidden != nil {
		cmd.Env = append(cmd.Env, "PATH="+without(t, hidden))
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("demo: %v: %s\n%s", err, stderr.String(), last(stdout.String(), 4000))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	return stdout.String(), left
}

// TestInterruptedDemo ends the demo in the middle: nothing is left behind then, either.
func TestInterruptedDemo(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("opsbot")
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	cmd := exec.CommandContext(t.Context(), program, "demo", "--tour")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "PATH="+without(t, []string{"varnishd", "icinga2"}))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "anna> flush edge-1") {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("the demo ended with %v, want exit code 130", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// without makes a folder of links to all programs of PATH but the hidden ones.
func without(t *testing.T, hidden []string) string {
	t.Helper()
	dir := t.TempDir()
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
