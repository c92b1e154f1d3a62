package alert_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// monitored is what real tests are about: a host with two services, one of which runs a program, and a host that depends on it.
const monitored = `
object CheckCommand "look" { command = [ "/bin/sh", "-c", "cat $look_file$; exit 1" ]; timeout = 5s }
object Host "edge-1" { check_command = "dummy"; check_interval = 1h; vars.look_file = "FILE" }
object Host "switch-1" { check_command = "dummy"; check_interval = 1h }
object Dependency "behind" { parent_host_name = "edge-1"; child_host_name = "switch-1" }
object Service "Cache Hit Rate" { host_name = "edge-1"; check_command = "look"; check_interval = 1h; retry_interval = 1h; max_check_attempts = 1 }
object Service "Reports" { host_name = "edge-1"; check_command = "dummy"; check_interval = 1h; vars.dummy_state = 3 }
`

// realHome is the verbs over a real Icinga2.
func realHome(t *testing.T) (*alert.Alerts, *icinga.Client, *lab.Icinga, string) {
	t.Helper()
	lab.Need(t, "icinga2")
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte("hit ratio 61 %"), 0o600); err != nil {
		t.Fatal(err)
	}
	i := lab.NewIcinga(t, lab.IcingaOptions{Config: strings.ReplaceAll(monitored, "FILE", file)})
	c := clientOf(t, i)
	return alert.New(alert.Options{Icinga: c, KV: healthy().Bucket(store.Guards)}), c, i, file
}

