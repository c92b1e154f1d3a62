package demo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/shitops/opsbot/bot/demo"
	"github.com/shitops/opsbot/bot/demo/nodes"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/internal/lab"
)

// What the binary of the tests can be, beside the tests: the holder of nodes, and an agent that dies of an error.
const (
	holdNow = "hold-the-nodes"
	dying   = "agent-that-dies"
)

func TestMain(m *testing.M) {
	switch {
	case slices.Contains(os.Args, holdNow):
		if err := nodes.Hold(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case slices.Contains(os.Args, dying):
		fmt.Fprintln(os.Stderr, "no bot is there")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// world is one with nodes and nothing else.
func world(t *testing.T, names ...string) *demo.World {
	t.Helper()
	l, err := nodes.Start(t.Context(), nodes.Options{Dir: t.TempDir(), Program: os.Args[0], Args: []string{holdNow}, Names: names})
	if err != nil {
		if os.Getenv(lab.RequireReal) == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
	})
	return &demo.World{Nodes: l}
}

// echoDesk repeats what it is told, and by whom.
type echoDesk struct{ door.Desk }

// Handle implements door.Desk.
func (echoDesk) Handle(_ context.Context, m door.Message, send func(reply.Card)) door.Exit {
	send(reply.Card{Kind: reply.Answer, Title: m.As + " says " + m.Text})
	return door.OK
}

// TestPromptSpeaksToNodes gives lines of shell to nodes, and all others to the bot.
func TestPromptSpeaksToNodes(t *testing.T) {
	t.Parallel()
	w := world(t, "edge-1", "edge-2")
	for _, tt := range []struct {
		world *demo.World
		text  string
		want  string
		exit  door.Exit
	}{
		{w, "edge-1$ cat /proc/net/dev | grep -o e0", "edge-1$ cat /proc/net/dev | grep -o e0\n    e0\n", door.OK},
		{w, "edge-2 $ echo a; echo '  b'", "edge-2$ echo a; echo '  b'\n    a\n      b\n", door.OK},
		{w, "edge-2$ exit 7", "edge-2$ exit 7\n  next: exit status 7\n", door.Failure},
		{w, "edge-2$ true", "edge-2$ true\n", door.OK},
		{w, "edge-9$ true", "unix:anna says edge-9$ true\n", door.OK},
		{w, "flush edge-1", "unix:anna says flush edge-1\n", door.OK},
		{w, "ben: approve r-1", "unix:ben says approve r-1\n", door.OK},
		{&demo.World{}, "edge-1$ true", "unix:anna says edge-1$ true\n", door.OK},
	} {
		var got strings.Builder
		exit := tt.world.Desk(echoDesk{}).Handle(t.Context(), door.Message{Text: tt.text, As: demo.Anna}, func(c reply.Card) { got.WriteString(reply.Text(c, reply.Style{})) })
		if text := strings.TrimPrefix(got.String(), "x "); text != tt.want || exit != tt.exit {
			t.Errorf("%q = %q, %d, want %q, %d", tt.text, text, exit, tt.want, tt.exit)
		}
	}
}

// TestPromptAfterTheDeathOfTheNodes says so.
func TestPromptAfterTheDeathOfTheNodes(t *testing.T) {
	t.Parallel()
	w := world(t, "edge-1")
	if err := w.Nodes.Stop(); err != nil {
		t.Fatal(err)
	}
	var title string
	exit := w.Desk(echoDesk{}).Handle(t.Context(), door.Message{Text: "edge-1$ true", As: demo.Anna}, func(c reply.Card) { title = c.Title })
	if exit != door.Failure || !strings.Contains(title, "the holder of the nodes has ended") {
		t.Errorf("a line on a node that is gone = %q, %d", title, exit)
	}
}

// TestHelloShowsTheNodes where there are some.
func TestHelloShowsTheNodes(t *testing.T) {
	t.Parallel()
	const on, off = "edge-1$ ping", "lets no nodes be made"
	if text := world(t, "edge-1").Hello(); !strings.Contains(text, on) || strings.Contains(text, off) {
		t.Errorf("with nodes: %s", text)
	}
	if text := new(demo.World).Hello(); strings.Contains(text, on) || !strings.Contains(text, off) {
		t.Errorf("without nodes: %s", text)
	}
}

// gate lets agents in, or does not.
type gate struct {
	line  string
	ready error
}

// EnrolLine implements demo.Agents.
func (g gate) EnrolLine(context.Context, string) (string, error) { return g.line, nil }

// Ready implements demo.Agents.
func (g gate) Ready(context.Context, string) error { return g.ready }

// TestAgentsThatDoNotComeUp leaves the demo without nodes, and says why.
func TestAgentsThatDoNotComeUp(t *testing.T) {
	t.Parallel()
	w := world(t, "edge-1", "edge-2")
	if err := w.Enrol(t.Context(), gate{"opsbot " + dying, nil}, "edge-2"); err != nil || w.Nodes == nil {
		t.Fatalf("agents that are well: %v, nodes %v", err, w.Nodes)
	}
	if err := w.Enrol(t.Context(), gate{"opsbot " + dying, errors.New("it is offline")}); err != nil || w.Nodes != nil {
		t.Fatalf("agents that are not: %v, nodes %v, want none", err, w.Nodes)
	}
	if err := w.Enrol(t.Context(), gate{}); err != nil {
		t.Errorf("no nodes: %v", err)
	}
	if got := w.Ground(); !strings.Contains(got, "NONE, segments are on paper alone: ") || !strings.Contains(got, "it is offline; its log ends with: ") {
		t.Errorf("ground = %q", got)
	}
}
