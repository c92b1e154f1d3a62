package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions/store"
)

// childEnv makes the test binary a process that writes into the store of the named directory until it is killed.
const childEnv = "OPSBOT_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := writeForEver(dir, os.Getenv(childEnv+"_ROUND"), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	goleak.VerifyTestMain(m)
}

// writeForEver writes one of everything and says so on out after each acknowledgement.
func writeForEver(dir, round string, out io.Writer) error {
	e, err := store.Open(store.Options{Dir: dir, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "ready", os.Getpid())
	writers := make(chan error)
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				if err := writeOne(e, out, fmt.Sprintf("%s-%d-%d", round, w, i)); err != nil {
					writers <- err
					return
				}
			}
		}()
	}
	return <-writers
}

// writeOne writes a key twice, a message and a record, and reports each.
func writeOne(e *store.Engine, out io.Writer, name string) error {
	ctx := context.Background()
	value := []byte(name + strings.Repeat(".", 300))
	revision, err := e.Bucket(store.Runs).Create(ctx, name, value)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "key", name, revision)
	if revision, err = e.Bucket(store.Runs).Update(ctx, name, value, revision); err != nil {
		return err
	}
	fmt.Fprintln(out, "key", name, revision)
	sequence, _, err := e.Queue().Publish(ctx, name, value)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "message", name, sequence)
	if sequence, err = e.Log(store.Audit).Append(ctx, name, value, store.AnySequence); err != nil {
		return err
	}
	fmt.Fprintln(out, "record", name, sequence)
	return nil
}

// acked is what a child had acknowledged when it died.
type acked struct {
	blind    *atomic.Bool // while it is set, reports count for nothing
	keys     map[string]uint64
	messages map[string]uint64
	records  map[string]uint64
}

func newAcked() acked {
	return acked{blind: new(atomic.Bool), keys: map[string]uint64{}, messages: map[string]uint64{}, records: map[string]uint64{}}
}

// read takes the reports of a child until its pipe ends. A line that was cut off counts for nothing.
func (a acked) read(r io.Reader) {
	lines := bufio.NewReader(r)
	for {
		text, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		var kind, name string
		var revision uint64
		if _, err := fmt.Sscan(text, &kind, &name, &revision); err != nil {
			return
		}
		if a.blind.Load() {
			continue
		}
		switch kind {
		case "key":
			a.keys[name] = revision
		case "message":
			a.messages[name] = revision
		case "record":
			a.records[name] = revision
		}
	}
}

func (a acked) total() int { return len(a.keys) + len(a.messages) + len(a.records) }

// round starts a child, lets it write for a while after it is ready, ends it by kill, and returns when its reports are read.
func (a acked) round(t *testing.T, dir string, n int, kill func(*exec.Cmd)) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), childEnv+"="+dir, fmt.Sprintf("%s_ROUND=%d", childEnv, n))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if first, err := lines.ReadString('\n'); err != nil {
		t.Fatalf("child: %q, %v", first, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.read(lines)
	}()
	time.Sleep(200*time.Millisecond + rand.N(300*time.Millisecond)) // when the blow falls is the point of the test
	kill(c)
	<-done
	_ = c.Wait() // it was killed
}

// check opens the store and looks for everything that was acknowledged.
func (a acked) check(t *testing.T, dir string) {
	t.Helper()
	e := open(t, store.Options{Dir: dir})
	lost := 0
	for name, revision := range a.keys {
		got, err := e.Bucket(store.Runs).Get(t.Context(), name)
		if err != nil || got.Revision < revision || !strings.HasPrefix(string(got.Value), name+".") {
			t.Errorf("key %s: revision %d, %v; acknowledged %d", name, got.Revision, err, revision)
			lost++
		}
	}
	records, err := e.Log(store.Audit).Read(t.Context(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, r := range records {
		have["record "+r.ID] = true
	}
	for len(a.messages) > 0 {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		got, err := e.Queue().Pull(ctx, 1000)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range got {
			have["message "+l.ID()] = true
		}
	}
	for name, sequence := range a.records {
		if !have["record "+name] {
			t.Errorf("record %s (%d) is lost", name, sequence)
			lost++
		}
	}
	for name, sequence := range a.messages {
		if !have["message "+name] {
			t.Errorf("message %s (%d) is lost", name, sequence)
			lost++
		}
	}
	t.Logf("%d acknowledged, %d lost", a.total(), lost)
	if a.total() == 0 {
		t.Error("nothing was acknowledged in any round: the test proves nothing")
	}
	shut(t, e)
}

// soak returns long when OPSBOT_SOAK=1, else short.
func soak(short, long int) int {
	if os.Getenv("OPSBOT_SOAK") == "1" {
		return long
	}
	return short
}

// TestKilled kills a writer again and again; nothing that it was told to be stored may be lost.
func TestKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	a := newAcked()
	for n := range soak(2, 20) {
		a.round(t, dir, n, func(c *exec.Cmd) {
			if err := c.Process.Kill(); err != nil {
				t.Error(err)
			}
		})
	}
	a.check(t, dir)
}

// TestLocked is rule 9: a second process on the directory would acknowledge and lose.
func TestLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	newAcked().round(t, dir, 0, func(c *exec.Cmd) {
		_, err := store.Open(store.Options{Dir: dir, Log: quiet()})
		want := fmt.Sprintf("by process %d: send commands to it through its socket", c.Process.Pid)
		if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), want) {
			t.Errorf("second open = %v, want ErrLocked %s", err, want)
		}
		if err := c.Process.Kill(); err != nil {
			t.Error(err)
		}
	})
	shut(t, open(t, store.Options{Dir: dir})) // the lock of a dead process does not count
}
