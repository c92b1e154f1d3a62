package icinga

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Downtime is a time in which a host or a service may be in trouble without anybody being told.
type Downtime struct {
	Author      string // who; required
	Comment     string // why; required
	Marker      string // as in Comment
	From, Until time.Time
	// Flexible makes it begin with the first problem between From and Until and last so long from there; 0 = fixed, from From to Until.
	Flexible time.Duration
	// Services sets one for each service of the host, too. They end with the host's.
	Services bool
	// Children sets one for each host that depends on the host, too: fixed ones for the same time, flexible ones triggered by the host's.
	Children bool
}

// ScheduleDowntime sets a downtime unless one of that author with that marker is there; see AddComment. It needs the permissions
// actions/schedule-downtime and objects/query/Downtime.
func (c *Client) ScheduleDowntime(ctx context.Context, host, service string, d Downtime) error {
	op := "schedule a downtime of " + name(host, service)
	if !d.Until.After(d.From) || d.Flexible < 0 {
		return &Error{Op: op, Code: 400, kind: ErrInvalid, Status: "its end is not after its beginning"}
	}
	body := map[string]any{
		"author": d.Author, "comment": mark(d.Comment, d.Marker), "start_time": unix(d.From), "end_time": unix(d.Until), "fixed": d.Flexible == 0,
	}
	if d.Flexible > 0 {
		body["duration"] = d.Flexible.Seconds()
	}
	if d.Services && service == "" {
		body["all_services"] = true
	}
	if d.Children {
		body["child_options"] = map[bool]string{true: "DowntimeNonTriggeredChildren", false: "DowntimeTriggeredChildren"}[d.Flexible == 0]
	}
	return c.actOnce(ctx, markedKind{"Downtime", "downtime", "comment"}, d.Author, d.Marker, action{
		op: op, name: "schedule-downtime", host: host, service: service, body: body,
	})
}

// RemoveDowntime ends the downtimes of that author with that marker. It may be repeated: none is done.
func (c *Client) RemoveDowntime(ctx context.Context, host, service, author, marker string) error {
	names, err := c.marked(ctx, "remove a downtime of "+name(host, service), markedKind{"Downtime", "downtime", "comment"}, host, service, author, marker)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := c.CancelDowntime(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// CancelDowntime ends the downtime of that name, see [ScheduledDowntime]. It may be repeated: one that has ended is done. It needs the permission
// actions/remove-downtime.
func (c *Client) CancelDowntime(ctx context.Context, downtime string) error {
	op := "remove the downtime " + oneLine(downtime)
	if downtime == "" {
		return &Error{Op: op, Code: 400, kind: ErrInvalid, Status: "no name, which would mean all of them"}
	}
	_, err := c.do(ctx, call{op: op, path: "/v1/actions/remove-downtime", body: map[string]any{"downtime": downtime}, repeat: true})
	if err = c.explain(ctx, err, "actions/remove-downtime"); errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// ScheduledDowntime is a downtime as Icinga2 holds it now.
type ScheduledDowntime struct {
	Name    string // by which it is cancelled
	Host    string
	Service string // "" = of the host itself
	Author  string
	Comment string // without the marker
	Marker  string // "" where it has none

	From, Until time.Time
	Flexible    time.Duration // 0 = fixed
	Triggered   time.Time     // when it began to count; zero = not yet
	Configured  bool          // made by a schedule in Icinga2's own files, which makes it again
}

// Object returns "host" or "host!service".
func (d ScheduledDowntime) Object() string { return name(d.Host, d.Service) }

// Downtimes returns the downtimes of a host and of its services, by name. With a marker only those of that author with that marker are returned, of
// whatever host where host is "". It needs the permission objects/query/Downtime.
func (c *Client) Downtimes(ctx context.Context, host, author, marker string) ([]ScheduledDowntime, error) {
	op := "list downtimes of " + cmp.Or(host, "all hosts")
	if marker != "" {
		if err := checkMarker(marker); err != nil {
			return nil, &Error{Op: op, Code: 400, kind: ErrInvalid, Status: err.Error()}
		}
	}
	filter, end := `(h == "" || downtime.host_name == h)`, ""
	if marker != "" {
		filter, end = filter+" && downtime.author == a && downtime.comment.contains(m)", mark("", marker)[1:]
	}
	results, err := c.do(ctx, call{op: op, path: "/v1/objects/downtimes", query: true, repeat: true, body: map[string]any{
		"filter": filter, "filter_vars": map[string]any{"h": host, "a": author, "m": end},
		"attrs": []string{"__name", "host_name", "service_name", "author", "comment", "start_time", "end_time", "duration", "fixed", "trigger_time", "config_owner"},
	}})
	if err != nil {
		return nil, c.explain(ctx, err, "objects/query/Downtime")
	}
	var out []ScheduledDowntime
	for _, r := range results {
		d, err := decodeDowntime(r)
		if err != nil {
			return nil, err
		}
		if marker == "" || d.Marker == marker {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b ScheduledDowntime) int {
		return cmp.Or(cmp.Compare(a.Object(), b.Object()), cmp.Compare(a.Name, b.Name))
	})
	return out, nil
}

func decodeDowntime(r result) (ScheduledDowntime, error) {
	var w struct {
		Host     string  `json:"host_name"`
		Service  string  `json:"service_name"`
		Author   string  `json:"author"`
		Comment  string  `json:"comment"`
		Start    float64 `json:"start_time"`
		End      float64 `json:"end_time"`
		Duration float64 `json:"duration"`
		Fixed    bool    `json:"fixed"`
		Trigger  float64 `json:"trigger_time"`
		Owner    string  `json:"config_owner"`
	}
	if err := json.Unmarshal(r.Attrs, &w); err != nil {
		return ScheduledDowntime{}, fmt.Errorf("icinga2: decode downtime %s: %w", oneLine(r.Name), err)
	}
	d := ScheduledDowntime{
		Name: r.Name, Host: w.Host, Service: w.Service, Author: w.Author, From: seconds(w.Start), Until: seconds(w.End), Triggered: seconds(w.Trigger), Configured: w.Owner != "",
	}
	d.Comment, d.Marker = Unmark(w.Comment)
	if !w.Fixed {
		d.Flexible = time.Duration(w.Duration * float64(time.Second)).Round(time.Millisecond)
	}
	return d, nil
}

// Unmark splits a comment that Icinga2 shows into what was said and the marker behind it, "" where there is none.
func Unmark(text string) (bare, marker string) {
	inner, ok := strings.CutSuffix(text, "]")
	at := strings.LastIndex(inner, " [")
	if !ok || at < 0 || checkMarker(inner[at+2:]) != nil {
		return text, ""
	}
	return text[:at], inner[at+2:]
}
