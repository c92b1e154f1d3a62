package segment

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/internal/near"
)

// list answers segment.list.
func (s *Segments) list(ctx context.Context, r actions.Request, w actions.World) (actions.Answer, error) {
	all := slices.DeleteFunc(slices.Clone(s.opt.Store.Segments()), func(one Record) bool { return !r.Reaches(one.Tenant) })
	kept, by := all, []string{}
	if tenant := r.One("tenant"); tenant != "" {
		by = append(by, "tenant "+tenant)
		kept = slices.DeleteFunc(slices.Clone(kept), func(r Record) bool { return r.Tenant != tenant })
		mine := slices.DeleteFunc(slices.Clone(s.opt.Tenants()), func(one string) bool { return !r.Reaches(one) })
		if known := tenantsOf(all, mine); !slices.Contains(known, tenant) {
			return actions.Answer{}, fmt.Errorf("%w: no tenant is called %q; %s", actions.ErrUnknown, tenant, near.Hint(tenant, known))
		}
	}
	for _, name := range r.All("node") {
		n, err := w.Node(ctx, name)
		if err != nil {
			return actions.Answer{}, err
		}
		by = append(by, "node "+n.Name)
		kept = slices.DeleteFunc(slices.Clone(kept), func(r Record) bool { return !slices.Contains(r.Nodes(), n.Name) })
	}
	a := actions.Answer{Title: actions.Counted(len(kept), "segment"), Data: kept}
	switch {
	case len(all) == 0:
		a.Title, a.Hint = "there are no segments", "create segment <name> on <node>"
	case len(by) > 0:
		a.Title = fmt.Sprintf("%d of %s: %s", len(kept), actions.Counted(len(all), "segment"), strings.Join(by, ", "))
	}
	if len(kept) > 0 {
		a.Table = s.listTable(kept)
	}
	return a, nil
}

func tenantsOf(all []Record, known []string) []string {
	out := slices.Clone(known)
	for _, r := range all {
		out = append(out, r.Tenant)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (s *Segments) listTable(all []Record) *actions.Table {
	t := &actions.Table{Columns: []string{"SEGMENT", "VNI", "TENANT", "PREFIX", "MTU", "NODES"}}
	for _, r := range all {
		name := r.Name
		switch _, ok := s.opt.File(r.Name); {
		case ok:
			name += " (file)"
		case r.File:
			name += " (orphaned)"
		}
		t.Rows = append(t.Rows, []string{name, vniText(r), r.Tenant, prefixText(r), fmt.Sprint(r.MTU), orDash(sum(r.Nodes()))})
	}
	return t
}

func vniText(r Record) string {
	if r.VNI == 0 {
		return "being made"
	}
	return fmt.Sprint(r.VNI)
}

func prefixText(r Record) string {
	if !r.V4.IsValid() {
		return "-"
	}
	return r.V4.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// show answers segment.show.
func (s *Segments) show(_ context.Context, r actions.Request, _ actions.World) (actions.Answer, error) {
	have, err := s.find(r.One("segment"))
	if err != nil {
		return actions.Answer{}, err
	}
	owner := "made by " + have.By + " at " + have.Since.UTC().Format("2006-01-02 15:04 MST")
	switch f, ok := s.opt.File(have.Name); {
	case ok:
		owner = "defined by the configuration file"
		if extra := others(have.Nodes(), f.Nodes); len(extra) > 0 {
			owner += "; it does not name " + sum(extra) + ", who stay until a person detaches them"
		}
	case have.File:
		owner = "orphaned: it vanished from the configuration file and is kept until a person deletes it"
	}
	a := actions.Answer{Title: about(have), Lines: []string{"tenant " + have.Tenant + ", " + owner}, Data: have}
	if have.Gateway {
		a.Lines = append(a.Lines, "every node answers for the first address")
	}
	probed := s.opt.Probed(have.Name)
	a.Lines, a.Bad = append(a.Lines, probed...), len(probed) > 0
	if len(have.Seats) == 0 {
		a.Lines = append(a.Lines, "nobody is in it")
		a.Hint = "attach <node> to " + have.Name
		return a, nil
	}
	a.Table = &actions.Table{Columns: []string{"MEMBER", "NODE", "ADDRESSES", "MAC", "TUNNEL", "STATE"}}
	for _, m := range have.Seats {
		name, state := "the node itself", string(m.State)
		if m.Endpoint != "" {
			name = m.Endpoint
		}
		if s.opt.Draining(m.Node) {
			state = "draining"
		}
		a.Table.Rows = append(a.Table.Rows, []string{name, m.Node, addresses(m.Member), m.MAC.String(), m.VTEP.String(), orDash(state)})
	}
	a.Hint = "is it whole? verify segment " + have.Name
	return a, nil
}
