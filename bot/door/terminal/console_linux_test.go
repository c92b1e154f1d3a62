package terminal_test

import (
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/term"

	"github.com/shitops/opsbot/bot/door/terminal"
	"github.com/shitops/opsbot/bot/door/terminal/terminaltest"
)

func TestConsole(t *testing.T) {
	t.Parallel()
	master, slave := terminaltest.Pty(t, 100, 30)
	before, err := term.GetState(int(slave.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	c, ok, err := terminal.Open(slave, slave)
	if err != nil || !ok {
		t.Fatalf("Open = %v, %v", ok, err)
	}
	if w, h := c.Size(); w != 100 || h != 30 {
		t.Errorf("Size = %d, %d, want 100, 30", w, h)
	}
	buf := make([]byte, 64)
	if _, err := master.WriteString("a\x03"); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "a\x03" {
		t.Errorf("Read = %q, %v, want the keys as they were typed", buf[:n], err)
	}
	if n, err := c.Write([]byte("one\ntwo\r\n")); err != nil || n != 9 {
		t.Errorf("Write = %d, %v, want 9", n, err)
	}
	if n, err := io.ReadAtLeast(master, buf, 10); err != nil || string(buf[:n]) != "one\r\ntwo\r\n" {
		t.Errorf("the terminal got %q, %v", buf[:n], err)
	}
	read := make(chan error)
	go func() { _, err := c.Read(make([]byte, 1)); read <- err }()
	c.Wake()
	if err := <-read; err != io.EOF {
		t.Errorf("Read after Wake = %v, want EOF", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	c.Wake()
	after, err := term.GetState(int(slave.Fd()))
	if err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the terminal is left as %v, %v, want %v", after, err, before)
	}
}

func TestOpenWithoutATerminal(t *testing.T) {
	t.Parallel()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, ok, err := terminal.Open(f, f); c != nil || ok || err != nil {
		t.Errorf("Open of /dev/null = %v, %v, %v, want no terminal", c, ok, err)
	}
}
