package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// deadline is how long a call waits for its answer when its ctx has no deadline of its own. A healthy write takes milliseconds.
const deadline = 10 * time.Second

// patience is how long a write may go unanswered before its stream counts as silent.
const patience = time.Second

// The headers that we set or read. Those that begin with Nats are the server's, from server/stream.go of nats-server 2.15.2.
const (
	headerExpectKey  = "Nats-Expected-Last-Subject-Sequence"
	headerExpectLast = "Nats-Expected-Last-Sequence"
	headerExpectID   = "Nats-Expected-Last-Msg-Id"
	headerID         = "Nats-Msg-Id"
	headerTTL        = "Nats-TTL"
	headerMarker     = "Nats-Marker-Reason"
	headerSequence   = "Nats-Sequence"
	headerTime       = "Nats-Time-Stamp"
	headerSubject    = "Nats-Subject"
	headerSchedule   = "Nats-Schedule"
	headerTarget     = "Nats-Schedule-Target"
	headerOperation  = "KV-Operation" // as the nats command shows it; the value of a deletion is DEL

	headerName     = "Opsbot-Id"       // the name of the timer that a message comes from, or the id of what was imported
	headerAt       = "Opsbot-At"       // when an imported message was first written
	headerOriginal = "Opsbot-Sequence" // which number an imported message had
)

// The codes of the server's refusals, from server/errors.json of nats-server 2.15.2.
const (
	codeWrongLastID       = 10070
	codeWrongLast         = 10071
	codeWrongLastConstant = 10164 // on a cluster; it may be false
	codeStreamNotFound    = 10059
	codeConsumerNotFound  = 10014
)

// wire is the connection to the server, shared by everything that an Engine hands out.
type wire struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	closed chan struct{}
	health *health

	mu    sync.Mutex
	epoch context.Context // ends when the connection does; a call under way then has no hope of an answer
	end   context.CancelFunc
}

// dial connects to the server behind p and keeps reconnecting for ever: the server is restarted under us when its disk has failed.
func dial(p nats.InProcessConnProvider, h *health) (*wire, error) {
	w := &wire{closed: make(chan struct{}), health: h}
	w.epoch, w.end = context.WithCancel(context.Background())
	nc, err := nats.Connect("", nats.InProcessServer(p), nats.Name("opsbot"), nats.MaxReconnects(-1),
		nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.NoCallbacksAfterClientClose(),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { w.renew() }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			h.log.Warn("store connection", "error", err, "subscription", s != nil)
		}))
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded store: %w", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("connect to the embedded store: %w", err)
	}
	w.nc, w.js = nc, js
	return w, nil
}

// renew ends the calls under way on the old connection.
func (w *wire) renew() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end()
	w.epoch, w.end = context.WithCancel(context.Background())
}

// finish closes the connection for good.
func (w *wire) finish() {
	w.nc.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end()
}

// bound gives ctx a deadline if it has none, and ends it with the connection.
func (w *wire) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	w.mu.Lock()
	epoch := w.epoch
	w.mu.Unlock()
	cancel := func() {}
	if _, ok := ctx.Deadline(); !ok {
		ctx, cancel = context.WithTimeout(ctx, deadline)
	}
	ctx, stop := context.WithCancel(ctx)
	unhook := context.AfterFunc(epoch, stop)
	return ctx, func() { unhook(); stop(); cancel() }
}

// request sends one message and waits for the answer. ErrClosed and the error of ctx alone mean that nothing was sent; ErrUnknown means that
// no answer came.
func (w *wire) request(ctx context.Context, what string, m *nats.Msg) (*nats.Msg, error) {
	if err := w.open(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	ctx, cancel := w.bound(ctx)
	defer cancel()
	answer, err := w.nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return nil, w.unheard(what, err)
	}
	return answer, nil
}

// open returns why nothing can be sent.
func (w *wire) open(ctx context.Context) error {
	if isClosed(w.closed) {
		return ErrClosed
	}
	return ctx.Err()
}

