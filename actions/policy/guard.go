package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
)

// ApprovalRule says for which intents somebody else must say yes as well.
type ApprovalRule struct {
	Intents []string // globs, see Match
	Role    string   // whose holders may approve
	People  int      // how many of them, at least 1; never the one who asked
	Within  time.Duration
}

// Freeze is a part of some days in which nothing of a risk class, or of a worse one, is done.
type Freeze struct {
	Name     string
	From, To string       // HH:MM; over midnight when To is not after From, the whole day when both are the same
	Days     []string     // on which it begins: mon, tue ...; empty means every day
	Risk     actions.Risk // empty means Disruptive
	Zone     string       // IANA name; empty means UTC
}

// BreakGlass says who may act alone, and in a freeze, with a reason. Without roles nobody may.
type BreakGlass struct {
	Roles []string
	For   time.Duration // how long after it was said broken glass counts; 0 means 15 minutes
}

// glassFor is how long broken glass counts where nothing else is configured.
const glassFor = 15 * time.Minute

// freeze is a Freeze that was checked.
type freeze struct {
	Freeze
	span Span
	days map[time.Weekday]bool
	zone *time.Location
}

// brakes are the intents that only stop or refuse something. Nothing may stand between a person who has the right and the brake: no freeze, no
// approval, no quota.
func brakes() []string {
	return []string{"run.cancel", "run.reject", "automation.pause", "rule.disable"}
}

// exempt tells whether freezes, approvals and quotas leave an intent alone. The yes of run.approve is looked at by MayApprove, on the plan that
// it is about.
func exempt(intent string, risk actions.Risk) bool {
	return risk == actions.Read || intent == "run.approve" || slices.Contains(brakes(), intent)
}

func (p *Policy) addGuards(c Config) error {
	var errs []error
	role := func(of, name string) {
		if _, ok := p.roles[name]; !ok {
			errs = append(errs, fmt.Errorf("%s: no role %q", of, name))
		}
	}
	for i, a := range c.Approvals {
		role(fmt.Sprintf("approval %d", i+1), a.Role)
		if a.People < 1 || a.Within <= 0 || len(a.Intents) == 0 {
			errs = append(errs, fmt.Errorf("approval %d: it needs intents, at least one person and a time", i+1))
		}
		a.Intents = slices.Clone(a.Intents)
		p.approvals = append(p.approvals, a)
	}
	for i, q := range c.Quotas {
		role(fmt.Sprintf("quota %d", i+1), q.Role)
		if q.AtMost < 1 || q.Per < time.Second || len(q.Intents) == 0 {
			errs = append(errs, fmt.Errorf("quota %d: it needs intents, at least one and a time of at least a second", i+1))
		}
		q.Intents = slices.Clone(q.Intents)
		p.quotas = append(p.quotas, q)
	}
	for _, f := range c.Freezes {
		errs = append(errs, p.addFreeze(f))
	}
	for _, r := range c.BreakGlass.Roles {
		role("break_glass", r)
	}
	p.glass = BreakGlass{slices.Clone(c.BreakGlass.Roles), c.BreakGlass.For}
	if p.glass.For <= 0 {
		p.glass.For = glassFor
	}
	return errors.Join(errs...)
}

func (p *Policy) addFreeze(f Freeze) error {
	out := freeze{Freeze: f, days: map[time.Weekday]bool{}}
	var err error
	if out.span, err = span(f.From, f.To); err != nil {
		return fmt.Errorf("freeze %q: %w", f.Name, err)
	}
	if out.zone, err = location(f.Zone); err != nil {
		return fmt.Errorf("freeze %q: %w", f.Name, err)
	}
	for _, d := range f.Days {
		day, ok := weekday(d)
		if !ok {
			return fmt.Errorf("freeze %q: %q is no day; write %s", f.Name, d, strings.Join(Days(), ", "))
		}
		out.days[day] = true
	}
	if out.Risk == "" {
		out.Risk = actions.Disruptive
	}
	if f.Name == "" {
		return errors.New("freeze without a name: it could not be explained")
	}
	p.freezes = append(p.freezes, out)
	return nil
}

// frozen returns the first window that forbids a risk at a time.
func (p *Policy) frozen(intent string, risk actions.Risk, now time.Time) (freeze, bool) {
	if exempt(intent, risk) {
		return freeze{}, false
	}
	for _, f := range p.freezes {
		began, ok := f.span.Covers(now.In(f.zone))
		if ok && risk.Rank() >= f.Risk.Rank() && (len(f.days) == 0 || f.days[began]) {
			return f, true
		}
	}
	return freeze{}, false
}

