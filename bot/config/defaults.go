package config

import (
	"time"

	"github.com/shitops/opsbot/actions"
)

// The route groups that this version can serve.
const (
	GroupOps    = "ops"    // health, metrics and pprof
	GroupHooks  = "hooks"  // what monitoring posts
	GroupAgents = "agents" // of nodes; it speaks no HTTP
)

// The doors by which people can be called.
const (
	ByTerminal = "terminal"
	BySlack    = "slack"
	ByDiscord  = "discord"
)

// What becomes of the ticks of a job that were slept through.
const (
	MissedSkip = "skip"
	MissedOnce = "once"
)

// Default returns the configuration of an empty file: all that holds without being said. Only DataDir is missing. The defaults of list
// elements (Node, Cache) are in the same file below.
func Default() *Config {
	return &Config{
		Zone:      "UTC",
		Listeners: []Listener{{Address: "127.0.0.1:8081", Serve: []string{GroupOps}}},
		Socket:    Socket{Path: "/run/opsbot/opsbot.sock", Mode: 0o660},
		Store: Store{
			Retention: Retention{Runs: 90 * day, Alerts: 30 * day, Audit: 400 * day},
			Export:    Export{At: ClockTime(3*time.Hour + 15*time.Minute), Keep: 14},
		},
		Log: Log{Level: "info", Format: "auto"},
		Roles: []Role{
			{Name: "viewer", May: []string{"*.show", "*.list", "help", "whoami", "cache.stats", "cache.verify"}},
			{Name: "operator", May: []string{"*"}},
		},
		BreakGlass: BreakGlass{For: 15 * time.Minute},
		OnCall:     OnCall{EscalateAfter: 10 * time.Minute, By: []string{ByTerminal}},
		Icinga:     Icinga{Stream: true, Instance: "opsbot", Heartbeat: Heartbeat{Service: "OpsBot Heartbeat", Every: time.Minute}},
		Probe:      Probe{Every: time.Minute, AlarmAfter: 3},
		Limits:     Limits{Line: 2000, Body: 256 << 10, PlanSteps: 20, Fanout: 1000},
	}
}

func (n *Node) defaults() { n.Platform = "linux" }

func (c *Cache) defaults() { c.Settle = 2 * time.Second }

func (a *Approval) defaults() { a.People, a.Within = 1, 30*time.Minute }

func (q *Quota) defaults() { q.Per = time.Hour }

func (f *Freeze) defaults() { f.Risk = string(actions.Disruptive) }

func (j *Job) defaults() { j.Missed = MissedSkip }

func (r *Rule) defaults() {
	r.Enabled = true
	r.When.Kind = "PROBLEM"
	r.Guard = Guard{
		Cooldown: 30 * time.Minute, Group: "site", GroupCooldown: 10 * time.Minute, AtMost: 3, Per: 24 * time.Hour, OneAtATime: true, Breaker: 2,
	}
}

// DefaultRules returns what is done about alerts where the file has no key rules and icinga.url: a low hit rate flushes the node's cache, guarded,
// then primes and verifies it. It can be enabled from the start, since only senders with a proof of their own (icinga.notifications) reach it.
func DefaultRules() []Rule {
	var r Rule
	r.defaults()
	r.Name = "flush-on-low-hit-rate"
	r.When.Service, r.When.State = "Cache Hit Rate", []string{"WARNING"}
	r.Diagnose = DiagnoseStale
	r.Do = "flush {{node}} then prime {{deployments}} on {{node}} then verify {{deployments}} on {{node}}"
	return []Rule{r}
}

// DiagnoseStale is the diagnosis that a cache holds what its origin no longer has.
const DiagnoseStale = "cache.stale"
