package alert_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/icinga"
)

// TestByHand runs, on a real Icinga2, the commands that a person would type on the day when the bot is dead.
func TestByHand(t *testing.T) {
	t.Parallel()
	a, c, i, _ := realHome(t)
	if err := c.ProcessCheckResult(t.Context(), "edge-1", "Cache Hit Rate", icinga.CheckResult{Exit: 2, Output: "bad"}); err != nil {
		t.Fatal(err)
	}
	object := func(service string) icinga.Object {
		o, err := c.Object(t.Context(), "edge-1", service)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	for _, tt := range []struct {
		intent string
		slots  []string
		done   func() bool
	}{
		{"alert.ack", []string{"node=edge-1", "reason=it's me", "duration=1h"}, func() bool { return object("Cache Hit Rate").Acknowledged }},
		{"alert.unack", []string{"node=edge-1"}, func() bool { return !object("Cache Hit Rate").Acknowledged }},
		{"downtime.add", []string{"node=edge-1", "duration=1h"}, func() bool {
			return object("").DowntimeDepth == 1 && object("Cache Hit Rate").DowntimeDepth == 1
		}},
		{"downtime.remove", []string{"node=edge-1"}, func() bool {
			return object("").DowntimeDepth == 0 && object("Cache Hit Rate").DowntimeDepth == 0
		}},
		{"check.rerun", []string{"node=edge-1", "service=Cache Hit Rate"}, func() bool {
			for range 50 {
				if object("Cache Hit Rate").State == icinga.Warning {
					return true
				}
				time.Sleep(100 * time.Millisecond)
			}
			return false
		}},
		{"check.rerun", []string{"node=edge-1"}, func() bool { return true }},
	} {
		p := plan(t, a, anna(tt.intent, tt.slots...))
		kind, call := callOf(p)
		commands, err := a.Executors()[kind].(run.Handbook).ByHand(t.Context(), call)
		if err != nil || len(commands) == 0 {
			t.Fatalf("%s: %v, %q", tt.intent, err, commands)
		}
		for _, line := range commands {
			address := strings.TrimPrefix(i.URL, "https://")
			cmd := exec.CommandContext(t.Context(), "sh", "-ec", strings.Replace(line, "curl ", "curl --connect-to "+i.ServerName+"::"+address+" ", 1))
			cmd.Env = append(cmd.Environ(), "ICINGA_CA="+i.CAFile, "ICINGA_LOGIN="+i.User+":"+i.Password, "ICINGA_URL=https://"+i.ServerName)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), `"code":200`) && tt.intent != "downtime.remove" { // those of services end with the host's
				t.Errorf("%s: %s: %v, %s", tt.intent, line, err, out)
			}
		}
		if !tt.done() {
			t.Errorf("%s: the commands did not do it: %q", tt.intent, commands)
		}
	}
}
