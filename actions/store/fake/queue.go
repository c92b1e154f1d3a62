package fake

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// message is one entry of the work queue.
type message struct {
	sequence   uint64
	id         string
	data       []byte
	deliveries int
	visible    time.Time // until then it is under lease or given back with a delay
	again      bool      // redelivered ones come first
}

// pending is a timer that has not come due.
type pending struct {
	at   time.Time
	data []byte
}

// push appends a message. The caller holds the lock.
func (d *Disk) push(id string, data []byte) uint64 {
	d.sequence++
	d.messages = append(d.messages, &message{sequence: d.sequence, id: id, data: bytes.Clone(data)})
	d.wake()
	return d.sequence
}

// ripen turns due timers into messages, the earliest first.
func (d *Disk) ripen(now time.Time) {
	for {
		var first string
		for name, p := range d.timers {
			if p.at.After(now) {
				continue
			}
			if q := d.timers[first]; first == "" || p.at.Before(q.at) || p.at.Equal(q.at) && name < first {
				first = name
			}
		}
		if first == "" {
			return
		}
		p := d.timers[first]
		delete(d.timers, first)
		d.push(first, p.data)
	}
}

// take leases up to most visible messages, redelivered ones first.
func (d *Disk) take(now time.Time, most int, lease time.Duration) []*message {
	var out []*message
	for _, again := range []bool{true, false} {
		for _, m := range d.messages {
			if len(out) < most && m.again == again && !m.visible.After(now) {
				m.deliveries++
				m.visible = now.Add(lease)
				out = append(out, m)
			}
		}
	}
	for _, m := range out {
		m.again = true
	}
	return out
}

// next returns when the next message comes into sight by itself, if ever.
func (d *Disk) next() (time.Time, bool) {
	var at time.Time
	for _, m := range d.messages {
		if at.IsZero() || m.visible.Before(at) {
			at = m.visible
		}
	}
	for _, p := range d.timers {
		if at.IsZero() || p.at.Before(at) {
			at = p.at
		}
	}
	return at, !at.IsZero()
}

// queue is one handle's view of the work queue.
type queue struct{ h *Handle }

// Publish implements store.Queue.
func (q *queue) Publish(ctx context.Context, id string, data []byte) (sequence uint64, first bool, err error) {
	if err := store.CheckID(id); err != nil {
		return 0, false, err
	}
	if err := store.CheckValue("message "+id, data); err != nil {
		return 0, false, err
	}
	err = q.h.do(ctx, Op{Name: "queue.publish", Key: id}, func() error {
		d, now := q.h.disk, time.Now()
		if n, ok := recall(d.ids, id, now); ok {
			sequence = n
			return nil
		}
		sequence, first = d.push(id, data), true
		d.ids[id] = known{sequence: sequence, at: now}
		return nil
	})
	if err != nil {
		return 0, false, err
	}
	return sequence, first, nil
}

// Pull implements store.Queue.
func (q *queue) Pull(ctx context.Context, most int) ([]store.Lease, error) {
	if most < 1 {
		return nil, fmt.Errorf("pull %d messages: want at least 1", most)
	}
	op := Op{Name: "queue.pull"}
	fault, err := q.h.ask(ctx, op)
	if err != nil {
		return nil, err
	}
	for {
		leases, changed, at, err := q.try(fault, op, most)
		if err != nil || len(leases) > 0 {
			return leases, err
		}
		if err := q.wait(ctx, changed, at); err != nil {
			return nil, err
		}
	}
}

// try leases what is there, or returns what to wait for.
func (q *queue) try(fault Fault, op Op, most int) ([]store.Lease, <-chan struct{}, time.Time, error) {
	d := q.h.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if q.h.isDead() {
		return nil, nil, time.Time{}, store.ErrClosed
	}
	now := time.Now()
	d.ripen(now)
	taken := d.take(now, most, q.h.options.Lease)
	if len(taken) == 0 {
		at, _ := d.next()
		return nil, d.changed, at, nil
	}
	leases := make([]store.Lease, len(taken))
	for i, m := range taken {
		leases[i] = &lease{h: q.h, m: m, id: m.id, data: bytes.Clone(m.data), deliveries: m.deliveries}
	}
	if err := q.h.after(fault, op, nil); err != nil {
		return nil, nil, time.Time{}, err
	}
	return leases, nil, time.Time{}, nil
}

// wait returns nil when it is worth to look again; a zero at never comes.
func (q *queue) wait(ctx context.Context, changed <-chan struct{}, at time.Time) error {
	var due <-chan time.Time
	if !at.IsZero() {
		t := time.NewTimer(time.Until(at))
		defer t.Stop()
		due = t.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-q.h.dead:
		return store.ErrClosed
	case <-changed:
	case <-due:
	}
	return nil
}

// lease is one delivery of a message.
type lease struct {
	h          *Handle
	m          *message
	id         string
	data       []byte
	deliveries int
	over       bool // acknowledged or given back; under the disk's lock
}

// ID implements store.Lease.
func (l *lease) ID() string { return l.id }

// Sequence implements store.Lease.
func (l *lease) Sequence() uint64 { return l.m.sequence }

// Data implements store.Lease.
func (l *lease) Data() []byte { return l.data }

// Deliveries implements store.Lease.
func (l *lease) Deliveries() int { return l.deliveries }

// Extend implements store.Lease.
func (l *lease) Extend(ctx context.Context) error {
	return l.held(ctx, "lease.extend", func() { l.m.visible = time.Now().Add(l.h.options.Lease) })
}

// Ack implements store.Lease.
func (l *lease) Ack(ctx context.Context) error {
	return l.held(ctx, "lease.ack", func() {
		l.over = true
		d := l.h.disk
		for i, m := range d.messages {
			if m == l.m {
				d.messages = append(d.messages[:i:i], d.messages[i+1:]...)
				return
			}
		}
	})
}

// Nak implements store.Lease.
func (l *lease) Nak(ctx context.Context, delay time.Duration) error {
	return l.held(ctx, "lease.nak", func() {
		l.over = true
		l.m.visible = time.Now().Add(max(delay, 0))
		l.h.disk.wake()
	})
}

// held applies a call if the lease still runs.
func (l *lease) held(ctx context.Context, name string, apply func()) error {
	return l.h.do(ctx, Op{Name: name, Key: l.id}, func() error {
		if l.over || l.m.deliveries != l.deliveries || !l.m.visible.After(time.Now()) {
			return fmt.Errorf("%s %s (message %d, delivery %d): %w", name, l.id, l.m.sequence, l.deliveries, store.ErrLost)
		}
		apply()
		return nil
	})
}

// timer is one handle's view of the timers.
type timer struct{ h *Handle }

// At implements store.Timer.
func (t *timer) At(ctx context.Context, name string, at time.Time, data []byte) error {
	if err := store.CheckID(name); err != nil {
		return err
	}
	if err := store.CheckValue("timer "+name, data); err != nil {
		return err
	}
	return t.h.do(ctx, Op{Name: "timer.at", Key: name}, func() error {
		whole := at.Truncate(time.Second)
		if whole.Before(at) {
			whole = whole.Add(time.Second)
		}
		t.h.disk.timers[name] = &pending{at: whole, data: bytes.Clone(data)}
		t.h.disk.wake()
		return nil
	})
}

// Cancel implements store.Timer.
func (t *timer) Cancel(ctx context.Context, name string) error {
	if err := store.CheckID(name); err != nil {
		return err
	}
	return t.h.do(ctx, Op{Name: "timer.cancel", Key: name}, func() error {
		delete(t.h.disk.timers, name)
		return nil
	})
}