// approval returns who else must say yes: of all rules for the intent the one that asks for most people, of equal ones the first.
func (p *Policy) approval(intent string, risk actions.Risk) *actions.Approval {
	if exempt(intent, risk) {
		return nil
	}
	var out *actions.Approval
	for _, a := range p.approvals {
		if !matches(a.Intents, intent) || out != nil && a.People <= out.People {
			continue
		}
		rule := fmt.Sprintf("%s needs a yes of %s", intent, holders(a.People, a.Role))
		out = &actions.Approval{Rule: rule, Role: a.Role, People: a.People, Within: a.Within}
	}
	return out
}

func holders(n int, role string) string {
	if n == 1 {
		return "1 other " + role
	}
	return fmt.Sprintf("%d other people with role %s", n, role)
}

// guard puts freeze windows and approvals before what the rights allow, and lets broken glass through.
func (p *Policy) guard(c Case, s subject, v Verdict) Verdict {
	now := c.now()
	reason, asked, no := p.breaks(c, s, v.Risk, now)
	if no != nil {
		return *no
	}
	f, frozen := p.frozen(c.Request.Intent, v.Risk, now)
	if frozen && !asked {
		out := refusal(v.Risk, RuleFreeze, fmt.Sprintf("freeze %s: nothing %s is done %s, and %s is %s", f.Name, atLeast(f.Risk), f.when(), c.Request.Intent, v.Risk),
			fmt.Sprintf("wait until %s (%s)", wall(f.span.To), f.zone)+p.glassHint())
		out.Freeze = f.Name
		return out
	}
	v.Approve = p.approval(c.Request.Intent, v.Risk)
	if asked && (frozen || v.Approve != nil) {
		if frozen {
			v.Freeze = f.Name
		}
		v.Approve, v.BrokeGlass, v.Reason, v.Rule = nil, true, reason, RuleGlass
		v.Why += fmt.Sprintf("; %s broke the glass: %s", s.person, reason)
	}
	return v
}

func atLeast(r actions.Risk) string {
	if r == actions.Destructive {
		return string(r)
	}
	return string(r) + " or worse"
}

func (f freeze) when() string {
	days := "every day"
	if len(f.Days) > 0 {
		days = join(f.Days)
	}
	return fmt.Sprintf("%s %s", days, f.span)
}

func (p *Policy) glassHint() string {
	if len(p.glass.Roles) == 0 {
		return ""
	}
	return fmt.Sprintf("; in an emergency role %s may add --break-glass --reason \"...\"", strings.Join(p.glass.Roles, " or "))
}

// breaks tells whether the glass is to be broken and why, or refuses: who asks for it without the right, or too late, is not served at all, so
// that nobody believes to have a right that they lack.
func (p *Policy) breaks(c Case, s subject, risk actions.Risk, now time.Time) (reason string, asked bool, no *Verdict) {
	r := c.Request
	if !r.Has("break-glass") || exempt(r.Intent, risk) {
		return "", false, nil
	}
	refuse := func(why, next string) (string, bool, *Verdict) {
		v := refusal(risk, RuleGlass, why, next)
		return "", false, &v
	}
	reason = strings.TrimSpace(r.Options["reason"])
	if reason == "" {
		reason = strings.TrimSpace(strings.Join(r.Slots["reason"], " "))
	}
	age := now.Sub(r.At)
	switch {
	case s.says != "":
		return refuse(s.says+" may not break the glass: only people may", "let a person give the command")
	case !slices.ContainsFunc(p.people[s.person].Roles, func(role string) bool { return slices.Contains(p.glass.Roles, role) }):
		return refuse(fmt.Sprintf("%s may not break the glass; roles that may: %s", s.person, orNothing(p.glass.Roles)), "say it without --break-glass")
	case reason == "":
		return refuse("breaking the glass needs a reason", `add --reason "..."; everybody will read it`)
	case !r.At.IsZero() && (age > p.glass.For || age < -p.glass.For):
		return refuse(fmt.Sprintf("the glass was broken at %s and counts for %s", r.At.Format(time.TimeOnly), p.glass.For), "say the command again")
	}
	return reason, true, nil
}

func (c Case) now() time.Time {
	if c.Now.IsZero() {
		return time.Now()
	}
	return c.Now
}

func matches(globs []string, intent string) bool {
	return slices.ContainsFunc(globs, func(g string) bool {
		return slices.ContainsFunc(akin(intent), func(same string) bool { return Match(g, same) })
	})
}

func join(names []string) string { return strings.Join(names, ", ") }
