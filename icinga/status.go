package icinga

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Status is the state of the daemon itself.
type Status struct {
	Node          string
	Version       string
	PID           int
	ProgramStart  time.Time // changes with every reload: what was accepted during one may be gone
	Notifications bool      // are sent at all
	ActiveChecks  bool      // of hosts and services, are made at all
}

// Status asks the daemon how it is. It needs the permission status/query.
func (c *Client) Status(ctx context.Context) (Status, error) {
	const op = "read the status"
	results, err := c.do(ctx, call{op: op, path: "/v1/status/IcingaApplication", repeat: true})
	if err != nil {
		return Status{}, c.explain(ctx, err, "status/query")
	}
	if len(results) != 1 {
		return Status{}, fmt.Errorf("icinga2: %s: %d results, want 1", op, len(results))
	}
	var w struct {
		Application struct {
			App struct {
				Node          string  `json:"node_name"`
				Version       string  `json:"version"`
				PID           int     `json:"pid"`
				Start         float64 `json:"program_start"`
				Notifications bool    `json:"enable_notifications"`
				HostChecks    bool    `json:"enable_host_checks"`
				ServiceChecks bool    `json:"enable_service_checks"`
			} `json:"app"`
		} `json:"icingaapplication"`
	}
	if err := json.Unmarshal(results[0].Status, &w); err != nil {
		return Status{}, fmt.Errorf("icinga2: %s: %w", op, err)
	}
	app := w.Application.App
	return Status{
		Node: app.Node, Version: app.Version, PID: app.PID, ProgramStart: seconds(app.Start),
		Notifications: app.Notifications, ActiveChecks: app.HostChecks && app.ServiceChecks,
	}, nil
}
