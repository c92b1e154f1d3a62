package vtep

import (
	"log/slog"
	"net/netip"
)

// Options is what a [Plane] is made of. Node and Instance are required.
type Options struct {
	Node      string       // name of this node
	Instance  string       // of the bot; part of the devices' alias
	VTEP      netip.Addr   // whose device's MTU is told in the facts; may be none
	Namespace string       // path of the network namespace to work in, on Linux; empty is that of the process
	NoKernel  string       // why this plane was taken and not the kernel's; told in what is missing, when it is not empty
	Log       *slog.Logger // nil is silent
}

// Kind is what the capabilities call this plane.
const Kind = "userspace"

// MissingKernel is what the capabilities call the kernel plane where it was tried first.
const MissingKernel = "kernel plane"

// MaxSegments is how many segments a node should hold by this plane: each has a device and buffers of its own.
const MaxSegments = 64
