package demo

import (
	"fmt"
	"strings"
)

// config is the configuration of the bot that looks after the world.
func (w *World) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, `data_dir: %q
listeners: [{address: "127.0.0.1:0", serve: [ops, hooks]}, {address: "127.0.0.1:0", serve: [agents]}]
socket: {path: %q}
log: {level: error}
inventory:
  nodes:
`, w.path("data"), w.path("s"))
	for _, e := range w.Edges {
		fmt.Fprintf(&b, "    - {name: %s, %ssite: berlin, platform: linux, caches: [%s]}\n", e.Name, w.address(e.Name), e.inventory())
	}
	if w.Nodes != nil {
		fmt.Fprintf(&b, "    - {name: %s, %ssite: berlin, platform: linux}\n", third, w.address(third))
	}
	fmt.Fprintf(&b, "  deployments:\n    - {name: %s, origin: %q, nodes: [edge-1, edge-2]}\n", channel, w.Origin.URL+"/"+channel+"/master.m3u8")
	return b.String() + people + w.monitoring.config() + rules
}

// people are those who talk in the demo: two who may do everything, and one who may look.
const people = `people:
  - {name: anna, roles: [operator], unix: [anna]}
  - {name: ben, roles: [operator], unix: [ben]}
  - {name: vik, roles: [viewer], unix: [vik]}
roles:
  - {name: viewer, may: ["*.show", "*.list", help, whoami, cache.stats, cache.verify]}
  - {name: operator, may: ["*"], sites: [berlin]}
approvals:
  - {intents: [cache.purge], role: operator, people: 1, within: 10m}
oncall: {order: [ben], escalate_after: 5m}
`

// rules is the rule for low hit rates, with the rests of a demo.
const rules = `rules:
  - name: flush-on-low-hit-rate
    when: {service: "Cache Hit Rate", state: [WARNING]}
    diagnose: cache.stale
    do: "flush {{node}} then prime {{deployments}} on {{node}} then verify {{deployments}} on {{node}}"
    guard: {cooldown: 1s, group: site, group_cooldown: 1s, at_most: 9, per: 24h, breaker: 9}
    enabled: true
`
