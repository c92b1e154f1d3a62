package enrol

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/icinga"
)

// Report is what a pass has found and done.
type Report struct {
	At       time.Time     `json:"at"`
	Took     time.Duration `json:"took"`
	Wanted   int           `json:"wanted"`
	Created  []string      `json:"created,omitempty"`
	Changed  []string      `json:"changed,omitempty"`
	Removed  []string      `json:"removed,omitempty"`
	Foreign  []string      `json:"foreign,omitempty"`  // wanted, and there already by somebody else's hand: left alone
	Spoilt   []string      `json:"spoilt,omitempty"`   // that Icinga2 does not take before it is reloaded
	Failed   []string      `json:"failed,omitempty"`   // tried again by the next pass
	Braked   []string      `json:"braked,omitempty"`   // that would be removed, and wait for a yes
	Missing  []string      `json:"missing,omitempty"`  // templates that Icinga2 does not have
	Reloaded bool          `json:"reloaded,omitempty"` // Icinga2 was started anew meanwhile: what was written may be gone
	Err      string        `json:"err,omitempty"`
}

// Writes is how many calls have changed something.
func (r Report) Writes() int { return len(r.Created) + len(r.Changed) + len(r.Removed) }

// Well tells whether the monitoring is what is wanted, as far as it is ours to make it so.
func (r Report) Well() bool {
	return r.Err == "" && len(r.Spoilt)+len(r.Failed)+len(r.Braked)+len(r.Missing) == 0
}

