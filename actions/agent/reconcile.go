package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mrand "math/rand/v2"
	"time"

	"github.com/shitops/opsbot/overlay"
)

// reconcile compares and repairs until ctx ends: at once, each minute, at every push and at every event.
func (a *Agent) reconcile(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		if a.pass(ctx) {
			failures = 0
		} else {
			failures++
		}
		a.report1()
		if failures > 0 {
			a.rest(ctx, failures)
			continue
		}
		t := time.NewTimer(a.o.Every - a.o.Every/10 + mrand.N(a.o.Every/5+1))
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-a.poke:
		}
		t.Stop()
	}
}

// rest waits after a pass that failed, the longer the more often. A newer state ends it. Events do not: what cannot be done raises some itself,
// and they must not keep the node busy.
func (a *Agent) rest(ctx context.Context, failures int) {
	until := time.NewTimer(min(100*time.Millisecond<<min(failures, 12), a.o.Every))
	defer until.Stop()
	generation := a.state().Desired.Generation
	for {
		select {
		case <-ctx.Done():
			return
		case <-until.C:
			return
		case <-a.poke:
			if a.state().Desired.Generation != generation {
				return
			}
		}
	}
}

// pass makes the node hold what it must, reads back, and notes what came of it. It tells whether all is as it must be, or waits for a yes.
func (a *Agent) pass(ctx context.Context) bool {
	began := a.o.Now()
	want := a.state()
	r, err := a.compare(ctx, want)
	if ctx.Err() != nil {
		return true
	}
	if err != nil {
		r.Failed = append(r.Failed, clip(err.Error()))
		a.o.Log.Error("node not compared", "err", err)
	}
	d := want.Desired
	r.Incarnation, r.Generation = d.Incarnation, d.Generation
	r.Took = a.o.Now().Sub(began)
	r.Converged = r.Converged && len(r.Failed) == 0 && len(r.Blocked) == 0 && r.Held == ""
	a.mu.Lock()
	r.Refused, r.RefusedGen = a.report.Refused, a.report.RefusedGen
	if r.RefusedGen <= r.Generation {
		r.Refused, r.RefusedGen = "", 0
	}
	if err != nil {
		r.Facts = a.report.Facts
	}
	a.report = r
	a.mu.Unlock()
	a.o.Reported(r)
	return len(r.Failed) == 0
}

// compare is one pass: read, diff, apply, read back.
func (a *Agent) compare(ctx context.Context, s State) (r Report, err error) {
	if a.plane == nil || a.planeOf != s.Desired.VTEP {
		if err := a.openPlane(ctx); err != nil {
			return r, err
		}
	}
	have, err := a.plane.Read(ctx)
	if err != nil {
		return r, fmt.Errorf("read what the node holds: %w", err)
	}
	if s.Desired.Generation == 0 {
		// Nothing was ever said of this node: what it holds of an earlier life stays until something is.
		a.observe(&r, have)
		r.Converged = true
		return r, nil
	}
	changes := overlay.Diff(s.Desired, have)
	if held, why := changes.Brake(); held && s.Yes < s.Desired.Generation {
		strays := changes.Strays()
		r.Held, r.Strays = why, strays[:min(len(strays), mostStrays)]
		changes = changes.WithoutRemovals()
	}
	if !changes.Empty() || len(changes.Announce) > 0 {
		done, err := a.plane.Apply(ctx, changes)
		r.Applied = done.Applied
		r.Failed = failures(done)
		if err != nil {
			return r, fmt.Errorf("apply %d changes: %w", len(changes.List), err)
		}
		a.o.Log.Info("node changed", "generation", s.Desired.Generation, "changes", len(changes.List), "applied", done.Applied, "failed", len(done.Failed))
		if have, err = a.plane.Read(ctx); err != nil {
			return r, fmt.Errorf("read back what the node holds: %w", err)
		}
		changes = overlay.Diff(s.Desired, have)
		if r.Held != "" {
			changes = changes.WithoutRemovals()
		}
	}
	a.observe(&r, have)
	a.judge(&r, changes)
	return r, nil
}

// judge notes what is still not as it must be.
func (a *Agent) judge(r *Report, open overlay.Changes) {
	r.Open, r.Converged = len(open.List), open.Empty()
	for _, c := range open.Blocked[:min(len(open.Blocked), most)] {
		r.Blocked = append(r.Blocked, clip(c.String()))
	}
	if len(r.Failed) == 0 {
		for _, c := range open.List[:min(len(open.List), most)] {
			r.Failed = append(r.Failed, clip("not so when read back: "+c.String()))
		}
	}
}

func failures(done overlay.Report) (list []string) {
	for _, f := range done.Failed[:min(len(done.Failed), most)] {
		list = append(list, clip(f.Change.String()+": "+f.Err))
	}
	return list
}

// MaxAddresses is how many addresses of a node a report names.
const MaxAddresses = 64

// observe notes what the node holds.
func (a *Agent) observe(r *Report, have overlay.Observed) {
	r.Segments, r.Objects, r.Facts = have.Segments(), len(have.Objects), have.Facts
	r.Foreign = have.Foreign[:min(len(have.Foreign), most)]
	r.Facts.Addresses = r.Facts.Addresses[:min(len(r.Facts.Addresses), MaxAddresses)]
	if r.Facts.Capability.Plane == "" {
		r.Facts.Capability = a.able
	}
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(have.Objects); err == nil {
		r.Hash = hex.EncodeToString(h.Sum(nil)[:16])
	}
}
