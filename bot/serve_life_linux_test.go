package bot_test

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/netlab"
)

// addresses are those that nodes have within a segment, by the node; nil where it does not hold it.
func (s *served) addresses(vni overlay.VNI) map[string]netip.Addr {
	s.t.Helper()
	all := map[string]netip.Addr{}
	for _, n := range s.Nodes {
		out, err := n.Try("ip", "-o", "-4", "address", "show", "dev", overlay.TunnelName(vni))
		if err != nil {
			continue // the device is not there
		}
		for f := range strings.FieldsSeq(out) {
			if p, err := netip.ParsePrefix(f); err == nil {
				all[n.Name] = p.Addr()
			}
		}
	}
	return all
}

// crosses pings between all nodes of a segment, of which there must be so many.
func (s *served) crosses(vni overlay.VNI, members int) {
	s.t.Helper()
	at := s.addresses(vni)
	if len(at) != members {
		s.t.Fatalf("%d nodes have an address in VNI %d, want %d: %v", len(at), vni, members, at)
	}
	for _, n := range s.Nodes {
		for to, ip := range at {
			if _, in := at[n.Name]; in && to != n.Name {
				n.Ping(s.t, ip, true, "-w5")
			}
		}
	}
}

// marked is the Ethertype of the frames that are looked for: the second for local experiments (IEEE 802).
const marked = 0x88b6

// packets opens a packet socket on a device of a node. Close it.
func packets(t *testing.T, n *netlab.Space, device string) int {
	t.Helper()
	var fd int
	if err := n.Do(func() (err error) {
		const all = unix.ETH_P_ALL
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, all<<8); err != nil {
			return err
		}
		dev, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all << 8, Ifindex: dev.Index})
	}); err != nil {
		t.Fatalf("packet socket on %s of %s: %v", device, n.Name, err)
	}
	return fd
}

// capture counts what comes in on a device of a node until the returned function is called: frames that are marked, and those of IPv4.
func capture(t *testing.T, n *netlab.Space, device string) func() (marks, ipv4 int) {
	t.Helper()
	fd := packets(t, n, device)
	return func() (marks, ipv4 int) {
		defer unix.Close(fd)
		for {
			frame := make([]byte, 2048)
			size, from, err := unix.Recvfrom(fd, frame, 0)
			if err != nil {
				return marks, ipv4
			}
			if at, ok := from.(*unix.SockaddrLinklayer); !ok || at.Pkttype == unix.PACKET_OUTGOING || size < 14 {
				continue
			}
			switch int(frame[12])<<8 | int(frame[13]) {
			case marked:
				marks++
			case unix.ETH_P_IP:
				ipv4++
			}
		}
	}
}

// shout sends a marked frame to everybody in a segment.
func shout(t *testing.T, n *netlab.Space, device string) {
	t.Helper()
	fd := packets(t, n, device)
	defer unix.Close(fd)
	frame := make([]byte, 60)
	copy(frame, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, marked >> 8, marked & 0xff})
	if _, err := unix.Write(fd, frame); err != nil {
		t.Fatalf("shout on %s of %s: %v", device, n.Name, err)
	}
}

// apart holds that what is said in one segment is heard there by every other node, and in the other segment by nobody.
func (s *served) apart(here, there overlay.VNI) {
	s.t.Helper()
	heard, other := map[string]func() (int, int){}, map[string]func() (int, int){}
	for _, n := range s.Nodes[1:] {
		heard[n.Name], other[n.Name] = capture(s.t, n, overlay.TunnelName(here)), capture(s.t, n, overlay.TunnelName(there))
	}
	shout(s.t, s.Nodes[0], overlay.TunnelName(here))
	s.crosses(here, len(s.Nodes)) // the frames of a node come in order: its pings come after its shout
	for _, n := range s.Nodes[1:] {
		if marks, ipv4 := heard[n.Name](); marks != 1 || ipv4 == 0 {
			s.t.Errorf("%s heard %d shouts and %d packets in VNI %d, want 1 and the pings", n.Name, marks, ipv4, here)
		}
		if marks, ipv4 := other[n.Name](); marks != 0 || ipv4 != 0 {
			s.t.Errorf("%s heard %d shouts and %d packets of VNI %d in VNI %d", n.Name, marks, ipv4, here, there)
		}
	}
}

