package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// ErrInUse says that another process answers on the socket.
var ErrInUse = errors.New("another process answers on it")

// longest is the most bytes that the path of a socket may have on every system (sockaddr_un.sun_path is 104 on macOS, 108 on Linux, with
// its final zero).
const longest = 103

// listen makes the socket with its mode and group. What lies at the path is removed only if it is a socket that nobody answers on.
func listen(ctx context.Context, path string, mode fs.FileMode, group string) (*net.UnixListener, error) {
	if len(path) > longest {
		return nil, fmt.Errorf("listen on socket %s: the path has %d bytes, a socket may have %d", path, len(path), longest)
	}
	gid, err := groupID(group)
	if err != nil {
		return nil, fmt.Errorf("listen on socket %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("listen on socket %s: %w", path, err)
	}
	if err := clearStale(ctx, path); err != nil {
		return nil, fmt.Errorf("listen on socket %s: %w", path, err)
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = restrict(int(fd)) })
		return errors.Join(err, failed)
	}}
	l, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on socket %s: %w", path, err)
	}
	u := l.(*net.UnixListener)
	if gid >= 0 {
		err = os.Chown(path, -1, gid)
	}
	if err == nil {
		err = os.Chmod(path, mode.Perm())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open socket %s to its group: %w", path, err), u.Close())
	}
	return u, nil
}

// clearStale removes the socket of a process that is gone.
func clearStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSocket == 0:
		return errors.New("something that is no socket lies there; move it away")
	}
	d := net.Dialer{Timeout: 2 * time.Second}
	c, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		_ = c.Close() // nothing was sent
		return ErrInUse
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("look whether the old socket still answers: %w", err)
	}
	return os.Remove(path)
}

// groupID returns the number of a group given by name or number, or -1 when none is given.
func groupID(group string) (int, error) {
	if group == "" {
		return -1, nil
	}
	if n, err := strconv.ParseUint(group, 10, 31); err == nil {
		return int(n), nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return 0, fmt.Errorf("group %q: %w", group, err)
	}
	return strconv.Atoi(g.Gid)
}
