package icinga_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

var update = flag.Bool("update", false, "refresh the files in testdata")

// hostile is a password, and an argument, that would end a string or name a macro where they are not quoted.
const hostile = `a"b\c$host.name$ {{ x }} /* ä`

func writeKit(t *testing.T, opt icinga.KitOptions) string {
	t.Helper()
	dir := t.TempDir()
	opt.Password = secret.New([]byte(hostile + "\n"))
	if _, err := icinga.Kit(dir, opt); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestKitIsValid(t *testing.T) {
	t.Parallel()
	lab.Need(t, "icinga2")
	dir := writeKit(t, icinga.KitOptions{
		Config: "/etc/opsbot/opsbot.yaml", NotifyArgs: []string{"--url", hostile}, Program: `/opt/"odd"/opsbot`, BotHost: `bot\1`,
		People: []string{"night shift"}, PeopleCommand: "opsbot-notify-service",
	})
	config := fmt.Sprintf(`include "%s/*.conf"
object Host "ams-1" { check_command = "passive"; import "opsbot-edge" }
object Host "ams-2" {
  check_command = "passive"
  import "opsbot-edge"
  vars.opsbot_channels["news"] = { edge_url = "http://192.0.2.11", origin_url = "http://origin.example/news/master.m3u8" }
  vars.opsbot_channels["sport"] = { edge_url = "http://192.0.2.11/sport/master.m3u8", host = "tv.example" }
}
object Host "control" { check_command = "passive"; vars.opsbot_segments = [ "studio-a", "studio-b" ] }
object Host "mac-1" { import "opsbot-node"; vars.os = "macosx"; vars.opsbot = { managed = true } }
object Host "foreign" { check_command = "passive"; vars.os = "macosx" }
object UserGroup "night shift" { }
`, dir)
	out, err := lab.ValidateIcinga(t.Context(), lab.IcingaOptions{Dir: t.TempDir(), Config: config})
	if err != nil {
		t.Fatalf("icinga2 daemon -C: %v: %s", err, out)
	}
	for _, bad := range []string{"warning", "critical/"} {
		if strings.Contains(out, bad) {
			t.Errorf("icinga2 daemon -C says %q in:\n%s", bad, out)
		}
	}
	// Cache Hit Rate of two, two channels, two segments, one Remote Login, Heartbeat and Spool; OpsBot hears of three hosts and five services, people of two.
	for _, want := range []string{"6 Hosts", "9 Services", "10 Notifications", "8 Dependencies", "2 NotificationCommands", "1 User."} {
		if !strings.Contains(out, " "+want) {
			t.Errorf("icinga2 daemon -C does not say %q in:\n%s", want, out)
		}
	}
}

// TestKitFitsDebian validates the kit beside the configuration that Debian's package brings, with its group of people and its mails.
func TestKitFitsDebian(t *testing.T) {
	t.Parallel()
	lab.Need(t, "icinga2")
	const theirs = "/etc/icinga2/conf.d"
	if _, err := os.Stat(filepath.Join(theirs, "commands.conf")); err != nil {
		t.Skipf("this is no Debian: %v", err)
	}
	dir := writeKit(t, icinga.KitOptions{People: []string{"icingaadmins"}})
	config := fmt.Sprintf(`include "%s/*.conf"
include "%s/*.conf"
object Host "ams-1" { import "generic-host"; import "opsbot-edge"; address = "192.0.2.11" }
object Host "mac-1" { import "opsbot-node"; address = "192.0.2.31"; vars.os = "macosx"; vars.opsbot = { managed = true } }
`, theirs, dir)
	out, err := lab.ValidateIcinga(t.Context(), lab.IcingaOptions{Dir: t.TempDir(), Config: config})
	if err != nil || strings.Contains(out, "critical/") {
		t.Fatalf("icinga2 daemon -C: %v: %s", err, out)
	}
}

// TestKitFiles holds what operators read. Refresh by -update.
func TestKitFiles(t *testing.T) {
	t.Parallel()
	files, err := icinga.KitFiles(icinga.KitOptions{
		Config: "/etc/opsbot/opsbot.yaml", NotifyArgs: []string{"--config", "/etc/opsbot/notify.yaml"}, Password: secret.New([]byte("password")),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := &txtar.Archive{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		got.Files = append(got.Files, txtar.File{Name: name, Data: files[name]})
	}
	const golden = "testdata/kit.txtar"
	if *update {
		if err := os.WriteFile(golden, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, golden)), string(txtar.Format(got))); diff != "" {
		t.Errorf("the kit (-want +got):\n%s", diff)
	}
}

func TestKitReplacesNothingUnasked(t *testing.T) {
	t.Parallel()
	opt := icinga.KitOptions{Password: secret.New([]byte("one"))}
	dir := t.TempDir()
	names, err := icinga.Kit(dir, opt)
	if err != nil || len(names) != 5 {
		t.Fatalf("Kit = %v, %v; want 5 files", names, err)
	}
	if _, err := icinga.Kit(dir, opt); err != nil {
		t.Errorf("Kit of the same again = %v, want nil", err)
	}
	opt.Password = secret.New([]byte("two"))
	if _, err := icinga.Kit(dir, opt); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "opsbot-api-user.conf") {
		t.Errorf("Kit with another password = %v, want fs.ErrExist and the file's name", err)
	}
	opt.Force = true
	if _, err := icinga.Kit(dir, opt); err != nil {
		t.Errorf("Kit by force = %v", err)
	}
	file := filepath.Join(dir, "opsbot-api-user.conf")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 || !strings.Contains(string(read(t, file)), `"two"`) {
		t.Errorf("the password's file: %v, %v; want mode 0640 and the new password", info, err)
	}
	if _, err := icinga.Kit(dir, icinga.KitOptions{}); err == nil {
		t.Error("Kit without a password = nil, want an error")
	}
	if _, err := icinga.Kit(dir, icinga.KitOptions{ClientCN: "bot", Force: true}); err != nil || strings.Contains(string(read(t, file)), "password") {
		t.Errorf("Kit for a certificate = %v, and its user's file is %s; want no password", err, read(t, file))
	}
}

// receiver collects the environments that notifications come with.
type receiver struct {
	*httptest.Server
	got chan map[string]string
}

func newReceiver(t *testing.T) receiver {
	r := receiver{got: make(chan map[string]string, 64)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		data, err := io.ReadAll(req.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		env := map[string]string{}
		for entry := range strings.SplitSeq(string(data), "\x00") {
			if key, value, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(key, "ICINGA_") {
				env[key] = value
			}
		}
		r.got <- env
	}))
	t.Cleanup(r.Close)
	return r
}

