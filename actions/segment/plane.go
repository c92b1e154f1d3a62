package segment

import (
	"context"
	"fmt"
	"strings"

	"github.com/shitops/opsbot/actions"
)

// room says why a node can take no further segment, or nil.
func (s *Segments) room(node string, l Look) error {
	if in, _ := s.opt.Store.On(node); l.Most > 0 && len(in) >= l.Most {
		return fmt.Errorf("%s holds %s, the most that its data plane (%s) carries: detach it from one first", node, actions.Counted(len(in), "segment"), l.Plane)
	}
	return nil
}

// bear says which endpoints could not be where they are to go, since the data plane of the node carries the node alone.
func (s *Segments) bear(ctx context.Context, places []Place) error {
	for _, p := range places {
		if p.Endpoint == "" {
			continue
		}
		l, err := s.look(ctx, p.Node)
		if err != nil {
			return err
		}
		if l.HostOnly {
			return fmt.Errorf("endpoint %s cannot be on %s: its data plane (%s) carries the node itself and no endpoints; choose a node whose kernel has VXLAN", p.Endpoint, p.Node, l.Plane)
		}
	}
	return nil
}

// hosts tells, before the yes, which of the nodes that come in are in the segment as one host.
func hosts(places []Place) []string {
	var in []string
	plane := ""
	for _, p := range places {
		if p.HostOnly != "" {
			in, plane = append(in, p.Node), p.HostOnly
		}
	}
	switch len(in) {
	case 0:
		return nil
	case 1:
		return []string{in[0] + " carries segments by the program itself (" + plane + "): the node is the one host there, and bears no endpoints"}
	}
	return []string{strings.Join(in, ", ") + " carry segments by the program itself (" + plane + "): each node is the one host there, and bears no endpoints"}
}
