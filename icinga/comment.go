package icinga

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Comment is a remark beside a host or a service.
type Comment struct {
	Author string    // who; required
	Text   string    // required
	Marker string    // what makes it this comment and no other, such as a run and a step; required; it is shown behind the text
	Expiry time.Time // when it vanishes; zero = never
}

// AddComment adds a comment to a host (service "") or a service unless a comment of that author with that marker is there: Icinga2 would add it
// twice. So it may be repeated, after a crash too, one caller at a time. It looks, posts, and where the outcome is unknown looks again before
// it repeats. It needs the permissions actions/add-comment and objects/query/Comment.
func (c *Client) AddComment(ctx context.Context, host, service string, comment Comment) error {
	body := map[string]any{"author": comment.Author, "comment": mark(comment.Text, comment.Marker)}
	if !comment.Expiry.IsZero() {
		body["expiry"] = unix(comment.Expiry)
	}
	return c.actOnce(ctx, markedKind{"Comment", "comment", "text"}, comment.Author, comment.Marker, action{
		op: "comment on " + name(host, service), name: "add-comment", host: host, service: service, body: body,
	})
}

// Downtime is a time in which a host or a service may be in trouble without anybody being told.
type Downtime struct {
	Author      string // who; required
	Comment     string // why; required
	Marker      string // as in Comment
	From, Until time.Time
}

// ScheduleDowntime sets a downtime unless one of that author with that marker is there; see AddComment. It needs the permissions
// actions/schedule-downtime and objects/query/Downtime.
func (c *Client) ScheduleDowntime(ctx context.Context, host, service string, d Downtime) error {
	op := "schedule a downtime of " + name(host, service)
	if !d.Until.After(d.From) {
		return &Error{Op: op, Code: 400, kind: ErrInvalid, Status: "its end is not after its beginning"}
	}
	return c.actOnce(ctx, markedKind{"Downtime", "downtime", "comment"}, d.Author, d.Marker, action{
		op: op, name: "schedule-downtime", host: host, service: service,
		body: map[string]any{
			"author": d.Author, "comment": mark(d.Comment, d.Marker), "start_time": unix(d.From), "end_time": unix(d.Until), "fixed": true,
		},
	})
}

// RemoveDowntime ends the downtimes of that author with that marker. It may be repeated: none is done.
func (c *Client) RemoveDowntime(ctx context.Context, host, service, author, marker string) error {
	op := "remove a downtime of " + name(host, service)
	names, err := c.marked(ctx, op, markedKind{"Downtime", "downtime", "comment"}, host, service, author, marker)
	if err != nil {
		return err
	}
	for _, n := range names {
		k := call{op: op, path: "/v1/actions/remove-downtime", body: map[string]any{"downtime": n}, repeat: true}
		if _, err := c.do(ctx, k); err != nil {
			if err = c.explain(ctx, err, "actions/remove-downtime"); !errors.Is(err, ErrNotFound) { // it has ended meanwhile
				return err
			}
		}
	}
	return nil
}

// markedKind is a kind of object in whose text we leave a marker.
type markedKind struct{ name, key, text string }

func mark(text, marker string) string { return text + " [" + marker + "]" }

// actOnce carries out an action that Icinga2 would carry out twice.
func (c *Client) actOnce(ctx context.Context, kind markedKind, author, marker string, a action) error {
	if author == "" || a.body["comment"] == mark("", marker) {
		return &Error{Op: a.op, Code: 400, kind: ErrInvalid, Status: "an author and a text are needed"}
	}
	var err error
	for n := range attempts {
		if err := pause(ctx, n); err != nil {
			return noAnswer(a.op, err)
		}
		var names []string
		names, err = c.marked(ctx, a.op, kind, a.host, a.service, author, marker)
		if len(names) > 0 {
			return nil
		}
		if err == nil {
			err = c.act(ctx, a)
		}
		if err == nil || !Temporary(err) {
			return err
		}
		c.opt.Log.Warn("icinga2 call has an unknown outcome", "op", a.op, "attempt", n+1, "error", err)
	}
	return err
}

// pause waits before the n-th attempt, 0 for the first: long enough for a request whose answer was lost to have been worked off.
func pause(ctx context.Context, n int) error {
	if n == 0 {
		return ctx.Err()
	}
	base := 500 * time.Millisecond << (n - 1)
	t := time.NewTimer(base + rand.N(base/2))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// marked returns the names of the comments or downtimes of an object that bear a marker.
func (c *Client) marked(ctx context.Context, op string, kind markedKind, host, service, author, marker string) ([]string, error) {
	if marker == "" || len(marker) > maxName || strings.ContainsAny(marker, "[]\n") {
		return nil, &Error{Op: op, Code: 400, kind: ErrInvalid, Status: fmt.Sprintf("marker %q: want 1 to %d bytes without brackets", marker, maxName)}
	}
	if err := checkName(host, service); err != nil {
		return nil, &Error{Op: op, Code: 400, kind: ErrInvalid, Status: err.Error()}
	}
	results, err := c.do(ctx, call{op: op, path: "/v1/objects/" + kind.key + "s", query: true, repeat: true, body: map[string]any{
		// Icinga2 knows a comment by a name that it makes itself; what we know is inside.
		"filter": fmt.Sprintf("%[1]s.host_name == h && %[1]s.service_name == s && %[1]s.author == a && %[1]s.%[2]s.contains(m)", kind.key, kind.text),
		"filter_vars": map[string]any{
			"h": host, "s": service, "a": author, "m": mark("", marker)[1:],
		},
		"attrs": []string{"__name", kind.text},
	}})
	if err != nil {
		return nil, c.explain(ctx, err, "objects/query/"+kind.name)
	}
	var names []string
	for _, r := range results {
		var attrs map[string]any
		if err := json.Unmarshal(r.Attrs, &attrs); err != nil {
			return nil, fmt.Errorf("icinga2: %s: %w", op, err)
		}
		if text, _ := attrs[kind.text].(string); strings.HasSuffix(text, mark("", marker)) {
			names = append(names, r.Name)
		}
	}
	return names, nil
}
