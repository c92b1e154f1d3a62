package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// idle is how long one request for a message waits at the server before it is asked anew.
const idle = 30 * time.Second

// queue implements Queue and Timer over the stream RUNS.
//
// The stream keeps acknowledged messages for a while (Engine.trim) instead of being a work queue in the server's sense: that kind removes a
// message with its acknowledgement, and with it the memory of its id when the server is restarted. It also costs one more sync per message.
type queue struct {
	w *wire
	e *Engine
}

// Publish implements Queue.
func (q *queue) Publish(ctx context.Context, id string, data []byte) (uint64, bool, error) {
	if err := CheckID(id); err != nil {
		return 0, false, err
	}
	if err := CheckValue("message "+id, data); err != nil {
		return 0, false, err
	}
	what := "publish " + id
	ack, err := q.w.publish(ctx, what, queueStream, &nats.Msg{Subject: workSubject, Data: data, Header: nats.Header{headerID: {id}}})
	if err != nil {
		return 0, false, err
	}
	if !ack.Duplicate {
		return ack.Sequence, true, nil
	}
	first, err := q.w.at(ctx, what, queueStream, ack.Sequence)
	if errors.Is(err, ErrNotFound) { // trimmed by a clock that jumped; it was no imported one then
		return ack.Sequence, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return original(first.header, ack.Sequence), false, nil
}

// original returns the sequence number that a message had before it was imported, or else its own.
func original(h nats.Header, own uint64) uint64 {
	if n, err := strconv.ParseUint(h.Get(headerOriginal), 10, 64); err == nil {
		return n
	}
	return own
}

// Pull implements Queue.
func (q *queue) Pull(ctx context.Context, most int) ([]Lease, error) {
	if most < 1 {
		return nil, fmt.Errorf("pull %d messages: want at least 1", most)
	}
	for {
		if err := q.e.watching(ctx); err != nil {
			return nil, fmt.Errorf("pull: %w", err)
		}
		// All that is there, and if there is nothing, the next one: a request for more would go on collecting messages after the first,
		// and their leases would run while nobody works on them.
		got, err := q.ask(ctx, most, fmt.Appendf(nil, `{"batch":%d,"no_wait":true}`, most))
		if err == nil && len(got) == 0 {
			got, err = q.ask(ctx, 1, fmt.Appendf(nil, `{"batch":1,"expires":%d}`, idle))
		}
		switch {
		case len(got) > 0:
			return got, nil
		case isClosed(q.w.closed):
			return nil, fmt.Errorf("pull: %w", ErrClosed)
		case ctx.Err() != nil:
			return nil, fmt.Errorf("pull: %w", ctx.Err())
		case err != nil && !pause(ctx, sureFirst*10): // the server is being restarted
			return nil, fmt.Errorf("pull: %w", ctx.Err())
		}
	}
}

// ask sends one request and collects its answers. Messages that arrive although ctx has ended are given back at once.
func (q *queue) ask(ctx context.Context, most int, request []byte) ([]Lease, error) {
	if err := q.w.open(ctx); err != nil {
		return nil, err
	}
	answers := make(chan *nats.Msg, most+1)
	inbox := q.w.nc.NewInbox()
	sub, err := q.w.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return nil, q.w.unheard("pull", err)
	}
	if err := q.w.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+queueStream+"."+queueWorkers, inbox, request); err != nil {
		_ = sub.Unsubscribe() // as the request, so this
		return nil, q.w.unheard("pull", err)
	}
	leases, err := q.collect(ctx, most, answers)
	if err != nil {
		q.giveBack(sub, answers, leases)
		return nil, err
	}
	_ = sub.Unsubscribe() // fails only on a closed connection
	return leases, nil
}

// collect returns when most messages or a status have come.
func (q *queue) collect(ctx context.Context, most int, answers <-chan *nats.Msg) ([]Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, idle+deadline)
	defer cancel()
	ctx, stop := q.w.bound(ctx)
	defer stop()
	var leases []Lease
	for len(leases) < most {
		select {
		case m := <-answers:
			if m.Header.Get("Status") != "" {
				return leases, nil
			}
			l, err := q.lease(m)
			if err != nil {
				return leases, err
			}
			leases = append(leases, l)
		case <-ctx.Done():
			return leases, ctx.Err()
		case <-q.w.closed:
			return leases, ErrClosed
		}
	}
	return leases, nil
}

