package segment

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/overlay"
)

// Filed is a segment as the configuration file defines it.
type Filed struct {
	Name   string
	Tenant string      // empty where there is one tenant alone
	VNI    overlay.VNI // 0 = any
	Nodes  []string
}

// Missing plans what a segment of the configuration file lacks: that it is made, or that nodes come in whose agents are there. False says that
// nothing is to be done now. Who is in it although the file does not say so stays until a person decides; the same holds for a segment that
// vanishes from the file.
func (s *Segments) Missing(ctx context.Context, r actions.Request, w actions.World, f Filed) (actions.Plan, bool, error) {
	nodes, err := s.reachable(ctx, w, f.Nodes)
	if err != nil {
		return actions.Plan{}, false, err
	}
	have, ok := s.opt.Store.Find(f.Name)
	if !ok || have.Name != f.Name {
		a := Args{Segment: f.Name, Region: s.opt.Region, VNI: f.VNI, File: true, By: "the configuration file"}
		if a.Tenant, err = s.tenant(f.Tenant); err != nil {
			return actions.Plan{}, false, fmt.Errorf("segment %s: %w", f.Name, err)
		}
		p, err := s.create(ctx, r, a, nodes)
		return p, err == nil, err
	}
	if err := f.fits(have); err != nil || have.VNI == 0 {
		return actions.Plan{}, false, err
	}
	fresh := slices.DeleteFunc(nodes, func(n actions.Node) bool { return have.seat(Place{Node: n.Name}.key()) >= 0 })
	if len(fresh) == 0 {
		return actions.Plan{}, false, nil
	}
	p := actions.Plan{Request: r, Risk: actions.Disruptive}
	a := Args{Segment: have.Name, Tenant: have.Tenant, By: "the configuration file", File: true}
	if a.Places, err = s.places(ctx, fresh); err != nil {
		return p, false, err
	}
	if p.Groups, p.Notes, err = s.Join(ctx, a, have); err != nil {
		return p, false, err
	}
	p.Say = fmt.Sprintf("attach %s to segment %s, as the configuration file says", sum(names(a.Places)), have.Name)
	return p, true, nil
}

// fits says what stands between a segment and its definition, which only a person can settle.
func (f Filed) fits(have Record) error {
	var differ []string
	if !have.File {
		differ = append(differ, "it was made by "+have.By+" in chat")
	}
	if f.VNI != 0 && f.VNI != have.VNI && have.VNI != 0 {
		differ = append(differ, fmt.Sprintf("it has VNI %d, and the file says %d", have.VNI, f.VNI))
	}
	if f.Tenant != "" && f.Tenant != have.Tenant {
		differ = append(differ, fmt.Sprintf("it is of tenant %s, and the file says %s", have.Tenant, f.Tenant))
	}
	if len(differ) == 0 {
		return nil
	}
	return fmt.Errorf("segment %s stays as it is: %s; take it out of the file, delete it in chat, and put it back", have.Name, strings.Join(differ, "; "))
}

// reachable are the nodes whose agents are there now and which take new things.
func (s *Segments) reachable(ctx context.Context, w actions.World, all []string) (out []actions.Node, err error) {
	for _, name := range all {
		n, err := w.Node(ctx, name)
		if err != nil {
			return nil, err
		}
		if l, err := s.look(ctx, name); err == nil && l.ready(name) == nil && !s.opt.Draining(name) {
			out = append(out, n)
		}
	}
	return out, nil
}