// unheard is the error of a call that was sent and not answered.
func (w *wire) unheard(what string, err error) error {
	if isClosed(w.closed) {
		return fmt.Errorf("%s: %w, %w", what, ErrUnknown, ErrClosed)
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnknown, err)
}

// refusal is the server's own error.
type refusal struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

// Error implements error.
func (r *refusal) Error() string { return fmt.Sprintf("%s (%d)", r.Description, r.ErrCode) }

// Is lets errors.Is find ErrConflict.
func (r *refusal) Is(target error) bool {
	return target == ErrConflict && (r.ErrCode == codeWrongLast || r.ErrCode == codeWrongLastConstant)
}

// acknowledgement is the server's answer to a publish.
type acknowledgement struct {
	Sequence  uint64   `json:"seq"`
	Duplicate bool     `json:"duplicate"`
	Error     *refusal `json:"error"`
}

// publish writes one message into stream. It returns after the message was synced to disk.
func (w *wire) publish(ctx context.Context, what, stream string, m *nats.Msg) (acknowledgement, error) {
	sent := time.Now()
	answer, err := w.request(ctx, what, m)
	if err != nil {
		// A caller that gave up at once says nothing about the server.
		if errors.Is(err, context.DeadlineExceeded) && time.Since(sent) >= patience {
			w.health.unheard(stream)
		}
		return acknowledgement{}, err
	}
	var ack acknowledgement
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return ack, fmt.Errorf("%s: answer %.80q: %w: %w", what, answer.Data, ErrUnknown, err)
	}
	if ack.Error != nil {
		return ack, fmt.Errorf("%s: %w", what, ack.Error)
	}
	w.health.heard(stream)
	return ack, nil
}

