package vtep

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/tun"
)

// system is what the operating system does for us. Devices are utuns, which take the names that the system gives.
type system struct{}

// newSystem refuses a namespace, which macOS does not have.
func newSystem(namespace string) (*system, error) {
	if namespace != "" {
		return nil, fmt.Errorf("network namespace %s: macOS has none", namespace)
	}
	return &system{}, nil
}

func (*system) close() {}

// listen opens a UDP socket that tune has tuned.
func (*system) listen(addr netip.AddrPort, tune func(fd int) error) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var tuned error
		err := raw.Control(func(fd uintptr) { tuned = tune(int(fd)) })
		return errors.Join(err, tuned)
	}}
	c, err := config.ListenPacket(context.Background(), "udp", addr.String())
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

// tuneSocket sets what a socket of VXLAN needs.
func tuneSocket(fd int) error {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20) // it works with less, too
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<20)
	return nil
}

// keepWhole lets no hop cut what a socket sends (ip(4), ip6(4)).
func keepWhole(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_DONTFRAG, 1); err != nil {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, 1)
	}
	return nil
}

// open makes a device and sets it up. Devices of macOS have neither names of our choice nor an alias.
func (s *system) open(_, _ string, mtu int) (tun.Device, string, error) {
	device, err := tun.CreateTUN("utun", mtu)
	if err != nil {
		return nil, "", fmt.Errorf("make a utun: %w", err)
	}
	name, err := device.Name()
	if err == nil {
		err = s.setDevice(name, mtu)
	}
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("set up utun: %w", err), device.Close())
	}
	return device, name, nil
}

// run runs one of the system's own tools: macOS sets addresses and routes by ifconfig(8) and route(8).
func run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// setDevice sets a device up again.
func (*system) setDevice(name string, mtu int) error {
	return run("/sbin/ifconfig", name, "mtu", strconv.Itoa(mtu), "up")
}

// addAddress gives a device an address, and the route to its prefix.
func (*system) addAddress(name string, ip netip.Prefix) error {
	if ip.Addr().Is6() {
		return run("/sbin/ifconfig", name, "inet6", ip.String(), "alias")
	}
	if err := run("/sbin/ifconfig", name, "inet", ip.String(), ip.Addr().String(), "alias"); err != nil {
		return err
	}
	return run("/sbin/route", "-q", "-n", "add", "-inet", ip.Masked().String(), "-interface", name)
}

// removeAddress takes an address from a device. One that it does not have is well.
func (s *system) removeAddress(name string, ip netip.Prefix) error {
	devices, err := s.devices()
	if err != nil {
		return err
	}
	for _, d := range devices {
		for _, a := range d.addresses {
			if d.name == name && a == ip {
				family := "inet"
				if ip.Addr().Is6() {
					family = "inet6"
				}
				return run("/sbin/ifconfig", name, family, ip.Addr().String(), "-alias")
			}
		}
	}
	return nil
}

// devices reads all devices.
func (*system) devices() ([]deviceState, error) {
	links, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	list := make([]deviceState, 0, len(links))
	for _, l := range links {
		d := deviceState{name: l.Name, kind: strings.TrimRight(l.Name, "0123456789"), up: l.Flags&net.FlagUp != 0, loopback: l.Flags&net.FlagLoopback != 0, mtu: l.MTU}
		addresses, err := l.Addrs()
		if err != nil {
			continue // it went while we read
		}
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLinkLocalUnicast() {
				d.addresses = append(d.addresses, p)
			}
		}
		list = append(list, d)
	}
	return list, nil
}

// try finds out whether devices can be made.
func (*system) try() error {
	device, err := tun.CreateTUN("utun", 0)
	if err != nil {
		return fmt.Errorf("make a utun: %w", err)
	}
	return device.Close()
}

// release names the kernel.
func release() string {
	text, err := unix.Sysctl("kern.osrelease")
	if err != nil {
		return ""
	}
	return "Darwin " + text
}

// isGone tells whether err says that a device is no longer there.
func isGone(err error) bool {
	return errors.Is(err, os.ErrClosed) || errors.Is(err, unix.EBADF) || errors.Is(err, unix.EIO)
}
