//go:build !linux && !darwin

package vtep

import (
	"errors"

	"github.com/shitops/opsbot/overlay"
)

// ErrUnsupported says that this system has no devices for a userspace VTEP.
var ErrUnsupported = errors.New("the userspace VTEP needs Linux or macOS")

// Plane is the data plane of the program itself. There is none here.
type Plane struct{ overlay.DataPlane }

// New returns [ErrUnsupported].
func New(Options) (*Plane, error) { return nil, ErrUnsupported }
