package icinga_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/hitrate"
	"github.com/shitops/opsbot/icinga/plugin"
	"github.com/shitops/opsbot/internal/lab"
)

// asCheck is the variable that makes the test binary the plugin that Icinga2 calls: a file with the counters of the cache, as JSON.
const asCheck = "OPSBOT_TEST_CHECK"

// check is a whole `opsbot check cache-hit-rate` but for where its counters come from. It takes the flags that the kit gives.
func check(counters string, args []string) (plugin.Result, error) {
	f := flag.NewFlagSet("check", flag.ContinueOnError)
	node, state := f.String("node", "", ""), f.String("state-dir", "", "")
	w, c := f.String("warning", "", ""), f.String("critical", "", "")
	least, window, warm := f.Uint64("min-requests", 0, ""), f.Duration("window", 0, ""), f.Duration("warm-up", 0, "")
	if err := f.Parse(args); err != nil {
		return plugin.Result{}, err
	}
	limits, err := plugin.ParseThresholds(*w, *c)
	if err != nil {
		return plugin.Result{}, err
	}
	data, err := os.ReadFile(counters)
	if err != nil {
		return plugin.Result{}, err
	}
	var sample hitrate.Sample
	if err := json.Unmarshal(data, &sample); err != nil {
		return plugin.Result{}, err
	}
	sample.At = time.Now()
	return hitrate.Check{Window: *window, WarmUp: *warm, MinRequests: *least, Thresholds: limits}.Run(hitrate.File(*state, *node, ""), sample), nil
}

// TestCheckInDaemon lets a real daemon run the check by the kit's rule and read its output.
func TestCheckInDaemon(t *testing.T) {
	t.Parallel()
	lab.Need(t, "icinga2")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program, counters := filepath.Join(dir, "opsbot"), filepath.Join(dir, "counters")
	script := fmt.Sprintf("#!/bin/sh\n[ \"$1 $2\" = 'check cache-hit-rate' ] || exit 0\nshift 2\n%s=%s exec %s \"$@\"\n", asCheck, counters, self)
	count := func(hits, misses uint64) {
		t.Helper()
		data, err := json.Marshal(hitrate.Sample{Hits: hits, Misses: misses, Bans: new(uint64(3)), Evictions: new(misses)})
		if err == nil {
			err = os.WriteFile(counters+".new", data, 0o600)
		}
		if err == nil {
			err = os.Rename(counters+".new", counters)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	count(1000, 100)
	i := lab.NewIcinga(t, lab.IcingaOptions{Config: fmt.Sprintf(`
include "%s/*.conf"
object Host "ams 1" {
  import "opsbot-edge"
  check_command = "passive"
  vars.opsbot_state_dir = "%s"
  vars.opsbot_min_requests = 100
}
`, writeKit(t, icinga.KitOptions{Program: program}), filepath.Join(dir, "state"))})
	c := clientOf(t, i, i.User, i.Password)
	look := func(old time.Time) icinga.Object {
		t.Helper()
		if err := c.Reschedule(t.Context(), "ams 1", hitRate); err != nil {
			t.Fatal(err)
		}
		var o icinga.Object
		eventually(t, func() bool { o = object(t, c, "ams 1", hitRate); return o.LastCheck.After(old) })
		return o
	}
	o := look(time.Time{})
	if o.State != icinga.Unknown || o.Output != "HIT RATE UNKNOWN: this is the first sample, the next one makes a window" {
		t.Fatalf("the first check: %s %q\n%s", o.State, o.Output, i.Log())
	}
	count(1730, 370)
	o = look(o.LastCheck)
	want := []string{"hit_ratio=73%;85:;70:;0;100", "hits=730c", "misses=270c", "requests=1000", o.Perfdata[4], "resets=0c", "ban_count=3", "evictions=270c"}
	if diff := cmp.Diff(want, o.Perfdata); o.State != icinga.Warning || diff != "" {
		t.Errorf("the second check: %s %q (-want +got):\n%s", o.State, o.Output, diff)
	}
	if err := os.Remove(counters); err != nil {
		t.Fatal(err)
	}
	if o = look(o.LastCheck); o.State != icinga.Unknown {
		t.Errorf("without counters: %s %q, want UNKNOWN", o.State, o.Output)
	}
}
