package alert

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/store"
)

const (
	waitingMost = 20_000    // alerts that wait to be stored; more are sent away
	batchMost   = 1000      // alerts of one record
	batchBytes  = 900 << 10 // below store.MaxValue
	storeTime   = 10 * time.Second
)

// errBusy says that too many alerts wait to be stored.
var errBusy = errors.New("too many alerts wait to be stored")

// writer stores alerts. While one record is being written, those that arrive wait, and become the next record together: a lone alert waits for one
// write, and many share one.
type writer struct {
	log   store.Log
	after func() // something was stored

	mu      sync.Mutex
	waiting []*waiter
	writing bool
	work    sync.WaitGroup
}

// waiter is one alert that waits to be durable.
type waiter struct {
	alert json.RawMessage
	done  chan error
}

func newWriter(log store.Log, after func()) *writer { return &writer{log: log, after: after} }

// add returns when the alert is durable. When ctx ends first, the alert may be stored all the same: it was not accepted, and its repetition is folded.
func (w *writer) add(ctx context.Context, s stored.Stored) error {
	me, err := w.push(s)
	if err != nil {
		return err
	}
	select {
	case err := <-me.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// push lets an alert wait to be stored, behind those that were pushed before; whoever waits for it hears of it by done.
func (w *writer) push(s stored.Stored) (*waiter, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode alert %s: %w", s.ID, err)
	}
	if len(data) > batchBytes {
		return nil, fmt.Errorf("alert %s has %d bytes: %w", s.ID, len(data), store.ErrTooLarge)
	}
	me := &waiter{alert: data, done: make(chan error, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) >= waitingMost {
		return nil, errBusy
	}
	w.waiting = append(w.waiting, me)
	if !w.writing {
		w.writing = true
		w.work.Go(w.write)
	}
	return me, nil
}

// write stores all that waits, a record at a time, and ends when nothing does.
func (w *writer) write() {
	for {
		batch := w.take()
		if len(batch) == 0 {
			return
		}
		err := w.append(batch)
		for _, one := range batch {
			one.done <- err
		}
		if err == nil {
			w.after()
		}
	}
}

// take returns the next record's alerts; without any, the writing is over.
func (w *writer) take() []*waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, size := 0, 0
	for n < len(w.waiting) && n < batchMost {
		if size += len(w.waiting[n].alert) + 1; n > 0 && size > batchBytes {
			break
		}
		n++
	}
	batch := w.waiting[:n:n]
	w.waiting = w.waiting[n:]
	if n == 0 {
		w.waiting, w.writing = nil, false
	}
	return batch
}

// append writes one record. An outcome that is not known is settled by appending again with the same id, which adds nothing twice.
func (w *writer) append(batch []*waiter) error {
	alerts := make([]json.RawMessage, len(batch))
	for i, one := range batch {
		alerts[i] = one.alert
	}
	data, err := stored.EncodeBatch(alerts)
	if err != nil {
		return fmt.Errorf("encode %d alerts: %w", len(batch), err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	id := "alerts-" + rand.Text()
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		_, err = w.log.Append(ctx, id, data, store.AnySequence)
		if err == nil || !errors.Is(err, store.ErrUnknown) {
			return err
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return err
		case <-t.C:
		}
	}
}

// close waits for what is being stored.
func (w *writer) close(ctx context.Context) error {
	done := make(chan struct{})
	go func() { w.work.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("alerts are not stored in time: %w", context.Cause(ctx))
	}
}
