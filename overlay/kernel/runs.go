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
			heads, size = append(heads, byVNI(run)), size+len(run)
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

// byVNI is a run in order of VNI: the run itself where the kernel kept to the order of indexes. It does not for neighbours, which it finds by hash,
// nor where a device has another index than we would choose. Numbers are sorted instead of objects, which are fifteen times as large.
func byVNI(run []overlay.Object) []overlay.Object {
	if slices.IsSortedFunc(run, func(a, b overlay.Object) int { return cmp.Compare(a.VNI, b.VNI) }) {
		return run
	}
	places := make([]uint64, len(run)) // the VNI, and where the object stands
	for i := range run {
		places[i] = uint64(run[i].VNI)<<32 | uint64(i)
	}
	slices.Sort(places)
	sorted := make([]overlay.Object, len(run))
	for i, at := range places {
		sorted[i] = run[uint32(at)]
	}
	return sorted
}
