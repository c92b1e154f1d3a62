package bot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/overlay"
)

// fleetPatience is how long a node may take to report that it holds what it was told.
const fleetPatience = 30 * time.Second

// probesAtOnce is how many peers a node is asked to probe in one call: what it says must fit into one message.
const probesAtOnce = 100

// fleet is the agents of the nodes, as the verbs of segments need them.
type fleet struct{ a *App }

var _ segment.Fleet = fleet{}

// Look implements [segment.Fleet].
func (f fleet) Look(ctx context.Context, node string) (segment.Look, error) {
	s := f.a.gate.Status(node)
	if s.Health == agent.NotEnrolled {
		return segment.Look{}, fmt.Errorf("%s: %w", node, segment.ErrNoAgent)
	}
	d, err := f.a.gate.Desired(ctx, node)
	if err != nil {
		return segment.Look{}, err
	}
	facts := s.Report.Facts
	l := segment.Look{
		VTEP: f.a.vtepOf(node), Port: d.Port, Underlay: facts.Underlay, Foreign: s.Report.Foreign,
		Connected: s.Health != agent.Offline && s.Health != agent.TooOld,
	}
	if !l.VTEP.IsValid() {
		l.VTEP = d.VTEP
	}
	known := len(facts.Addresses) > 0 && len(facts.Addresses) < agent.MaxAddresses // a longer list was cut
	l.Homeless = known && !slices.Contains(facts.Addresses, l.VTEP) || facts.MissingVTEP && d.VTEP == l.VTEP
	return l, nil
}

// Put implements [segment.Fleet].
func (f fleet) Put(ctx context.Context, node string, compose func() (overlay.Desired, error), by string) (segment.Reported, error) {
	if _, ok := f.a.gate.Enrolled(node); !ok {
		return segment.Reported{}, fmt.Errorf("%s: %w", node, segment.ErrNoAgent)
	}
	d, err := f.a.gate.Edit(ctx, node, agent.Edit{By: by, Change: func(d *overlay.Desired) error {
		next, err := compose()
		if err != nil {
			return err
		}
		*d = next
		return nil
	}})
	if errors.Is(err, agent.ErrHeld) {
		return segment.Reported{Waits: err.Error()}, nil
	}
	if err != nil {
		return segment.Reported{}, err
	}
	wait, cancel := context.WithTimeout(ctx, fleetPatience)
	defer cancel()
	s, err := f.a.gate.Settle(wait, d)
	r := segment.Reported{Generation: d.Generation, Applied: s.Report.Applied, Failed: slices.Concat(s.Report.Failed, s.Report.Blocked), Waits: s.Report.Held}
	if err != nil {
		return r, actions.Temporary{Err: err}
	}
	if s.Report.Refused != "" {
		r.Failed = append(r.Failed, s.Report.Refused)
	}
	return r, nil
}

// Probe implements [segment.Fleet].
func (f fleet) Probe(ctx context.Context, node string, targets []overlay.ProbeTarget) ([]overlay.ProbeResult, error) {
	var all []overlay.ProbeResult
	for some := range slices.Chunk(targets, probesAtOnce) {
		args, err := json.Marshal(some)
		if err != nil {
			return nil, fmt.Errorf("probe from %s: %w", node, err)
		}
		answer, err := f.a.gate.Call(ctx, node, agent.Order{Key: "probe-" + rand.Text(), Name: agent.HandlerProbe, Args: args, Reads: true})
		if err != nil {
			return nil, err
		}
		var results []overlay.ProbeResult
		if err := json.Unmarshal(answer.Data, &results); err != nil {
			return nil, fmt.Errorf("probe from %s: its answer: %w", node, err)
		}
		all = append(all, results...)
	}
	return all, nil
}
