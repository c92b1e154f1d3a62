package when

// part is a part of the day, which says what half of it an hour belongs to.
type part int

const (
	anyPart part = iota
	morning
	afternoon
	evening
	night // from the evening on; its small hours belong to the next day
)

// partWord returns the part of the day that s names.
func partWord(s string) part {
	switch s {
	case "morning":
		return morning
	case "afternoon":
		return afternoon
	case "evening":
		return evening
	case "night":
		return night
	}
	return anyPart
}

// partBehind reads "in the morning", "in the evening", "at night" behind a time of day.
func (w words) partBehind(i int) (part, int) {
	switch {
	case w.is(i, "in", "the"):
		if p := partWord(w.at(i + 2)); p != anyPart && p != night {
			return p, i + 3
		}
	case w.is(i, "at", "night"):
		return night, i + 2
	}
	return anyPart, i
}

// hour returns which hour of 24 h is in p, and how many days later.
func (p part) hour(h int) (hour, later int) {
	switch {
	case p == morning && h == 12:
		return 0, 0
	case p == afternoon && h < 12:
		return h + 12, 0
	case (p == evening || p == night) && h == 12:
		return 0, 1
	case p == evening && h < 12:
		return h + 12, 0
	case p == night && h >= 6 && h < 12:
		return h + 12, 0
	case p == night && h < 6:
		return h, 1
	}
	return h, 0
}

// fits reports whether hour lies in p.
func (p part) fits(hour int) bool {
	switch p {
	case morning:
		return hour < 12
	case afternoon:
		return hour >= 12 && hour < 19
	case evening:
		return hour >= 15
	case night:
		return hour >= 17 || hour < 6
	}
	return true
}
