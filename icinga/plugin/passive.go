package plugin

import (
	"time"

	"github.com/shitops/opsbot/icinga"
)

// Passive returns the result as one that is told to Icinga2 instead of being asked for, by somebody who reports at such intervals.
//
// It holds for two and a half intervals: two reports may be late, or one of them lost, before silence turns the service stale. That takes a service
// with the check command dummy and its active checks on, such as the template "opsbot-reported" of the kit makes. Neither start nor end are given:
// Icinga2 drops results that are older than what it knows, and would drop those of a machine whose clock is behind.
func Passive(r Result, every time.Duration) icinga.CheckResult {
	out := icinga.CheckResult{Exit: r.Status.Exit(), Output: r.text(), TTL: every * 5 / 2}
	for _, m := range r.Metrics {
		out.Perfdata = append(out.Perfdata, m.String())
	}
	for _, d := range r.Details {
		out.Output += "\n" + clean(d)
	}
	return out
}
