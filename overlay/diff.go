package overlay

import (
	"fmt"
	"slices"
	"strings"
)

// Op is what happens to an object.
type Op uint8

// Operations.
const (
	Add     Op = iota + 1
	Set        // the object stays, its values change
	Replace    // the object must be made anew, since the value cannot be changed
	Remove
)

// String gives the sign that a plan shows: + ~ ! -.
func (o Op) String() string {
	switch o {
	case Add:
		return "+"
	case Set:
		return "~"
	case Replace:
		return "!"
	case Remove:
		return "-"
	}
	return "?"
}

// Change is one object and what happens to it. Have is what is there now, for Set and Replace.
type Change struct {
	Op     Op     `json:"op"`
	Object Object `json:"object"`
	Have   Object `json:"have,omitzero"`
}

// String gives the change as a line of a plan.
func (c Change) String() string {
	if c.Op == Set || c.Op == Replace {
		return fmt.Sprintf("%s %s, was %s", c.Op, c.Object, strings.SplitN(c.Have.String(), ": ", 2)[1])
	}
	return c.Op.String() + " " + c.Object.String()
}

// Changes is the difference between what a node must hold and what it holds. List is in the order in which it is to be done: what traffic
// needs is made before what it no longer needs is removed.
type Changes struct {
	Node       string         `json:"node"`
	Generation uint64         `json:"generation"`
	List       []Change       `json:"list,omitempty"`
	Blocked    []Conflict     `json:"blocked,omitempty"`  // segments left alone because something foreign is in the way
	Announce   []Announcement `json:"announce,omitempty"` // members that are new here, moved ones among them
	held       int            // segments and endpoints the node holds
	open       bool           // no guard is wanted
	gone       map[VNI]bool
}

// Announcement is a local member that the rest of its segment must hear of.
type Announcement struct {
	VNI    VNI    `json:"vni"`
	Member Member `json:"member"`
}

// Empty tells whether the node holds what it must.
func (c Changes) Empty() bool { return len(c.List) == 0 }

// Diff is what has to change on a node that holds have so that it holds want. It changes nothing, and costs time in proportion to both.
//
// A VNI whose devices or port something foreign occupies is left alone and reported as blocked.
func Diff(want Desired, have Observed) Changes {
	c := Changes{Node: want.Node, Generation: want.Generation, gone: map[VNI]bool{}}
	for _, v := range want.Gone {
		c.gone[v] = true
	}
	if !have.Facts.Capability.PacketFilter || occupied(want.port(), have.Foreign) {
		want.Guard = false // it cannot be, or would cut others off
	}
	c.open = !want.Guard
	c.Blocked = foreignConflicts(want, have.Foreign)
	blocked := map[VNI]bool{}
	for _, b := range c.Blocked {
		blocked[b.VNI] = true
	}
	d := differ{changes: &c}
	eachVNI(want, have.Objects, func(vni VNI, want, have []Object) {
		c.held += countHeld(have)
		if !blocked[vni] {
			d.segment(want, have)
		}
	})
	c.List = slices.Concat(d.makes, d.removes)
	slices.SortStableFunc(c.List[:len(d.makes)], func(a, b Change) int { return turn(a.Object.Kind) - turn(b.Object.Kind) })
	slices.SortStableFunc(c.List[len(d.makes):], func(a, b Change) int { return int(b.Object.Kind) - int(a.Object.Kind) })
	c.Announce = announcements(want, d.makes)
	return c
}

// turn is when objects of a kind are made: who is let in comes first.
func turn(k Kind) int {
	if k == Guard {
		return 0
	}
	return int(k)
}

// occupied tells whether a foreign VXLAN device shares the UDP port.
func occupied(port uint16, foreign []Foreign) bool {
	return slices.ContainsFunc(foreign, func(f Foreign) bool { return f.Kind == "vxlan" && f.Port == port })
}

// differ gathers changes.
type differ struct {
	changes        *Changes
	makes, removes []Change
}

// eachVNI calls do for each VNI with what is wanted and held of it. What is held is in order. The lists are do's until it returns.
func eachVNI(want Desired, have []Object, do func(vni VNI, want, have []Object)) {
	next := func(vni VNI) (held []Object) {
		n := 0
		for n < len(have) && have[n].VNI == vni {
			n++
		}
		held, have = have[:n], have[n:]
		return held
	}
	want.each(func(vni VNI, wanted []Object) {
		for len(have) > 0 && have[0].VNI < vni {
			other := have[0].VNI
			do(other, nil, next(other))
		}
		do(vni, wanted, next(vni))
	})
	for len(have) > 0 {
		other := have[0].VNI
		do(other, nil, next(other))
	}
}

// segment adds the changes of one VNI.
func (d *differ) segment(want, have []Object) {
	if slices.Equal(want, have) {
		return
	}
	if len(want) == 0 && len(have) > 0 && have[0].Kind != Guard {
		for _, o := range have { // the entries go with their devices
			if o.Kind <= Port {
				d.removes = append(d.removes, Change{Op: Remove, Object: o})
			}
		}
		return
	}
	have = d.replaced(want, have)
	goes := map[string]bool{} // devices that go: their entries go with them
	for len(want) > 0 || len(have) > 0 {
		order := 0
		switch {
		case len(want) == 0:
			order = 1
		case len(have) == 0:
			order = -1
		default:
			order = CompareObjects(want[0], have[0])
		}
		switch {
		case order < 0:
			d.makes = append(d.makes, Change{Op: Add, Object: want[0]})
			want = want[1:]
		case order > 0:
			if o := have[0]; !goes[bearer(o)] || o.Kind <= Port {
				d.removes = append(d.removes, Change{Op: Remove, Object: o})
			}
			if have[0].Kind <= Port {
				goes[have[0].Device()] = true
			}
			have = have[1:]
		default:
			if want[0] != have[0] {
				d.makes = append(d.makes, d.alter(want[0], have[0]))
			}
			want, have = want[1:], have[1:]
		}
	}
}

