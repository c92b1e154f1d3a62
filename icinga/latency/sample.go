package latency

import "time"

// Sample is what was found of one media playlist at one moment.
type Sample struct {
	Edge   Side
	Origin Side // the zero value where the origin was not asked
}

// Side is the playlist as one side has it. The playlist's fields count only where Fault is "".
type Side struct {
	At    time.Time // when the answer began, by our clock; zero = not asked
	Fault string    // why there is no playlist

	TTFB time.Duration // of the playlist
	Age  time.Duration // how long a cache has had the answer, as it says itself
	Skew time.Duration // how much our clock is ahead of the side's, as far as it shows

	First  uint64        // number of the oldest segment
	End    uint64        // number of the newest, plus one
	Length time.Duration // of all that are listed
	Target time.Duration // of a segment; 0 = not told
	Date   time.Time     // the end of the newest segment or part, by the clock of who made the stream; zero = not told
	Ended  bool          // nothing will be added
	Breaks uint64        // discontinuities since the stream began, as far as it tells

	Asked    int           // of the newest segments
	Segment  time.Duration // time to the first byte of the newest; 0 = not asked
	Hit      bool          // the cache had that one
	Missing  []string      // those of them that are listed and not there
	BadFetch string        // what else went wrong with them
}

func (s Side) asked() bool { return !s.At.IsZero() || s.Fault != "" }
func (s Side) told() bool  { return !s.At.IsZero() && s.Fault == "" }

// fallbackTarget is what a segment is taken to last where nothing tells (Apple's HLS authoring specification, "target durations SHOULD be 6 seconds").
const fallbackTarget = 6 * time.Second

// target is how long a segment lasts.
func (s Sample) target() time.Duration {
	for _, side := range []Side{s.Edge, s.Origin} {
		if side.told() && side.Target > 0 {
			return side.Target
		}
	}
	for _, side := range []Side{s.Edge, s.Origin} {
		if n := side.segments(); side.told() && n > 0 && side.Length > 0 {
			return side.Length / time.Duration(n)
		}
	}
	return fallbackTarget
}

// segments is how many are listed; a playlist that a test or a packager made up has no more than a day of them.
func (s Side) segments() uint64 {
	if s.End < s.First {
		return 0
	}
	return min(s.End-s.First, 1<<20)
}

// skew is how much our clock is ahead of the stream's, as far as it shows: the origin is nearest to who made it.
func (s Sample) skew() time.Duration {
	if s.Origin.asked() && s.Origin.Skew != 0 {
		return s.Origin.Skew
	}
	if s.Origin.told() {
		return 0
	}
	return s.Edge.Skew
}

// age is how old the newest that a side lists is.
func (s Sample) age(side Side) (time.Duration, bool) {
	if !side.told() || side.Ended || side.Date.IsZero() {
		return 0, false
	}
	return max(side.At.Sub(side.Date)-s.skew(), 0), true
}

// lag is how much the edge is behind the origin: by their dates, or else by the numbers of segments.
func (s Sample) lag() (time.Duration, bool) {
	e, o := s.Edge, s.Origin
	switch {
	case !e.told() || !o.told():
		return 0, false
	case !e.Date.IsZero() && !o.Date.IsZero():
		return max(o.Date.Sub(e.Date)-max(o.At.Sub(e.At), 0), 0), true
	case o.End <= e.End:
		return 0, true
	}
	return time.Duration(min(o.End-e.End, 1<<20)) * s.target(), true
}
