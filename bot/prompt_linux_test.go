package bot_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/term"

	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/door/terminal/terminaltest"
)

// prompt is `opsbot serve` at a terminal.
type prompt struct {
	tb     testing.TB
	cmd    *exec.Cmd
	master *os.File
	slave  *os.File
	before *term.State

	mu    sync.Mutex
	more  *sync.Cond
	shown bytes.Buffer
}

func startPrompt(tb testing.TB) *prompt {
	tb.Helper()
	dir := folder(tb)
	file := filepath.Join(dir, "opsbot.yaml")
	me := strings.TrimPrefix(socket.Current(), "unix:")
	text := fmt.Sprintf("data_dir: %s/data\nlisteners: [{address: \"127.0.0.1:0\", serve: [ops]}]\nsocket: {path: %s/s}\n"+
		"people: [{name: anna, roles: [operator], unix: [%q]}]\n", dir, dir, me)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	p := &prompt{tb: tb}
	p.more = sync.NewCond(&p.mu)
	p.master, p.slave = terminaltest.Pty(tb, 100, 30)
	before, err := term.GetState(int(p.slave.Fd()))
	if err != nil {
		tb.Fatal(err)
	}
	p.before = before
	p.cmd = exec.Command("opsbot", "serve", "--config", file)
	p.cmd.Env = append(os.Environ(), "TERM=xterm", "LANG=C.UTF-8", "NO_COLOR=1", "NOTIFY_SOCKET=")
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = p.slave, p.slave, p.slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(p.read)
	tb.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.master.Close(); _ = p.slave.Close(); reading.Wait() })
	return p
}

func (p *prompt) read() {
	buf := make([]byte, 4096)
	for {
		n, err := p.master.Read(buf)
		p.mu.Lock()
		p.shown.Write(buf[:n])
		p.mu.Unlock()
		p.more.Broadcast()
		if err != nil {
			return
		}
	}
}

// await waits until the terminal was shown the text, and forgets everything up to it.
func (p *prompt) await(text string) {
	p.tb.Helper()
	late := false
	timer := time.AfterFunc(20*time.Second, func() {
		p.mu.Lock()
		late = true
		p.mu.Unlock()
		p.more.Broadcast()
	})
	defer timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if i := bytes.Index(p.shown.Bytes(), []byte(text)); i >= 0 {
			p.shown.Next(i + len(text))
			return
		}
		if late {
			p.tb.Fatalf("the terminal was never shown %q, but %q", text, p.shown.String())
		}
		p.more.Wait()
	}
}

func (p *prompt) types(keys string) {
	p.tb.Helper()
	if _, err := p.master.WriteString(keys); err != nil {
		p.tb.Fatal(err)
	}
}

// ends waits for the end of the process and finds the terminal as it was before.
func (p *prompt) ends() {
	p.tb.Helper()
	if err := p.cmd.Wait(); err != nil {
		p.tb.Errorf("serve: %v", err)
	}
	after, err := term.GetState(int(p.slave.Fd()))
	if err != nil || fmt.Sprint(after) != fmt.Sprint(p.before) {
		p.tb.Errorf("the terminal is left as %v, %v, want %v", after, err, p.before)
	}
}

func TestPrompt(t *testing.T) {
	t.Parallel()
	p := startPrompt(t)
	p.await("is ready: 0 nodes, 0 deployments. Say \"help\", or leave with Ctrl-D, which stops the bot.\r\n")
	p.await("opsbot> ")
	p.types("whoami\r")
	p.await("you are anna")
	p.await("opsbot> ")
	p.types("who\t")
	p.await("whoami")
	p.types("\x03")
	p.await("Once more stops the bot; what runs goes on at the next start.")
	p.types("\x04")
	p.ends()
}

func TestTermAtThePrompt(t *testing.T) {
	t.Parallel()
	p := startPrompt(t)
	p.await("opsbot> ")
	p.types("half a li")
	p.await("half a li")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.ends()
}
