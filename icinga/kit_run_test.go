package icinga_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/plugin"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// startKit starts a daemon with the kit in it and a host that is not ours, and returns a client with the kit's rights. script is the body of the
// program that the kit calls; "notify" posts its environment to the receiver.
func startKit(t *testing.T, r receiver, script string) (*lab.Icinga, *icinga.Client) {
	t.Helper()
	lab.Need(t, "icinga2", "curl")
	program := filepath.Join(t.TempDir(), "opsbot")
	script = "#!/bin/sh\n[ \"$1 $2\" = 'notify --drain' ] && exit 0\n[ \"$1\" = notify ] && env -0 | exec curl -sS --fail --data-binary @- " + r.URL + "\n" + script
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := icinga.KitFiles(icinga.KitOptions{Program: program, Password: secret.New([]byte(hostile + "\n")), HostCheck: "dummy"})
	if err != nil {
		t.Fatal(err)
	}
	i := lab.NewIcinga(t, lab.IcingaOptions{Files: files, Config: `
object Host "foreign" { check_command = "dummy"; vars.os = "macosx"; vars.mark = "untouched" }
object Service "foreign" { host_name = "foreign"; check_command = "dummy" }
`})
	return i, clientOf(t, i, "opsbot", hostile)
}

// register makes a node as the bot does, with a service that somebody reports.
func register(t *testing.T, c *icinga.Client, host string) {
	t.Helper()
	mark := map[string]any{"managed": true, "owner": "opsbot"}
	for _, o := range []icinga.RuntimeObject{
		{Host: host, Templates: []string{"opsbot-node", "opsbot-edge"}, Attrs: map[string]any{"address": "127.0.0.1", "vars.os": "macosx", "vars.opsbot": mark}},
		{Host: host, Service: "Agent", Templates: []string{"opsbot-reported"}, Attrs: map[string]any{"vars.opsbot": mark}},
		{Host: host, Service: "Stream Latency news", Templates: []string{"opsbot-stream-latency"}, Attrs: map[string]any{
			"vars.opsbot": mark, "vars.opsbot_edge_url": "http://edge", "vars.opsbot_origin_url": "http://origin/news.m3u8", "max_check_attempts": 1,
		}},
	} {
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatalf("Create(%s) = %v", o.Name(), err)
		}
	}
}

func awaitState(t *testing.T, c *icinga.Client, host, service string, state icinga.State, output string) icinga.Object {
	t.Helper()
	var o icinga.Object
	defer func() {
		if t.Failed() {
			t.Logf("%s!%s: %+v", host, service, o)
		}
	}()
	eventually(t, func() bool {
		var err error
		o, err = c.Object(t.Context(), host, service)
		return err == nil && !o.Pending() && o.State == state && strings.Contains(o.Output, output)
	})
	return o
}

// TestKitRegisters has a node registered with the kit's rights: it gets its services, they are checked, the bot is told, silence is noticed, a crash of
// the daemon loses none of it, and its removal leaves nothing behind.
func TestKitRegisters(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	i, c := startKit(t, r, `[ "$2" = stream-latency ] && echo "LATENCY CRITICAL: $* | live_edge_age=40s;18;36;0" && exit 2
echo "$2 OK: well | n=1"`)
	register(t, c, "mac-1")
	for _, service := range []string{"Cache Hit Rate", "Remote Login", "Agent", "Stream Latency news"} {
		if there, err := c.Exists(t.Context(), "mac-1", service); !there || err != nil {
			t.Errorf("mac-1 has the service %s: %v, %v", service, there, err)
		}
	}
	if there, _ := c.Exists(t.Context(), "foreign", "Remote Login"); there {
		t.Error("a Mac that is not ours was given a service")
	}
	if err := c.Reschedule(t.Context(), "mac-1", "Stream Latency news"); err != nil {
		t.Fatal(err)
	}
	o := awaitState(t, c, "mac-1", "Stream Latency news", icinga.Critical, "LATENCY CRITICAL: check stream-latency --edge http://edge --origin http://origin/news.m3u8")
	if diff := cmp.Diff([]string{"live_edge_age=40s;18;36;0"}, o.Perfdata); diff != "" {
		t.Errorf("its performance data (-want +got):\n%s", diff)
	}
	n := r.next(t)
	for n.Service != "Stream Latency news" { // another check may have come first
		n = r.next(t)
	}
	if n.Type != icinga.TypeProblem || n.State != icinga.Critical || n.Host != "mac-1" {
		t.Errorf("the bot is told %+v", n)
	}

	const every = 2 * time.Second
	if err := c.ProcessCheckResult(t.Context(), "mac-1", "Agent", plugin.Passive(plugin.Result{Name: "AGENT", Text: "well"}, every)); err != nil {
		t.Fatal(err)
	}
	awaitState(t, c, "mac-1", "Agent", icinga.OK, "AGENT OK: well")
	awaitState(t, c, "mac-1", "Agent", icinga.Unknown, "no report in time")

	i.Kill()
	if err := i.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, service := range []string{"", "Cache Hit Rate", "Remote Login", "Agent", "Stream Latency news"} {
		if there, err := c.Exists(t.Context(), "mac-1", service); !there || err != nil {
			t.Errorf("after a crash mac-1 has %q: %v, %v", service, there, err)
		}
	}
	if err := c.Delete(t.Context(), "mac-1", ""); err != nil {
		t.Errorf("Delete = %v", err)
	}
	for _, kind := range []string{"hosts", "services", "dependencies", "notifications"} {
		if list, err := i.Get(t.Context(), "/v1/objects/"+kind+"?attrs=name"); err != nil || strings.Contains(list, "mac-1") {
			t.Errorf("after its removal the %s are %s, %v", kind, list, err)
		}
	}
}