// clientOf calls a daemon as one who may do everything.
func clientOf(t *testing.T, i *lab.Icinga) *icinga.Client {
	t.Helper()
	ca, err := os.ReadFile(i.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := icinga.New(icinga.Options{
		URL: i.URL, User: i.User, CA: ca, ServerName: i.ServerName, Password: func() (secret.Secret, error) { return secret.New([]byte(i.Password)), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// rests names the downtimes of a real Icinga2, as "edge-1!Reports of anna via opsbot".
func rests(t *testing.T, c *icinga.Client) []string {
	t.Helper()
	all, err := c.Downtimes(t.Context(), "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range all {
		out = append(out, d.Object()+" of "+d.Author)
	}
	return out
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// TestRealDowntime sets one over a host, its services and what depends on it, once however often it is said, and takes exactly that back; a reload
// of the daemon keeps it.
func TestRealDowntime(t *testing.T) {
	t.Parallel()
	a, c, i, file := realHome(t)
	r := anna("downtime.add", "node=Edge-1", "duration=2h", "reason=new disk")
	r.Options = map[string]string{"children": "true"}
	p := plan(t, a, r)
	ours := []string{"edge-1 of anna via opsbot", "edge-1!Cache Hit Rate of anna via opsbot", "edge-1!Reports of anna via opsbot", "switch-1 of anna via opsbot"}
	if err := c.ScheduleDowntime(t.Context(), "edge-1", "", icinga.Downtime{Author: "jo", Comment: "cables", Marker: "x", From: time.Now(), Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	all := append([]string{}, ours[:1]...)
	all = append(append(all, "edge-1 of jo"), ours[1:]...)
	var done run.Result
	for range 2 {
		if done = perform(t, a, p); done.Say == "" {
			t.Error("nothing is said")
		}
		if diff := cmp.Diff(all, sorted(rests(t, c))); diff != "" {
			t.Fatalf("downtimes (-want +got):\n%s", diff)
		}
	}
	if o, err := c.Object(t.Context(), "switch-1", ""); err != nil || o.DowntimeDepth != 1 {
		t.Errorf("what depends on it is in %d downtimes, %v", o.DowntimeDepth, err)
	}
	if err := i.Reload(t.Context(), strings.ReplaceAll(monitored, "FILE", file)+"/* reloaded */"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, sorted(rests(t, c))); diff != "" {
		t.Errorf("after a reload (-want +got):\n%s", diff)
	}
	if say := undo(t, a, p, done); say != "edge-1: ended 4 downtimes of this run" {
		t.Errorf("undo says %q", say)
	}
	if diff := cmp.Diff([]string{"edge-1 of jo"}, rests(t, c)); diff != "" {
		t.Errorf("after the undo (-want +got):\n%s", diff)
	}
}

// TestRealFlexible: a downtime that begins with a problem is in force only from then on, and one that is ended comes back by an undo.
func TestRealFlexible(t *testing.T) {
	t.Parallel()
	a, c, _, _ := realHome(t)
	r := anna("downtime.add", "node=edge-1", "service=cache hit rate", "duration=1h")
	r.Options = map[string]string{"flexible": "true", "within": "8h"}
	perform(t, a, plan(t, a, r))
	depth := func() int {
		o, err := c.Object(t.Context(), "edge-1", "Cache Hit Rate")
		if err != nil {
			t.Fatal(err)
		}
		return o.DowntimeDepth
	}
	if err := c.ProcessCheckResult(t.Context(), "edge-1", "Cache Hit Rate", icinga.CheckResult{Exit: 0, Output: "well"}); err != nil || depth() != 0 {
		t.Errorf("while it is well: depth %d, %v", depth(), err)
	}
	if err := c.ProcessCheckResult(t.Context(), "edge-1", "Cache Hit Rate", icinga.CheckResult{Exit: 2, Output: "bad"}); err != nil || depth() != 1 {
		t.Errorf("with a problem: depth %d, %v", depth(), err)
	}
	p := plan(t, a, anna("downtime.remove", "node=edge-1"))
	done := perform(t, a, p)
	if depth() != 0 || done.Say != "Edge-1: ended 1 downtime of anna via opsbot" && done.Say != "edge-1: ended 1 downtime of anna via opsbot" {
		t.Errorf("ended: depth %d, %q", depth(), done.Say)
	}
	if say := undo(t, a, p, done); depth() != 1 {
		t.Errorf("undo: depth %d, %q", depth(), say)
	}
}

// TestRealRerun: the check is made now, its result is told.
func TestRealRerun(t *testing.T) {
	t.Parallel()
	a, _, _, file := realHome(t)
	p := plan(t, a, anna("check.rerun", "node=edge-1", "service=cache hit rate"))
	for _, text := range []string{"hit ratio 60 %", "hit ratio 59 %"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if done := perform(t, a, p); done.Say != "edge-1 was checked: WARNING Cache Hit Rate: "+text {
			t.Errorf("said %q, want the result %q", done.Say, text)
		}
	}
}

// TestRealAck: who acknowledged it is the same in chat and in Icinga2, and the step proves it.
func TestRealAck(t *testing.T) {
	t.Parallel()
	a, c, i, _ := realHome(t)
	if err := c.ProcessCheckResult(t.Context(), "edge-1", "Cache Hit Rate", icinga.CheckResult{Exit: 2, Output: "bad"}); err != nil {
		t.Fatal(err)
	}
	p := plan(t, a, anna("alert.ack", "node=edge-1", "service=Cache Hit Rate", "reason=cables"))
	done := perform(t, a, p)
	kind, call := callOf(p)
	if err := a.Executors()[kind].(run.Verifier).Verify(t.Context(), call, done); err != nil {
		t.Errorf("verify: %v", err)
	}
	if text, err := i.Get(t.Context(), "/v1/objects/comments"); err != nil || !strings.Contains(text, `"author":"anna via opsbot"`) || !strings.Contains(text, `"text":"cables"`) {
		t.Errorf("%v, comments %s", err, text)
	}
	if err := c.RemoveAcknowledgement(t.Context(), "edge-1", "Cache Hit Rate", "jo"); err != nil {
		t.Fatal(err)
	}
	if err := a.Executors()[kind].(run.Verifier).Verify(t.Context(), call, done); !actions.IsTemporary(err) {
		t.Errorf("verify after it was removed = %v, want a temporary error", err)
	}
}

// TestRealReload sets a downtime over a host with 60 services while the daemon reloads: whatever it swallows, all are in downtime in the end.
func TestRealReload(t *testing.T) {
	t.Parallel()
	lab.Need(t, "icinga2")
	const many = `
object Host "edge-1" { check_command = "dummy"; check_interval = 1h }
for (n in range(60)) { object Service "s" + n use (n) { host_name = "edge-1"; check_command = "dummy"; check_interval = 1h } }
`
	i := lab.NewIcinga(t, lab.IcingaOptions{Config: many})
	c := clientOf(t, i)
	a := alert.New(alert.Options{Icinga: c, KV: healthy().Bucket(store.Guards)})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.Run(ctx) }()
	p := plan(t, a, anna("downtime.add", "node=edge-1", "duration=2h"))
	reloaded := make(chan error)
	go func() { reloaded <- i.Reload(ctx, many+"/* reloaded */") }()
	kind, call := callOf(p)
	for end := time.Now().Add(30 * time.Second); ; {
		_, err := a.Executors()[kind].Do(ctx, call)
		if err == nil {
			break
		}
		if !actions.IsTemporary(err) || time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if err := <-reloaded; err != nil {
		t.Fatal(err)
	}
	n := len(rests(t, c))
	t.Logf("after the reload %d of 61 are there", n)
	for end := time.Now().Add(30 * time.Second); len(rests(t, c)) < 61; {
		if time.Now().After(end) {
			t.Fatalf("%d of 61 downtimes are there", len(rests(t, c)))
		}
		time.Sleep(200 * time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
