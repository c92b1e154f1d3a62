package spool_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/icinga/spool"
)

// writer is another process that appends to the spool.
func writer(t *testing.T, dir, name string, count int) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self, name, fmt.Sprint(count))
	cmd.Env = append(os.Environ(), asWriter+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestManyProcesses appends from several processes while several goroutines drain: nothing is lost, nothing comes twice, and what one process wrote
// comes in its order.
func TestManyProcesses(t *testing.T) {
	t.Parallel()
	s, dir := open(t, spool.Options{})
	const writers, each = 4, 60
	var wg sync.WaitGroup
	var running atomic.Int32
	for w := range writers {
		cmd := writer(t, dir, fmt.Sprint("w", w), each)
		running.Add(1)
		wg.Go(func() {
			defer running.Add(-1)
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
		})
	}
	var mu sync.Mutex
	p := &post{}
	for range 3 {
		wg.Go(func() {
			for last := false; !last; {
				last = running.Load() == 0 // whatever is appended before that is drained below
				_, err := s.Drain(t.Context(), func(ctx context.Context, body []byte) error {
					mu.Lock()
					defer mu.Unlock()
					return p.send(ctx, body)
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	byWriter := map[string][]string{}
	for _, b := range p.got {
		name, _, _ := strings.Cut(b, " ")
		byWriter[name] = append(byWriter[name], b)
	}
	for w := range writers {
		name := fmt.Sprint("w", w)
		var want []string
		for i := range each {
			want = append(want, fmt.Sprintf("%s %06d", name, i))
		}
		if diff := cmp.Diff(want, byWriter[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestKilledWriters kills processes with SIGKILL at arbitrary moments: what they said to be on the disk comes out, whole and in order.
func TestKilledWriters(t *testing.T) {
	t.Parallel()
	rounds := 12
	if os.Getenv("OPSBOT_SOAK") == "1" {
		rounds = 200
	}
	s, dir := open(t, spool.Options{})
	var said []string
	for round := range rounds {
		cmd := writer(t, dir, fmt.Sprintf("r%03d", round), 1000)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 1 + round*7%13 {
			if lines.Scan() {
				said = append(said, lines.Text())
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it had said before the signal came
			said = append(said, lines.Text())
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the writer was not killed")
		}
	}
	p := &post{}
	r, err := s.Drain(t.Context(), p.send)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(p.got) {
		t.Error("what came is not in order")
	}
	got := map[string]int{}
	for _, b := range p.got {
		got[b]++
	}
	for _, b := range said {
		if got[b] != 1 {
			t.Errorf("%q came %d times, want once", b, got[b])
		}
	}
	// A writer may have died between the file's name and saying so.
	if extra := len(p.got) - len(said); extra < 0 || extra > rounds {
		t.Errorf("%d came, %d were said, in %d rounds", len(p.got), len(said), rounds)
	}
	t.Logf("%d came, %d were put aside", len(p.got), len(r.Aside))
}

// TestOneFailureIsEnough lets many wait while one posts and fails: they do not try the same in vain, each with its own timeout.
func TestOneFailureIsEnough(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	synctest.Test(t, func(t *testing.T) {
		s, err := spool.Open(dir, spool.Options{})
		if err != nil {
			t.Fatal(err)
		}
		appendAll(t, s, "a")
		tries := 0
		drain := func() {
			_, err := s.Drain(t.Context(), func(context.Context, []byte) error {
				tries++
				time.Sleep(5 * time.Second)
				return errors.New("connection refused")
			})
			if err == nil {
				t.Error("Drain = nil, want an error")
			}
		}
		var wg sync.WaitGroup
		wg.Go(drain)
		synctest.Wait() // the first is posting
		for range 5 {
			wg.Go(drain)
		}
		wg.Wait()
		if tries != 1 {
			t.Errorf("six drains at once tried %d times, want once", tries)
		}
		time.Sleep(time.Second)
		if drain(); tries != 2 {
			t.Errorf("a later drain made it %d tries, want 2", tries)
		}
		if n := waiting(t, s); n != 1 {
			t.Errorf("%d wait, want 1", n)
		}
	})
}
