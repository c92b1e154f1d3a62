package enrol

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/shitops/opsbot/icinga"
)

// change is what differs of one object.
type change struct {
	want  icinga.RuntimeObject
	attrs map[string]any // that must be set; nil values take back
	anew  bool           // a service whose templates differ, which cannot be set
}

// difference is what keeps the monitoring from being what is wanted.
type difference struct {
	create  []icinga.RuntimeObject // hosts first
	modify  []change
	remove  []icinga.Owned // services first
	same    int
	others  []icinga.Owned // wanted, and another bot's
	ownedBy int            // how many objects are ours
}

// compare holds what is wanted against what says of itself that it is managed. It is pure.
func compare(want []icinga.RuntimeObject, have []icinga.Owned, owner string) difference {
	var d difference
	there := make(map[string]icinga.Owned, len(have))
	for _, h := range have {
		there[h.Name()] = h
		if h.Owner == owner {
			d.ownedBy++
		}
	}
	wanted := make(map[string]bool, len(want))
	for _, w := range want {
		wanted[w.Name()] = true
		h, ok := there[w.Name()]
		switch {
		case !ok:
			d.create = append(d.create, w)
		case h.Owner != owner:
			d.others = append(d.others, h)
		default:
			if c := changed(w, h); c.anew || len(c.attrs) > 0 {
				d.modify = append(d.modify, c)
			} else {
				d.same++
			}
		}
	}
	for _, h := range have {
		if h.Owner == owner && !wanted[h.Name()] {
			d.remove = append(d.remove, h)
		}
	}
	slices.SortStableFunc(d.remove, func(a, b icinga.Owned) int { // services first
		return strings.Compare(b.Service, a.Service)
	})
	return d
}

// changed returns what of an object must be set.
func changed(w icinga.RuntimeObject, h icinga.Owned) change {
	c := change{want: w, attrs: map[string]any{}}
	for _, t := range w.Templates {
		// A host is not made anew: what others have put on it would go with it.
		c.anew = c.anew || w.Service != "" && !slices.Contains(h.Templates, t)
	}
	for path, value := range w.Attrs {
		if name, is := strings.CutPrefix(path, "vars."); is {
			if !equal(h.Vars[name], value) {
				c.attrs[path] = value
			}
		} else if path == "address" && h.Address != value {
			c.attrs[path] = value
		}
	}
	for _, name := range ours() {
		if _, wanted := w.Attrs["vars."+name]; !wanted && h.Vars[name] != nil {
			c.attrs["vars."+name] = nil
		}
	}
	return c
}

// equal compares values as they come from JSON. A dictionary may hold more than we have set: what others have added beside ours stays.
func equal(have, want any) bool {
	w, ok := want.(map[string]any)
	if !ok {
		return reflect.DeepEqual(have, want)
	}
	h, ok := have.(map[string]any)
	if !ok {
		return false
	}
	for k, v := range maps.All(w) {
		if !equal(h[k], v) {
			return false
		}
	}
	return true
}

// The brake: a pass that would remove more than this waits for a yes.
const (
	brakeMost  = 10
	brakeShare = 4 // one of so many
)

// braked tells whether a removal is so large that it may be a mistake: a file that was cut off, a store that came up empty. Services about segments do
// not count, and are not held: a person has said yes to the deletion of a segment, and what follows from it needs no second one.
func (d difference) braked() bool {
	n := 0
	for _, o := range d.remove {
		if o.Service != Overlay {
			n++
		}
	}
	return n > brakeMost || brakeShare*n > d.ownedBy
}