// bearer is the device that an object goes with.
func bearer(o Object) string {
	if o.Kind == BridgeMAC {
		return BridgeName(o.VNI)
	}
	return o.Device()
}

// alter is the change from one value of an object to another.
func (d *differ) alter(want, have Object) Change {
	c := Change{Op: Set, Object: want, Have: have}
	if mustReplace(want, have) {
		c.Op = Replace
	}
	return c
}

// mustReplace tells whether an object has to be made anew: a tunnel's port and family, the other end of a port, and a device of another kind
// that bears our name cannot be changed.
func mustReplace(want, have Object) bool {
	switch want.Kind {
	case Tunnel:
		return want.Port != have.Port || want.VTEP.Is4() != have.VTEP.Is4() || have.Flaw == FlawKind
	case Bridge:
		return have.Flaw == FlawKind
	case Port:
		return have.Flaw == FlawKind || want.MAC != have.MAC
	}
	return false
}

// FlawKind is the flaw of a device that bears our name and mark and is of another kind.
const FlawKind = "wrong kind of device"

// replaced is have as it will be once devices that must be made anew are gone: what lies on them vanishes, a bridge's ports are in no
// bridge, and a bridge whose MAC changes forgets its neighbours. All of it is then made again in the same pass.
func (d *differ) replaced(want, have []Object) []Object {
	lost, forgets, orphans := map[string]bool{}, map[string]bool{}, false
	for _, w := range want {
		if w.Kind > Port {
			break
		}
		i, found := slices.BinarySearchFunc(have, w, CompareObjects)
		anew := found && mustReplace(w, have[i])
		lost[w.Device()] = !found || anew
		forgets[w.Device()] = found && w.MAC != have[i].MAC
		orphans = orphans || w.Kind == Bridge && lost[w.Device()]
	}
	have = slices.DeleteFunc(slices.Clone(have), func(o Object) bool { return o.Kind > Port && lost[o.Device()] })
	for i, o := range have {
		switch {
		case o.Flaw != "":
		case orphans && (o.Kind == Tunnel && !o.Bare || o.Kind == Port):
			have[i].Flaw = FlawOrphan
		case forgets[o.Device()] && o.Kind == Neighbour || orphans && o.Kind == BridgeMAC:
			have[i].Flaw = "forgotten"
		}
	}
	return have
}

// FlawOrphan is the flaw of a port whose bridge is gone.
const FlawOrphan = "in no bridge"

// countHeld counts what the brake counts: segments and endpoints.
func countHeld(have []Object) (n int) {
	for _, o := range have {
		if o.Kind == Tunnel || o.Kind == Port {
			n++
		}
	}
	return n
}

// strays tells whether a change takes a segment or an endpoint away that was not deleted on purpose.
func (c Changes) strays(ch Change) bool {
	return ch.Op == Remove && (ch.Object.Kind == Tunnel || ch.Object.Kind == Port) && !c.gone[ch.Object.VNI]
}

// Removals counts the segments and endpoints that would go without having been deleted on purpose.
func (c Changes) Removals() (n int) {
	for _, ch := range c.List {
		if c.strays(ch) {
			n++
		}
	}
	return n
}

// Strays are the VNIs of which something would go without having been deleted on purpose, in order.
func (c Changes) Strays() (list []VNI) {
	for _, ch := range c.List {
		if c.strays(ch) {
			list = append(list, ch.Object.VNI)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Limits of the brake: a pass that removes more waits for a yes.
const (
	BrakeObjects = 10 // objects
	BrakeShare   = 4  // a quarter of what the node holds
)

// Brake tells whether the changes must wait for a yes, and the sentence that says why.
func (c Changes) Brake() (bool, string) {
	n := c.Removals()
	switch {
	case n > BrakeObjects:
		return true, fmt.Sprintf("%s would lose %d segments and endpoints, more than %d at once", c.Node, n, BrakeObjects)
	case n > 0 && n*BrakeShare > c.held:
		return true, fmt.Sprintf("%s would lose %d of %d segments and endpoints, more than a quarter", c.Node, n, c.held)
	}
	return false, ""
}

// WithoutRemovals is the changes that make and none that removes: what may be done while the brake holds. A guard that would cut others off goes
// all the same.
func (c Changes) WithoutRemovals() Changes {
	c.List = slices.DeleteFunc(slices.Clone(c.List), func(ch Change) bool { return ch.Op == Remove && !(c.open && ch.Object.Kind == Guard) })
	return c
}

// String gives the plan as text, a line a change, in the order in which it is done.
func (c Changes) String() string {
	var b strings.Builder
	for _, k := range c.Blocked {
		fmt.Fprintf(&b, "x %s\n", k)
	}
	for _, ch := range c.List {
		b.WriteString(ch.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// announcements are the local members whose port or address is new here: the others must hear of it.
func announcements(want Desired, makes []Change) (list []Announcement) {
	type key struct {
		vni      VNI
		endpoint string
	}
	fresh := map[key]bool{}
	for _, ch := range makes {
		switch ch.Object.Kind {
		case Address, Port, EndpointAddress:
			fresh[key{ch.Object.VNI, ch.Object.Endpoint}] = true
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	for _, s := range want.Segments {
		for _, m := range s.Local {
			if m.State != Fenced && fresh[key{s.VNI, m.Endpoint}] {
				m.Segment = s.Name
				list = append(list, Announcement{s.VNI, m})
			}
		}
	}
	return list
}
