package config

import (
	"fmt"
	"slices"
	"time"
)

// roleNames returns the roles that there are.
func (v *checker) roleNames() catalog {
	return known(names(v.c.Roles, func(r Role) string { return r.Name }))
}

func (v *checker) personNames() catalog {
	return known(names(v.c.People, func(p Person) string { return p.Name }))
}

// holders counts the people with a role.
func (v *checker) holders(role string) int {
	n := 0
	for _, p := range v.c.People {
		if slices.Contains(p.Roles, role) {
			n++
		}
	}
	return n
}

// role checks a reference to a role that must be given.
func (v *checker) role(key, role, why string) bool {
	if !v.required(key, role, why) {
		return false
	}
	v.refers(key, "role", role, v.roleNames())
	return true
}

func (v *checker) globs(key string, globs []string) {
	if len(globs) == 0 && !v.bad[key] {
		v.say(key, "is missing; it lists intents, such as [cache.flush]")
	}
	for i, g := range globs {
		v.glob(fmt.Sprintf("%s[%d]", key, i), g)
	}
}

func (v *checker) approvals() {
	for i, a := range v.c.Approvals {
		key := fmt.Sprintf("approvals[%d]", i)
		v.globs(key+".intents", a.Intents)
		v.between(key+".people", a.People, 1, 10)
		v.atLeast(key+".within", a.Within, time.Minute)
		v.atMost(key+".within", a.Within, 30*day)
		if v.role(key+".role", a.Role, "its holders may approve") && v.holders(a.Role) <= a.People {
			v.warn(key+".role", "%d of %d people hold role %s; when one of them asks, too few are left who can say yes", v.holders(a.Role), len(v.c.People), clip(a.Role))
		}
	}
}

func (v *checker) quotas() {
	for i, q := range v.c.Quotas {
		key := fmt.Sprintf("quotas[%d]", i)
		v.role(key+".role", q.Role, "its holders are counted")
		v.globs(key+".intents", q.Intents)
		if !v.has(key+".at_most") && !v.bad[key+".at_most"] {
			v.say(key+".at_most", "is missing; it says how many are allowed")
		} else {
			v.between(key+".at_most", q.AtMost, 1, 10000)
		}
		v.atLeast(key+".per", q.Per, time.Second)
		v.atMost(key+".per", q.Per, 400*day)
	}
}

func (v *checker) freezes() {
	seen, spoken := map[string]string{}, map[string]string{}
	for i, f := range v.c.Freeze {
		key := fmt.Sprintf("freeze[%d]", i)
		v.name(key+".name", f.Name, seen, spoken)
		for _, end := range []string{".from", ".to"} {
			if !v.has(key+end) && !v.bad[key+end] {
				v.say(key+end, "is missing; write a time of day such as \"19:45\"")
			}
		}
		once := map[string]string{}
		for j, d := range f.Days {
			at := fmt.Sprintf("%s.days[%d]", key, j)
			v.oneOf(at, d, words()["freeze[].days[]"], nil)
			v.unique(at, d, once)
		}
		if f.Days != nil && len(f.Days) == 0 {
			v.say(key+".days", "is empty, which could mean all or none; leave the key out for every day")
		}
		v.oneOf(key+".risk", f.Risk, words()["freeze[].risk"], nil)
	}
}

func (v *checker) breakGlass() {
	b := v.c.BreakGlass
	roles, once := v.roleNames(), map[string]string{}
	for i, r := range b.Roles {
		at := fmt.Sprintf("break_glass.roles[%d]", i)
		v.refers(at, "role", r, roles)
		v.unique(at, r, once)
	}
	v.atLeast("break_glass.for", b.For, time.Minute)
	v.atMost("break_glass.for", b.For, day)
}

func (v *checker) onCall() {
	o := v.c.OnCall
	people, once := v.personNames(), map[string]string{}
	for i, p := range o.Order {
		at := fmt.Sprintf("oncall.order[%d]", i)
		v.refers(at, "person", p, people)
		v.unique(at, p, once)
	}
	if v.has("oncall.calendar") && o.Calendar.File == "" {
		v.say("oncall.calendar.file", "is missing; it names an iCalendar file")
	}
	v.atLeast("oncall.escalate_after", o.EscalateAfter, time.Minute)
	v.atMost("oncall.escalate_after", o.EscalateAfter, day)
	doors := map[string]string{}
	for i, d := range o.By {
		at := fmt.Sprintf("oncall.by[%d]", i)
		v.oneOf(at, d, words()["oncall.by[]"], nil)
		v.unique(at, d, doors)
		if d == BySlack && len(v.c.Slack) == 0 || d == ByDiscord && len(v.c.Discord) == 0 {
			v.say(at, "%s is no door of this file; give the key %s, or leave it out", quote(d), d)
		}
	}
	if len(o.By) == 0 && !v.bad["oncall.by"] {
		v.say("oncall.by", "is empty; people must be called by some door, such as [terminal]")
	}
}

func (v *checker) atMost(key string, d, most time.Duration) {
	if d > most {
		v.say(key, "%s is too long; at most %s", FormatDuration(d), FormatDuration(most))
	}
}
