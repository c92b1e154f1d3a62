//go:build !linux

package kernel

import (
	"context"
	"errors"
	"time"

	"github.com/shitops/opsbot/overlay"
)

// ErrUnsupported says that this system has no kernel VXLAN.
var ErrUnsupported = errors.New("kernel VXLAN needs Linux; this system takes the userspace VTEP")

// Plane is the data plane of the Linux kernel. There is none here.
type Plane struct{ overlay.DataPlane }

// New returns [ErrUnsupported].
func New(Options) (*Plane, error) { return nil, ErrUnsupported }

// Delete returns [ErrUnsupported].
func (*Plane) Delete(context.Context) error { return ErrUnsupported }

// Watch returns [ErrUnsupported].
func (*Plane) Watch(context.Context, time.Duration, func()) error { return ErrUnsupported }

// Prober sends and answers probes. There is none here.
type Prober struct{}

// NewProber returns [ErrUnsupported].
func NewProber(Options) (*Prober, error) { return nil, ErrUnsupported }

// Run returns [ErrUnsupported].
func (*Prober) Run(context.Context) error { return ErrUnsupported }

// Probe returns [ErrUnsupported].
func (*Prober) Probe(context.Context, []overlay.ProbeTarget) ([]overlay.ProbeResult, error) {
	return nil, ErrUnsupported
}

// Close does nothing.
func (*Prober) Close() error { return nil }
