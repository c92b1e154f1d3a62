package when

import (
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// crontab is the parser of five fields as in crontab(5), and of @every.
func crontab() cron.Parser {
	return cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
}

// Next returns when a schedule comes next after now, in now's zone; zero where it never does or is none.
func Next(schedule string, now time.Time) time.Time {
	if strings.Contains(schedule, "=") {
		return time.Time{} // TZ=: the zone is the person's
	}
	s, err := crontab().Parse(schedule)
	if err != nil {
		return time.Time{}
	}
	return s.Next(now)
}

// fields reads five fields as in crontab(5) at the head of w. A list in a field may have been cut at its commas.
func (w words) fields() (value string, n int) {
	if first := w.at(0); first == "" || first[0] != '*' && (first[0] < '0' || first[0] > '9') {
		return "", 0
	}
	var fields []string
	open := false
	for ; n < len(w); n++ {
		if len(fields) == 5 && !open {
			break
		}
		if open {
			fields[len(fields)-1] += w[n]
		} else {
			fields = append(fields, w[n])
		}
		open = w.pause(n)
	}
	if len(fields) != 5 || open {
		return "", 0
	}
	value = strings.Join(fields, " ")
	if _, err := crontab().Parse(value); err != nil {
		return "", 0
	}
	return value, n
}

// nickname reads @hourly and its like.
func nickname(s string) string {
	switch s {
	case "@hourly", "hourly":
		return "0 * * * *"
	case "@daily", "@midnight":
		return "0 0 * * *"
	case "@weekly":
		return "0 0 * * 0"
	case "@monthly":
		return "0 0 1 * *"
	case "@yearly", "@annually":
		return "0 0 1 1 *"
	}
	return ""
}

// every writes a schedule that comes again after each d.
func every(d time.Duration) (string, *Error) {
	switch {
	case d < time.Second, d%time.Second != 0:
		return "", &Error{Why: NotRegular, Detail: "a job comes once a second at most"}
	case d > Longest:
		return "", fault(TooFar)
	}
	return "@every " + Short(d), nil
}

// atClock writes five fields: at these times, on these days of the month and of the week.
func atClock(minute int, hours []int, monthDay, weekDays string) string {
	said := make([]string, len(hours))
	for i, h := range hours {
		said[i] = strconv.Itoa(h)
	}
	return strconv.Itoa(minute) + " " + strings.Join(said, ",") + " " + monthDay + " * " + weekDays
}
