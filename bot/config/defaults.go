package config

import "time"

// GroupOps is the route group of health, metrics and pprof, the one that this version can serve.
const GroupOps = "ops"

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
		Limits: Limits{Line: 2000, PlanSteps: 20, Fanout: 1000},
	}
}

func (n *Node) defaults() { n.Platform = "linux" }

func (c *Cache) defaults() { c.Settle = 2 * time.Second }