func (r receiver) next(t *testing.T) icinga.Notification {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	select {
	case env := <-r.got:
		n, err := icinga.NotificationFromEnv(func(key string) string { return env[key] })
		if err != nil {
			t.Fatalf("NotificationFromEnv(%v) = %v", env, err)
		}
		return n
	case <-ctx.Done():
		t.Fatal("no notification came")
		return icinga.Notification{}
	}
}

// TestKitNotifies runs the kit in a real daemon, with a small program in the place of opsbot that posts its environment.
func TestKitNotifies(t *testing.T) {
	t.Parallel()
	lab.Need(t, "icinga2", "curl")
	r := newReceiver(t)
	program := filepath.Join(t.TempDir(), "opsbot")
	script := "#!/bin/sh\n[ \"$1\" = notify ] && [ \"$2\" != --drain ] && env -0 | curl -sS --fail --data-binary @- " + r.URL + "\nexit 0\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	dir := writeKit(t, icinga.KitOptions{Program: program})
	i := lab.NewIcinga(t, lab.IcingaOptions{Config: fmt.Sprintf(`
include "%s/*.conf"
object Host "ams-1" { import "opsbot-edge"; check_command = "passive"; enable_active_checks = false; max_check_attempts = 1 }
object Service "by hand" { host_name = "ams-1"; check_command = "passive"; enable_active_checks = false; max_check_attempts = 1 }
`, dir)})
	c := clientOf(t, i, "opsbot", hostile) // the kit's user, with the kit's permissions
	held, err := c.Permissions(t.Context())
	if err != nil || len(held.Missing(icinga.Needed()...)) > 0 {
		t.Fatalf("the kit's user: %+v, %v; want every permission that is needed", held, err)
	}
	report(t, c, "ams-1", "by hand", 0)
	report(t, c, "ams-1", "by hand", 1)
	n := r.next(t)
	o := object(t, c, "ams-1", "by hand")
	want := icinga.Notification{
		Type: icinga.TypeProblem, Host: "ams-1", Service: "by hand", State: icinga.Warning, StateType: icinga.Hard, Number: 1, User: "opsbot",
		Output: "HIT RATE: 41 % <b>", Perfdata: "hit_ratio=41%;85:;70:;0;100 hits=41c",
		ExecutionEnd: o.LastCheck.Truncate(time.Second), LastStateChange: o.LastStateChange.Truncate(time.Second),
		LastHardStateChange: o.LastHardStateChange.Truncate(time.Second), LastGood: o.LastGood.Truncate(time.Second),
	}
	if diff := cmp.Diff(want, n, cmpopts.IgnoreFields(icinga.Notification{}, "At")); diff != "" {
		t.Errorf("the notification of a problem (-want +got):\n%s", diff)
	}
	open := n.Problem(icinga.Problem{})
	if got := o.Problem(icinga.Problem{}); got != open || open.IsZero() {
		t.Errorf("problem of the notification %v, of the object %v; want the same", open, got)
	}
	body, err := n.Body()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := icinga.ParseNotification(body); err != nil || !cmp.Equal(back, n) {
		t.Errorf("ParseNotification(%s) = %+v, %v; want %+v", body, back, err, n)
	}

	if err := c.Acknowledge(t.Context(), "ams-1", "by hand", icinga.Ack{Author: "anna", Comment: "on it", Notify: true}); err != nil {
		t.Fatal(err)
	}
	n = r.next(t)
	if n.Type != icinga.TypeAcknowledgement || n.Author != "anna" || n.Comment != "on it" || n.Problem(open) != open {
		t.Errorf("after an acknowledgement came %+v, want it by anna, about %v", n, open)
	}
	report(t, c, "ams-1", "by hand", 0)
	n = r.next(t)
	if n.Type != icinga.TypeRecovery || n.State != icinga.OK || n.Problem(open) != open {
		t.Errorf("after it was well came %+v, want a recovery from %v", n, open)
	}
	report(t, c, "ams-1", "", 1)
	n = r.next(t)
	if n.Type != icinga.TypeProblem || n.Name() != "ams-1" || n.State != icinga.Down {
		t.Errorf("of the host came %+v, want that it is DOWN", n)
	}
	if _, err := json.Marshal(n.Trigger(icinga.Problem{})); err != nil {
		t.Error(err)
	}
}
