//go:build linux

package netlab

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// FillChecksums lets a device compute checksums before a packet leaves its namespace, as a real card does on the wire (ethtool -K DEV tx off).
// Without it the checksums of tunnelled packets stay empty between namespaces: pings pass, and TCP hangs.
func (s *Space) FillChecksums(t testing.TB, device string) {
	t.Helper()
	s.SetCard(t, device, unix.ETHTOOL_STXCSUM, 0)
}

// CardGathers is ETHTOOL_SGRO of linux/ethtool.h, which lets a device gather packets of a stream as they come in, for [Space.SetCard].
const CardGathers = 0x2c

// SetCard sets a value of a device (struct ethtool_value of linux/ethtool.h).
func (s *Space) SetCard(t testing.TB, device string, command, value uint32) {
	t.Helper()
	err := s.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }() // it held nothing
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
		t.Fatalf("ethtool %#x of %s on %s: %v", command, device, s.Name, err)
	}
}
