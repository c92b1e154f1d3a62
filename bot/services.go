package bot

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/shitops/opsbot/icinga"
)

const (
	// servicesEvery is how often the monitoring is asked which services it has.
	servicesEvery = 5 * time.Minute
	// servicesMost bounds how many names of services commands can hold.
	servicesMost = 5000
)

// services are the names that the monitoring has for what it checks, so that people can say them. The zero value knows none; it is safe for
// concurrent use.
type services struct {
	mu    sync.Mutex
	known []string
}

func (s *services) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

// set takes the names of now, and tells whether they are others than before.
func (s *services) set(names []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Equal(s.known, names) {
		return false
	}
	s.known = names
	return true
}

// learnServices keeps the names of services as the monitoring has them, until ctx ends. While they are not known, a service must be quoted.
func (a *App) learnServices(ctx context.Context) {
	for wait := time.Second; ; {
		names, err := a.serviceNames(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			a.log.Debug("the names of services are not known", "again in", wait, "err", err)
			wait = min(2*wait, servicesEvery)
		default:
			wait = servicesEvery
			if a.monitoring.services.set(names) {
				a.nodesChanged(ctx)
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

func (a *App) serviceNames(ctx context.Context) ([]string, error) {
	all, err := a.monitoring.client.Objects(ctx, icinga.Query{Lean: true})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, o := range all {
		names = append(names, o.Service)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(len(names), servicesMost)], nil
}
