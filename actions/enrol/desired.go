package enrol

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/icinga"
)

// The templates that what is registered is made from; `opsbot icinga-kit` writes them.
const (
	TemplateNode    = "opsbot-node"
	TemplateHitRate = "opsbot-hit-rate"
	TemplateLatency = "opsbot-stream-latency"
	TemplateTold    = "opsbot-reported"
)

// The names of services, which rules and people know.
const (
	HitRate = "Cache Hit Rate"
	Latency = "Stream Latency"
	Overlay = "Overlay" // of a node in segments; nobody asks for it, the bot reports what its probes find
)

// ours are the variables that the bot sets: of these what is no longer wanted is taken back.
func ours() []string {
	return []string{"os", "opsbot", "opsbot_node", "opsbot_cache", "opsbot_channel", "opsbot_edge_url", "opsbot_origin_url"}
}

// Desired returns what the monitoring should hold of an inventory, hosts first: a host for each node, orphans included, since nobody has decided about
// them yet; a service for each cache, one for each stream that a node with a cache serves, and one for a node in segments, as inSegment tells; nil says
// that none is. It is pure.
func Desired(nodes []actions.Node, deployments []actions.Deployment, inSegment func(node string) bool, owner string) []icinga.RuntimeObject {
	var hosts, services []icinga.RuntimeObject
	for _, n := range nodes {
		hosts = append(hosts, hostOf(n, owner))
		services = append(services, servicesOf(n, deployments, owner)...)
		if inSegment != nil && inSegment(n.Name) {
			services = append(services, icinga.RuntimeObject{Host: n.Name, Service: Overlay, Templates: []string{TemplateTold}, Attrs: map[string]any{
				"vars.opsbot": mark(owner, n.Name), "vars.opsbot_node": n.Name,
			}})
		}
	}
	return append(hosts, services...)
}

func mark(owner, node string) map[string]any {
	return map[string]any{"managed": true, "owner": owner, "node": node}
}

func hostOf(n actions.Node, owner string) icinga.RuntimeObject {
	o := icinga.RuntimeObject{Host: n.Name, Templates: []string{TemplateNode}, Attrs: map[string]any{
		"address": addressOf(n), "vars.opsbot": mark(owner, n.Name), "vars.os": osOf(n.Platform),
	}}
	return o
}

// osOf is how Icinga2's configurations call a platform: rules of old say host.vars.os == "macosx".
func osOf(platform string) string {
	if platform == "darwin" {
		return "macosx"
	}
	return platform
}

// addressOf is where a node is looked for: its address, else that of its first cache, else its name.
func addressOf(n actions.Node) string {
	if n.Address != "" {
		return n.Address
	}
	for _, c := range n.Caches {
		if u, err := url.Parse(c.URL); err == nil && u.Hostname() != "" {
			return u.Hostname()
		}
	}
	return n.Name
}

func servicesOf(n actions.Node, deployments []actions.Deployment, owner string) []icinga.RuntimeObject {
	serves := slices.DeleteFunc(slices.Clone(deployments), func(d actions.Deployment) bool {
		return len(d.Nodes) > 0 && !slices.Contains(d.Nodes, n.Name)
	})
	var out []icinga.RuntimeObject
	for i, c := range n.Caches {
		o := icinga.RuntimeObject{Host: n.Name, Service: HitRate, Templates: []string{TemplateHitRate}, Attrs: map[string]any{
			"vars.opsbot": mark(owner, n.Name), "vars.opsbot_node": n.Name,
		}}
		if i > 0 {
			o.Service += " " + c.Name
		}
		if len(n.Caches) > 1 {
			o.Attrs["vars.opsbot_cache"] = c.Name
		}
		if c.StatsDir == "" && len(serves) > 0 { // nothing to count on the node: it is measured from the client's side
			o.Attrs["vars.opsbot_edge_url"], o.Attrs["vars.opsbot_channel"] = c.URL, serves[0].Origin
		}
		out = append(out, o)
	}
	if len(n.Caches) == 0 {
		return out
	}
	for _, d := range serves {
		out = append(out, icinga.RuntimeObject{Host: n.Name, Service: Latency + " " + d.Name, Templates: []string{TemplateLatency}, Attrs: map[string]any{
			"vars.opsbot": mark(owner, n.Name), "vars.opsbot_node": n.Name, "vars.opsbot_edge_url": n.Caches[0].URL, "vars.opsbot_origin_url": d.Origin,
		}})
	}
	return out
}

// checkName says why Icinga2 would not take a name, or "". A create that fails spoils its name, so it is looked at before.
func checkName(o icinga.RuntimeObject) string {
	for _, name := range []string{o.Host, o.Service} {
		if strings.ContainsFunc(name, func(r rune) bool { return r == '!' || r < ' ' || r == 0x7f || r == '\uFFFD' }) || len(name) > 255 {
			return fmt.Sprintf("%.80q is no name for Icinga2", name)
		}
	}
	return ""
}
