package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/icinga"
)

// hosts are the hosts of the monitoring behind nodes, by the node's name: only those that are called otherwise.
type hosts map[string]string

// of returns the host behind a node.
func (h hosts) of(node string) string {
	if name := h[node]; name != "" {
		return name
	}
	return node
}

// watched is a node as the monitoring has it: its host and what of it a request is about.
type watched struct {
	node string
	all  []icinga.Checkable // the host first, where it is meant
}

// watch finds what a request is about: the host and its services, or the one service that is named. What is not monitored is left out, and said.
func (a *Alerts) watch(ctx context.Context, r actions.Request) ([]watched, hosts, []string, error) {
	nodes := r.All("node")
	if a.opt.Icinga == nil {
		return nil, nil, nil, errNotConfigured
	}
	if len(nodes) == 0 {
		return nil, nil, nil, errors.New("which node? name one, or say nodes to see what there is")
	}
	byHost, err := a.checkables(ctx, nodes)
	if err != nil {
		return nil, nil, nil, err
	}
	var out []watched
	var notes []string
	names := hosts{}
	for _, node := range nodes {
		all := byHost[node]
		if len(all) == 0 {
			if all, err = a.called(ctx, node); err != nil {
				return nil, nil, nil, err
			}
		}
		if len(all) == 0 {
			notes = append(notes, node+" is left out: Icinga2 has no host of that name")
			continue
		}
		if all[0].Host != node {
			names[node] = all[0].Host
		}
		if all = meant(all, r.One("service")); len(all) == 0 {
			notes = append(notes, fmt.Sprintf("%s is left out: it has no service %s", node, r.One("service")))
			continue
		}
		out = append(out, watched{node, all})
	}
	if len(out) == 0 {
		return nil, nil, nil, errors.New(strings.Join(notes, "; "))
	}
	return out, names, notes, nil
}

// checkables reads the hosts that are called like nodes, with their services, in two calls however many they are.
func (a *Alerts) checkables(ctx context.Context, nodes []string) (map[string][]icinga.Checkable, error) {
	all, err := a.opt.Icinga.Checkables(ctx, nodes...)
	if err != nil && !errors.Is(err, icinga.ErrNotFound) {
		return nil, fmt.Errorf("read %s from Icinga2: %w", strings.Join(nodes, ", "), err)
	}
	out := map[string][]icinga.Checkable{}
	for _, k := range all {
		out[k.Host] = append(out[k.Host], k)
	}
	return out, nil
}

// called reads the host that is called like a node but for its case, none where there is none.
func (a *Alerts) called(ctx context.Context, node string) ([]icinga.Checkable, error) {
	host, err := a.opt.Icinga.HostNamed(ctx, node)
	if errors.Is(err, icinga.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for %s in Icinga2: %w", node, err)
	}
	all, err := a.opt.Icinga.Checkables(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("read %s and its services from Icinga2: %w", node, err)
	}
	return all, nil
}

// meant keeps the service of that name; all where none is named.
func meant(all []icinga.Checkable, service string) []icinga.Checkable {
	if service == "" {
		return all
	}
	return slices.DeleteFunc(all, func(k icinga.Checkable) bool { return !strings.EqualFold(k.Service, service) })
}

func nodesOf(all []watched) []string {
	out := make([]string, len(all))
	for i, w := range all {
		out[i] = w.node
	}
	return out
}

// zone is the zone in which an actor reads times.
func (a *Alerts) zone(who actions.Actor) *time.Location {
	if a.opt.Zone != nil {
		if z := a.opt.Zone(who); z != nil {
			return z
		}
	}
	return time.UTC
}

// stamp writes a time in absolute form.
func stamp(t time.Time) string {
	if t.Second() != 0 {
		return t.Format("Mon 2006-01-02 15:04:05 MST")
	}
	return t.Format("Mon 2006-01-02 15:04 MST")
}

// author is who Icinga2 shows: the person, and that it came through the bot.
func (a *Alerts) author(by string) string { return by + via + a.opt.Author }

// countOf says "edge-1", or "edge-1 and 5 services".
func countOf(host string, services int) string {
	switch services {
	case 0:
		return host
	case 1:
		return host + " and 1 service"
	}
	return fmt.Sprintf("%s and %d services", host, services)
}

// via is what stands between the name of a person and the bot's in the author that Icinga2 shows.
const via = " via "

// Person returns who stands behind an author that Icinga2 shows: "anna" for "anna via opsbot", else the author as it is.
func Person(author string) string {
	if i := strings.LastIndex(author, via); i > 0 {
		return author[:i]
	}
	return author
}
