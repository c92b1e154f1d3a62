package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/icinga"
)

// Source is what the stream needs of the monitoring; [FromClient] makes one of a client.
type Source interface {
	Permissions(ctx context.Context) (icinga.Permissions, error)
	Status(ctx context.Context) (icinga.Status, error)
	// Open returns a stream of events of these types, which ends with ctx.
	Open(ctx context.Context, types ...icinga.EventType) (Events, error)
	Objects(ctx context.Context, q icinga.Query) ([]icinga.Object, error)
	Object(ctx context.Context, host, service string) (icinga.Object, error)
	Remarks(ctx context.Context) ([]icinga.Remark, error)
	Downtimes(ctx context.Context, host, author, marker string) ([]icinga.ScheduledDowntime, error)
	ProcessCheckResult(ctx context.Context, host, service string, r icinga.CheckResult) error
}

// Events is an open stream; *icinga.Stream is one.
type Events interface {
	Next() (icinga.Event, error)
	Close() error
}

// FromClient returns the source that a client is.
func FromClient(c *icinga.Client) Source { return clientSource{c} }

type clientSource struct{ *icinga.Client }

// Open implements Source.
func (s clientSource) Open(ctx context.Context, types ...icinga.EventType) (Events, error) {
	return s.Stream(ctx, types...)
}

// Canary is a passive service whose results prove that the stream is alive.
type Canary struct {
	Host, Service string // Host "" = none: then a stream that is silent for too long is opened again
	// Post reports a result of it; nil = an OK with a ttl.
	Post func(ctx context.Context) error
}

// StreamOptions are what a stream needs. Source and Door are required.
type StreamOptions struct {
	Source Source
	Door   *Door // stores what comes, as if it had been posted
	// Leader lets one of several processes read the stream; nil = this one does.
	Leader store.Leader
	Owner  string // of this process, for the election
	Canary Canary
	// Restarted is told when Icinga2 has started anew, and at the first connection: what it was told during a reload may be gone. It must return soon;
	// nil for nobody.
	Restarted func(ctx context.Context, s icinga.Status)
	// Missing is told what the user may not do of what the stream needs, once, as permissions; nil for nobody.
	Missing func(permissions []string)
	Logger  *slog.Logger // nil = discard
}

const (
	streamRole  = "icinga-stream"
	canaryEvery = 30 * time.Second
	canaryMost  = 10 * time.Second // an event is up to 5 s late
	silenceMost = 5 * time.Minute  // without a canary
	lookEvery   = 5 * time.Minute  // at everything, whatever the stream tells
	lookSoon    = time.Minute      // the same while the stream is young
	lookSoonFor = 10 * time.Minute
	lookMost    = time.Minute
	reopenFirst = 500 * time.Millisecond
	reopenMost  = 30 * time.Second
	graceMost   = 15 * time.Second
	// steadyAfter is how long a stream must have been open for the next failure to be the first.
	steadyAfter = time.Minute
)

// Stream reads Icinga2's events and stores what matters through its door. What happens while no stream is open is found by looking at everything
// after each opening. It is safe for concurrent use.
type Stream struct {
	opt StreamOptions

	mu      sync.Mutex
	leads   bool
	why     error     // nil while events are read
	away    time.Time // since when they are not
	start   time.Time
	missing bool // what is missing was told
}

// errConnecting says that the first try is not over.
var errConnecting = errors.New("the stream of events is being opened")

// NewStream returns a stream, which does nothing before Run.
func NewStream(o StreamOptions) (*Stream, error) {
	if o.Source == nil || o.Door == nil {
		return nil, errors.New("stream of events: StreamOptions.Source and Door are required")
	}
	if o.Restarted == nil {
		o.Restarted = func(context.Context, icinga.Status) {}
	}
	if o.Missing == nil {
		o.Missing = func([]string) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if c := o.Canary; c.Host != "" && c.Post == nil {
		o.Canary.Post = func(ctx context.Context) error {
			return o.Source.ProcessCheckResult(ctx, c.Host, c.Service, icinga.CheckResult{Output: "OpsBot is listening", Source: "opsbot", TTL: 5 * canaryEvery / 2})
		}
	}
	return &Stream{opt: o, why: errConnecting, away: time.Now()}, nil
}

// Ready returns nil while events are read, here or by another process, or why they are not. A reload of Icinga2 takes some seconds, which are nobody's
// worry. Notifications are taken all the same.
func (s *Stream) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.leads || time.Since(s.away) < graceMost {
		return nil
	}
	return s.why
}

