package rule

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// The bounds of calling.
const (
	callTTL   = 7 * 24 * time.Hour
	ringsMost = 24 // then the problem has been told often enough
	ringLease = 30 * time.Second
	callIdle  = 5 * time.Second
	noticesOf = 10
)

// CallsOptions are what calling people needs. KV, Due and Ring are required.
type CallsOptions struct {
	KV store.KV // guards
	// Due returns who is called now about something that nobody has answered since a time, and the number of that call, from 0; false where
	// nobody is on call. See policy.OnCall.
	Due func(since, now time.Time) (who string, n int, ok bool)
	// Ring reaches one person. An error is tried again.
	Ring func(ctx context.Context, who string, n int, notice Notice) error
	Now  func() time.Time // nil = time.Now
	Log  *slog.Logger     // nil = discard
}

// Calls calls the person on call, and the next one when nobody answers. It is safe for concurrent use, also by several processes on one store.
type Calls struct {
	opt  CallsOptions
	wake chan struct{}
}

// NewCalls returns what calls people. Run does the calling.
func NewCalls(o CallsOptions) (*Calls, error) {
	if o.KV == nil || o.Due == nil || o.Ring == nil {
		return nil, errors.New("calls: KV, Due and Ring are required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Calls{opt: o, wake: make(chan struct{}, 1)}, nil
}

// Open is one matter that a person must look after, as it is stored: one per object of the monitoring.
type Open struct {
	Notice   Notice    `json:"notice"` // the latest
	IDs      []string  `json:"ids"`    // of the notices so far
	Since    time.Time `json:"since"`
	Rung     int       `json:"rung"`             // calls made
	Who      []string  `json:"who,omitempty"`    // was called, in order
	Ringing  time.Time `json:"ringing,omitzero"` // somebody is at it since
	Answered string    `json:"answered,omitempty"`
	How      string    `json:"how,omitempty"`
	At       time.Time `json:"at,omitzero"` // of the answer
}

func callKey(object string) string { return "call." + digest(object) }

// Call makes sure that somebody looks after a matter: it is stored when Call returns, and Run rings. Another notice about an object that nobody has
// answered for yet joins the call that is under way; the same notice again changes nothing.
func (c *Calls) Call(ctx context.Context, n Notice) error {
	_, err := Change(ctx, c.opt.KV, callKey(n.Alert.Object()), callTTL, func(o *Open) (bool, error) {
		if slices.Contains(o.IDs, n.ID) {
			return false, nil
		}
		ids := append(slices.Clone(o.IDs), n.ID)
		if o.Since.IsZero() || o.Answered != "" {
			*o = Open{Since: c.opt.Now()}
		}
		o.Notice, o.IDs = n, ids[max(0, len(ids)-noticesOf):]
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("call somebody about %s: %w", n.Alert.Object(), err)
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

// Answer ends the call about an object ("host" or "host!service"): by a person, or because the matter is over. It tells whether there was one.
func (c *Calls) Answer(ctx context.Context, object, by, how string) (bool, error) {
	ended := false
	// Most objects have no call: that is one read.
	_, err := Change(ctx, c.opt.KV, callKey(object), callTTL, func(o *Open) (bool, error) {
		if o.Since.IsZero() || o.Answered != "" {
			return false, nil
		}
		o.Answered, o.How, o.At, ended = by, how, c.opt.Now(), true
		return true, nil
	})
	if err != nil {
		return false, fmt.Errorf("answer the call about %s: %w", object, err)
	}
	return ended, nil
}

// Unanswered returns the matters that nobody has answered for, oldest first.
func (c *Calls) Unanswered(ctx context.Context) ([]Open, error) {
	entries, err := c.opt.KV.List(ctx, "call.")
	if err != nil {
		return nil, fmt.Errorf("list the calls: %w", err)
	}
	var out []Open
	for _, e := range entries {
		var o Open
		if err := json.Unmarshal(e.Value, &o); err != nil {
			return nil, fmt.Errorf("read %s: %w", e.Key, err)
		}
		if o.Answered == "" && !o.Since.IsZero() {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b Open) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Notice.ID, b.Notice.ID)) })
	return out, nil
}

// Run calls people until ctx ends. Errors are logged and tried again.
func (c *Calls) Run(ctx context.Context) error {
	tick := time.NewTicker(callIdle)
	defer tick.Stop()
	for {
		if err := c.ring(ctx); err != nil && ctx.Err() == nil {
			c.opt.Log.Error("calling people", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.wake:
		case <-tick.C:
		}
	}
}

// ring makes every call that is due.
func (c *Calls) ring(ctx context.Context) error {
	open, err := c.Unanswered(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, o := range open {
		errs = append(errs, c.ringOne(ctx, o))
	}
	return errors.Join(errs...)
}

// ringOne claims the call before it is made and counts it afterwards: after a crash in between it is made again.
func (c *Calls) ringOne(ctx context.Context, o Open) error {
	now := c.opt.Now()
	who, n, ok := c.opt.Due(o.Since, now)
	if !ok || n < o.Rung || o.Rung >= ringsMost {
		return nil
	}
	key, mine := callKey(o.Notice.Alert.Object()), false
	o, err := Change(ctx, c.opt.KV, key, callTTL, func(now2 *Open) (bool, error) {
		if mine = mine && now2.Ringing.Equal(now); mine { // our own write, of which no answer came
			return false, nil
		}
		if now2.Answered != "" || now2.Rung > n || !now2.Ringing.IsZero() && within(now2.Ringing, now, ringLease) {
			return false, nil
		}
		now2.Ringing, mine = now, true
		return true, nil
	})
	if err != nil || !mine {
		return err
	}
	ringErr := c.opt.Ring(ctx, who, n, o.Notice)
	if ringErr != nil {
		ringErr = fmt.Errorf("call %s about %s: %w", who, o.Notice.Alert.Object(), ringErr)
	}
	_, err = Change(ctx, c.opt.KV, key, callTTL, func(o *Open) (bool, error) {
		if !o.Ringing.Equal(now) {
			return false, nil
		}
		o.Ringing = time.Time{}
		if ringErr == nil {
			o.Rung = n + 1
			o.Who = append(o.Who, who)
		}
		return true, nil
	})
	return errors.Join(ringErr, err)
}
