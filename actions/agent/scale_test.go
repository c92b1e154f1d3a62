package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// fleetEnv makes this test binary the process that all agents of a scale test run in, so that their memory is not the bot's.
const fleetEnv = "OPSBOT_AGENT_FLEET"

// fleet is what that process is told.
type fleet struct {
	Dir   string
	Bot   string
	Codes map[string]string
}

// runFleet runs agents until its input ends.
func runFleet() error {
	var f fleet
	if err := json.NewDecoder(os.Stdin).Decode(&f); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var all sync.WaitGroup
	begin := make(chan struct{}, 16) // as many join at once
	for id, code := range f.Codes {
		a, err := New(Options{
			Dir: filepath.Join(f.Dir, id), Bot: f.Bot, Code: code, Log: fleetLog(),
			Open: func(context.Context, string, netip.Addr) (overlay.DataPlane, error) { return newPlane(), nil },
		})
		if err != nil {
			return err
		}
		all.Go(func() {
			begin <- struct{}{}
			err := a.enrol(ctx)
			<-begin
			if err == nil {
				err = a.Run(ctx)
			}
			if err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, id, err)
			}
		})
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // the end of it is the end
	stop()
	all.Wait()
	return nil
}

// rss is the resident memory of this process in MB, after what is not used was given back.
func rss(t testing.TB) float64 {
	t.Helper()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("memory is not measured here: %v", err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return float64(kb) / 1024
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// TestManyAgents connects a thousand agents (a tenth of them unless OPSBOT_SOAK=1), tells all of them something new, and waits until the last one
// has reported that it holds it. Every write is synced to the disk.
func TestManyAgents(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	many := 100
	if os.Getenv("OPSBOT_SOAK") == "1" {
		many = 1000
	}
	dir := t.TempDir()
	s, err := store.Open(store.Options{Dir: filepath.Join(dir, "store"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	w := newTown(t, func(o *GateOptions) { o.Store, o.Dir = s, filepath.Join(dir, "gate") })
	f := fleet{Dir: ownDisks(t), Bot: w.gate.Addr(), Codes: map[string]string{}}
	for i := range many {
		id := fmt.Sprintf("edge-%d", i)
		f.Codes[id] = code(t, w, id)
	}
	before := rss(t)
	begun := time.Now()
	end := startFleet(t, f)
	defer end()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for id := range f.Codes {
		if s, err := w.gate.Wait(ctx, id, func(s Status) bool { return s.Health == OK }); err != nil {
			t.Fatalf("%s is not connected: %+v: %v", id, s, err)
		}
	}
	joined := time.Since(begun)
	after := rss(t)
	first := tellAll(t, w, f, 5001)
	second := tellAll(t, w, f, 5001, 5002)
	t.Logf("%d agents: enrolled and connected in %v, %.1f MB more (%.0f KB each), a first state to all %v, a change to all %v", many, joined.Round(time.Millisecond), after-before, (after-before)*1024/float64(many), first, second)
	if most := 70*float64(many)/1000 + 12; after-before > most && !race {
		t.Errorf("%.1f MB more with %d agents, want at most %.1f", after-before, many, most)
	}
	if os.Getenv("OPSBOT_SOAK") == "1" && min(first, second) > 2*time.Second {
		t.Errorf("a change to %d agents took %v, want less than 2 s", many, min(first, second))
	}
}

// ownDisks is where agents keep their files: in memory where there is such a folder, since each of a thousand nodes has a disk of its own.
func ownDisks(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "opsbot-agents-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// startFleet starts the process of all agents.
func startFleet(t *testing.T, f fleet) (end func()) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), fleetEnv+"=1")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines := bufio.NewScanner(errs); lines.Scan(); {
			t.Log("fleet:", lines.Text())
		}
	})
	if err := json.NewEncoder(in).Encode(f); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = in.Close()
		reading.Wait()
		if err := c.Wait(); err != nil {
			t.Errorf("the agents' process: %v", err)
		}
	}
}

// tellAll changes what all must hold, and returns when the last one has reported that it does.
func tellAll(t *testing.T, w *town, f fleet, vnis ...overlay.VNI) time.Duration {
	t.Helper()
	begun := time.Now()
	var edits errgroup.Group
	edits.SetLimit(64)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for id := range f.Codes {
		edits.Go(func() error {
			d, err := w.gate.Edit(ctx, id, with(vnis...))
			if err != nil {
				return err
			}
			_, err = w.gate.Wait(ctx, id, func(s Status) bool {
				return s.Health == OK && s.Report.Generation >= d.Generation && s.Generation >= d.Generation
			})
			return err
		})
	}
	if err := edits.Wait(); err != nil {
		t.Fatal(err)
	}
	return time.Since(begun).Round(time.Millisecond)
}

// main of the process that all agents run in.
func fleetMain() {
	if err := runFleet(); err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// fleetLog logs what goes wrong.
func fleetLog() *slog.Logger {
	if os.Getenv("OPSBOT_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