// Live tells whether this process reads events at this moment, and why not: nil and false while another one leads.
func (s *Stream) Live() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.leads {
		return false, nil
	}
	return s.why == nil, s.why
}

// Run reads events until ctx ends, whenever this process is the one to do so. It connects again for ever.
func (s *Stream) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if s.opt.Leader == nil {
			s.lead(ctx)
			continue
		}
		term, err := s.opt.Leader.Campaign(ctx, streamRole, s.opt.Owner)
		if err != nil {
			if ctx.Err() == nil {
				s.opt.Logger.Error("the stream of events has nobody to read it", "err", err)
				_ = sleep(ctx, reopenMost) // ctx has ended
			}
			continue
		}
		s.leadTerm(ctx, term)
		last, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		_ = term.Resign(last) // it ends by itself
		done()
	}
	return nil
}

// leadTerm leads until the term is over.
func (s *Stream) leadTerm(ctx context.Context, term store.Term) {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() {
		select {
		case <-term.Done():
			cancel()
		case <-ctx.Done():
		}
	})
	s.lead(ctx)
	cancel()
	work.Wait()
}

// lead keeps a stream open until ctx ends.
func (s *Stream) lead(ctx context.Context) {
	s.set(true, errConnecting)
	defer s.set(false, errConnecting)
	for wait := time.Duration(0); ctx.Err() == nil; {
		begin := time.Now()
		err := s.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		s.set(true, err)
		if time.Since(begin) > steadyAfter {
			wait = 0
		}
		s.opt.Door.opt.Count("stream-reopened")
		level := slog.LevelWarn
		if wait == reopenMost { // told often enough
			level = slog.LevelDebug
		}
		s.opt.Logger.Log(ctx, level, "stream of events ended", "again in", wait, "err", err)
		if wait > 0 && sleep(ctx, wait+rand.N(wait/2+1)) != nil {
			return
		}
		wait = min(max(2*wait, reopenFirst), reopenMost)
	}
}

func (s *Stream) set(leads bool, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if why != nil && (s.why == nil || !s.leads) {
		s.away = time.Now()
	}
	s.leads, s.why = leads, why
}

// greet asks Icinga2 who it is and what may be read, and returns the types of events to ask for.
func (s *Stream) greet(ctx context.Context) ([]icinga.EventType, error) {
	ctx, cancel := context.WithTimeout(ctx, lookMost)
	defer cancel()
	held, err := s.opt.Source.Permissions(ctx)
	if err != nil {
		return nil, err
	}
	need := append(icinga.FeatureRead.Needs(), icinga.FeatureStream.Needs()...)
	missing := held.Missing(need...)
	s.mu.Lock()
	tell := len(missing) > 0 && !s.missing
	s.missing = len(missing) > 0
	s.mu.Unlock()
	if tell {
		s.opt.Logger.Error("the ApiUser lacks permissions, so that not all is known of the monitoring", "user", held.User, "missing", missing)
		s.opt.Missing(missing)
	}
	types := held.Streamed()
	if len(types) == 0 {
		return nil, fmt.Errorf("ApiUser %s lacks the permission events/*: %w", held.User, icinga.ErrForbidden)
	}
	status, err := s.opt.Source.Status(ctx)
	if errors.Is(err, icinga.ErrForbidden) {
		return types, nil
	}
	if err == nil && !status.ProgramStart.Equal(s.start) {
		s.start = status.ProgramStart
		s.opt.Restarted(ctx, status)
	}
	return types, err
}
