package overlay

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// VNI is a VXLAN network identifier: 24 bits (RFC 7348 section 5).
type VNI uint32

// Bounds of the space. What lies below [FirstVNI] and the last value are never given: the kernel takes 0, some systems refuse what is
// below 4096 (Windows HNS), and 16777215 is all ones, which hardware uses as a wildcard.
const (
	FirstVNI VNI = 4096
	LastVNI  VNI = 1<<24 - 2
)

var (
	// ErrReserved says that a VNI is one of those never given.
	ErrReserved = errors.New("the VNI is reserved")
	// ErrExhausted says that nothing is left to give.
	ErrExhausted = errors.New("exhausted")
	// ErrTaken says that what was asked for by name is held already.
	ErrTaken = errors.New("already taken")
	// ErrQuarantined says that a VNI was released a short while ago and must rest first.
	ErrQuarantined = errors.New("in quarantine")
	// ErrLeased says that a VNI lies in a block that is leased to another tenant or region.
	ErrLeased = errors.New("leased to another")
)

// Check returns an error that wraps [ErrReserved] and says why, when v may not be given to a segment.
func (v VNI) Check() error {
	switch {
	case v == 0:
		return fmt.Errorf("VNI 0: %w (it means \"none\")", ErrReserved)
	case v < FirstVNI:
		return fmt.Errorf("VNI %d: %w (1-4095 are refused by some systems)", v, ErrReserved)
	case v == LastVNI+1:
		return fmt.Errorf("VNI %d: %w (all ones is a wildcard)", v, ErrReserved)
	case v > LastVNI:
		return fmt.Errorf("VNI %d: does not fit into 24 bits (RFC 7348 section 5)", v)
	}
	return nil
}

// ParseVNI reads a decimal VNI and refuses the reserved ones.
func ParseVNI(text string) (VNI, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("VNI %q: not a number between %d and %d", text, FirstVNI, LastVNI)
	}
	return VNI(n), VNI(n).Check()
}

// Range is a run of VNIs, inclusive at both ends. The zero value holds nothing.
type Range struct {
	First VNI `json:"first" yaml:"first"`
	Last  VNI `json:"last"  yaml:"last"`
}

// AllVNIs is every VNI that may be given.
func AllVNIs() Range { return Range{FirstVNI, LastVNI} }

// Check returns an error when r is upside down or touches a reserved VNI.
func (r Range) Check() error {
	if r.First > r.Last {
		return fmt.Errorf("VNIs %s: the first is above the last", r)
	}
	if err := r.First.Check(); err != nil {
		return fmt.Errorf("VNIs %s: %w", r, err)
	}
	if err := r.Last.Check(); err != nil {
		return fmt.Errorf("VNIs %s: %w", r, err)
	}
	return nil
}

// Contains tells whether v lies in r.
func (r Range) Contains(v VNI) bool { return v != 0 && r.First <= v && v <= r.Last }

// Len is the number of VNIs in r.
func (r Range) Len() int {
	if r.Last == 0 || r.First > r.Last {
		return 0
	}
	return int(r.Last-r.First) + 1
}

// Overlaps tells whether r and o share a VNI.
func (r Range) Overlaps(o Range) bool {
	return r.Len() > 0 && o.Len() > 0 && r.First <= o.Last && o.First <= r.Last
}

// String gives the range as "5001-9000".
func (r Range) String() string { return fmt.Sprintf("%d-%d", r.First, r.Last) }

// ParseRange reads "5001-9000" or a single VNI.
func ParseRange(text string) (Range, error) {
	first, last, found := strings.Cut(text, "-")
	if !found {
		last = first
	}
	a, err := ParseVNI(first)
	if err != nil {
		return Range{}, fmt.Errorf("VNIs %q: %w", text, err)
	}
	b, err := ParseVNI(last)
	if err != nil {
		return Range{}, fmt.Errorf("VNIs %q: %w", text, err)
	}
	r := Range{a, b}
	return r, r.Check()
}