// giveBack hands over what arrived too late, so that it does not have to wait for the end of its lease. Drain, unlike Unsubscribe, lets
// through what the server sent before it heard of it; the flush waits for that.
func (q *queue) giveBack(sub *nats.Subscription, answers <-chan *nats.Msg, leases []Lease) {
	_ = sub.Drain()                          // fails only on a closed connection
	_ = q.w.nc.FlushTimeout(2 * time.Second) // without an answer, a message waits for its lease to end
	for {
		select {
		case m := <-answers:
			if m.Header.Get("Status") == "" {
				if l, err := q.lease(m); err == nil {
					leases = append(leases, l)
				}
			}
			continue
		default:
		}
		break
	}
	for _, l := range leases {
		_ = q.w.nc.Publish(l.(*lease).reply, []byte("-NAK")) // best effort: the lease ends by itself
	}
}

// lease makes a Lease of a delivered message.
func (q *queue) lease(m *nats.Msg) (*lease, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("pull: message without metadata: %w", err)
	}
	l := &lease{w: q.w, time: q.e.options.Lease, reply: m.Reply, id: idOf(m.Header), data: m.Data, deliveries: int(meta.NumDelivered),
		sequence: original(m.Header, meta.Sequence.Stream)}
	if meta.Sequence.Stream <= q.e.delivered {
		l.deliveries++ // to a process that is dead, by a consumer that was replaced
	}
	l.end.Store(time.Now().Add(l.time).UnixNano())
	return l, nil
}

// lease implements Lease.
type lease struct {
	w          *wire
	time       time.Duration
	reply      string
	id         string
	sequence   uint64
	data       []byte
	deliveries int
	end        atomic.Int64 // unix nanoseconds; 0 when the lease is over
}

// ID implements Lease.
func (l *lease) ID() string { return l.id }

// Sequence implements Lease.
func (l *lease) Sequence() uint64 { return l.sequence }

// Data implements Lease.
func (l *lease) Data() []byte { return l.data }

// Deliveries implements Lease.
func (l *lease) Deliveries() int { return l.deliveries }

// Extend implements Lease.
func (l *lease) Extend(ctx context.Context) error {
	sent := time.Now()
	if err := l.tell(ctx, "extend", "+WPI"); err != nil {
		return err
	}
	l.end.Store(sent.Add(l.time).UnixNano())
	return nil
}

// Ack implements Lease.
func (l *lease) Ack(ctx context.Context) error { return l.finish(ctx, "acknowledge", "+ACK") }

// Nak implements Lease.
func (l *lease) Nak(ctx context.Context, delay time.Duration) error {
	if delay <= 0 {
		return l.finish(ctx, "give back", "-NAK")
	}
	return l.finish(ctx, "give back", fmt.Sprintf(`-NAK {"delay":%d}`, delay))
}

func (l *lease) finish(ctx context.Context, verb, word string) error {
	err := l.tell(ctx, verb, word)
	if err == nil {
		l.end.Store(0)
	}
	return err
}

// tell sends a word about the message. The server takes one about a lease that ran out for good, although another process may have the message
// by then; so this side counts the time itself and keeps quiet after the end.
func (l *lease) tell(ctx context.Context, verb, word string) error {
	if time.Now().UnixNano() >= l.end.Load() {
		return fmt.Errorf("%s %s (message %d, delivery %d): %w", verb, l.id, l.sequence, l.deliveries, ErrLost)
	}
	_, err := l.w.request(ctx, verb+" "+l.id, &nats.Msg{Subject: l.reply, Data: []byte(word)})
	return err
}

// timer implements Timer.
type timer struct{ w *wire }

// timerKey returns the subject of a timer. Names may hold what subjects may not.
func timerKey(name string) string {
	return timerSubject + base64.RawURLEncoding.EncodeToString([]byte(name))
}

// At implements Timer.
func (t *timer) At(ctx context.Context, name string, at time.Time, data []byte) error {
	if err := CheckID(name); err != nil {
		return err
	}
	if err := CheckValue("timer "+name, data); err != nil {
		return err
	}
	_, err := t.w.publish(ctx, "set timer "+name, queueStream, timerMessage(name, at, data))
	return err
}

// timerMessage is the schedule that the server keeps until at, rounded up to the next whole second: the server cuts off what is below.
func timerMessage(name string, at time.Time, data []byte) *nats.Msg {
	whole := at.Truncate(time.Second)
	if whole.Before(at) {
		whole = whole.Add(time.Second)
	}
	return &nats.Msg{Subject: timerKey(name), Data: data, Header: nats.Header{
		headerSchedule: {"@at " + whole.UTC().Format(time.RFC3339)},
		headerTarget:   {workSubject},
		headerName:     {name},
	}}
}

// Cancel implements Timer.
func (t *timer) Cancel(ctx context.Context, name string) error {
	if err := CheckID(name); err != nil {
		return err
	}
	return t.w.api(ctx, "cancel timer "+name, "STREAM.PURGE."+queueStream, map[string]any{"filter": timerKey(name)}, nil)
}
