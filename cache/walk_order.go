package cache

import (
	"cmp"
	"slices"
)

// mediaObject is an object with what its place in the order depends on.
type mediaObject struct {
	Object
	class     int   // 1 init and key, 2 segments and parts
	distance  int   // from the live edge, or from the beginning of what has one
	bandwidth int64 // of its variant; 0 = audio, subtitles and other renditions
}

// keep adds an object that is no playlist, unless it is known. It returns false when there is no more room.
func (w *walker) keep(l *listing, ref Ref, last int) bool {
	u := ref.URL.String()
	if i, ok := w.parts[u]; ok && ref.Role == RoleSegment {
		w.media[i].Role = RoleSegment // its parts were byte ranges of it
	}
	if w.found[u] || ref.Role == RolePart && w.opt.NoParts {
		return true
	}
	if len(w.found) >= w.opt.MaxURLs {
		return false
	}
	w.found[u] = true
	m := mediaObject{Object: Object{URL: u, Role: ref.Role}, class: 2, distance: ref.Segment, bandwidth: l.bandwidth}
	switch {
	case ref.Role == RoleInit || ref.Role == RoleKey:
		m.class, m.distance = 1, 0
	case !l.content.Ended:
		m.Live, m.distance = true, last-ref.Segment
	}
	if ref.Role == RolePart {
		w.parts[u] = len(w.media)
	}
	w.media = append(w.media, m)
	return true
}

func lastSegment(refs []Ref) int {
	last := 0
	for _, r := range refs {
		last = max(last, r.Segment)
	}
	return last
}

// result puts the objects in order: what every viewer needs first, then what most viewers play now. Players start on the lowest
// variant or the top one, so these come before those between; renditions of no bandwidth (audio) are needed with either.
func (w *walker) result() Walked {
	var low, top int64
	for _, m := range w.media {
		if m.bandwidth > 0 && (low == 0 || m.bandwidth < low) {
			low = m.bandwidth
		}
		top = max(top, m.bandwidth)
	}
	rank := func(m mediaObject) int {
		switch m.bandwidth {
		case 0:
			return 0
		case low:
			return 1
		case top:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(w.media, func(a, b mediaObject) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.distance, b.distance), cmp.Compare(rank(a), rank(b)))
	})
	out := w.out
	out.Objects = slices.Clone(w.out.Objects)
	for _, m := range w.media {
		out.Objects = append(out.Objects, m.Object)
	}
	return out
}
