package alert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/icinga"
)

// What of one look is read once more, by name, for what the checks said.
const (
	outputsMost = 200
	outputsTime = 5 * time.Second
)

// catchUp looks at all hosts and services, compares them with the incidents and stores what is news.
//
// What is stored is what the stream or a notification would have told, so that it is folded when one of them tells it as well. What began and ended
// while nobody listened does not matter any more and is not told.
func (s *Stream) catchUp(ctx context.Context) error {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, lookMost)
	defer cancel()
	known, err := s.known(ctx) // before the objects: what is folded meanwhile is newer than what is compared with it
	if err != nil {
		return err
	}
	g := &glance{Stream: s, there: map[string]bool{}}
	for _, q := range []icinga.Query{{Hosts: true, Lean: true}, {Lean: true}} {
		objects, err := s.opt.Source.Objects(ctx, q)
		if err != nil {
			return err
		}
		for _, o := range objects {
			g.there[o.Name()] = true
			g.compare(known[o.Name()], o)
		}
	}
	for _, step := range []func() error{
		func() error { return g.gone(ctx, known) }, func() error { return g.detail(ctx) }, func() error { return g.store(ctx) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	s.opt.Logger.Debug("looked at everything", "objects", len(g.there), "news", len(g.news), "took", time.Since(begin))
	return nil
}

// known returns the incidents by object, as they will be when all is folded that is stored.
func (s *Stream) known(ctx context.Context) (map[string]Incident, error) {
	d := s.opt.Door
	// First how far alerts are done: what is done meanwhile is read twice then, and folded, and nothing is left out.
	c, err := rule.Change(ctx, d.opt.KV, cursorKey, 0, func(*cursor) (bool, error) { return false, nil })
	if err != nil {
		return nil, fmt.Errorf("read how far alerts are done: %w", err)
	}
	all, err := d.incidents.all(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string]Incident, len(all))
	for _, in := range all {
		known[in.Object()] = in
	}
	for next := c.Done + 1; ; {
		records, err := d.opt.Log.Read(ctx, next, pageMost)
		if err != nil {
			return nil, fmt.Errorf("read the stored alerts: %w", err)
		}
		if len(records) == 0 {
			return known, nil
		}
		for _, r := range records {
			alerts, err := stored.DecodeBatch(r.Data)
			if err != nil {
				continue // whoever hands over says so
			}
			for _, a := range alerts {
				in := known[a.Object()]
				in.Seen = slices.Clone(in.Seen)
				in.fold(a)
				known[a.Object()] = in
			}
		}
		next = records[len(records)-1].Sequence + 1
	}
}

// glance is one look at everything.
type glance struct {
	*Stream
	there map[string]bool // all objects, by name
	news  []stored.Stored
}

// compare adds what is news of an object: what would change its incident.
func (g *glance) compare(in Incident, o icinga.Object) {
	in.Seen = slices.Clone(in.Seen)
	for _, s := range findings(in, o) {
		if _, changed := in.fold(s); changed {
			g.news = append(g.news, s)
		}
	}
	for _, s := range caring(in, o) { // of the incident as it will be
		if _, changed := in.fold(s); changed {
			g.news = append(g.news, s)
		}
	}
}

// findings are the problem that the object has, or the end of the one that it had.
func findings(in Incident, o icinga.Object) []stored.Stored {
	if o.Pending() {
		return nil
	}
	hard := o.LastHardStateChange
	if o.Hard() && !o.State.Good() {
		return []stored.Stored{finding(icinga.TypeProblem, o, hard)}
	}
	if !in.open() || icinga.State(in.State).Good() { // one that flaps may be well and open
		return nil
	}
	for _, end := range []time.Time{hard, o.LastGood} {
		if end.After(in.Problem.Since) {
			o.State = wellOf(o)
			return []stored.Stored{finding(icinga.TypeRecovery, o, end)}
		}
	}
	return nil
}

func wellOf(o icinga.Object) icinga.State {
	if o.Service == "" {
		return icinga.Up
	}
	return icinga.OK
}

// finding is what is stored of a state that was found to be hard since then. After a crash Icinga2 remembers what was some minutes before, and if it finds
// the same state again it tells of no change: so the last check counts as well.
func finding(t icinga.NotificationType, o icinga.Object, hard time.Time) stored.Stored {
	whole := hard.Truncate(time.Second)
	s := stored.NewStored(icinga.Notification{
		Type: t, Host: o.Host, Service: o.Service, State: o.State, StateType: icinga.Hard, Output: o.Output,
		ExecutionEnd: whole, LastHardStateChange: whole, LastGood: o.LastGood, At: whole,
	}, "", time.Time{})
	s.Sender, s.Exact, s.Looked = stored.SenderCatchUp, hard, o.LastCheck
	return s
}

