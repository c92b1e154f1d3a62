package icinga

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Ack is an acknowledgement: somebody looks after the problem, and reminders stop.
type Ack struct {
	Author     string    // who; required
	Comment    string    // why; required
	Expiry     time.Time // when it ends by itself; zero = with the problem
	Sticky     bool      // it stays through changes of state until the object is well; else any change of state ends it
	Notify     bool      // tell the contacts
	Persistent bool      // its comment stays after it has ended
}

// Acknowledge acknowledges the problem of a host (service "") or a service. It may be repeated: an object that is acknowledged already, by
// whoever, counts as done. The error holds ErrConflict when the object is well.
func (c *Client) Acknowledge(ctx context.Context, host, service string, ack Ack) error {
	op := "acknowledge " + name(host, service)
	if ack.Author == "" || ack.Comment == "" {
		return &Error{Op: op, Code: 400, kind: ErrInvalid, Status: "an acknowledgement needs an author and a comment"}
	}
	body := map[string]any{
		"author": ack.Author, "comment": ack.Comment, "sticky": ack.Sticky, "notify": ack.Notify, "persistent": ack.Persistent,
	}
	if !ack.Expiry.IsZero() {
		body["expiry"] = unix(ack.Expiry)
	}
	err := c.act(ctx, action{op: op, name: "acknowledge-problem", host: host, service: service, body: body, repeat: true})
	// "Service edge-1!cache is already acknowledged.", which is also what the repetition of our own lost call gets. The other reasons of a
	// 409 are that the object is well and that the expiry has passed.
	if e, ok := errors.AsType[*Error](err); ok && e.Code == 409 && strings.Contains(e.Status, "already acknowledged") {
		return nil
	}
	return err
}

// RemoveAcknowledgement ends the acknowledgement of a host (service "") or a service. It may be repeated: an object without one counts as done.
func (c *Client) RemoveAcknowledgement(ctx context.Context, host, service, author string) error {
	body := map[string]any{}
	if author != "" {
		body["author"] = author
	}
	return c.act(ctx, action{
		op: "remove the acknowledgement of " + name(host, service), name: "remove-acknowledgement",
		host: host, service: service, body: body, repeat: true,
	})
}

// action is a call of /v1/actions for exactly one object.
type action struct {
	op, name      string
	host, service string
	body          map[string]any
	repeat        bool
}

func (c *Client) act(ctx context.Context, a action) error {
	if err := checkName(a.host, a.service); err != nil {
		return &Error{Op: a.op, Code: 400, kind: ErrInvalid, Status: err.Error()}
	}
	kind := kindOfObject(a.service)
	a.body["type"] = kind.name
	a.body[kind.key] = name(a.host, a.service)
	results, err := c.do(ctx, call{op: a.op, path: "/v1/actions/" + a.name, body: a.body, repeat: a.repeat})
	if err != nil {
		return c.explain(ctx, err, "actions/"+a.name)
	}
	if len(results) == 0 {
		return &Error{Op: a.op, Code: 404, kind: ErrNotFound, Status: "no object was touched"}
	}
	// A result for what a dependency keeps from being checked: "Ignoring passive check result for unreachable object 'edge-1!disk'.", answered 200.
	if said := results[0].say(); strings.HasPrefix(said, "Ignoring") {
		return &Error{Op: a.op, Code: 409, kind: ErrConflict, Status: said}
	}
	return nil
}
