//go:build !linux && !darwin

package vtep

import (
	"context"
	"errors"

	"github.com/shitops/opsbot/overlay"
)

// ErrUnsupported says that this system has no devices for a userspace VTEP.
var ErrUnsupported = errors.New("the userspace VTEP needs Linux or macOS")

// Plane is the data plane of the program itself. There is none here.
type Plane struct{ overlay.DataPlane }

// New returns [ErrUnsupported].
func New(Options) (*Plane, error) { return nil, ErrUnsupported }

// Prober sends probes. There is none here.
type Prober struct{}

// Prober returns [ErrUnsupported].
func (*Plane) Prober() (*Prober, error) { return nil, ErrUnsupported }

// Probe returns [ErrUnsupported].
func (*Prober) Probe(context.Context, []overlay.ProbeTarget) ([]overlay.ProbeResult, error) {
	return nil, ErrUnsupported
}

// Close does nothing.
func (*Prober) Close() error { return nil }
