package alert

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/icinga"
)

// The reasons why a stream is opened again.
var (
	errSilent = errors.New("the stream of events is silent: a result that was reported did not come back")
	errEnded  = errors.New("the stream of events has ended")
)

// live is one open stream.
type live struct {
	*Stream
	events Events
	flow   chan *waiter  // what is being stored, in order
	heard  chan struct{} // an event has come
	canary chan struct{} // the canary's has
	look   chan struct{} // everything is to be looked at again
}

// flowMost is how many alerts of the stream may wait to be durable.
const flowMost = 4096

// connect opens a stream, looks at everything, and reads until the stream ends. What comes while it looks waits in Icinga2, which holds it without
// limit, and what the look has found already is folded.
func (s *Stream) connect(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	types, err := s.greet(ctx)
	if err != nil {
		return err
	}
	events, err := s.opt.Source.Open(ctx, types...)
	if err != nil {
		return err
	}
	l := &live{
		Stream: s, events: events, flow: make(chan *waiter, flowMost), heard: make(chan struct{}, 1), canary: make(chan struct{}, 1), look: make(chan struct{}, 1),
	}
	defer func() { _ = events.Close() }() // it has ended, or is of no use
	if err := s.catchUp(ctx); err != nil {
		return fmt.Errorf("look at everything: %w", err)
	}
	s.opt.Logger.Info("stream of events is open", "types", len(types))
	s.set(true, nil)
	var work sync.WaitGroup
	for _, part := range []func(context.Context) error{l.read, l.settle, l.watch, l.keepLooking} {
		work.Go(func() {
			if err := part(ctx); err != nil {
				stop(err)
			}
		})
	}
	<-ctx.Done()
	_ = events.Close() // else its reader would wait
	work.Wait()
	return context.Cause(ctx)
}

