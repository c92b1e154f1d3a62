package icinga

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// RuntimeObject is a host or a service that is made through the API instead of a configuration file.
type RuntimeObject struct {
	Host      string
	Service   string // "" = the host itself
	Templates []string
	// Attrs are attributes by their path: "address", "vars.os". A whole "vars" would replace those of the templates.
	Attrs map[string]any
}

// Name returns "host" or "host!service".
func (o RuntimeObject) Name() string { return name(o.Host, o.Service) }

// Create makes a host or a service. It is live at once, and services that apply rules make for a host are, too. While Icinga2 reloads, versions before
// 2.14 say that it was done and forget it: read back when [Status.ProgramStart] has changed. The error holds ErrExists when there is one of that
// name. One that holds ErrInvalid leaves behind, before 2.14.4, that later ones of that name are ErrPoisoned until Icinga2 is reloaded: look first whether
// the templates are there. It needs the permission objects/create/Host or objects/create/Service.
func (c *Client) Create(ctx context.Context, o RuntimeObject) error {
	return c.change(ctx, "create", http.MethodPut, o.Host, o.Service, map[string]any{"templates": o.Templates, "attrs": o.Attrs})
}

// Modify sets attributes of a host or a service. It may be repeated. It needs the permission objects/modify/Host or objects/modify/Service.
func (c *Client) Modify(ctx context.Context, host, service string, attrs map[string]any) error {
	return c.change(ctx, "modify", http.MethodPost, host, service, map[string]any{"attrs": attrs})
}

// Delete removes a host with everything that depends on it, or a service. It may be repeated: what is not there is done. Objects of configuration files
// cannot be deleted. It needs the permission objects/delete/Host or objects/delete/Service.
func (c *Client) Delete(ctx context.Context, host, service string) error {
	err := c.change(ctx, "delete", http.MethodDelete, host, service, map[string]any{"cascade": true})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (c *Client) change(ctx context.Context, verb, method, host, service string, body map[string]any) error {
	op := verb + " " + name(host, service)
	if err := checkName(host, service); err != nil {
		return &Error{Op: op, Code: 400, kind: ErrInvalid, Status: err.Error()}
	}
	kind := kindOfObject(service)
	k := call{op: op, path: kind.path, name: name(host, service), body: body, as: method, repeat: method != http.MethodPut}
	_, err := c.do(ctx, k)
	return c.explain(ctx, err, "objects/"+verb+"/"+kind.name)
}

// Owned is a runtime object that says of itself whose it is: vars.opsbot holds managed and owner.
type Owned struct {
	Host      string
	Service   string // "" = the host itself
	Owner     string
	Display   string
	Address   string
	Templates []string // its own name first left out
	Vars      map[string]any
}

// Name returns "host" or "host!service".
func (o Owned) Name() string { return name(o.Host, o.Service) }

// Owned returns the hosts, or the services, that say of themselves that they are managed, whoever their owner is, by name.
func (c *Client) Owned(ctx context.Context, services bool) ([]Owned, error) {
	kind, filter, attrs := kindOfObject(""), "host.vars.opsbot.managed", []string{"__name", "display_name", "address", "templates", "vars"}
	if services {
		kind, filter, attrs = kindOfObject("*"), "service.vars.opsbot.managed", []string{"__name", "display_name", "templates", "vars"}
	}
	results, err := c.do(ctx, call{
		op: "list managed " + kind.key + "s", path: kind.path, query: true, repeat: true, body: map[string]any{"filter": filter, "attrs": attrs},
	})
	if err != nil {
		return nil, c.explain(ctx, err, "objects/query/"+kind.name)
	}
	out := make([]Owned, 0, len(results))
	for _, r := range results {
		o, err := decodeOwned(r)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b Owned) int { return cmp.Compare(a.Name(), b.Name()) })
	return out, nil
}

func decodeOwned(r result) (Owned, error) {
	var w struct {
		Display   string   `json:"display_name"`
		Address   string   `json:"address"`
		Templates []string `json:"templates"`
		Vars      anyMap   `json:"vars"`
	}
	if err := json.Unmarshal(r.Attrs, &w); err != nil {
		return Owned{}, fmt.Errorf("icinga2: decode %s: %w", oneLine(r.Name), err)
	}
	o := Owned{Display: w.Display, Address: w.Address, Vars: w.Vars}
	o.Host, o.Service, _ = strings.Cut(r.Name, "!")
	own := cmp.Or(o.Service, o.Host)
	o.Templates = slices.DeleteFunc(w.Templates, func(t string) bool { return t == own })
	mark, _ := w.Vars["opsbot"].(map[string]any) // the filter saw it
	o.Owner, _ = mark["owner"].(string)
	return o, nil
}

// Exists tells whether there is a host or a service of that name, whosever it is.
func (c *Client) Exists(ctx context.Context, host, service string) (bool, error) {
	if err := checkName(host, service); err != nil {
		return false, &Error{Op: "look for an object", Code: 400, kind: ErrInvalid, Status: err.Error()}
	}
	kind := kindOfObject(service)
	_, err := c.do(ctx, call{op: "look for " + name(host, service), path: kind.path, query: true, repeat: true,
		body: map[string]any{kind.key: name(host, service), "attrs": []string{"__name"}}})
	if err = c.explain(ctx, err, "objects/query/"+kind.name); errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Names returns which of the hosts there are, or all services of those hosts, whosever they are: one call, where asking for each would cost one, and two
// for each that is missing.
func (c *Client) Names(ctx context.Context, services bool, hosts []string) ([]string, error) {
	kind := kindOfObject(map[bool]string{true: "*"}[services])
	results, err := c.do(ctx, call{op: "look which " + kind.key + "s there are", path: kind.path, query: true, repeat: true, body: map[string]any{
		"filter": "host.name in hosts", "filter_vars": map[string]any{"hosts": hosts}, "attrs": []string{"__name"},
	}})
	if err != nil {
		return nil, c.explain(ctx, err, "objects/query/"+kind.name)
	}
	out := make([]string, 0, len(results))
	for _, r := range results {
		out = append(out, r.Name)
	}
	slices.Sort(out)
	return out, nil
}

// Templates returns the names of the templates for hosts, or for services. It needs the permission templates/query/Host or templates/query/Service.
func (c *Client) Templates(ctx context.Context, services bool) ([]string, error) {
	kind := kindOfObject(map[bool]string{true: "*"}[services])
	results, err := c.do(ctx, call{op: "list templates of " + kind.key + "s", path: "/v1/templates/" + kind.key + "s", repeat: true})
	if err != nil {
		return nil, c.explain(ctx, err, "templates/query/"+kind.name)
	}
	var out []string
	for _, r := range results {
		out = append(out, r.Name)
	}
	slices.Sort(out)
	return out, nil
}
