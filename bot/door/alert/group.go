package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
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
	if err := i.enlist(ctx, in); err != nil { // before the host is looked at, which looks at who is enlisted
		return in, err
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
		if in, err = i.under(ctx, in, host); err != nil || in.Under == "" {
			return in, err
		}
	}
	return in, i.symptom(ctx, host, in)
}

// services are those of a host that have had an incident: so that a host that goes down need not look through all there are.
type services struct {
	Names []string  `json:"names"` // sorted
	At    time.Time `json:"at"`    // of the latest writing
}

func servicesKey(host string) string {
	return "incidents-of." + strings.TrimPrefix(incidentKey(host), incidentPrefix)
}

// enlist notes that a service has an incident.
func (i *Incidents) enlist(ctx context.Context, in Incident) error {
	_, err := rule.Change(ctx, i.kv, servicesKey(in.Problem.Host), incidentTTL, func(s *services) (bool, error) {
		n, known := slices.BinarySearch(s.Names, in.Problem.Service)
		if known && i.now().Sub(s.At).Abs() < incidentTTL/4 {
			return false, nil
		}
		if !known {
			s.Names = slices.Insert(s.Names, n, in.Problem.Service)
		}
		s.At = i.now()
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("note that %s has an incident: %w", in.Object(), err)
	}
	return nil
}

func (i *Incidents) enlisted(ctx context.Context, host string) ([]string, error) {
	s, err := rule.Change(ctx, i.kv, servicesKey(host), 0, func(*services) (bool, error) { return false, nil })
	if err != nil {
		return nil, fmt.Errorf("read which services of %s have incidents: %w", host, err)
	}
	return s.Names, nil
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
	if err != nil || stored.Under == "" {
		return stored, err
	}
	// The host may have come back since it was read, and have freed its symptoms before this one was.
	now, err := i.of(ctx, host.Object())
	if err != nil {
		return stored, err
	}
	if !now.down() {
		stored.Under = ""
		return stored, i.free(ctx, stored)
	}
	return stored, i.show(ctx, in.Object())
}

// symptom tells the incident of a host how one of its services is.
func (i *Incidents) symptom(ctx context.Context, host, service Incident) error {
	now := Symptom{Service: service.Problem.Service, State: service.State}
	changed := false
	_, err := i.change(ctx, host, func(in *Incident) bool {
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
		err = i.show(ctx, host.Object())
	}
	return err
}

func (i *Incidents) groupHost(ctx context.Context, host Incident) (Incident, error) {
	if !host.down() && len(host.Symptoms) == 0 {
		return host, nil
	}
	known, err := i.enlisted(ctx, host.Problem.Host)
	if err != nil {
		return host, err
	}
	for _, service := range known {
		in, err := i.of(ctx, actions.Alert{Host: host.Problem.Host, Service: service}.Object())
		if err != nil {
			return host, err
		}
		if !in.open() {
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
	_, err := i.change(ctx, in, func(in *Incident) bool {
		if in.Under == "" {
			return false
		}
		in.add(Line{Key: "free/" + in.Under, At: i.now(), Text: "its host is up again, and it still stands"})
		in.Under = ""
		return true
	})
	if err == nil {
		err = i.show(ctx, in.Object())
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
