package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/icinga"
)

// group brings the incidents of a host and of its services together: while the host is down, what its services suffer of are symptoms, which are told
// in the incident of the host alone. Host and services are folded side by side: each writes its own first and looks at the other then, so that
// one of them sees both. It returns the incident as it is stored then, and may be repeated.
func (i *Incidents) group(ctx context.Context, in Incident) (Incident, error) {
	if in.Problem.IsZero() {
		return in, nil
	}
	if in.Problem.Service == "" {
		return i.groupHost(ctx, in)
	}
	return i.groupService(ctx, in)
}

// down tells whether services are symptoms of the incident.
func (in Incident) down() bool {
	return in.open() && in.Problem.Service == "" && in.State == string(icinga.Down)
}

func (i *Incidents) groupService(ctx context.Context, in Incident) (Incident, error) {
	if !in.open() && in.Under == "" {
		return in, nil
	}
	host, err := i.of(ctx, in.Problem.Host)
	if err == nil && !host.down() && in.open() && in.Under != "" { // a process ended before it came to this
		err = i.free(ctx, in)
		in.Under = ""
	}
	if err != nil || !host.down() {
		return in, err
	}
	if in.open() && in.Under == "" {
		if in, err = i.under(ctx, in, host); err != nil {
			return in, err
		}
	}
	return in, i.symptom(ctx, host, in)
}

// under makes an incident a symptom, and closes the card that it may have had.
func (i *Incidents) under(ctx context.Context, in, host Incident) (Incident, error) {
	stored, err := i.change(ctx, in, func(in *Incident) bool {
		if !in.open() || in.Under == host.Problem.ID() {
			return false
		}
		in.Under = host.Problem.ID()
		in.add(Line{Key: "under/" + in.Under, At: i.now(), Text: "its host is down"})
		return true
	})
	if err == nil && stored.Under != "" {
		i.hub.Withdraw(stored.foldedCard(host))
	}
	return stored, err
}

// symptom tells the incident of a host how one of its services is.
func (i *Incidents) symptom(ctx context.Context, host, service Incident) error {
	now := Symptom{Service: service.Problem.Service, State: service.State}
	changed := false
	stored, err := i.change(ctx, host, func(in *Incident) bool {
		n := slices.IndexFunc(in.Symptoms, func(s Symptom) bool { return s.Service == now.Service })
		changed = n < 0 || in.Symptoms[n] != now
		switch {
		case n < 0:
			in.Symptoms = append(in.Symptoms, now)
			slices.SortFunc(in.Symptoms, func(a, b Symptom) int { return strings.Compare(a.Service, b.Service) })
		default:
			in.Symptoms = slices.Clone(in.Symptoms)
			in.Symptoms[n] = now
		}
		return changed
	})
	if err == nil && changed {
		i.publish(stored)
	}
	return err
}

func (i *Incidents) groupHost(ctx context.Context, host Incident) (Incident, error) {
	if !host.down() && len(host.Symptoms) == 0 {
		return host, nil
	}
	open, err := i.Open(ctx)
	if err != nil {
		return host, err
	}
	for _, in := range open {
		if in.Problem.Host != host.Problem.Host || in.Problem.Service == "" {
			continue
		}
		if !host.down() {
			err = i.free(ctx, in)
		} else if in, err = i.under(ctx, in, host); err == nil {
			err = i.symptom(ctx, host, in)
		}
		if err != nil {
			return host, err
		}
	}
	return i.of(ctx, host.Object())
}

// free makes of a symptom whose host is up again an incident of its own.
func (i *Incidents) free(ctx context.Context, in Incident) error {
	stored, err := i.change(ctx, in, func(in *Incident) bool {
		if in.Under == "" {
			return false
		}
		in.add(Line{Key: "free/" + in.Under, At: i.now(), Text: "its host is up again, and it still stands"})
		in.Under = ""
		return true
	})
	if err == nil {
		i.publish(stored)
	}
	return err
}

// change edits an incident that is still about the same problem.
func (i *Incidents) change(ctx context.Context, of Incident, edit func(in *Incident) bool) (Incident, error) {
	in, err := rule.Change(ctx, i.kv, incidentKey(of.Object()), incidentTTL, func(in *Incident) (bool, error) {
		return in.Problem == of.Problem && edit(in), nil
	})
	if err != nil {
		return in, fmt.Errorf("group the incident of %s: %w", of.Object(), err)
	}
	return in, nil
}