// holds is what a node has of segments, without what changes by itself.
func holds(t *testing.T, n *netlab.Space) string {
	t.Helper()
	var all []string
	keep := func(out string) {
		for line := range strings.Lines(out) {
			line = strings.TrimSpace(line)
			if number, rest, ok := strings.Cut(line, ": "); ok && strings.Trim(number, "0123456789") == "" {
				line = rest // the index of the device
			}
			line, _, _ = strings.Cut(line, `\    alias `) // names the generation that made it
			all = append(all, line)
		}
	}
	for _, d := range devices(t, n) {
		for _, show := range [][]string{
			{"ip", "-o", "-d", "link", "show", "dev", d}, {"ip", "-o", "address", "show", "dev", d}, {"bridge", "fdb", "show", "dev", d}, {"ip", "neighbour", "show", "dev", d},
		} {
			out, err := n.Try(show[0], show[1:]...)
			if err != nil {
				out = err.Error() // it is just being taken away or made
			}
			keep(out)
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// repairs does something by hand on the first node, and holds that it is noticed by itself, and as it was after one pass.
func (s *served) repairs(name string, command ...string) {
	s.t.Helper()
	n, a := s.Nodes[0], s.agents[s.Nodes[0].Name]
	was, passes := holds(s.t, n), a.passes()
	n.Run(s.t, command[0], command[1:]...)
	if holds(s.t, n) == was && a.passes() == passes {
		s.t.Fatalf("%s: nothing was changed", name)
	}
	began := time.Now()
	for now := ""; now != was || a.passes() == passes; now = holds(s.t, n) {
		if time.Since(began) > 30*time.Second { // the full pass is each minute
			s.t.Fatalf("%s: not repaired, there is\n%s\nand was\n%s", name, now, was)
		}
		pause(s.t.Context(), 10*time.Millisecond)
	}
	if n := a.passes() - passes; n != 1 {
		s.t.Errorf("%s: repaired in %d passes, want 1", name, n)
	}
}

// sabotage does by hand whatever can be done to a segment of the first node that the second is in.
func (s *served) sabotage(vni overlay.VNI) {
	s.t.Helper()
	d, peer := overlay.TunnelName(vni), s.Nodes[1]
	at := s.addresses(vni)
	here, there := at[s.Nodes[0].Name].String(), at[peer.Name].String()
	_, mac, _ := strings.Cut(s.Nodes[0].Run(s.t, "ip", "neighbour", "show", there, "dev", d), "lladdr ")
	mac = strings.Fields(mac)[0]
	for _, by := range []struct {
		name string
		line string
	}{
		{"device deleted", "ip link del " + d},
		{"device down", "ip link set " + d + " down"},
		{"mtu", "ip link set " + d + " mtu 1300"},
		{"mac", "ip link set " + d + " address 02:11:22:33:44:55"},
		{"flood entry deleted", "bridge fdb del 00:00:00:00:00:00 dev " + d + " dst " + peer.Addr.String()},
		{"flood entry of a stranger", "bridge fdb append 00:00:00:00:00:00 dev " + d + " dst 192.0.2.77"},
		{"forwarding deleted", "bridge fdb del " + mac + " dev " + d + " self"},
		{"forwarding led astray", "bridge fdb replace " + mac + " dev " + d + " dst 192.0.2.77 self permanent"},
		{"forwarding of a stranger", "bridge fdb add 02:99:99:99:99:99 dev " + d + " dst 192.0.2.77 self permanent"},
		{"address deleted", "ip address del " + here + "/24 dev " + d},
		{"address of a stranger", "ip address add 100.64.9.9/24 dev " + d},
		{"neighbour deleted", "ip neighbour del " + there + " dev " + d},
		{"neighbour led astray", "ip neighbour replace " + there + " lladdr 02:99:99:99:99:99 dev " + d + " nud permanent"},
		{"everything deleted", "ip link del group 7299685"},
	} {
		s.repairs(by.name, strings.Fields(by.line)...)
	}
	s.crosses(vni, len(s.Nodes))
}

// rounds is how often something is to be done: ten times as often with OPSBOT_SOAK=1.
func rounds(n int) int {
	if os.Getenv("OPSBOT_SOAK") == "1" {
		return 10 * n
	}
	return n
}

// killed kills some of the bot and the agents, in any order, looks that traffic goes on, and starts them again in any order.
func (s *served) killed(r *rand.Rand, vni overlay.VNI) {
	s.t.Helper()
	all := []string{"serve"}
	for _, n := range s.Nodes {
		all = append(all, n.Name)
	}
	shuffle := func(list []string) []string {
		list = slices.Clone(list)
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return list
	}
	dead := shuffle(all)[:1+r.IntN(len(all))]
	for _, who := range dead {
		s.die(who)
	}
	s.crosses(vni, len(s.addresses(vni)))
	wiped := "nobody"
	if who := dead[0]; who != "serve" { // a machine that boots has the agent's disk and nothing else
		wiped = who
		s.space(who).Run(s.t, "ip", "link", "del", "group", "7299685")
	}
	back := shuffle(dead)
	s.t.Logf("killed %v, wiped %s, started %v", dead, wiped, back)
	for _, who := range back {
		s.revive(who)
	}
}

// nothingLeft holds that no device, no table of the packet filter, no process, and no file that is not needed is left.
func (s *served) nothingLeft() {
	s.t.Helper()
	for _, n := range s.Nodes {
		if left := devices(s.t, n); len(left) > 0 {
			s.t.Errorf("%s still has %v", n.Name, left)
		}
		if out, err := n.Try("nft", "list", "tables"); err == nil && strings.TrimSpace(out) != "" {
			s.t.Errorf("%s still has\n%s", n.Name, out)
		}
	}
	for _, a := range s.agents {
		a.kill(syscall.SIGTERM)
	}
	s.term()
	s.cmd = nil
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range commands {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte(s.dir+"/")) { // it may have ended meanwhile
			s.t.Errorf("a process is left: %s", bytes.ReplaceAll(line, []byte{0}, []byte(" ")))
		}
	}
	for _, n := range s.Nodes {
		s.files(n.Name, "agent.json", "state.json", "calls.json")
	}
	s.files(".", append([]string{"data", "opsbot.yaml"}, s.names()...)...)
}

// files holds that a folder has no files but some.
func (s *served) files(folder string, may ...string) {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.dir, folder))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(may, e.Name()) {
			s.t.Errorf("a file is left: %s", filepath.Join(folder, e.Name()))
		}
	}
}

