package nodes

import (
	"net/netip"
	"time"
)

// Node is a network namespace on the underlay.
type Node struct {
	Name string
	Addr netip.Addr // on the underlay
	Path string     // where the namespace can be opened
}

// Device is one of a node's network.
type Device struct {
	Name  string
	MTU   int
	Addrs []netip.Addr
}

// AgentCall starts a program beside a node.
type AgentCall struct {
	Node string
	Args []string // of the program that the holder is
	Log  string   // file to which it writes
}

// PingCall sends an ICMP echo from a node, until one comes back or the wait is over.
type PingCall struct {
	Node  string
	To    netip.Addr
	Bytes int // of the whole IP packet, which is not fragmented
	Wait  time.Duration
}

// ShellCall runs a line of shell in a node.
type ShellCall struct {
	Node string
	Line string
}

// ShellReply is what came of it.
type ShellReply struct {
	Output string // of both streams, at most outputBytes
	Failed string // how it ended, "" when well
}

// DeviceCall names a device of a node.
type DeviceCall struct {
	Node   string
	Device string
}

// HopCall sets the MTU of the port of the underlay that a node is behind, which the node does not see.
type HopCall struct {
	Node string
	MTU  int
}

// Limits of what is said.
const (
	outputBytes = 64 << 10
	shellTime   = 30 * time.Second
)
