package icinga

import "context"

// CountComments counts the comments of a service, whoever wrote them.
func CountComments(ctx context.Context, c *Client, host, service string) (int, error) {
	results, err := c.do(ctx, call{op: "count comments", path: "/v1/objects/comments", query: true, repeat: true, body: map[string]any{
		"filter": "comment.host_name == h && comment.service_name == s", "filter_vars": map[string]any{"h": host, "s": service}, "attrs": []string{"text"},
	}})
	return len(results), err
}

// Decode reads an answer of the API as calls do.
func Decode(status int, data []byte) (objects []Object, names int, err error) {
	results, failed := decode(status, data)
	if failed != nil {
		return nil, len(results), failed
	}
	for _, r := range results {
		if len(r.Attrs) == 0 {
			continue
		}
		o, err := decodeObject(r)
		if err != nil {
			return nil, 0, err
		}
		objects = append(objects, o)
	}
	return objects, len(results), nil
}

// DecodeEvent reads a line of a stream.
func DecodeEvent(line []byte) (Event, error) { return decodeEvent(line) }
