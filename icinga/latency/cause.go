package latency

import (
	"fmt"
	"time"

	"github.com/shitops/opsbot/icinga/plugin"
)

func (v *view) find(s plugin.Status, format string, args ...any) {
	if s != plugin.OK {
		v.found = append(v.found, finding{status: s, text: fmt.Sprintf(format, args...)})
	}
}

// look goes through all that can be wrong.
func (v *view) look() {
	v.faults()
	if !v.Edge.told() {
		return
	}
	v.ends()
	if !v.Edge.Ended && !v.Origin.Ended {
		v.behind()
		v.backwards()
	}
	v.segments()
	v.slow()
}

// faults are playlists that are not there.
func (v *view) faults() {
	e, o := v.Edge.Fault, v.Origin.Fault
	switch {
	case e != "" && o != "":
		v.find(plugin.Critical, "origin down: no playlist there (%s), and none at the edge (%s)", o, e)
	case e != "" && v.Origin.told():
		v.find(plugin.Critical, "edge fails: no playlist (%s), and the origin has one", e)
	case e != "":
		v.find(plugin.Critical, "no playlist at the edge: %s", e)
	case o != "":
		v.find(plugin.Warning, "origin down: no playlist there (%s), the edge lives on what it has", o)
	}
}

// ends are playlists that ended on one side alone.
func (v *view) ends() {
	switch {
	case v.Edge.Ended && v.Origin.told() && !v.Origin.Ended:
		v.find(plugin.Critical, "edge stale: its playlist has ended, and the origin's goes on")
	case !v.Edge.Ended && v.Origin.told() && v.Origin.Ended:
		v.find(v.limits.Lag.Judge(v.lag.Seconds()), "edge stale: the stream has ended at the origin, %s on", seconds(v.lag))
	}
}

// behind finds who is late: the edge where it is behind the origin, else the origin and who fills it.
func (v *view) behind() {
	lag, age, stall := plugin.OK, plugin.OK, plugin.OK
	if v.hasLag {
		lag = v.limits.Lag.Judge(v.lag.Seconds())
	}
	if v.hasAge {
		age = v.limits.Age.Judge(v.age.Seconds())
	}
	if v.hasStall {
		stall = v.limits.Stall.Judge(v.stall.Seconds())
	}
	worst := plugin.Worst(plugin.Worst(lag, age), stall)
	switch {
	case worst == plugin.OK:
	case lag != plugin.OK && stall != plugin.OK:
		v.find(worst, "edge stale: its playlist has not moved for %s, and the origin's has%s", seconds(v.stall), v.held())
	case lag != plugin.OK:
		v.find(worst, "edge stale: %s behind the origin%s", seconds(v.lag), v.held())
	case stall != plugin.OK && !v.Origin.told():
		v.find(worst, "playlist frozen: it has not moved for %s", seconds(v.stall))
	case stall != plugin.OK && v.hasOriginSt && v.originStall > 0:
		v.find(worst, "playlist frozen at the origin: it has not moved for %s", seconds(v.originStall))
	case stall != plugin.OK:
		v.find(worst, "playlist frozen: it has not moved for %s, nor has the edge anything else than the origin", seconds(v.stall))
	case v.hasOrigin:
		v.find(worst, "origin late: the newest that it has is %s old", seconds(v.originAge))
	default:
		v.find(worst, "late: the newest is %s old", seconds(v.age))
	}
}

// held says how long the edge has kept its answer, where that is longer than a segment.
func (v *view) held() string {
	if v.Edge.Age < v.target || v.Edge.Age == 0 {
		return ""
	}
	return fmt.Sprintf(", its copy is %s old where a segment lasts %s: too long a lifetime or grace", seconds(v.Edge.Age), seconds(v.target))
}

// backwards are numbers that fell: players stand still at them.
func (v *view) backwards() {
	switch {
	case v.back && v.originBack:
		v.find(plugin.Warning, "the stream began again at the origin, at segment %d", v.Origin.First)
	case v.back:
		v.find(plugin.Warning, "edge went back to segment %d: it serves copies of several ages", v.Edge.End)
	case v.Origin.told() && v.Edge.End > v.Origin.End && v.Edge.End-v.Origin.End > 2:
		v.find(plugin.Warning, "edge is %d segments ahead of the origin, which began again or is another one", v.Edge.End-v.Origin.End)
	}
}

// segments are those that are listed and cannot be had.
func (v *view) segments() {
	e, o := v.Edge, v.Origin
	switch {
	case len(e.Missing) > 0 && len(o.Missing) > 0:
		v.find(plugin.Critical, "origin lacks segments: %d of the newest %d that it lists are not there", len(o.Missing), o.Asked)
	case len(e.Missing) > 0 && o.told() && o.Asked > 0:
		v.find(plugin.Critical, "edge lacks segments: %d of the newest %d are 404 there and not at the origin, as if it kept the error", len(e.Missing), e.Asked)
	case len(e.Missing) > 0:
		v.find(plugin.Critical, "404 segments: %d of the newest %d that are listed are not there", len(e.Missing), e.Asked)
	case len(o.Missing) > 0:
		v.find(plugin.Warning, "origin lacks segments: %d of the newest %d that it lists, the edge has them still", len(o.Missing), o.Asked)
	}
	switch {
	case e.BadFetch != "" && o.BadFetch != "":
		v.find(plugin.Critical, "origin fails: a segment cannot be had (%s)", o.BadFetch)
	case e.BadFetch != "":
		v.find(plugin.Critical, "edge fails: a segment cannot be had (%s)", e.BadFetch)
	case o.BadFetch != "":
		v.find(plugin.Warning, "origin fails: a segment cannot be had (%s)", o.BadFetch)
	}
}

// slow are answers that let viewers wait.
func (v *view) slow() {
	for _, w := range []struct {
		what         string
		edge, origin time.Duration
		hit          bool
	}{
		{"the playlist", v.Edge.TTFB, v.Origin.TTFB, false}, {"a segment", v.Edge.Segment, v.Origin.Segment, v.Edge.Hit},
	} {
		s := v.limits.TTFB.Judge(w.edge.Seconds())
		switch {
		case s == plugin.OK:
		case !w.hit && w.origin > w.edge/2:
			v.find(s, "origin slow: the first byte of %s takes %s there, %s at the edge", w.what, millis(w.origin), millis(w.edge))
		case v.Origin.told():
			v.find(s, "edge slow: the first byte of %s takes %s, at the origin %s", w.what, millis(w.edge), millis(w.origin))
		default:
			v.find(s, "slow: the first byte of %s takes %s", w.what, millis(w.edge))
		}
	}
}
