package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// OnCallConfig is who is called when the bot does not know further.
type OnCallConfig struct {
	// Calendar is read first: the people of the events of now, in the order in which these began. Nil means that there is none.
	Calendar *Calendar
	// Order holds who is called behind those of the calendar, and first without one.
	Order []string
	// EscalateAfter is how long one is given to answer before the next is called; 0 means 10 minutes.
	EscalateAfter time.Duration
	People        []OnCallPerson // whom Order and Calendar may name
	Zone          string         // IANA name, of people without one; empty means UTC
}

// OnCallPerson is when somebody does not want to be called.
type OnCallPerson struct {
	Name  string
	Quiet string // HH:MM-HH:MM by their clock; empty means never
	Zone  string // IANA name; empty means that of the installation
}

// OnCall knows who is to be called. It is immutable and safe for concurrent use; nil calls nobody.
type OnCall struct {
	calendar *Calendar
	order    []string
	after    time.Duration
	quiet    map[string]quietTime
}

type quietTime struct {
	span Span
	zone *time.Location
}

// NewOnCall checks the configuration. All mistakes are reported at once.
func NewOnCall(c OnCallConfig) (*OnCall, error) {
	o := &OnCall{calendar: c.Calendar, order: slices.Clone(c.Order), after: c.EscalateAfter, quiet: map[string]quietTime{}}
	if o.after <= 0 {
		o.after = 10 * time.Minute
	}
	known := map[string]bool{}
	var errs []error
	for _, p := range c.People {
		known[p.Name] = true
		errs = append(errs, o.addQuiet(p, c.Zone))
	}
	for _, name := range c.Order {
		if !known[name] {
			errs = append(errs, fmt.Errorf("order: there is no person %q", name))
		}
	}
	if c.Calendar != nil {
		for _, e := range c.Calendar.events {
			if !known[e.person] {
				errs = append(errs, fmt.Errorf("%s:%d: SUMMARY: there is no person %q", c.Calendar.name, e.line, e.person))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("on call: %w", err)
	}
	return o, nil
}

func (o *OnCall) addQuiet(p OnCallPerson, zone string) error {
	if p.Quiet == "" {
		return nil
	}
	s, err := ParseSpan(p.Quiet)
	if err != nil {
		return fmt.Errorf("quiet hours of %s: %w", p.Name, err)
	}
	if p.Zone != "" {
		zone = p.Zone
	}
	l, err := location(zone)
	if err != nil {
		return fmt.Errorf("zone of %s: %w", p.Name, err)
	}
	o.quiet[p.Name] = quietTime{s, l}
	return nil
}

// Who returns the people to call at a time, in that order, each once. Who has quiet hours is left out, unless that would leave nobody: then all
// are called after all. Empty means that nobody is on call.
func (o *OnCall) Who(now time.Time) []string {
	if o == nil {
		return nil
	}
	all := o.order
	if o.calendar != nil {
		all = unique(o.calendar.At(now), o.order)
	}
	all = unique(all)
	awake := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return o.asleep(name, now) })
	if len(awake) == 0 {
		return all
	}
	return awake
}

func (o *OnCall) asleep(name string, now time.Time) bool {
	q, ok := o.quiet[name]
	if !ok {
		return false
	}
	_, in := q.span.Covers(now.In(q.zone))
	return in
}

// EscalateAfter returns how long one is given to answer before the next is called.
func (o *OnCall) EscalateAfter() time.Duration {
	if o == nil {
		return 0
	}
	return o.after
}

// Due returns who is called at a time about something that nobody has answered since it was first told: the first person at once, the next one
// after each EscalateAfter, and from the last one on the last one. n is the number of that call, from 0, and grows on; ok is false when nobody is
// on call.
func (o *OnCall) Due(since, now time.Time) (who string, n int, ok bool) {
	people := o.Who(now)
	if len(people) == 0 {
		return "", 0, false
	}
	n = max(0, int(now.Sub(since)/o.after))
	return people[min(n, len(people)-1)], n, true
}
