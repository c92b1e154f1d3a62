package spawn_test

import (
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/shitops/opsbot/internal/spawn"
)

// TestChildOutlivesTheThread starts a child from a thread that ends: it goes on, and ends by its own word.
func TestChildOutlivesTheThread(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-c", "read line && echo $line")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout = &out
	var wait func() error
	id := onPassingThread(func() { wait, err = spawn.Start(cmd) })
	if err != nil {
		t.Fatal(err)
	}
	for syscall.Tgkill(syscall.Getpid(), id, 0) == nil && t.Context().Err() == nil { // until the thread has gone
		runtime.Gosched()
	}
	if _, err := in.Write([]byte("alive\n")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := wait(); err != nil {
			t.Errorf("wait: %v", err)
		}
	}
	if out.String() != "alive\n" {
		t.Errorf("the child says %q", out.String())
	}
}

// onPassingThread runs f on a thread that ends then, and returns which it was. The first thread of a process never does.
func onPassingThread(f func()) int {
	id := make(chan int)
	go func() {
		runtime.LockOSThread() // never unlocked on others than the first: the thread ends with the goroutine
		if syscall.Gettid() == syscall.Getpid() {
			defer runtime.UnlockOSThread()
			id <- onPassingThread(f)
			return
		}
		f()
		id <- syscall.Gettid()
	}()
	return <-id
}

// TestNoSuchProgram is told at once.
func TestNoSuchProgram(t *testing.T) {
	t.Parallel()
	if _, err := spawn.Start(exec.Command("/nonexistent/program")); err == nil || !strings.Contains(err.Error(), "/nonexistent/program") {
		t.Errorf("Start of what is not there: %v", err)
	}
}
