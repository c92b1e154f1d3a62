//go:build linux

package kernel

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

// quietIPv6 switches IPv6 off on new devices but those that bear an IPv6 address or know an IPv6 neighbour. Where the system has no
// such switch, or forbids it, the devices have IPv6 as any other: slower to make, not wrong.
func (a *applier) quietIPv6(at, end int) error {
	wanted := map[string]bool{}
	for _, c := range a.list {
		if c.Op != overlay.Remove && needsIPv6(c.Object) {
			wanted[c.Object.Device()] = true
		}
	}
	return within(a.p.o.Namespace, func() error {
		quiet := bornQuiet()
		for _, c := range a.list[at:end] {
			if device := c.Object.Device(); c.Op != overlay.Set {
				if wanted[device] || !quiet {
					a.p.switchIPv6(device, wanted[device])
				}
				a.awake[device] = wanted[device]
			}
		}
		return nil
	})
}

// bornQuiet tells whether devices come to be without IPv6 in the calling thread's namespace.
func bornQuiet() bool {
	value, err := os.ReadFile("/proc/sys/net/ipv6/conf/default/disable_ipv6")
	return err == nil && strings.TrimSpace(string(value)) == "1"
}

// needsIPv6 tells whether o can only be on a device that has IPv6.
func needsIPv6(o overlay.Object) bool {
	return (o.Kind == overlay.Address || o.Kind == overlay.Neighbour) && o.IP.Addr().Is6()
}

// wakeIPv6 switches IPv6 on for the device that o lies on, once.
func (a *applier) wakeIPv6(o overlay.Object) error {
	device := o.Device()
	if a.awake[device] {
		return nil
	}
	a.awake[device] = true
	return within(a.p.o.Namespace, func() error { a.p.switchIPv6(device, true); return nil })
}

// switchIPv6 switches IPv6 of a device on or off. A device that has it gives itself no address and hears no router: what a segment says is not
// to change the node. The calling thread must lie in the device's namespace.
func (p *Plane) switchIPv6(device string, on bool) {
	if !on {
		p.setIPv6(device, "disable_ipv6", "1")
		return
	}
	p.setIPv6(device, "addr_gen_mode", "1") // none
	p.setIPv6(device, "accept_ra", "0")
	p.setIPv6(device, "disable_ipv6", "0")
}

// setIPv6 writes one switch (ip-sysctl of the kernel's documentation).
func (p *Plane) setIPv6(device, name, value string) {
	path := filepath.Join("/proc/sys/net/ipv6/conf", device, name)
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Write(fd, []byte(value))
		_ = unix.Close(fd) // a write to /proc has happened when it returns
	}
	if err != nil {
		p.o.Log.Debug("IPv6 of a device could not be switched", "device", device, "switch", name, "value", value, "error", err)
	}
}
