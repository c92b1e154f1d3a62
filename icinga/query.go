package icinga

import (
	"cmp"
	"context"
	"slices"
)

// Query chooses hosts or services. The zero value is all services.
type Query struct {
	Hosts bool // hosts instead of services
	// Filter is an expression of Icinga2's language, such as "service.name == s && service.state != 0". It is a constant of the program: what
	// differs from call to call, names above all, goes into Vars.
	Filter string
	Vars   map[string]any // the values of the filter's variables
	// Lean leaves out the names for people, the variables and what the check said: a fifth of the bytes.
	Lean bool
}

// Objects returns what the query chooses, by name. Nothing is an empty list. 1,000 services take about 0.1 to 0.5 s.
func (c *Client) Objects(ctx context.Context, q Query) ([]Object, error) {
	service := "*"
	if q.Hosts {
		service = ""
	}
	kind := kindOfObject(service)
	body := map[string]any{"attrs": attributes(!q.Hosts)}
	if q.Lean {
		body["attrs"] = lean(!q.Hosts)
	}
	if q.Filter != "" {
		body["filter"] = q.Filter
	}
	if len(q.Vars) > 0 {
		body["filter_vars"] = q.Vars
	}
	results, err := c.do(ctx, call{op: "list " + kind.key + "s", path: kind.path, query: true, repeat: true, body: body})
	if err != nil {
		return nil, c.explain(ctx, err, "objects/query/"+kind.name)
	}
	objects := make([]Object, 0, len(results))
	for _, r := range results {
		o, err := decodeObject(r)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	slices.SortFunc(objects, func(a, b Object) int { return cmp.Compare(a.Name(), b.Name()) })
	return objects, nil
}

// Problems returns the hosts and services that are not well, soft states included, the worst first and of those the oldest. host "" is all hosts.
func (c *Client) Problems(ctx context.Context, host string) ([]Object, error) {
	var all []Object
	for _, q := range []Query{
		{Hosts: true, Filter: "host.state != 0 && host.last_check > 0 && (h == \"\" || host.name == h)"},
		{Filter: "service.state != 0 && service.last_check > 0 && (h == \"\" || host.name == h)"},
	} {
		q.Vars = map[string]any{"h": host}
		some, err := c.Objects(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b Object) int {
		return cmp.Or(cmp.Compare(b.State.severity(), a.State.severity()), a.LastHardStateChange.Compare(b.LastHardStateChange))
	})
	return all, nil
}
