package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
)

// Peer is the process at the other end of a connection, as the kernel knows it.
type Peer struct {
	UID uint32
	GID uint32
	PID int // 0 where the system does not tell
}

// Identity returns the name under which people are found in the configuration: unix:anna, or unix:#1234 for a number without a name.
func (p Peer) Identity() string { return Identity(p.UID) }

// Identity returns the identity of a local user: unix:anna, or unix:#1234 for a number without a name.
func Identity(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil && u.Username != "" {
		return "unix:" + u.Username
	}
	return "unix:#" + id
}

// Current returns the identity of the user who runs this process.
func Current() string { return Identity(uint32(os.Geteuid())) }

type peerKey struct{}

// withPeer is the ConnContext of the server: it asks the kernel once per connection.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	p, err := peerOf(c)
	if err != nil {
		return ctx // peerFrom answers for it
	}
	return context.WithValue(ctx, peerKey{}, p)
}

func peerFrom(ctx context.Context) (Peer, error) {
	if p, ok := ctx.Value(peerKey{}).(Peer); ok {
		return p, nil
	}
	return Peer{}, errors.New("the kernel does not tell who is calling")
}

func peerOf(c net.Conn) (Peer, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return Peer{}, fmt.Errorf("read peer credentials of a %T: not a unix socket", c)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return Peer{}, fmt.Errorf("read peer credentials: %w", err)
	}
	var p Peer
	var failed error
	if err := raw.Control(func(fd uintptr) { p, failed = credentials(int(fd)) }); err != nil {
		return Peer{}, fmt.Errorf("read peer credentials: %w", err)
	}
	if failed != nil {
		return Peer{}, fmt.Errorf("read peer credentials: %w", failed)
	}
	return p, nil
}
