package segment

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// Record is a segment as the store holds it, with everybody who is in it. Until its VNI is known it is a name alone.
type Record struct {
	Schema int `json:"schema"`
	overlay.Segment
	Region string    `json:"region,omitempty"`
	Seats  []Seat    `json:"seats,omitempty"` // in order of their keys
	Left   []string  `json:"left,omitempty"`  // nodes that were taken out on purpose: what they still hold may go
	By     string    `json:"by"`
	Since  time.Time `json:"since"`
	Mark   string    `json:"mark"` // the step that made it: Do and Undo know their own by it
	File   bool      `json:"file,omitempty"`
}

// Seat is a member and what has to be known of it here.
type Seat struct {
	overlay.Member
	Underlay int    `json:"underlay,omitempty"` // MTU in bytes below its node's tunnels; 0 where the node did not tell
	Mark     string `json:"mark"`               // the step that put it in
}

// held is a VNI as the store holds it: given to a segment, or resting until a time.
type held struct {
	Schema  int         `json:"schema"`
	VNI     overlay.VNI `json:"vni"`
	Segment string      `json:"segment"`
	Tenant  string      `json:"tenant"`
	Mark    string      `json:"mark"`
	Until   time.Time   `json:"until,omitzero"` // it was given back, and rests until then
}

// lease is a block of VNIs as the store holds it.
type lease struct {
	Schema int `json:"schema"`
	overlay.Owner
}

// claim is an IPv4 prefix of a tenant as the store holds it.
type claim struct {
	Schema  int    `json:"schema"`
	Segment string `json:"segment"`
	Mark    string `json:"mark"`
}

// gone says which nodes held a VNI whose segment was deleted on purpose.
type gone struct {
	Schema int         `json:"schema"`
	VNI    overlay.VNI `json:"vni"`
	Nodes  []string    `json:"nodes"`
	At     time.Time   `json:"at"`
	Mark   string      `json:"mark"`
}

// schema is the version of all of these that this program writes.
const schema = 1

// Prefixes of keys: of segments and of what is gone in the bucket of segments, of all others in that of VNIs.
const (
	namePrefix  = "segment."
	gonePrefix  = "gone."
	vniPrefix   = "vni."
	blockPrefix = "block."
	netPrefix   = "net."
	siteKey     = "site"
)

func blockKey(b int) string        { return fmt.Sprintf("%s%d", blockPrefix, b) }
func vnisOf(b int) string          { return fmt.Sprintf("%s%d.", vniPrefix, b) }
func vniKey(v overlay.VNI) string  { return fmt.Sprintf("%s%d", vnisOf(v.Block()), v) }
func goneKey(v overlay.VNI) string { return fmt.Sprintf("%s%d", gonePrefix, v) }
func netKey(t string, n netip.Prefix) string {
	return netPrefix + t + "." + strings.NewReplacer(".", "-", "/", "_").Replace(n.String())
}

// decode reads a value. One of a later program is refused, not misread.
func decode[T any](e store.Entry) (T, error) {
	var probe struct {
		Schema int `json:"schema"`
	}
	var out T
	if err := json.Unmarshal(e.Value, &probe); err != nil {
		return out, fmt.Errorf("read %s: %w", e.Key, err)
	}
	if probe.Schema != schema {
		return out, fmt.Errorf("read %s: schema %d, only %d is known", e.Key, probe.Schema, schema)
	}
	if err := json.Unmarshal(e.Value, &out); err != nil {
		return out, fmt.Errorf("read %s: %w", e.Key, err)
	}
	return out, nil
}

// Nodes returns the nodes that are in the segment, each once, sorted.
func (r Record) Nodes() []string {
	var out []string
	for _, s := range r.Seats {
		out = append(out, s.Node)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Members returns everybody in the segment.
func (r Record) Members() []overlay.Member {
	out := make([]overlay.Member, len(r.Seats))
	for i, s := range r.Seats {
		out[i] = s.Member
	}
	return out
}

// seat returns the index of a member by its key, or -1.
func (r Record) seat(key string) int {
	return slices.IndexFunc(r.Seats, func(s Seat) bool { return s.Key() == key })
}

// clone returns a record that shares nothing with r that an edit changes.
func (r Record) clone() Record {
	r.Seats, r.Left = slices.Clone(r.Seats), slices.Clone(r.Left)
	return r
}

// settle puts what follows from the members right: their order, the MTU, who has left.
func (r *Record) settle() error {
	slices.SortFunc(r.Seats, func(a, b Seat) int { return strings.Compare(a.Key(), b.Key()) })
	r.Left = slices.DeleteFunc(r.Left, func(n string) bool { return slices.Contains(r.Nodes(), n) })
	slices.Sort(r.Left)
	r.Left = slices.Compact(r.Left)
	if r.VNI == 0 {
		return nil
	}
	mtu, err := mtuOf(r.Seats)
	if err != nil {
		return fmt.Errorf("segment %s: %w", r.Name, err)
	}
	r.MTU = mtu
	return nil
}

// usualUnderlay is the MTU of Ethernet, taken for nodes that did not tell theirs.
const usualUnderlay = 1500

// mtuOf is the one MTU of a segment with these members.
func mtuOf(seats []Seat) (int, error) {
	underlays, v6 := []int{}, false
	for _, s := range seats {
		v6 = v6 || s.VTEP.Is6() && !s.VTEP.Is4In6()
		if s.Underlay > 0 {
			underlays = append(underlays, s.Underlay)
		}
	}
	if len(underlays) == 0 {
		underlays = []int{usualUnderlay}
	}
	return overlay.SegmentMTU(underlays, v6)
}

// encode is the record as it is stored.
func (r Record) encode() []byte { r.Schema = schema; return actions.Encode(r) }
