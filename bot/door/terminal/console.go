package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Console is the terminal of this process in raw mode. Close gives it back as it was.
type Console struct {
	in, out *os.File
	state   *term.State
	wakeR   *os.File // a pipe: readable means that Read is to end
	wakeW   *os.File
}

// Open puts the terminal into raw mode. It returns false where in or out is none.
func Open(in, out *os.File) (*Console, bool, error) {
	if !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return nil, false, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, true, fmt.Errorf("open the terminal: %w", err)
	}
	state, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, true, errors.Join(fmt.Errorf("put the terminal into raw mode: %w", err), r.Close(), w.Close())
	}
	return &Console{in: in, out: out, state: state, wakeR: r, wakeW: w}, true, nil
}

// Read waits for keys, or for Wake.
func (c *Console) Read(p []byte) (int, error) {
	fds := []unix.PollFd{{Fd: int32(c.in.Fd()), Events: unix.POLLIN}, {Fd: int32(c.wakeR.Fd()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait for the terminal: %w", err)
		case fds[1].Revents != 0:
			return 0, io.EOF
		default:
			return c.in.Read(p)
		}
	}
}

// Write writes to the screen. In raw mode a line break does not return to the first column by itself, so Write adds what is missing.
func (c *Console) Write(p []byte) (int, error) {
	if _, err := c.out.Write(bytes.ReplaceAll(bytes.ReplaceAll(p, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, fmt.Errorf("write to the terminal: %w", err)
	}
	return len(p), nil
}

// Size returns columns and rows, 0 where they are not known.
func (c *Console) Size() (width, height int) {
	width, height, err := term.GetSize(int(c.out.Fd()))
	if err != nil {
		return 0, 0
	}
	return width, height
}

// Wake ends a Read, now and for good. It may be called more than once, also after Close.
func (c *Console) Wake() { _, _ = c.wakeW.Write([]byte{1}) } // a pipe that is closed or full has done its work

// Close restores the terminal.
func (c *Console) Close() error {
	err := term.Restore(int(c.in.Fd()), c.state)
	return errors.Join(err, c.wakeR.Close(), c.wakeW.Close())
}