// String says "800 objects, 3 made".
func (r Report) String() string {
	if r.Err != "" {
		return r.Err
	}
	out := []string{fmt.Sprintf("%d objects", r.Wanted)}
	for _, part := range []struct {
		what string
		n    int
	}{
		{"made", len(r.Created)}, {"changed", len(r.Changed)}, {"removed", len(r.Removed)}, {"of others", len(r.Foreign)}, {"refused by Icinga2", len(r.Spoilt)},
		{"failed", len(r.Failed)}, {"to be removed wait for a yes", len(r.Braked)},
	} {
		if part.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(r.Missing) > 0 {
		out = append(out, "Icinga2 lacks the templates "+strings.Join(r.Missing, ", "))
	}
	return strings.Join(out, ", ")
}

// templates are what Icinga2 has to make objects from.
type templates struct{ hosts, services []string }

// Pass makes the monitoring equal to the inventory, once. Its error means that it could not be looked at or that Icinga2 went away meanwhile; what
// could not be done of single objects is in the report.
func (e *Enrol) Pass(ctx context.Context) (Report, error) {
	e.working.Lock()
	defer e.working.Unlock()
	began := time.Now()
	r, err := e.pass(ctx, "")
	r.At, r.Took = began, time.Since(began)
	if err != nil {
		r.Err = err.Error()
	}
	e.mu.Lock()
	e.last = r
	e.mu.Unlock()
	if r.Writes() > 0 {
		e.opt.Log.Info("registration", "made", len(r.Created), "changed", len(r.Changed), "removed", len(r.Removed), "took", r.Took)
	}
	return r, err
}

// pass compares and acts. With a node only what is of that node is looked at, without a brake.
func (e *Enrol) pass(ctx context.Context, node string) (Report, error) {
	if !e.On() {
		return Report{}, errOff
	}
	before, err := e.look(ctx)
	if err != nil {
		return Report{}, err
	}
	want, err := e.want(ctx)
	if err != nil {
		return Report{}, err
	}
	have, err := e.owned(ctx)
	if err != nil {
		return Report{}, err
	}
	if node != "" {
		want = slices.DeleteFunc(want, func(o icinga.RuntimeObject) bool { return o.Host != node })
		have = slices.DeleteFunc(have, func(o icinga.Owned) bool { return o.Host != node })
	}
	d := compare(want, have, e.opt.Owner)
	r := Report{Wanted: len(want), Missing: e.lacking(want)}
	for _, o := range d.others {
		r.Foreign = append(r.Foreign, o.Name()+", which belongs to "+o.Owner)
	}
	if err := e.apply(ctx, d, &r, node != ""); err != nil {
		return r, err
	}
	if r.Writes() > 0 {
		if have, err = e.readBack(ctx, before, &r); err != nil {
			return r, err
		}
	}
	if node == "" {
		e.hold(have)
	}
	e.tell(ctx, r)
	return r, nil
}

var errOff = errors.New("nothing is registered in Icinga2: icinga.register is off")

// look reads when Icinga2 was started, and after a start anew its templates. What was refused by the daemon of before may be tried again.
func (e *Enrol) look(ctx context.Context) (icinga.Status, error) {
	s, err := e.opt.Icinga.Status(ctx)
	if err != nil {
		return s, fmt.Errorf("look at Icinga2: %w", err)
	}
	if s.ProgramStart.Equal(e.started) {
		return s, nil
	}
	var have templates
	if have.hosts, err = e.opt.Icinga.Templates(ctx, false); err == nil {
		have.services, err = e.opt.Icinga.Templates(ctx, true)
	}
	if err != nil {
		return s, fmt.Errorf("read the templates of Icinga2: %w", err)
	}
	e.have, e.started = have, s.ProgramStart
	clear(e.spoilt)
	return s, nil
}

// leave is how long a node that was just unregistered is not registered again: an undo takes it out of the inventory only then.
const leave = time.Minute

func (e *Enrol) want(ctx context.Context) ([]icinga.RuntimeObject, error) {
	nodes, err := e.opt.World.Nodes(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the inventory: %w", err)
	}
	deployments, err := e.opt.World.Deployments(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the deployments: %w", err)
	}
	nodes = slices.DeleteFunc(nodes, func(n actions.Node) bool { return time.Since(e.leaving[n.Name]) < leave })
	return Desired(nodes, deployments, e.opt.Overlay, e.opt.Owner), nil
}

// owned reads what is ours there, services first: a host that is deleted between the two is then missing and made anew. The other way round its services
// would be made for a host that is gone, which spoils their names until Icinga2 is reloaded.
func (e *Enrol) owned(ctx context.Context) ([]icinga.Owned, error) {
	services, err := e.opt.Icinga.Owned(ctx, true)
	if err != nil {
		return nil, fmt.Errorf("read what is registered: %w", err)
	}
	hosts, err := e.opt.Icinga.Owned(ctx, false)
	if err != nil {
		return nil, fmt.Errorf("read what is registered: %w", err)
	}
	return append(hosts, services...), nil
}

// lacking names the templates that are wanted and not there.
func (e *Enrol) lacking(want []icinga.RuntimeObject) []string {
	var out []string
	for _, o := range want {
		for _, t := range o.Templates {
			if !e.knows(o, t) && !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

func (e *Enrol) knows(o icinga.RuntimeObject, template string) bool {
	if o.Service == "" {
		return slices.Contains(e.have.hosts, template)
	}
	return slices.Contains(e.have.services, template)
}

// apply creates, changes and removes, in an order in which nothing waits for what comes later.
func (e *Enrol) apply(ctx context.Context, d difference, r *Report, free bool) error {
	there, err := e.taken(ctx, d.create)
	if err != nil {
		return err
	}
	for _, o := range d.create {
		if err := e.create(ctx, o, there[o.Name()], r); err != nil {
			return err
		}
	}
	for _, c := range d.modify {
		if err := e.modify(ctx, c, r); err != nil {
			return err
		}
	}
	if !free && d.braked() {
		var gone []icinga.Owned
		for _, o := range d.remove {
			if o.Service == Overlay {
				gone = append(gone, o)
			} else {
				r.Braked = append(r.Braked, o.Name())
			}
		}
		d.remove = gone
	}
	for _, o := range d.remove {
		if err := e.opt.Icinga.Delete(ctx, o.Host, o.Service); err != nil {
			if fatal(ctx, err) {
				return fmt.Errorf("remove %s: %w", o.Name(), err)
			}
			r.Failed = append(r.Failed, err.Error())
			continue
		}
		r.Removed = append(r.Removed, o.Name())
	}
	return nil
}

// taken tells which of the names that are to be created are there already, by whosever hand.
func (e *Enrol) taken(ctx context.Context, create []icinga.RuntimeObject) (map[string]bool, error) {
	var hosts []string
	for _, o := range create {
		if !slices.Contains(hosts, o.Host) {
			hosts = append(hosts, o.Host)
		}
	}
	there := map[string]bool{}
	if len(hosts) == 0 {
		return there, nil
	}
	for _, services := range []bool{false, true} {
		names, err := e.opt.Icinga.Names(ctx, services, hosts)
		if err != nil {
			return nil, fmt.Errorf("look which names are taken: %w", err)
		}
		for _, name := range names {
			there[name] = true
		}
	}
	return there, nil
}

// fatal tells whether it makes no sense to go on with the other objects.
func fatal(ctx context.Context, err error) bool {
	return ctx.Err() != nil || icinga.Temporary(err) || errors.Is(err, icinga.ErrUnauthorized) || errors.Is(err, icinga.ErrForbidden) || errors.Is(err, icinga.ErrUntrusted)
}

// create makes one object, unless it would fail or is there by somebody else's hand.
func (e *Enrol) create(ctx context.Context, o icinga.RuntimeObject, there bool, r *Report) error {
	name := o.Name()
	if s, bad := e.spoilt[name]; bad {
		r.Spoilt = append(r.Spoilt, name+": "+s.why)
		return nil
	}
	if o.Service != "" && slices.ContainsFunc(r.Foreign, func(f string) bool { return hostOfName(f) == o.Host && !strings.Contains(firstWord(f), "!") }) {
		r.Foreign = append(r.Foreign, name+", whose host is not ours")
		return nil
	}
	if _, bad := e.spoilt[o.Host]; bad || slices.ContainsFunc(o.Templates, func(t string) bool { return !e.knows(o, t) }) {
		return nil // told by its host, or by the template that is missing
	}
	if why := checkName(o); why != "" {
		e.spoilt[name] = spoilt{e.started, why}
		r.Spoilt = append(r.Spoilt, name+": "+why)
		return nil
	}
	if o.Service != "" && slices.Contains(r.Missing, TemplateNode) {
		return nil // its host cannot be made
	}
	var err error
	if !there {
		err = e.opt.Icinga.Create(ctx, o)
	}
	switch {
	case there, errors.Is(err, icinga.ErrExists):
		r.Foreign = append(r.Foreign, name+", which nobody has marked as ours")
	case errors.Is(err, icinga.ErrInvalid), errors.Is(err, icinga.ErrPoisoned):
		e.spoilt[name] = spoilt{e.started, err.Error()}
		r.Spoilt = append(r.Spoilt, name+": "+err.Error())
	case err != nil && fatal(ctx, err):
		return fmt.Errorf("register %s: %w", name, err)
	case err != nil:
		r.Failed = append(r.Failed, err.Error())
	default:
		r.Created = append(r.Created, name)
	}
	return nil
}

func firstWord(foreign string) string { name, _, _ := strings.Cut(foreign, ", "); return name }

func hostOfName(foreign string) string {
	host, _, _ := strings.Cut(firstWord(foreign), "!")
	return host
}

// modify sets what differs, or makes an object anew whose templates differ.
func (e *Enrol) modify(ctx context.Context, c change, r *Report) error {
	name := c.want.Name()
	var err error
	switch {
	case c.anew && slices.ContainsFunc(c.want.Templates, func(t string) bool { return !e.knows(c.want, t) }):
		return nil
	case c.anew:
		if err = e.opt.Icinga.Delete(ctx, c.want.Host, c.want.Service); err == nil {
			err = e.opt.Icinga.Create(ctx, c.want)
		}
	default:
		err = e.opt.Icinga.Modify(ctx, c.want.Host, c.want.Service, c.attrs)
	}
	switch {
	case err != nil && fatal(ctx, err):
		return fmt.Errorf("change %s: %w", name, err)
	case err != nil:
		r.Failed = append(r.Failed, err.Error())
	default:
		r.Changed = append(r.Changed, name)
	}
	return nil
}

// readBack proves what was written. What Icinga2 has said it did and does not hold is a failure that the next pass repairs.
func (e *Enrol) readBack(ctx context.Context, before icinga.Status, r *Report) ([]icinga.Owned, error) {
	have, err := e.owned(ctx)
	if err != nil {
		return nil, fmt.Errorf("read back: %w", err)
	}
	there := map[string]bool{}
	for _, o := range have {
		there[o.Name()] = true
	}
	for _, name := range r.Created {
		if !there[name] {
			r.Failed = append(r.Failed, name+" is not there when it is read back")
		}
	}
	for _, name := range r.Removed {
		if there[name] {
			r.Failed = append(r.Failed, name+" is still there when it is read back")
		}
	}
	after, err := e.opt.Icinga.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at Icinga2: %w", err)
	}
	r.Reloaded = !after.ProgramStart.Equal(before.ProgramStart)
	return have, nil
}

// hold notes what is ours there.
func (e *Enrol) hold(have []icinga.Owned) {
	holds := make(map[string]bool, len(have))
	for _, o := range have {
		if o.Owner == e.opt.Owner {
			holds[o.Name()] = true
		}
	}
	e.mu.Lock()
	e.holds = holds
	e.mu.Unlock()
}

// tell lets people know what does not heal by itself, once for each set of objects.
func (e *Enrol) tell(ctx context.Context, r Report) {
	for _, matter := range []struct {
		id, title, hint string
		names           []string
	}{
		{"braked", fmt.Sprintf("%d of the objects in Icinga2 would be removed, as nothing in the inventory needs them any more: that is so many that I wait for a yes", len(r.Braked)),
			"look why, then let it happen: prune monitoring", r.Braked},
		{"missing", "Icinga2 lacks templates of the kit, so nothing new is registered: " + strings.Join(r.Missing, ", "), "write them with: opsbot icinga-kit DIR", r.Missing},
		{"spoilt", fmt.Sprintf("Icinga2 has refused %d objects, and does not take them before it is reloaded", len(r.Spoilt)), "reload Icinga2 once the reason is gone", r.Spoilt},
		{"foreign", fmt.Sprintf("%d objects in Icinga2 have the names of nodes or services here and are not mine: I leave them alone", len(r.Foreign)), "", r.Foreign},
	} {
		if len(matter.names) == 0 {
			continue
		}
		id := "registration/" + matter.id + "/" + digest(matter.names)
		if e.told[id] {
			continue
		}
		e.told[id] = true
		const most = 12
		lines := slices.Clone(matter.names)
		if n := len(lines) - most; n > 0 {
			lines = append(lines[:most], fmt.Sprintf("and %d more", n))
		}
		e.opt.Log.Warn("registration", "matter", matter.id, "objects", len(matter.names))
		e.opt.Tell(ctx, Notice{ID: id, Title: matter.title, Lines: lines, Hint: matter.hint, Bad: matter.id != "foreign"})
	}
}

func digest(names []string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\n")))
	return hex.EncodeToString(sum[:8])
}

// again marks what may work later as worth another try.
func again(err error) error {
	if icinga.Temporary(err) {
		return actions.Temporary{Err: err}
	}
	return err
}