// caring is what keeps people from being told of the object's problem, where that is not what is known.
func caring(in Incident, o icinga.Object) []stored.Stored {
	if !in.open() {
		return nil
	}
	var out []stored.Stored
	for _, c := range []struct {
		now    bool
		was    *Care
		on, no icinga.NotificationType
	}{
		{o.Acknowledged, in.Ack, icinga.TypeAcknowledgement, stored.KindUnacknowledged},
		{o.DowntimeDepth > 0, in.Downtime, icinga.TypeDowntimeStart, icinga.TypeDowntimeEnd},
		{o.Flapping, in.Flapping, icinga.TypeFlappingStart, icinga.TypeFlappingEnd},
	} {
		if c.now == c.was.on() {
			continue
		}
		kind := c.no
		if c.now {
			kind = c.on
		}
		s := finding(kind, o, in.Problem.Since)
		s.At, s.Exact, s.Output = time.Time{}, time.Time{}, "" // when it happened is not known
		if kind == icinga.TypeAcknowledgement {
			s.Until = o.AckExpiry
		}
		out = append(out, s)
	}
	return out
}

// gone adds the ends of incidents whose objects are no longer there.
func (g *glance) gone(ctx context.Context, known map[string]Incident) error {
	for _, object := range slices.Sorted(maps.Keys(known)) {
		in := known[object]
		if g.there[object] || !in.open() {
			continue
		}
		_, err := g.opt.Source.Object(ctx, in.Problem.Host, in.Problem.Service)
		if err == nil || errors.Is(err, icinga.ErrForbidden) {
			continue
		}
		if !errors.Is(err, icinga.ErrNotFound) {
			return err
		}
		now := g.opt.Door.opt.Now()
		s := stored.NewStored(icinga.Notification{Type: stored.KindRemoved, Host: in.Problem.Host, Service: in.Problem.Service, At: now}, "", now)
		s.Sender, s.Vague = stored.SenderCatchUp, false
		g.news = append(g.news, s)
	}
	return nil
}

// detail adds to the news what the checks said, and who acknowledged or set a downtime.
func (g *glance) detail(ctx context.Context) error {
	kinds := map[string][]*stored.Stored{}
	for i := range g.news {
		kinds[g.news[i].Kind] = append(kinds[g.news[i].Kind], &g.news[i])
	}
	said := append(kinds[string(icinga.TypeProblem)], kinds[string(icinga.TypeRecovery)]...)
	return errors.Join(
		g.outputs(ctx, said[:min(len(said), outputsMost)]), g.ackers(ctx, kinds[string(icinga.TypeAcknowledgement)]),
		g.downers(ctx, kinds[string(icinga.TypeDowntimeStart)]))
}

// outputs reads what the checks said, as far as that comes soon: the news matter more.
func (g *glance) outputs(ctx context.Context, news []*stored.Stored) error {
	soon, cancel := context.WithTimeout(ctx, outputsTime)
	defer cancel()
	for _, s := range news {
		o, err := g.opt.Source.Object(soon, s.Host, s.Service)
		switch {
		case soon.Err() != nil && ctx.Err() == nil:
			return nil
		case errors.Is(err, icinga.ErrNotFound): // meanwhile
		case err != nil:
			return err
		default:
			s.Output = o.Output
		}
	}
	return nil
}

func (g *glance) ackers(ctx context.Context, news []*stored.Stored) error {
	if len(news) == 0 {
		return nil
	}
	remarks, err := g.opt.Source.Remarks(ctx)
	if err != nil && !errors.Is(err, icinga.ErrForbidden) {
		return err
	}
	for _, s := range news {
		for _, r := range remarks { // the newest is the last
			if r.Ack && r.Object() == s.Object() {
				s.Author, s.Comment, s.At = r.Author, r.Text, r.At
			}
		}
	}
	return nil
}

func (g *glance) downers(ctx context.Context, news []*stored.Stored) error {
	if len(news) == 0 {
		return nil
	}
	all, err := g.opt.Source.Downtimes(ctx, "", "", "")
	if err != nil && !errors.Is(err, icinga.ErrForbidden) {
		return err
	}
	for _, s := range news {
		for _, d := range all {
			if d.Object() == s.Object() && !d.Triggered.IsZero() && d.Until.After(s.Until) { // of several the one that lasts longest
				s.Author, s.Comment, s.Until = d.Author, d.Comment, d.Until
			}
		}
	}
	return nil
}

// store stores the news and waits until they are durable.
func (g *glance) store(ctx context.Context) error {
	d := g.opt.Door
	var waiting []*waiter
	for _, s := range g.news {
		s.Received, s.Node = d.opt.Now().UTC(), d.opt.Node(ctx, s.Host)
		w, err := d.writer.push(s)
		for errors.Is(err, errBusy) {
			if err := sleep(ctx, 10*time.Millisecond); err != nil {
				return err
			}
			w, err = d.writer.push(s)
		}
		if err != nil {
			return err
		}
		d.opt.Count("caught-up")
		waiting = append(waiting, w)
	}
	for _, w := range waiting {
		select {
		case err := <-w.done:
			if err != nil {
				return fmt.Errorf("store what was found: %w", err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
