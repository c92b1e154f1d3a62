//go:build linux

package vtep_test

import (
	"os"
	"testing"
	"unsafe"

	"github.com/shitops/opsbot/overlay/netlab"
	"github.com/shitops/opsbot/overlay/vtep"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// need skips the test, with the reason, where there are no TUN devices. With OPSBOT_REQUIRE_REAL=1 it fails instead.
func need(t testing.TB) {
	t.Helper()
	netlab.Need(t)
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err == nil {
		_ = f.Close() // nothing was made
		return
	}
	if os.Getenv("OPSBOT_REQUIRE_REAL") == "1" {
		t.Fatalf("TUN devices are required: %v", err)
	}
	t.Skipf("needs TUN devices: %v", err)
}

// world is a lab whose first node is a userspace VTEP and whose others are kernels.
type world struct {
	*netlab.World
	user *vtep.Plane
}

func newWorld(t testing.TB, nodes int) *world {
	t.Helper()
	need(t)
	return newWorldIn(t, netlab.New(t, nodes))
}

func newWorldIn(t testing.TB, lab *netlab.Lab) *world {
	t.Helper()
	w := &world{&netlab.World{Lab: lab}, newVTEP(t, lab.Nodes[0])}
	w.Planes = append(w.Planes, w.user)
	for _, n := range lab.Nodes[1:] {
		fillChecksums(t, n, "e0")
		w.Planes = append(w.Planes, netlab.NewKernel(t, n))
	}
	return w
}

func newVTEP(t testing.TB, n *netlab.Space) *vtep.Plane {
	t.Helper()
	p, err := vtep.New(vtep.Options{Node: n.Name, Instance: "test", VTEP: n.Addr, Namespace: n.Path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the VTEP of %s: %v", n.Name, err)
		}
	})
	return p
}

// fillChecksums lets a device compute checksums before a packet leaves its namespace, as a real card does on the wire (ethtool -K DEV tx off).
// Without it the checksums of tunnelled packets stay empty between namespaces.
func fillChecksums(t testing.TB, n *netlab.Space, device string) {
	t.Helper()
	ethtool(t, n, device, unix.ETHTOOL_STXCSUM, 0)
}

// ethtoolSGRO lets a device gather packets of a stream as they come in (ETHTOOL_SGRO of linux/ethtool.h).
const ethtoolSGRO = 0x2c

// ethtool sets a value of a device (struct ethtool_value of linux/ethtool.h).
func ethtool(t testing.TB, n *netlab.Space, device string, command, value uint32) {
	t.Helper()
	err := n.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		values := [2]uint32{command, value}
		var request struct {
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			rest [16]byte
		}
		copy(request.name[:], device)
		request.data = unsafe.Pointer(&values)
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
			return errno
		}
		return nil
	})
	if err != nil {
		t.Fatalf("ethtool %#x of %s on %s: %v", command, device, n.Name, err)
	}
}
