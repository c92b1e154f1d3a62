//go:build linux

package kernel_test

import (
	"context"
	"net"
	"testing"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/netlab"
	"golang.org/x/sys/unix"
)

// sabotage is what somebody does by hand, and where.
type sabotage struct {
	name, line string
	space      *netlab.Space
}

// survives holds that each sabotage of the first segment is repaired in one pass; from is where its first member is, or what stands for it.
func (w *world) survives(t *testing.T, from *netlab.Space, list []sabotage) {
	t.Helper()
	for _, by := range list {
		w.Survives(t, by.space, by.name, by.line, func() {
			w.Lab.Nodes[1].Ping(t, w.Members[0].IPs[0], true)
			from.Ping(t, w.Members[1].IPs[0], true)
		})
	}
}

func TestSabotageOfABareTunnelIsRepairedInOnePass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	n, remote := w.Lab.Nodes[0], w.Members[1]
	w.survives(t, n, []sabotage{
		{"deleted", "ip link delete ob001389", n},
		{"down", "ip link set ob001389 down", n},
		{"in a bridge", "ip link add x0 type bridge; ip link set ob001389 master x0", n},
		{"mtu", "ip link set ob001389 mtu 1400", n},
		{"mac", "ip link set ob001389 address 02:11:22:33:44:55", n},
		{"learning", "ip link set ob001389 type vxlan learning", n},
		{"renamed", "ip link set ob001389 down; ip link set ob001389 name other", n},
		{"flood entry deleted", "bridge fdb delete 00:00:00:00:00:00 dev ob001389 dst 192.0.2.2", n},
		{"forwarding changed", "bridge fdb replace " + remote.MAC.String() + " dev ob001389 dst 192.0.2.66 self permanent", n},
		{"forwarding made dynamic", "bridge fdb replace " + remote.MAC.String() + " dev ob001389 dst 192.0.2.2 self dynamic", n},
		{"neighbour changed", "ip neighbour replace " + remote.IPs[0].String() + " lladdr 02:99:99:99:99:99 dev ob001389", n},
		{"neighbour made dynamic", "ip neighbour replace " + remote.IPs[0].String() + " lladdr " + remote.MAC.String() + " dev ob001389 nud reachable", n},
		{"addresses", "ip address flush dev ob001389 scope global; ip address add 100.64.9.9/24 dev ob001389", n},
		{"everything of ours", "ip link delete group 7299685", n},
		{"made anew by hand", "ip link delete ob001389; ip link add ob001389 type vxlan id 5001 dstport 9999; ip link set ob001389 alias 'opsbot test 1'", n},
	})
}

func TestSabotageIsRepairedInOnePass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.Segment(t, 5001, 0, 1)
	box := w.Lab.Nodes[0].Endpoint(t, "box")
	w.Attach(t, s, 0, "box")
	w.Settle(t)
	n, remote := w.Lab.Nodes[0], w.Members[1]
	w.survives(t, box, []sabotage{
		{"tunnel deleted", "ip link delete ob001389", n},
		{"bridge deleted", "ip link delete obb001389", n},
		{"port deleted", "ip link delete " + overlay.PortName(5001, "box"), n},
		{"both deleted", "ip link delete ob001389; ip link delete obb001389", n},
		{"tunnel down", "ip link set ob001389 down", n},
		{"bridge down", "ip link set obb001389 down", n},
		{"tunnel out of its bridge", "ip link set ob001389 nomaster", n},
		{"tunnel in another bridge", "ip link add x0 type bridge; ip link set ob001389 master x0; ip link delete x0", n},
		{"mtu", "ip link set ob001389 mtu 1400; ip link set obb001389 mtu 1300", n},
		{"mac", "ip link set ob001389 address 02:11:22:33:44:55; ip link set obb001389 address 02:11:22:33:44:56", n},
		{"group", "ip link set ob001389 group 7", n},
		{"learning", "ip link set ob001389 type vxlan learning; bridge link set dev ob001389 learning on neigh_suppress off", n},
		{"spanning tree", "ip link set obb001389 type bridge stp_state 1", n},
		{"renamed", "ip link set ob001389 down; ip link set ob001389 name other", n},
		{"bridge renamed", "ip link set obb001389 down; ip link set obb001389 name other", n},
		{"flood entry deleted", "bridge fdb delete 00:00:00:00:00:00 dev ob001389 dst 192.0.2.2", n},
		{"flood entry added", "bridge fdb append 00:00:00:00:00:00 dev ob001389 dst 192.0.2.77", n},
		{"forwarding changed", "bridge fdb replace " + remote.MAC.String() + " dev ob001389 dst 192.0.2.66 self permanent", n},
		{"forwarding deleted", "bridge fdb delete " + remote.MAC.String() + " dev ob001389 self; bridge fdb delete " + remote.MAC.String() + " dev ob001389 master", n},
		{"forwarding added", "bridge fdb add 02:99:99:99:99:99 dev ob001389 dst 192.0.2.9 self; bridge fdb add 02:99:99:99:99:99 dev ob001389 master static", n},
		{"neighbour changed", "ip neighbour replace " + remote.IPs[0].String() + " lladdr 02:99:99:99:99:99 dev obb001389", n},
		{"neighbour deleted", "ip neighbour delete " + remote.IPs[0].String() + " dev obb001389; ip neighbour delete " + remote.IPs[1].String() + " dev obb001389", n},
		{"address deleted", "ip address flush dev obb001389 scope global", n},
		{"address added", "ip address add 100.64.9.9/24 dev obb001389", n},
		{"endpoint's device deleted", "ip link delete vni5001", box},
		{"endpoint's device down", "ip link set vni5001 down", box},
		{"endpoint's device mac", "ip link set vni5001 address 02:11:22:33:44:55", box},
		{"endpoint's address", "ip address flush dev vni5001 scope global; ip address add 10.9.9.9/24 dev vni5001", box},
		{"made anew by hand with another port", "ip link delete ob001389; ip link add ob001389 type vxlan id 5001 dstport 9999; ip link set ob001389 group 7300709 alias 'opsbot test 1'", n},
	})
}

func TestForeignDevicesAreReportedAndLeftAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, line, want string }{
		{"same VNI and port", "ip link add vx7 type vxlan id 5001 dstport 4789", "vni conflict: segment s5001 needs VNI 5001 on UDP port 4789 of node edge-1, but the foreign device vx7 has it"},
		{"our name", "ip link add obb001389 type bridge", "foreign device conflict: segment s5001 needs VNI 5001 on UDP port 4789 of node edge-1, but a device obb001389 exists that is not ours"},
		{"all VNIs of the port", "ip link add vx7 type vxlan external dstport 4789", "port conflict: UDP port 4789 of node edge-1 is to be ours, but the foreign device vx7 takes all of it"},
		{"ours, but somebody took the mark away", "ip link add ob001389 type vxlan id 5001 dstport 4789; ip link set ob001389 alias mine group 7299685", "but a device ob001389 exists that is not ours"},
		{"another instance", "ip link add ob001389 type vxlan id 5001 dstport 4789; ip link set ob001389 alias 'opsbot lab 3'", "but a device ob001389 (of lab) exists that is not ours"},
	} {
		w := newWorld(t, 1)
		w.Segment(t, 5001, 0)
		w.LeavesAlone(t, c.name, c.line, c.want)
	}
}

func TestAnotherVNIOnAnotherPortIsNoConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.Segment(t, 5001, 0, 1)
	w.Lab.Nodes[0].Run(t, "ip", "link", "add", "vx8", "type", "vxlan", "id", "5001", "dstport", "8472")
	w.Settle(t)
	w.PingAll(t, s)
}

func TestSegmentsAreIsolated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	s := w.Segment(t, 5001, 0, 1, 2)
	w.Segment(t, 5002, 0, 1, 2)
	w.Settle(t)
	quiet := watchFrames(t, w.Lab.Nodes[2], overlay.TunnelName(5002))
	busy := watchFrames(t, w.Lab.Nodes[2], overlay.TunnelName(5001))
	w.PingAll(t, s)
	_, _ = w.Lab.Nodes[0].Try("ping", "-c2", "-i", "0.2", "-W1", "-b", "100.64.0.255", "-q", "-w1", "-I", "ob001389", "-n") // nobody answers a broadcast
	if n := quiet(); n != 0 {
		t.Errorf("%d frames of VNI 5001 were seen in VNI 5002", n)
	}
	if n := busy(); n == 0 {
		t.Error("no frame was seen in VNI 5001: the capture is blind")
	}
}

// watchFrames counts the frames of IPv4 in 100.64.0.0/24 that pass a device until the returned function is called.
func watchFrames(t *testing.T, s *netlab.Space, device string) func() int {
	t.Helper()
	frames := captureOn(t, s, device)
	return func() (n int) {
		for _, f := range frames() {
			if len(f) >= 34 && f[12] == 8 && f[13] == 0 && f[26] == 100 && f[27] == 64 && f[28] == 0 {
				n++
			}
		}
		return n
	}
}

// captureOn takes the frames that pass a device until the returned function is called.
func captureOn(t *testing.T, s *netlab.Space, device string) func() [][]byte {
	t.Helper()
	var fd int
	err := s.Do(func() (err error) {
		const all = unix.ETH_P_ALL
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, all<<8); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) // not in a user namespace: there the room is smaller
		dev, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all << 8, Ifindex: dev.Index})
	})
	if err != nil {
		t.Fatalf("capture on %s: %v", device, err)
	}
	return func() (frames [][]byte) {
		defer unix.Close(fd)
		for {
			frame := make([]byte, 2048)
			n, _, err := unix.Recvfrom(fd, frame, 0)
			if err != nil {
				return frames
			}
			frames = append(frames, frame[:n])
		}
	}
}

func TestReadAndApplyRespectTheirContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.Segment(t, 5001, 0)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.Planes[0].Read(ctx); err == nil {
		t.Error("Read went on after its context ended")
	}
	if _, err := w.Planes[0].Apply(ctx, overlay.Diff(w.Desired(0), overlay.Observed{})); err == nil {
		t.Error("Apply went on after its context ended")
	}
}
