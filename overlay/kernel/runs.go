//go:build linux

package kernel

import (
	"cmp"
	"slices"

	"github.com/shitops/opsbot/overlay"
)

// runs are the objects that were read, by kind and family of address. The kernel tells each of its tables by the indexes of devices, which follow
// their VNIs: each run is in order of VNI as it comes, and all of them are merged instead of sorted.
type runs [overlay.Guard + 1][2][]overlay.Object

// add appends an object to its run.
func (r *runs) add(o overlay.Object) {
	family := 0
	if o.IP.Addr().Is6() {
		family = 1
	}
	r[o.Kind][family] = append(r[o.Kind][family], o)
}

// empty empties the runs of the kinds given, or all. Their room stays.
func (r *runs) empty(kinds ...overlay.Kind) {
	for k := range r {
		if len(kinds) == 0 || slices.Contains(kinds, overlay.Kind(k)) {
			r[k] = [2][]overlay.Object{r[k][0][:0], r[k][1][:0]}
		}
	}
}

// merge returns all objects in the order of [overlay.CompareObjects], in room of their own.
func (r *runs) merge() []overlay.Object {
	var heads [][]overlay.Object
	size := 0
	for _, families := range r {
		for _, run := range families {
			if len(run) == 0 {
				continue
			}
			if !slices.IsSortedFunc(run, compareVNIs) { // a device has another index than we would choose, or the kernel another order
				slices.SortStableFunc(run, compareVNIs)
			}
			heads, size = append(heads, run), size+len(run)
		}
	}
	out := make([]overlay.Object, 0, size)
	for len(heads) > 0 {
		vni := heads[0][0].VNI
		for _, run := range heads[1:] {
			vni = min(vni, run[0].VNI)
		}
		from := len(out)
		for i, run := range heads {
			n := 0
			for n < len(run) && run[n].VNI == vni {
				n++
			}
			out, heads[i] = append(out, run[:n]...), run[n:]
		}
		heads = slices.DeleteFunc(heads, func(run []overlay.Object) bool { return len(run) == 0 })
		if segment := out[from:]; !slices.IsSortedFunc(segment, overlay.CompareObjects) {
			slices.SortFunc(segment, overlay.CompareObjects)
		}
	}
	return out
}

func compareVNIs(a, b overlay.Object) int { return cmp.Compare(a.VNI, b.VNI) }
