//go:build linux

package vtep_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay/netlab"
)

// listen opens a TCP listener in a namespace.
func listen(t testing.TB, n *netlab.Space, ip netip.Addr) (l net.Listener) {
	t.Helper()
	err := n.Do(func() (err error) {
		l, err = net.Listen("tcp", netip.AddrPortFrom(ip, 0).String())
		return err
	})
	if err != nil {
		t.Fatalf("listen on %s in %s: %v", ip, n.Name, err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// dial connects from a namespace.
func dial(t testing.TB, n *netlab.Space, network, to string) (c net.Conn) {
	t.Helper()
	err := n.Do(func() (err error) {
		c, err = net.DialTimeout(network, to, 5*time.Second)
		return err
	})
	if err != nil {
		t.Fatalf("connect to %s from %s: %v", to, n.Name, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// stream connects two namespaces by TCP and returns both ends.
func stream(t testing.TB, from, to *netlab.Space, ip netip.Addr) (near, far net.Conn) {
	t.Helper()
	l := listen(t, to, ip)
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			c = nil
		}
		accepted <- c
	}()
	near = dial(t, from, "tcp", l.Addr().String())
	if far = <-accepted; far == nil {
		t.Fatalf("accept at %s: nobody came", l.Addr())
	}
	t.Cleanup(func() { _ = far.Close() })
	return near, far
}

// echo answers UDP in a namespace until the test ends.
func echo(t testing.TB, n *netlab.Space, ip netip.Addr) string {
	t.Helper()
	var c net.PacketConn
	err := n.Do(func() (err error) {
		c, err = net.ListenPacket("udp", netip.AddrPortFrom(ip, 0).String())
		return err
	})
	if err != nil {
		t.Fatalf("listen on %s in %s: %v", ip, n.Name, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(buf[:n], from) // the asker notices
		}
	}()
	t.Cleanup(func() {
		_ = c.Close()
		<-done
	})
	return c.LocalAddr().String()
}
