package demo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/shitops/opsbot/bot/demo/nodes"
	"github.com/shitops/opsbot/overlay"
)

// third is the node without a cache. The tour enrols it by word.
const third = "edge-3"

// Untold are the nodes that the tour enrols by word.
func Untold() []string { return []string{third} }

// Agents is what lets the agents of nodes in.
type Agents interface {
	// EnrolLine is what is typed on a node, once.
	EnrolLine(ctx context.Context, node string) (string, error)
	// Ready returns when the agent of a node holds what it must and knows its network.
	Ready(ctx context.Context, node string) error
}

// startNodes makes the nodes, where this machine lets it.
func (w *World) startNodes(ctx context.Context) error {
	w.Nodes, w.noNodes = nodes.Start(ctx, nodes.Options{Dir: w.opt.Dir, Program: w.opt.Program, Args: w.opt.Holder, Names: []string{"edge-1", "edge-2", third}})
	return ctx.Err()
}

// address is a node's own, as the configuration has it, with a comma.
func (w *World) address(node string) string {
	if w.Nodes == nil {
		return ""
	}
	n, _ := w.Nodes.Find(node) // it was made
	return "address: " + n.Addr.String() + ", "
}

// enrolTime is how long the agents may take to be there.
const enrolTime = 40 * time.Second

// Enrol starts an agent on every node, but for those that a person enrols by word. Where they do not come up the demo goes on without nodes, and
// says why.
func (w *World) Enrol(ctx context.Context, a Agents, but ...string) error {
	if w.Nodes == nil {
		return nil
	}
	trial, cancel := context.WithTimeout(ctx, enrolTime)
	defer cancel()
	var enrolling errgroup.Group
	for _, n := range w.Nodes.Nodes {
		if slices.Contains(but, n.Name) {
			continue
		}
		enrolling.Go(func() error {
			if err := w.enrol(trial, a, n.Name); err != nil {
				return fmt.Errorf("agent of %s: %w; its log ends with: %s", n.Name, err, w.Nodes.LastWords(n.Name))
			}
			return nil
		})
	}
	err := enrolling.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		w.noNodes = errors.Join(err, w.Nodes.Stop())
		w.Nodes = nil
	}
	return nil
}

func (w *World) enrol(ctx context.Context, a Agents, node string) error {
	line, err := a.EnrolLine(ctx, node)
	if err != nil {
		return err
	}
	if err := w.Nodes.Agent(ctx, node, strings.Fields(line)[1:]); err != nil {
		return err
	}
	return a.Ready(ctx, node)
}

// Ground says what segments are played on, and why there are no nodes where there are none.
func (w *World) Ground() string {
	if w.Nodes == nil {
		return "NONE, segments are on paper alone: " + strings.ReplaceAll(w.noNodes.Error(), "\n", "; ")
	}
	var names []string
	for _, n := range w.Nodes.Nodes {
		names = append(names, n.Name+" "+n.Addr.String())
	}
	where := "made as root"
	if !w.Nodes.Privileged {
		where = "in user, network and mount namespaces of their own, without root"
	}
	return strings.Join(names, ", ") + ": real kernels' VXLAN and real agents, " + where
}

// inside returns the address of a node within a segment, as its kernel has it.
func (w *World) inside(ctx context.Context, node string, vni overlay.VNI) (netip.Addr, error) {
	devices, err := w.Nodes.Devices(ctx, node)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, d := range devices {
		for _, a := range d.Addrs {
			if (d.Name == overlay.TunnelName(vni) || d.Name == overlay.BridgeName(vni)) && a.Is4() {
				return a, nil
			}
		}
	}
	return netip.Addr{}, fmt.Errorf("%s has no address in VNI %d", node, vni)
}

// overlayDevices are the names of what a node holds for segments.
func (w *World) overlayDevices(ctx context.Context, node string) ([]string, error) {
	devices, err := w.Nodes.Devices(ctx, node)
	var out []string
	for _, d := range devices {
		if strings.HasPrefix(d.Name, "ob") {
			out = append(out, d.Name)
		}
	}
	return out, err
}
