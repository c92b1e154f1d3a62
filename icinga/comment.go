package icinga

import (
	"cmp"
	"context"
	"encoding/json"
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

// checkMarker refuses what could not be found again.
func checkMarker(marker string) error {
	if marker == "" || len(marker) > maxName || strings.ContainsAny(marker, "[]\n") {
		return fmt.Errorf("marker %q: want 1 to %d bytes without brackets", clip(marker), maxName)
	}
	return nil
}

// marked returns the names of the comments or downtimes of an object that bear a marker.
func (c *Client) marked(ctx context.Context, op string, kind markedKind, host, service, author, marker string) ([]string, error) {
	if err := cmp.Or(checkMarker(marker), checkName(host, service)); err != nil {
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
