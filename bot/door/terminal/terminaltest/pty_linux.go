// Package terminaltest gives tests a real pseudo terminal.
//
// In comes a test; out come both ends of a terminal: what is written to the master is typed, what is read from it was shown. Read pty_linux.go, it
// is all there is.
//
//	master, slave := terminaltest.Pty(t, 100, 30)
//	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
package terminaltest

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Pty opens a pseudo terminal (pts(4)) of the given size, which is closed when the test ends.
func Pty(tb testing.TB, columns, rows uint16) (master, slave *os.File) {
	tb.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		tb.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		tb.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = slave.Close() })
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		tb.Fatal(err)
	}
	return master, slave
}
