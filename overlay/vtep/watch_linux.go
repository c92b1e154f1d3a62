package vtep

import (
	"context"
	"fmt"
	"time"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Watch calls notify when a device or an address of the namespace was changed by anyone, ourselves included; at most once in debounce. It returns
// nil when ctx ends. When events were lost it notifies and returns an error. On macOS there is none: an agent compares on its own each minute.
func (p *Plane) Watch(ctx context.Context, debounce time.Duration, notify func()) error {
	at := netns.None()
	if p.system.namespace != "" {
		fd, err := unix.Open(p.system.namespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("watch the devices of %s: open network namespace %s: %w", p.o.Node, p.system.namespace, err)
		}
		defer func() { _ = unix.Close(fd) }() // opened to be read: nothing can be lost
		at = netns.NsHandle(fd)
	}
	s, err := nl.SubscribeAt(at, netns.None(), unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR)
	if err != nil {
		return fmt.Errorf("watch the devices of %s: %w", p.o.Node, err)
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { // wakes the read below
		s.Close()
		close(closed)
	})
	defer func() {
		if stop() {
			s.Close()
			return
		}
		<-closed
	}()
	for {
		_, _, err := s.Receive()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			notify()
			return fmt.Errorf("watch the devices of %s: %w", p.o.Node, err)
		}
		select { // what comes meanwhile waits in the socket
		case <-ctx.Done():
			return nil
		case <-time.After(debounce):
			notify()
		}
	}
}