// TestServeAndAgents is a day of the real program: a bot and four agents as processes, segments by command, traffic in them and between them none,
// sabotage by hand, kill -9 of whomever in any order, and in the end nothing is left.
func TestServeAndAgents(t *testing.T) {
	t.Parallel()
	s := startServed(t, 4)
	s.told("create segment studio of acme with vni 5001 on edge-1 and edge-2 and edge-3 and edge-4", "studio")
	s.told("create segment backup of acme with vni 5002 on edge-1 and edge-2 and edge-3 and edge-4", "backup")
	s.told("verify segment studio", "12/12 pairs ok")
	s.apart(5001, 5002)
	s.apart(5002, 5001)
	s.sabotage(5001)
	s.told("verify segment backup", "12/12 pairs ok")
	r := rand.New(rand.NewPCG(8, 4789))
	for range rounds(2) {
		s.killed(r, 5001)
		for _, n := range s.Nodes {
			s.there(n.Name)
		}
		s.told("detach edge-4 from segment studio")
		s.told("verify segment studio", "6/6 pairs ok")
		s.killed(r, 5002)
		for _, n := range s.Nodes {
			s.there(n.Name)
		}
		s.told("attach edge-4 to segment studio")
		s.told("verify segment studio", "12/12 pairs ok")
		s.crosses(5002, 4)
	}
	s.told("delete segment studio")
	s.crosses(5002, 4)
	s.told("delete segment backup")
	s.told("list segments", "there are no segments")
	s.nothingLeft()
}
