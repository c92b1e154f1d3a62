package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/shitops/opsbot/internal/spawn"
)

// process is one child of ours from start to exit.
type process struct {
	cmd    *exec.Cmd
	output *tail
	done   chan struct{} // closed when it has exited
	err    error         // set before done is closed
}

// stopTimeout is how long a process may take to end after SIGTERM before it is killed.
const stopTimeout = 10 * time.Second

func startProcess(name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), output: &tail{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = attributes()
	p.cmd.WaitDelay = time.Second // a grandchild may hold the pipe
	wait, err := spawn.Start(p.cmd)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		p.err = wait()
	}()
	return p, nil
}

// stop ends the process by SIGTERM, by SIGKILL when that does not help, and waits for it. What it exits with is no error.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		<-p.done // it had ended
		return nil
	}
	t := time.NewTimer(stopTimeout)
	defer t.Stop()
	select {
	case <-p.done:
		return nil
	case <-t.C:
	}
	err := p.cmd.Process.Kill()
	<-p.done
	return errors.Join(fmt.Errorf("%s did not end within %s: %s", p.cmd.Path, stopTimeout, p.output), err)
}

// tail keeps the last 16 KiB that were written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 16 << 10

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if extra := len(t.buf) - tailBytes; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(b), nil
}

// String returns what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}
