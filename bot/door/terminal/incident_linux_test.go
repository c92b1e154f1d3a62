package terminal_test

import (
	"io"
	"testing"

	"github.com/shitops/opsbot/bot/door/terminal"
	"github.com/shitops/opsbot/bot/door/terminal/terminaltest"
	"github.com/shitops/opsbot/bot/reply"
)

// TestIncidentAtARealTerminal types at a pseudo terminal in raw mode while an incident comes, changes and ends.
func TestIncidentAtARealTerminal(t *testing.T) {
	t.Parallel()
	master, slave := terminaltest.Pty(t, 60, 20)
	c, ok, err := terminal.Open(slave, slave)
	if err != nil || !ok {
		t.Fatalf("Open = %v, %v", ok, err)
	}
	shown := newVT(t, 60, 20)
	copied := make(chan error, 1)
	go func() { _, err := io.Copy(shown, master); copied <- err }()
	feed, done := make(chan reply.Card), make(chan error, 1)
	go func() {
		done <- terminal.Run(t.Context(), terminal.Options{
			Desk: &desk{}, As: "unix:anna", Screen: c, Printer: terminal.NewPrinter(c, reply.Style{}, c), Feed: feed, Hello: "hello",
		})
	}()
	shown.await("hello\nopsbot>\n")
	typed := func(keys string) {
		if _, err := master.WriteString(keys); err != nil {
			t.Error(err)
		}
	}
	typed("list no")
	shown.await("hello\nopsbot> list no\n")
	feed <- incident("a", "ams-1!Cache Hit Rate is WARNING", true, "61 %")
	shown.await("hello\n~ ams-1!Cache Hit Rate is WARNING\n  61 %\nopsbot> list no\n")
	feed <- incident("a", "ams-1!Cache Hit Rate is WARNING", true, "61 %", "flushed by rule:hit-rate")
	typed("des\r")
	shown.await("hello\n~ ams-1!Cache Hit Rate is WARNING\n  61 %\n  flushed by rule:hit-rate\nopsbot> list nodes\nheard list nodes\nopsbot>\n")
	feed <- incident("a", "ams-1!Cache Hit Rate is OK again", false, "61 %", "flushed by rule:hit-rate", "recovered: OK")
	shown.await("hello\n+ ams-1!Cache Hit Rate is OK again\n  61 %\n  flushed by rule:hit-rate\n  recovered: OK\nopsbot> list nodes\nheard list nodes\nopsbot>\n")
	typed("\x04")
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	_ = slave.Close()
	_ = master.Close()
	<-copied // ended by that
}
