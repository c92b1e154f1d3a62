//go:build linux

package netlab

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Lab is nodes on one underlay, a bridge in a namespace of its own.
type Lab struct {
	Underlay *Space
	Nodes    []*Space
}

// Space is a network namespace.
type Space struct {
	Name      string
	Path      string     // where it can be opened
	Addr      netip.Addr // on the underlay, for a node
	Endpoints string     // folder where a node's endpoints are found by name
	file      *os.File
}

// Need skips the test, with the reason, where network namespaces cannot be made. With OPSBOT_REQUIRE_REAL=1 it fails instead.
func Need(t testing.TB) {
	t.Helper()
	s, err := open("need")
	for _, tool := range []string{"nsenter", "ip", "bridge", "ping"} {
		if err == nil {
			_, err = exec.LookPath(tool)
		}
	}
	if err == nil {
		_, err = s.Try("ip", "link", "add", "name", "b0", "type", "bridge")
		_ = s.file.Close() // the namespace was empty
	}
	if err == nil {
		return
	}
	if os.Getenv("OPSBOT_REQUIRE_REAL") == "1" {
		t.Fatalf("network namespaces are required: %v", err)
	}
	t.Skipf("needs root, network namespaces, iproute2, util-linux and iputils-ping: %v", err)
}

// New makes a lab with n nodes. It skips where [Need] does.
func New(t testing.TB, n int) *Lab {
	t.Helper()
	Need(t)
	l := &Lab{Underlay: NewSpace(t, "underlay")}
	l.Underlay.Run(t, "ip", "link", "add", "name", "u0", "mtu", "1500", "type", "bridge", "mcast_snooping", "0")
	l.Underlay.Run(t, "ip", "link", "set", "dev", "u0", "up")
	for i := range n {
		s := NewSpace(t, fmt.Sprintf("edge-%d", i+1))
		s.Addr, s.Endpoints = netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), t.TempDir()
		l.Underlay.Pair(t, fmt.Sprintf("n%d", i+1), s, "e0")
		l.Underlay.Run(t, "ip", "link", "set", "dev", fmt.Sprintf("n%d", i+1), "master", "u0", "up")
		s.Run(t, "ip", "address", "add", s.Addr.String()+"/24", "dev", "e0")
		s.Run(t, "ip", "link", "set", "dev", "e0", "up")
		l.Nodes = append(l.Nodes, s)
	}
	return l
}

// Endpoint makes an empty namespace that is found by name in the node's folder.
func (s *Space) Endpoint(t testing.TB, name string) *Space {
	t.Helper()
	e := NewSpace(t, name)
	if err := os.Symlink(e.Path, filepath.Join(s.Endpoints, name)); err != nil {
		t.Fatalf("name endpoint %s of %s: %v", name, s.Name, err)
	}
	return e
}

// NewSpace makes a namespace with its loopback up.
func NewSpace(t testing.TB, name string) *Space {
	t.Helper()
	s, err := open(name)
	if err != nil {
		t.Fatalf("make namespace %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := s.file.Close(); err != nil {
			t.Errorf("close namespace %s: %v", name, err)
		}
	})
	s.Run(t, "ip", "link", "set", "dev", "lo", "up")
	return s
}

// open makes a namespace on a thread that ends at once; the file keeps the namespace.
func open(name string) (*Space, error) {
	type made struct {
		s   *Space
		err error
	}
	result := make(chan made)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			result <- made{nil, fmt.Errorf("make a network namespace: %w", err)}
			return
		}
		f, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			result <- made{nil, err}
			return
		}
		result <- made{&Space{Name: name, Path: fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd()), file: f}, nil}
	}()
	m := <-result
	return m.s, m.err
}

// Pair makes a pair of connected devices, one here and one there.
func (s *Space) Pair(t testing.TB, here string, other *Space, there string) {
	t.Helper()
	h, err := netlink.NewHandleAt(netns.NsHandle(s.file.Fd()))
	if err != nil {
		t.Fatalf("open %s: %v", s.Name, err)
	}
	defer h.Close()
	pair := netlink.NewVeth(netlink.LinkAttrs{Name: here, MTU: 1500})
	pair.PeerName, pair.PeerNamespace = there, netlink.NsFd(other.file.Fd())
	if err := h.LinkAdd(pair); err != nil {
		t.Fatalf("connect %s of %s with %s of %s: %v", here, s.Name, there, other.Name, err)
	}
	other.Run(t, "ip", "link", "set", "dev", there, "mtu", "1500", "up")
	s.Run(t, "ip", "link", "set", "dev", here, "up")
}

// Command is a command that runs in the namespace.
func (s *Space) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net=" + s.Path, name}, args...)...)
}

// Try runs a command in the namespace and returns what it printed.
func (s *Space) Try(name string, args ...string) (string, error) {
	out, err := s.Command(name, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %s %s: %w: %s", s.Name, name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// Run runs a command in the namespace and fails the test when it fails.
func (s *Space) Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := s.Try(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Do runs do on a thread that lies in the namespace.
func (s *Space) Do(do func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with the goroutine
		if err := unix.Setns(int(s.file.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter %s: %w", s.Name, err)
			return
		}
		result <- do()
	}()
	return <-result
}
