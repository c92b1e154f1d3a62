package icinga

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Remark is a comment as Icinga2 holds it now.
type Remark struct {
	Name    string
	Host    string
	Service string // "" = of the host itself
	Author  string
	Text    string    // hostile text
	Ack     bool      // it was written by an acknowledgement: its author is who acknowledged
	At      time.Time // when it was written
	Expiry  time.Time // zero = never
}

// Object returns "host" or "host!service".
func (r Remark) Object() string { return name(r.Host, r.Service) }

// ackEntry is the type of the comment of an acknowledgement (icinga2 documentation, "Object Types", "Comment").
const ackEntry = 4

// Remarks returns all comments, the oldest first. It needs the permission objects/query/Comment.
func (c *Client) Remarks(ctx context.Context) ([]Remark, error) {
	results, err := c.do(ctx, call{op: "list comments", path: "/v1/objects/comments", query: true, repeat: true, body: map[string]any{
		"attrs": []string{"__name", "host_name", "service_name", "author", "text", "entry_type", "entry_time", "expire_time"},
	}})
	if err != nil {
		return nil, c.explain(ctx, err, "objects/query/Comment")
	}
	out := make([]Remark, 0, len(results))
	for _, r := range results {
		var w struct {
			Host    string  `json:"host_name"`
			Service string  `json:"service_name"`
			Author  string  `json:"author"`
			Text    string  `json:"text"`
			Type    int     `json:"entry_type"`
			At      float64 `json:"entry_time"`
			Expiry  float64 `json:"expire_time"`
		}
		if err := json.Unmarshal(r.Attrs, &w); err != nil {
			return nil, fmt.Errorf("icinga2: decode comment %s: %w", oneLine(r.Name), err)
		}
		out = append(out, Remark{
			Name: r.Name, Host: w.Host, Service: w.Service, Author: w.Author, Text: w.Text, Ack: w.Type == ackEntry, At: seconds(w.At), Expiry: seconds(w.Expiry),
		})
	}
	slices.SortStableFunc(out, func(a, b Remark) int { return a.At.Compare(b.At) })
	return out, nil
}
