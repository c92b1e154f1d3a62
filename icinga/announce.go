package icinga

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Announcement is a notification that somebody sends by hand.
type Announcement struct {
	Author string // who; required
	Text   string // required
	Force  bool   // also to those who are not on duty, and while notifications are off
}

// Announce sends a custom notification about a host (service "") or a service to its contacts. Icinga2 would send it twice, and keeps nothing by which
// it could be found again but the time of the last notification of each of the object's rules: where the outcome is unknown, and none of them has
// sent anything since, it is repeated; else it counts as sent. It needs the permissions actions/send-custom-notification and objects/query/Notification.
func (c *Client) Announce(ctx context.Context, host, service string, a Announcement) error {
	op := "announce at " + name(host, service)
	if a.Author == "" || a.Text == "" {
		return &Error{Op: op, Code: 400, kind: ErrInvalid, Status: "an announcement needs an author and a text"}
	}
	before, err := c.notified(ctx, op, host, service)
	if err != nil {
		return err
	}
	for n := range attempts {
		if err := pause(ctx, n); err != nil {
			return noAnswer(op, err)
		}
		if n > 0 {
			now, lookErr := c.notified(ctx, op, host, service)
			if lookErr == nil && now.After(before) {
				return nil
			}
			if lookErr != nil {
				err = lookErr
				continue
			}
		}
		body := map[string]any{"author": a.Author, "comment": a.Text, "force": a.Force}
		err = c.act(ctx, action{op: op, name: "send-custom-notification", host: host, service: service, body: body})
		if err == nil || !Temporary(err) {
			return err
		}
		c.opt.Log.Warn("icinga2 call has an unknown outcome", "op", op, "attempt", n+1, "error", err)
	}
	return err
}

// notified returns when the contacts of an object were last told anything.
func (c *Client) notified(ctx context.Context, op, host, service string) (time.Time, error) {
	if err := checkName(host, service); err != nil {
		return time.Time{}, &Error{Op: op, Code: 400, kind: ErrInvalid, Status: err.Error()}
	}
	results, err := c.do(ctx, call{op: op, path: "/v1/objects/notifications", query: true, repeat: true, body: map[string]any{
		"filter":      "notification.host_name == h && notification.service_name == s",
		"filter_vars": map[string]any{"h": host, "s": service}, "attrs": []string{"last_notification"},
	}})
	if err != nil {
		return time.Time{}, c.explain(ctx, err, "objects/query/Notification")
	}
	var last time.Time
	for _, r := range results {
		var w struct {
			Last float64 `json:"last_notification"`
		}
		if err := json.Unmarshal(r.Attrs, &w); err != nil {
			return time.Time{}, fmt.Errorf("icinga2: %s: %w", op, err)
		}
		if t := seconds(w.Last); t.After(last) {
			last = t
		}
	}
	return last, nil
}