// read takes events until the stream ends.
func (l *live) read(ctx context.Context) error {
	defer close(l.flow)
	for {
		e, err := l.events.Next()
		if err != nil {
			return fmt.Errorf("%w: %w", errEnded, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		poke(l.heard)
		if e.Type == icinga.EventCheckResult && e.Host == l.opt.Canary.Host && e.Service == l.opt.Canary.Service {
			poke(l.canary)
		}
		if err := l.take(ctx, e); err != nil {
			return err
		}
	}
}

// take stores what the event tells, if it matters and is not known.
func (l *live) take(ctx context.Context, e icinga.Event) error {
	d := l.opt.Door
	if e.Type == icinga.EventSkipped {
		d.opt.Count("stream-skipped")
		l.opt.Logger.Warn(e.Comment)
		poke(l.look)
		return nil
	}
	if e.Type == icinga.EventDowntimeEnded { // of several, or of one that never began: how the object is now is what counts
		poke(l.look)
		return nil
	}
	for _, n := range newsOf(e) {
		n.Node = d.opt.Node(ctx, n.Host)
		n.Received = d.opt.Now().UTC()
		w, err := d.writer.push(n)
		for errors.Is(err, errBusy) { // the store is slow; the stream can wait
			if err := sleep(ctx, 10*time.Millisecond); err != nil {
				return err
			}
			w, err = d.writer.push(n)
		}
		if err != nil {
			l.opt.Logger.Error("an event is not stored", "alert", n.ID, "err", err)
			continue
		}
		d.opt.Count("stream-stored")
		select {
		case l.flow <- w:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// settle waits until what was taken is durable. What is not is found again by looking at everything.
func (l *live) settle(ctx context.Context) error {
	for w := range l.flow {
		select {
		case err := <-w.done:
			if err != nil {
				return fmt.Errorf("store events: %w", err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// keepLooking looks at everything now and then, and when something was not understood. It does so more often in the first minutes: an Icinga2 that has
// crashed remembers what was some minutes before, and where it then finds that again tells of no change.
func (l *live) keepLooking(ctx context.Context) error {
	opened := time.Now()
	for {
		wait := lookEvery
		if time.Since(opened) < lookSoonFor {
			wait = lookSoon
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-t.C:
		case <-l.look:
			t.Stop()
			if err := sleep(ctx, time.Second); err != nil { // there may be more reasons
				return err
			}
		}
		if err := l.catchUp(ctx); err != nil {
			return fmt.Errorf("look at everything: %w", err)
		}
	}
}

// watch proves again and again that the stream is alive: in silence a stream whose other end is gone looks like one that has nothing to tell.
func (l *live) watch(ctx context.Context) error {
	if l.opt.Canary.Host == "" {
		return l.watchSilence(ctx)
	}
	tick := time.NewTicker(canaryEvery)
	defer tick.Stop()
	for {
		if err := l.sing(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// sing reports a result of the canary and waits for its event.
func (l *live) sing(ctx context.Context) error {
	drain(l.canary)
	post, cancel := context.WithTimeout(ctx, canaryMost)
	err := l.opt.Canary.Post(post)
	cancel()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, icinga.ErrNotFound), errors.Is(err, icinga.ErrForbidden), errors.Is(err, icinga.ErrConflict):
		l.opt.Logger.Warn("nothing proves that the stream of events is alive", "host", l.opt.Canary.Host, "service", l.opt.Canary.Service, "err", err)
		return l.watchSilence(ctx)
	case err != nil:
		return fmt.Errorf("report the canary: %w", err)
	}
	t := time.NewTimer(canaryMost)
	defer t.Stop()
	select {
	case <-l.canary:
		return nil
	case <-t.C:
		return errSilent
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// watchSilence opens a stream again that tells nothing for long.
func (l *live) watchSilence(ctx context.Context) error {
	t := time.NewTimer(silenceMost)
	defer t.Stop()
	for {
		select {
		case <-l.heard:
			t.Reset(silenceMost)
		case <-t.C:
			return errSilent
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func drain(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// newsOf returns what is stored of an event: hard states that have changed, and what keeps people from being told of them.
func newsOf(e icinga.Event) []stored.Stored {
	n := icinga.Notification{Host: e.Host, Service: e.Service, State: e.State, StateType: e.StateType, Author: e.Author, Comment: e.Comment, At: e.At}
	switch e.Type {
	case icinga.EventStateChange:
		return changeOf(e, n)
	case icinga.EventAckSet:
		n.Type = icinga.TypeAcknowledgement
	case icinga.EventAckCleared:
		n.Type = stored.KindUnacknowledged
	case icinga.EventDowntimeStart, icinga.EventDowntimeEffect:
		n.Type = icinga.TypeDowntimeStart
	case icinga.EventFlapping:
		n.Type = icinga.TypeFlappingEnd
		if e.Flapping {
			n.Type = icinga.TypeFlappingStart
		}
	case icinga.EventDeleted:
		if e.ObjectKind != "Host" && e.ObjectKind != "Service" {
			return nil
		}
		n.Type = stored.KindRemoved
	default:
		return nil
	}
	s := stored.NewStored(n, "", e.At)
	s.Sender, s.Until, s.Vague = stored.SenderStream, e.Expiry, false
	if e.Type == icinga.EventDowntimeStart || e.Type == icinga.EventDowntimeEffect {
		s.Until = e.Downtime.Until
	}
	return []stored.Stored{s}
}

// changeOf returns what is stored of a change of state. Soft ones are not: nobody may act on them, and they end by themselves.
func changeOf(e icinga.Event, n icinga.Notification) []stored.Stored {
	wasWell := e.Was == "" || e.Was.Good()
	if e.StateType != icinga.Hard || e.State.Good() && wasWell {
		return nil
	}
	n.Type, n.Output = icinga.TypeProblem, e.Output
	if e.State.Good() {
		n.Type = icinga.TypeRecovery
	} else if wasWell {
		n.LastGood = e.CheckEnd.Truncate(time.Second).Add(-time.Second) // some time before
	}
	n.ExecutionEnd, n.LastHardStateChange = e.CheckEnd.Truncate(time.Second), e.CheckEnd.Truncate(time.Second)
	s := stored.NewStored(n, "", e.At)
	s.Sender, s.Exact = stored.SenderStream, e.CheckEnd
	all := []stored.Stored{s}
	if e.DowntimeDepth > 0 && !e.State.Good() { // the downtime may have begun before there was a problem to tell it of
		n.Type, n.Output, n.At = icinga.TypeDowntimeStart, "", time.Time{}
		d := stored.NewStored(n, "", e.At)
		d.Sender, d.Vague = stored.SenderStream, false
		all = append(all, d)
	}
	return all
}
