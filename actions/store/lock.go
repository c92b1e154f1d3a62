package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another process has the data directory open.
var ErrLocked = errors.New("data directory in use")

// lock takes the data directory for this process and keeps it until the file is closed. The kernel drops the lock when the process dies, so a
// stale file does no harm. Two servers on one directory would both acknowledge and lose each other's keys.
func lock(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data directory: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder := holderOf(f)
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("open %s: %w by %s: send commands to it through its socket, or stop it first", dir, ErrLocked, holder)
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		_ = f.Close() // the first error tells more
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// holderOf names the process that wrote its number into the lock.
func holderOf(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	pid, convErr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || convErr != nil {
		return "a process that left no number"
	}
	return fmt.Sprintf("process %d", pid)
}
