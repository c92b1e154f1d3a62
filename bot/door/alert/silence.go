package alert

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shitops/opsbot/icinga"
)

// Checker lets Icinga2 check an object at once; *icinga.Client is one.
type Checker interface {
	Reschedule(ctx context.Context, host, service string) error
}

// silenceAgain is how long a host is left in peace after a check that was asked for.
const silenceAgain = 10 * time.Second

// Silence asks Icinga2 to look at a host at once when another source says that it is gone: by itself it takes a minute or more until the host is
// down for certain. It is safe for concurrent use.
type Silence struct {
	check Checker
	now   func() time.Time

	mu    sync.Mutex
	asked map[string]time.Time
}

// NewSilence returns a Silence; now may be nil.
func NewSilence(c Checker, now func() time.Time) *Silence {
	if now == nil {
		now = time.Now
	}
	return &Silence{check: c, now: now, asked: map[string]time.Time{}}
}

// Tell tells that nothing is heard of a host. A host that Icinga2 does not know is nobody's matter, and asking again within ten seconds is none.
func (s *Silence) Tell(ctx context.Context, host string) error {
	now := s.now()
	s.mu.Lock()
	for h, at := range s.asked {
		if now.Sub(at).Abs() >= silenceAgain {
			delete(s.asked, h)
		}
	}
	_, asked := s.asked[host]
	if !asked {
		s.asked[host] = now
	}
	s.mu.Unlock()
	if asked {
		return nil
	}
	if err := s.check.Reschedule(ctx, host, ""); err != nil && !errors.Is(err, icinga.ErrNotFound) {
		s.mu.Lock()
		delete(s.asked, host)
		s.mu.Unlock()
		return fmt.Errorf("ask for a check of %s, of which nothing is heard: %w", host, err)
	}
	return nil
}
