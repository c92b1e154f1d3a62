package vtep

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/shitops/opsbot/overlay"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/tun"
)

// group is the interface group of our devices, that of the kernel plane; "obe" in ASCII.
const group = 0x6f6265

// devicePath is where TUN devices come from.
const devicePath = "/dev/net/tun"

// system is what the operating system does for us.
type system struct {
	namespace string
	netlink   *netlink.Handle
}

// newSystem opens what is needed in the namespace given.
func newSystem(namespace string) (*system, error) {
	s := &system{namespace: namespace}
	var err error
	if namespace == "" {
		s.netlink, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return s, err
	}
	fd, err := unix.Open(namespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open network namespace %s: %w", namespace, err)
	}
	defer func() { _ = unix.Close(fd) }() // opened to be read: nothing can be lost
	s.netlink, err = netlink.NewHandleAt(netns.NsHandle(fd), unix.NETLINK_ROUTE)
	return s, err
}

func (s *system) close() { s.netlink.Close() }

// within runs do on a thread that lies in the namespace; the thread ends with it.
func (s *system) within(do func() error) error {
	if s.namespace == "" {
		return do()
	}
	fd, err := unix.Open(s.namespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open network namespace %s: %w", s.namespace, err)
	}
	defer func() { _ = unix.Close(fd) }() // opened to be read: nothing can be lost
	return onThread(func() error {
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", s.namespace, err)
		}
		return do()
	})
}

// onThread runs do on a thread that is not used for anything else afterwards.
func onThread(do func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with the goroutine
		result <- do()
	}()
	return <-result
}

// listen opens a UDP socket that tune has tuned.
func (s *system) listen(addr netip.AddrPort, tune func(fd int) error) (conn *net.UDPConn, err error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var tuned error
		err := raw.Control(func(fd uintptr) { tuned = tune(int(fd)) })
		return errors.Join(err, tuned)
	}}
	err = s.within(func() error {
		c, err := config.ListenPacket(context.Background(), "udp", addr.String())
		if err == nil {
			conn = c.(*net.UDPConn)
		}
		return err
	})
	return conn, err
}

// open makes a device and sets it up.
func (s *system) open(want, alias string, mtu int) (device tun.Device, name string, err error) {
	err = s.within(func() error {
		device, name, err = openTUN(want)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	link, err := s.netlink.LinkByName(name)
	if err == nil {
		_ = s.netlink.LinkSetIP6AddrGenMode(link, nl6AddrGenModeNone) // kernels without IPv6 have none
		err = errors.Join(s.netlink.LinkSetAlias(link, alias), s.netlink.LinkSetGroup(link, group), s.netlink.LinkSetMTU(link, mtu), s.netlink.LinkSetUp(link))
	}
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("set up device %s: %w", name, err), device.Close())
	}
	return device, name, nil
}

// nl6AddrGenModeNone lets a device give itself no address (IN6_ADDR_GEN_MODE_NONE).
const nl6AddrGenModeNone = 1

// openTUN makes a TUN device in the namespace of this thread. A device of that name that exists is not taken (IFF_TUN_EXCL).
func openTUN(name string) (tun.Device, string, error) {
	fd, err := unix.Open(devicePath, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, "", fmt.Errorf("open %s: %w", devicePath, err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR | unix.IFF_TUN_EXCL)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		_ = unix.Close(fd) // it made nothing
		return nil, "", fmt.Errorf("make device %s: %w", name, err)
	}
	device, name, err := tun.CreateUnmonitoredTUNFromFD(fd)
	if err != nil {
		_ = unix.Close(fd) // the device goes with it
		return nil, "", fmt.Errorf("make device %s: %w", name, err)
	}
	return device, name, nil
}

// setDevice sets a device up again.
func (s *system) setDevice(name string, mtu int) error {
	link, err := s.netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find device %s: %w", name, err)
	}
	return errors.Join(s.netlink.LinkSetMTU(link, mtu), s.netlink.LinkSetUp(link))
}

// addAddress gives a device an address, and with it the route to its prefix.
func (s *system) addAddress(name string, ip netip.Prefix) error {
	link, err := s.netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find device %s: %w", name, err)
	}
	address := &netlink.Addr{IPNet: ipNet(ip)}
	if ip.Addr().Is6() {
		address.Flags = unix.IFA_F_NODAD
	}
	err = s.netlink.AddrReplace(link, address)
	if errors.Is(err, unix.EACCES) && ip.Addr().Is6() { // IPv6 is off on new devices
		path := filepath.Join("/proc/sys/net/ipv6/conf", name, "disable_ipv6")
		if err := s.within(func() error { return os.WriteFile(path, []byte("0\n"), 0o644) }); err != nil {
			return fmt.Errorf("let device %s have IPv6: %w", name, err)
		}
		err = s.netlink.AddrReplace(link, address)
	}
	return err
}

// removeAddress takes an address from a device. One that it does not have is well.
func (s *system) removeAddress(name string, ip netip.Prefix) error {
	link, err := s.netlink.LinkByName(name)
	if err != nil {
		return nil // it went with its device
	}
	if err := s.netlink.AddrDel(link, &netlink.Addr{IPNet: ipNet(ip)}); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return err
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// devices reads all devices.
func (s *system) devices() ([]deviceState, error) {
	links, err := s.netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	addresses, err := s.netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("read addresses: %w", err)
	}
	of := map[int][]netip.Prefix{}
	for _, a := range addresses {
		if ip, ok := netip.AddrFromSlice(a.IP); ok && !ip.Unmap().IsLinkLocalUnicast() {
			bits, _ := a.Mask.Size()
			of[a.LinkIndex] = append(of[a.LinkIndex], netip.PrefixFrom(ip.Unmap(), bits))
		}
	}
	list := make([]deviceState, 0, len(links))
	for _, l := range links {
		a := l.Attrs()
		d := deviceState{name: a.Name, kind: l.Type(), up: a.Flags&net.FlagUp != 0, loopback: a.Flags&net.FlagLoopback != 0, mtu: a.MTU, addresses: of[a.Index]}
		if rest, ok := strings.CutPrefix(a.Alias, "opsbot "); ok {
			d.owner, _, _ = strings.Cut(rest, " ")
		}
		if v, ok := l.(*netlink.Vxlan); ok {
			d.vxlan, d.port = true, uint16(v.Port)
			d.vtep, _ = netip.AddrFromSlice(v.SrcAddr)
			d.vtep = d.vtep.Unmap()
		}
		list = append(list, d)
	}
	return list, nil
}

// try finds out whether devices can be made, in a namespace that vanishes.
func (s *system) try() error {
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a scratch network namespace: %w", err)
		}
		device, _, err := openTUN(overlay.TunnelName(overlay.FirstVNI))
		if err != nil {
			return err
		}
		return device.Close()
	})
}

// release names the kernel.
func release() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

// isGone tells whether err says that a device is no longer there.
func isGone(err error) bool {
	return errors.Is(err, os.ErrClosed) || errors.Is(err, unix.EBADFD) || errors.Is(err, unix.EIO)
}
