package bot_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"

	"github.com/shitops/opsbot/actions"
)

// house is a bot that runs in this process just as `opsbot serve` runs it, with a configuration file in a folder of its own.
type house struct {
	*bot.App
	tb   testing.TB
	dir  string
	file string
	n    int
	mu   sync.Mutex
}

// folder makes a short temporary folder: the path of a socket has at most 103 bytes.
func folder(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "opsbot-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// people are anna and ben, who may do everything in Berlin and Hamburg, and vik, who may look.
const people = `
people:
  - {name: anna, roles: [operator], unix: [anna, root]}
  - {name: ben, roles: [operator], unix: [ben]}
  - {name: vik, roles: [viewer], unix: [vik]}
roles:
  - {name: viewer, may: ["*.show", "*.list", help, whoami, cache.stats, cache.verify]}
  - {name: operator, may: ["*"], sites: [berlin, hamburg]}
`

// configure writes a configuration with the given inventory and returns the file's path.
func configure(tb testing.TB, dir, inventory string) string {
	tb.Helper()
	text := fmt.Sprintf("data_dir: %s/data\nlisteners: [{address: \"127.0.0.1:0\", serve: [ops]}]\nsocket: {path: %s/s}\n", dir, dir) + people + inventory
	file := filepath.Join(dir, "opsbot.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

// startHouse starts a bot with the given inventory and stops it at the end of the test.
func startHouse(tb testing.TB, inventory string) *house {
	tb.Helper()
	dir := folder(tb)
	return startIn(tb, dir, configure(tb, dir, inventory))
}

// startIn starts a bot on what is in a folder already.
func startIn(tb testing.TB, dir, file string) *house {
	tb.Helper()
	return startOn(tb, dir, file, nil)
}

// startOn is startIn with options of the bot that a configuration does not have.
func startOn(tb testing.TB, dir, file string, set func(*bot.Options)) *house {
	tb.Helper()
	load := func() (*config.Config, error) { return config.Load(file, config.Options{}) }
	cfg, err := load()
	if err != nil {
		tb.Fatalf("configuration: %v", err)
	}
	o := bot.Options{Config: cfg, Load: load, Log: testLog(tb)}
	if set != nil {
		set(&o)
	}
	app, err := bot.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	if err := app.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	h := &house{App: app, tb: tb, dir: dir, file: file}
	tb.Cleanup(func() { h.halt() })
	return h
}

func (h *house) halt() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := h.Stop(ctx); err != nil {
		h.tb.Errorf("stop: %v", err)
	}
}

// testLog writes the bot's log to the test's where -v asks for it.
func testLog(tb testing.TB) *slog.Logger {
	var w io.Writer = io.Discard
	if testing.Verbose() {
		w = tb.Output()
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// said is what became of one line.
type said struct {
	cards []reply.Card
	exit  door.Exit
}

// last returns the newest card.
func (s said) last() reply.Card {
	if len(s.cards) == 0 {
		return reply.Card{}
	}
	return s.cards[len(s.cards)-1]
}

// text renders all cards, a living one only as it ended.
func (s said) text() string {
	var b strings.Builder
	for _, c := range s.cards {
		if !c.Live {
			b.WriteString(reply.Text(c, reply.Style{Width: 160}))
		}
	}
	return b.String()
}

// option changes a message before it is said.
type option func(*door.Message)

func as(user string) option { return func(m *door.Message) { m.As = "unix:" + user } }
func later(d time.Duration) option {
	return func(m *door.Message) { m.At = m.At.Add(d) }
}
func thread(name string) option { return func(m *door.Message) { m.Origin.Thread = name } }
func id(name string) option     { return func(m *door.Message) { m.ID = name } }
func patient(m *door.Message)   { m.Patient = true }
func withYes(m *door.Message)   { m.Yes = true }

// say brings one line to the desk, as anna unless an option says otherwise, and waits for the end.
func (h *house) say(text string, options ...option) said {
	h.tb.Helper()
	h.mu.Lock()
	h.n++
	m := door.Message{
		ID: fmt.Sprintf("m%d", h.n), Text: text, As: "unix:anna", At: time.Now(),
		Origin: actions.Origin{Door: "test", Thread: "main"},
	}
	h.mu.Unlock()
	for _, o := range options {
		o(&m)
	}
	ctx, cancel := context.WithTimeout(h.tb.Context(), time.Minute)
	defer cancel()
	var out said
	out.exit = h.Desk().Handle(ctx, m, func(c reply.Card) { out.cards = append(out.cards, c) })
	return out
}

// expect fails the test unless the line ended with exit and its cards hold all the words.
func (h *house) expect(s said, exit door.Exit, words ...string) said {
	h.tb.Helper()
	text := s.text()
	if s.exit != exit {
		h.tb.Errorf("exit = %d, want %d:\n%s", s.exit, exit, text)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			h.tb.Errorf("answer lacks %q:\n%s", w, text)
		}
	}
	return s
}
