//go:build linux

package kernel

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/shitops/opsbot/overlay"
)

// Plane is the data plane of the Linux kernel: a VXLAN device for each VNI, and a bridge where endpoints need one. It keeps one netlink socket open in its
// namespace. Not safe for concurrent use, except for [Plane.Watch].
type Plane struct {
	o     Options
	c     *conn
	mark  string            // what the alias of our devices begins with
	odd   map[string]uint32 // indexes of ours at the last Read or Apply that their VNI does not tell, by the name that the device must have
	ports uint32            // index of the next bridge port
	caps  overlay.Capabilities

	// Room of the last Read, used again by the next.
	links   []link
	byIndex map[uint32]ours
	runs    runs
}

// Device indexes are chosen by us, so that requests which refer to a device travel in the same datagram as the one that makes it.
const (
	tunnelIndex = 0x20000000 // and the VNI
	bridgeIndex = 0x30000000 // and the VNI
	portIndex   = 0x40000000 // counted up
	ourIndexes  = 0x70000000 // mask of these
)

// chosen is the index that a bridge or a tunnel gets.
func chosen(kind overlay.Kind, vni overlay.VNI) uint32 {
	if kind == overlay.Bridge {
		return bridgeIndex | uint32(vni)
	}
	return tunnelIndex | uint32(vni)
}

// MaxSegments is how many segments a node should hold by this plane: the kernel's own work grows with the square.
const MaxSegments = 2000

// New opens the kernel of the namespace given. Close lets go of it; the segments stay.
func New(o Options) (*Plane, error) {
	if err := overlay.CheckName("node", o.Node); err != nil {
		return nil, err
	}
	if err := overlay.CheckName("instance", o.Instance); err != nil {
		return nil, err
	}
	if o.Endpoints == "" {
		o.Endpoints = DefaultEndpoints
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Plane{o: o, mark: "opsbot " + o.Instance + " ", odd: map[string]uint32{}, byIndex: map[uint32]ours{}, ports: portIndex}
	err := within(o.Namespace, func() (err error) {
		p.c, err = dial()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("kernel data plane of %s: %w", o.Node, err)
	}
	return p, nil
}

// Close closes the socket. The segments stay.
func (p *Plane) Close() error { return p.c.close() }

// alias is the mark of a device made in generation; an endpoint's port names the endpoint, too.
func (p *Plane) alias(generation uint64, endpoint string) string {
	return strings.TrimSpace(fmt.Sprintf("%s%d %s", p.mark, generation, endpoint))
}

// endpointPath is where the namespace of an endpoint is found.
func (p *Plane) endpointPath(endpoint string) string { return filepath.Join(p.o.Endpoints, endpoint) }

// EndpointDevice is the name that a segment's device has inside of an endpoint.
func EndpointDevice(vni overlay.VNI) string { return fmt.Sprintf("vni%d", vni) }

// Delete removes everything that bears our mark, as after an agent's last hour. It does not ask.
func (p *Plane) Delete(ctx context.Context) error {
	have, err := p.Read(ctx)
	if err != nil {
		return err
	}
	report, err := p.Apply(ctx, overlay.Diff(overlay.Desired{Node: p.o.Node}, have))
	if err != nil {
		return err
	}
	if n := len(report.Failed); n > 0 {
		return fmt.Errorf("delete the segments of %s: %d of %d devices stay, the first since: %s", p.o.Node, n, n+report.Applied, report.Failed[0].Err)
	}
	return nil
}