// api calls a function of the server's JetStream interface. in may be nil.
func (w *wire) api(ctx context.Context, what, function string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	answer, err := w.request(ctx, what, &nats.Msg{Subject: "$JS.API." + function, Data: body})
	if err != nil {
		return err
	}
	var head struct {
		Error *refusal `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &head); err != nil {
		return fmt.Errorf("%s: answer %.80q: %w", what, answer.Data, err)
	}
	if head.Error != nil {
		return fmt.Errorf("%s: %w", what, head.Error)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Data, out); err != nil {
		return fmt.Errorf("%s: answer %.80q: %w", what, answer.Data, err)
	}
	return nil
}

// stored is a message as it lies in a stream.
type stored struct {
	subject  string
	sequence uint64
	at       time.Time
	header   nats.Header
	data     []byte
}

// readStored makes a stored of an answer to a direct get.
func readStored(m *nats.Msg) (stored, error) {
	sequence, err := strconv.ParseUint(m.Header.Get(headerSequence), 10, 64)
	if err != nil {
		return stored{}, fmt.Errorf("sequence of a stored message: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, m.Header.Get(headerTime))
	if err != nil {
		return stored{}, fmt.Errorf("time of stored message %d: %w", sequence, err)
	}
	return stored{subject: m.Header.Get(headerSubject), sequence: sequence, at: written(m.Header, at), header: m.Header, data: m.Data}, nil
}

// written returns when a message was first written: an imported one tells.
func written(h nats.Header, at time.Time) time.Time {
	if first, err := time.Parse(time.RFC3339Nano, h.Get(headerAt)); err == nil {
		return first
	}
	return at
}

// idOf returns the id of a message or record.
func idOf(h nats.Header) string {
	if name := h.Get(headerName); name != "" {
		return name
	}
	return h.Get(headerID)
}

// gone says whether the message marks the end of a key.
func gone(h nats.Header) bool { return h.Get(headerOperation) != "" || h.Get(headerMarker) != "" }

// last returns the newest message on subject, or ErrNotFound.
func (w *wire) last(ctx context.Context, what, stream, subject string) (stored, error) {
	return w.one(ctx, what, &nats.Msg{Subject: "$JS.API.DIRECT.GET." + stream + "." + subject})
}

// at returns the message with a sequence number, or ErrNotFound.
func (w *wire) at(ctx context.Context, what, stream string, sequence uint64) (stored, error) {
	return w.one(ctx, what, &nats.Msg{Subject: "$JS.API.DIRECT.GET." + stream, Data: fmt.Appendf(nil, `{"seq":%d}`, sequence)})
}

// next returns the first message on subject (wildcards allowed) from a sequence number on, or ErrNotFound.
func (w *wire) next(ctx context.Context, what, stream, subject string, from uint64) (stored, error) {
	return w.one(ctx, what, &nats.Msg{Subject: "$JS.API.DIRECT.GET." + stream, Data: fmt.Appendf(nil, `{"seq":%d,"next_by_subj":%q}`, from, subject)})
}

func (w *wire) one(ctx context.Context, what string, m *nats.Msg) (stored, error) {
	answer, err := w.request(ctx, what, m)
	if err != nil {
		return stored{}, err
	}
	switch status := answer.Header.Get("Status"); status {
	case "":
	case "404":
		return stored{}, fmt.Errorf("%s: %w", what, ErrNotFound)
	default:
		return stored{}, fmt.Errorf("%s: server answers %s %s", what, status, answer.Header.Get("Description"))
	}
	got, err := readStored(answer)
	if err != nil {
		return stored{}, fmt.Errorf("%s: %w", what, err)
	}
	return got, nil
}

// page is how many messages one request of walk asks for at most, and pageBytes how much: well below what the server lets pend for a client.
// The server counts what is left once per page, which costs as much as reading a thousand messages where a stream has many.
const (
	page      = 2048
	pageBytes = 4 << 20
)

// walk calls each with every message on subject (wildcards allowed) from sequence from on, in order, until it returns false. A message that is
// replaced during the walk may be seen in both states, the newer one later; none is missed. It reads batch messages at a time, at most page.
func (w *wire) walk(ctx context.Context, what, stream, subject string, from uint64, batch int, each func(stored) bool) error {
	v := &walk{w: w, what: what, stream: stream, subject: subject, from: max(from, 1), batch: min(batch, page)}
	v.answers = make(chan *nats.Msg, v.batch+1)
	v.inbox = w.nc.NewInbox()
	sub, err := w.nc.ChanSubscribe(v.inbox, v.answers)
	if err != nil {
		return w.unheard(what, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
	for {
		more, err := v.turn(ctx, each)
		if err != nil || !more {
			return err
		}
	}
}

// walk is a reading under way.
type walk struct {
	w                            *wire
	what, stream, subject, inbox string
	from                         uint64
	batch                        int
	answers                      chan *nats.Msg
}

// turn reads one page.
func (v *walk) turn(ctx context.Context, each func(stored) bool) (more bool, err error) {
	if err := v.w.open(ctx); err != nil {
		return false, fmt.Errorf("%s: %w", v.what, err)
	}
	ctx, cancel := v.w.bound(ctx)
	defer cancel()
	ask := fmt.Appendf(nil, `{"seq":%d,"next_by_subj":%q,"batch":%d,"max_bytes":%d}`, v.from, v.subject, v.batch, pageBytes)
	if err := v.w.nc.PublishRequest("$JS.API.DIRECT.GET."+v.stream, v.inbox, ask); err != nil {
		return false, v.w.unheard(v.what, err)
	}
	for {
		var m *nats.Msg
		select {
		case m = <-v.answers:
		case <-ctx.Done():
			return false, v.w.unheard(v.what, ctx.Err())
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "404":
			return false, nil
		case "204":
			return m.Header.Get("Nats-Num-Pending") != "0", nil
		default:
			return false, fmt.Errorf("%s: server answers %s %s", v.what, status, m.Header.Get("Description"))
		}
		got, err := readStored(m)
		if err != nil {
			return false, fmt.Errorf("%s: %w", v.what, err)
		}
		v.from = got.sequence + 1
		if !each(got) {
			return false, nil
		}
	}
}
