//go:build linux

package kernel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultDebounce is how long changes are gathered before they are told.
const DefaultDebounce = 200 * time.Millisecond

// Watch calls notify when something about our devices, or a foreign VXLAN device, was changed by anyone, ourselves included; at most once
// in debounce. Changes that the kernel could not tell for want of room count as one. It returns when ctx ends.
func (p *Plane) Watch(ctx context.Context, debounce time.Duration, notify func()) error {
	var c *conn
	err := within(p.o.Namespace, func() (err error) {
		c, err = dial(unix.RTNLGRP_LINK, unix.RTNLGRP_NEIGH, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR)
		return err
	})
	if err != nil {
		return fmt.Errorf("watch the kernel of %s: %w", p.o.Node, err)
	}
	defer func() { _ = c.close() }() // it was only read
	if err := unix.SetNonblock(c.fd, true); err != nil {
		return fmt.Errorf("watch the kernel of %s: %w", p.o.Node, err)
	}
	var due time.Time
	for ctx.Err() == nil {
		wait := 100 * time.Millisecond
		if !due.IsZero() {
			wait = min(wait, max(0, time.Until(due)))
		}
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}, int(wait.Milliseconds())+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("watch the kernel of %s: %w", p.o.Node, err)
		}
		if ready > 0 && c.concernsUs() && due.IsZero() {
			due = time.Now().Add(debounce)
		}
		if !due.IsZero() && !time.Now().Before(due) {
			due = time.Time{}
			notify()
		}
	}
	return nil
}

// concernsUs reads what waits and tells whether it is about our devices or about a device that may be in our way.
func (c *conn) concernsUs() (ours bool) {
	for {
		err := c.receive(func(m message) error {
			ours = ours || concerns(m)
			return nil
		})
		switch {
		case errors.Is(err, unix.EAGAIN):
			return ours
		case err != nil: // ENOBUFS: some were lost
			return true
		}
	}
}

// concerns tells whether m is about one of our devices, or about a VXLAN device or one called as ours.
func concerns(m message) bool {
	if m.kind == unix.RTM_NEWLINK || m.kind == unix.RTM_DELLINK {
		m.kind = unix.RTM_NEWLINK
		l, ok := parseLink(m)
		return ok && (l.index&ourIndexes != 0 || l.kind == "vxlan" || strings.HasPrefix(l.name, "ob"))
	}
	return len(m.body) >= 8 && u32(m.body[4:])&ourIndexes != 0
}