// TestKitOverlay: a segment that a host names is looked at by the kit's command, as a service of its own.
func TestKitOverlay(t *testing.T) {
	t.Parallel()
	_, c := startKit(t, newReceiver(t), `echo "OVERLAY CRITICAL: $* | pairs_ok=1;;;0 pairs=2;;;0" && exit 2`)
	err := c.Create(t.Context(), icinga.RuntimeObject{Host: "control", Templates: []string{"opsbot-node"}, Attrs: map[string]any{
		"vars.opsbot_segments": []string{"studio-a"}, "vars.opsbot_socket": "/run/opsbot/opsbot.sock", "vars.opsbot": map[string]any{"managed": true, "owner": "opsbot"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Reschedule(t.Context(), "control", "Segment studio-a"); err != nil {
		t.Fatal(err)
	}
	o := awaitState(t, c, "control", "Segment studio-a", icinga.Critical, "OVERLAY CRITICAL: check overlay --segment studio-a --socket /run/opsbot/opsbot.sock")
	if diff := cmp.Diff([]string{"pairs_ok=1;;;0", "pairs=2;;;0"}, o.Perfdata); diff != "" {
		t.Errorf("its performance data (-want +got):\n%s", diff)
	}
}

// TestKitLeavesOthersAlone tries with the kit's rights what only the owner of a host may.
func TestKitLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	i, c := startKit(t, newReceiver(t), "echo well\n")
	register(t, c, "ams-1")
	for _, service := range []string{"", "foreign"} {
		err := c.Modify(t.Context(), "foreign", service, map[string]any{"vars.mark": "touched"})
		if !errors.Is(err, icinga.ErrNotFound) && !errors.Is(err, icinga.ErrForbidden) {
			t.Errorf("Modify of a foreign object (service %q) = %v, want that it is refused", service, err)
		}
		if err := c.Delete(t.Context(), "foreign", service); err != nil && !errors.Is(err, icinga.ErrForbidden) {
			t.Errorf("Delete of a foreign object (service %q) = %v", service, err)
		}
	}
	if list, err := i.Get(t.Context(), "/v1/objects/hosts/foreign?attrs=vars"); err != nil || !strings.Contains(list, "untouched") {
		t.Errorf("the foreign host is %s, %v; want it untouched", list, err)
	}
	if there, err := c.Exists(t.Context(), "foreign", "foreign"); !there || err != nil {
		t.Errorf("the foreign service exists: %v, %v", there, err)
	}
	if err := c.Modify(t.Context(), "ams-1", "", map[string]any{"vars.mark": "touched"}); err != nil {
		t.Errorf("Modify of our own host = %v", err)
	}
	for _, path := range []string{"/v1/config/packages", "/v1/objects/users", "/v1/console/execute-script?command=1"} {
		if err := ask(t, i, path); err == nil {
			t.Errorf("the kit's user may ask %s", path)
		}
	}
}

// ask asks as the kit's user, by means of its own.
func ask(t *testing.T, i *lab.Icinga, path string) error {
	t.Helper()
	status, answer, err := i.As("opsbot", hostile).Call(t.Context(), "GET", path, nil)
	if err == nil && status != 200 {
		err = fmt.Errorf("%d %s", status, answer)
	}
	return err
}

// TestKitOfNodesThatAreDown keeps symptoms from the bot: what a node's services say while it is down is no news.
func TestKitOfNodesThatAreDown(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	i, c := startKit(t, r, "echo well\n")
	register(t, c, "ams-1")
	if err := c.ProcessCheckResult(t.Context(), "ams-1", "Agent", plugin.Passive(plugin.Result{Name: "AGENT", Text: "well"}, time.Hour)); err != nil {
		t.Fatal(err)
	}
	for range 3 { // attempts until it is hard
		if err := c.ProcessCheckResult(t.Context(), "ams-1", "", icinga.CheckResult{Exit: 1, Output: "no answer", TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	n := r.next(t)
	if n.Name() != "ams-1" || n.State != icinga.Down {
		t.Fatalf("the bot is told %+v, want that ams-1 is DOWN", n)
	}
	gone := plugin.Passive(plugin.Result{Name: "AGENT", Status: plugin.Critical, Text: "gone"}, time.Hour)
	if err := c.ProcessCheckResult(t.Context(), "ams-1", "Agent", gone); err != nil {
		t.Fatal(err)
	}
	if o := awaitState(t, c, "ams-1", "Agent", icinga.Critical, "gone"); o.Reachable {
		t.Error("a service of a node that is down is reachable")
	}
	if err := c.ProcessCheckResult(t.Context(), "ams-1", "", icinga.CheckResult{Exit: 0, Output: "back", TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if n = r.next(t); n.Name() != "ams-1" || n.State != icinga.Up {
		t.Errorf("then the bot is told %+v, want that ams-1 is UP and nothing of its agent before", n)
	}
	if list, err := i.Get(t.Context(), "/v1/objects/dependencies?attrs=disable_checks"); err != nil || strings.Count(list, `"disable_checks":true`) != 4 {
		t.Errorf("the dependencies are %s, %v; want one for each of three services of ams-1 that are looked at, and for the spool", list, err)
	}
}
