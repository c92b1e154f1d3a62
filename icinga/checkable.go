package icinga

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Checkable is a host or a service with what says how it is checked.
type Checkable struct {
	Object
	Command  string        // name of its CheckCommand
	Active   bool          // Icinga2 checks it by itself; else somebody reports
	Timeout  time.Duration // of one check; 0 = that of the command
	Interval time.Duration // between two checks
}

// Reported tells whether its results are handed in from outside: a check of its own would only say that nobody has reported.
func (k Checkable) Reported() bool { return k.Command == "dummy" || k.Command == "passive" }

// Checkables returns hosts and their services, by host, the host itself first. Of one host the error holds ErrNotFound when there is none; of several
// those that there are come.
func (c *Client) Checkables(ctx context.Context, hosts ...string) ([]Checkable, error) {
	if len(hosts) == 0 {
		return nil, nil
	}
	for _, host := range hosts {
		if err := checkName(host, ""); err != nil {
			return nil, &Error{Op: "read a host", Code: 400, kind: ErrInvalid, Status: err.Error()}
		}
	}
	op := "read " + hosts[0] + " and its services"
	if len(hosts) > 1 {
		op = fmt.Sprintf("read %d hosts and their services", len(hosts))
	}
	var all []Checkable
	for _, service := range []string{"", "*"} {
		kind := kindOfObject(service)
		body := map[string]any{"attrs": append(attributes(service != ""), "check_command", "enable_active_checks", "check_timeout", "check_interval")}
		switch {
		case len(hosts) > 1:
			body["filter"], body["filter_vars"] = "host.name in hosts", map[string]any{"hosts": hosts}
		case service == "":
			body["host"] = hosts[0]
		default:
			body["filter"], body["filter_vars"] = "host.name == h", map[string]any{"h": hosts[0]}
		}
		results, err := c.do(ctx, call{op: op, path: kind.path, query: true, repeat: true, body: body})
		if err != nil {
			return nil, c.explain(ctx, err, "objects/query/"+kind.name)
		}
		for _, r := range results {
			k, err := decodeCheckable(r)
			if err != nil {
				return nil, err
			}
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b Checkable) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Service, b.Service))
	})
	return all, nil
}

func decodeCheckable(r result) (Checkable, error) {
	o, err := decodeObject(r)
	if err != nil {
		return Checkable{}, err
	}
	var w struct {
		Command  string   `json:"check_command"`
		Active   bool     `json:"enable_active_checks"`
		Timeout  *float64 `json:"check_timeout"`
		Interval float64  `json:"check_interval"`
	}
	if err := json.Unmarshal(r.Attrs, &w); err != nil {
		return Checkable{}, fmt.Errorf("icinga2: decode %s: %w", oneLine(r.Name), err)
	}
	k := Checkable{Object: o, Command: w.Command, Active: w.Active, Interval: time.Duration(w.Interval * float64(time.Second))}
	if w.Timeout != nil {
		k.Timeout = time.Duration(*w.Timeout * float64(time.Second))
	}
	return k, nil
}

// HostNamed returns the name of the host that is called name but for its case, as Icinga2 writes it. The error holds ErrNotFound when there is none.
func (c *Client) HostNamed(ctx context.Context, host string) (string, error) {
	there, err := c.Exists(ctx, host, "")
	if there || err != nil {
		return host, err
	}
	op := "look for a host called " + clip(host)
	results, err := c.do(ctx, call{op: op, path: kindOfObject("").path, query: true, repeat: true, body: map[string]any{
		"filter": "host.name.lower() == n", "filter_vars": map[string]any{"n": strings.ToLower(host)}, "attrs": []string{"__name"},
	}})
	switch {
	case err != nil:
		return "", c.explain(ctx, err, "objects/query/Host")
	case len(results) != 1:
		return "", &Error{Op: op, Code: 404, kind: ErrNotFound, Status: fmt.Sprintf("%d hosts of that name", len(results))}
	}
	return results[0].Name, nil
}
