package icinga

import (
	"context"
	"time"
)

// CheckResult is what a check found, told to Icinga2 from outside.
type CheckResult struct {
	Exit     int      // 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; hosts 0 UP, 1 DOWN
	Output   string   // required
	Perfdata []string // one metric each
	Source   string   // who checked; "" = Icinga2 itself
	// TTL is how long the result holds; without another by then the object turns UNKNOWN, if its active checks are on. 0 = its check interval.
	// Send 2.5 times the interval.
	TTL        time.Duration
	Start, End time.Time // of the check; zero = now
}

// ProcessCheckResult reports a check of a host (service "") or a service. It may be repeated: the same result again changes no hard state; a soft
// one it brings nearer to hard, as any further check does, unless Start and End are given, by which Icinga2 drops what is older than it knows.
// The error holds ErrConflict when the object is unreachable and a dependency forbids its checks: nothing was taken then.
func (c *Client) ProcessCheckResult(ctx context.Context, host, service string, r CheckResult) error {
	op := "report a check of " + name(host, service)
	if r.Output == "" || r.Exit < 0 || (service == "" && r.Exit > 1) {
		return &Error{Op: op, Code: 400, kind: ErrInvalid, Status: "an output is needed, and an exit of 0 or more, at most 1 for a host"}
	}
	body := map[string]any{"exit_status": r.Exit, "plugin_output": r.Output}
	if len(r.Perfdata) > 0 {
		body["performance_data"] = r.Perfdata
	}
	if r.Source != "" {
		body["check_source"] = r.Source
	}
	if r.TTL > 0 {
		body["ttl"] = r.TTL.Seconds()
	}
	if !r.Start.IsZero() {
		body["execution_start"] = unix(r.Start)
	}
	if !r.End.IsZero() {
		body["execution_end"] = unix(r.End)
	}
	return c.act(ctx, action{op: op, name: "process-check-result", host: host, service: service, body: body, repeat: true})
}

// Reschedule asks for a check of a host (service "") or a service at once, outside its check period too. It may be repeated.
func (c *Client) Reschedule(ctx context.Context, host, service string) error {
	return c.act(ctx, action{
		op: "reschedule the check of " + name(host, service), name: "reschedule-check", host: host, service: service,
		body: map[string]any{"force": true}, repeat: true,
	})
}
