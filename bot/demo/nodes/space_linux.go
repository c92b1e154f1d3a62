package nodes

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// space is a network namespace and a thread that lies in it. The thread lives as long as the process, so that what it has started does not hear of
// the death of its parent before it is one.
type space struct {
	name string
	addr netip.Addr // of a node
	port string     // of the underlay that a node is behind
	file *os.File   // the namespace
	work chan func()
}

// inherit is the namespace that the process is in.
func inherit() (*space, error) { return open("base", func() error { return nil }) }

// unshare is a new namespace, with its loopback up.
func unshare(name string) (*space, error) {
	return open(name, func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a network namespace: %w", err)
		}
		return up("lo")
	})
}

func open(name string, enter func() error) (*space, error) {
	s := &space{name: name, work: make(chan func())}
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: see above
		err := enter()
		if err == nil {
			s.file, err = os.Open("/proc/thread-self/ns/net")
		}
		result <- err
		if err != nil {
			return
		}
		for do := range s.work {
			do()
		}
	}()
	if err := <-result; err != nil {
		return nil, err
	}
	return s, nil
}

// do does something in the namespace, one after the other.
func (s *space) do(do func() error) error {
	result := make(chan error, 1)
	s.work <- func() { result <- do() }
	return <-result
}

// path is where the namespace can be opened by others.
func (s *space) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), s.file.Fd()) }

// underlayMTU is that of the network between the nodes, bytes.
const underlayMTU = 1500

// newUnderlay makes a bridge in a namespace of its own, and tries whether the kernel has what segments are made of.
func newUnderlay() (*space, error) {
	s, err := unshare("underlay")
	if err != nil {
		return nil, err
	}
	return s, s.do(func() error {
		if err := onlySwitch(); err != nil {
			return err
		}
		snooping := false
		bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "u0", MTU: underlayMTU}, MulticastSnooping: &snooping}
		if err := netlink.LinkAdd(bridge); err != nil {
			return fmt.Errorf("make a bridge: %w", err)
		}
		trial := &netlink.Vxlan{LinkAttrs: netlink.LinkAttrs{Name: "v0"}, VxlanId: 4096, Port: 4789} // RFC 7348 section 5
		if err := netlink.LinkAdd(trial); err != nil {
			return fmt.Errorf("make a VXLAN device: %w", err)
		}
		if err := netlink.LinkDel(trial); err != nil {
			return fmt.Errorf("delete a VXLAN device: %w", err)
		}
		return up("u0")
	})
}

// onlySwitch keeps the bridges of this namespace from cutting packets into fragments, as they do where the machine has loaded br_netfilter: a hop
// that is too small must drop what is too large (Documentation/networking/ip-sysctl.rst, bridge-nf-call-*).
func onlySwitch() error {
	for _, name := range []string{"iptables", "ip6tables", "arptables"} {
		err := os.WriteFile("/proc/sys/net/bridge/bridge-nf-call-"+name, []byte("0"), 0o644)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("keep the packet filter from the underlay: %w", err)
		}
	}
	return nil
}

// connect makes a node and a cable between it and the bridge.
func (s *space) connect(name string, number int) (*space, error) {
	n, err := unshare(name)
	if err != nil {
		return nil, err
	}
	n.addr, n.port = netip.AddrFrom4([4]byte{192, 0, 2, byte(number)}), fmt.Sprintf("n%d", number) // RFC 5737
	err = s.do(func() error {
		bridge, err := netlink.LinkByName("u0")
		if err != nil {
			return err
		}
		cable := netlink.NewVeth(netlink.LinkAttrs{Name: n.port, MTU: underlayMTU, MasterIndex: bridge.Attrs().Index})
		cable.PeerName, cable.PeerNamespace = "e0", netlink.NsFd(n.file.Fd())
		if err := netlink.LinkAdd(cable); err != nil {
			return fmt.Errorf("lay a cable: %w", err)
		}
		return up(n.port)
	})
	if err != nil {
		return nil, err
	}
	return n, n.do(func() error {
		link, err := netlink.LinkByName("e0")
		if err != nil {
			return err
		}
		address, err := netlink.ParseAddr(n.addr.String() + "/24")
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, address); err != nil {
			return fmt.Errorf("give it %s: %w", address, err)
		}
		return netlink.LinkSetUp(link)
	})
}

func up(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}
