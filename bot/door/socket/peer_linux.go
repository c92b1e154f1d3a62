package socket

import "golang.org/x/sys/unix"

// credentials are those of the process at the time of its connect (unix(7), SO_PEERCRED).
func credentials(fd int) (Peer, error) {
	c, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Peer{}, err
	}
	return Peer{UID: c.Uid, GID: c.Gid, PID: int(c.Pid)}, nil
}

// restrict sets the mode of a socket that is not bound yet: the kernel gives it to the file, so that there is no moment in which everybody
// could connect.
func restrict(fd int) error { return unix.Fchmod(fd, 0o600) }
