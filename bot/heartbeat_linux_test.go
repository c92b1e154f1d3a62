package bot_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/heartbeat"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// startKit starts an Icinga2 with the kit, in which the bot's password is "of the bot", and returns it with a client that may do everything.
func startKit(t *testing.T, o icinga.KitOptions) (*lab.Icinga, *icinga.Client) {
	t.Helper()
	lab.Need(t, "icinga2")
	o.Password = secret.New([]byte("of the bot"))
	files, err := icinga.KitFiles(o)
	if err != nil {
		t.Fatal(err)
	}
	i := lab.NewIcinga(t, lab.IcingaOptions{Files: files})
	ca, err := os.ReadFile(i.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := icinga.New(icinga.Options{
		URL: i.URL, User: i.User, Password: func() (secret.Secret, error) { return secret.New([]byte(i.Password)), nil }, CA: ca, ServerName: i.ServerName,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return i, c
}

// TestBotIsMissed starts a bot that reports to a real Icinga2 by the kit, and stops it: Icinga2 says what the bot said as long as it lives, and then that
// it is silent.
func TestBotIsMissed(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, filepath.Join(dir, "icinga.password"), "of the bot")
	i, c := startKit(t, icinga.KitOptions{Program: "/bin/true"})
	await := func(state icinga.State, output string) icinga.Object {
		t.Helper()
		var o icinga.Object
		var err error
		until := time.Now().Add(60 * time.Second)
		for o.State != state || o.Pending() || !strings.Contains(o.Output, output) {
			if time.Now().After(until) {
				t.Fatalf("the heartbeat is %s %q, want %s %q", o.State, o.Output, state, output)
			}
			if o, err = c.Object(t.Context(), heartbeat.Host, heartbeat.Service); err != nil {
				t.Fatal(err)
			}
			<-time.After(20 * time.Millisecond) // Icinga2 waits by itself
		}
		return o
	}
	file := configure(t, dir, fmt.Sprintf(`
icinga:
  url: %q
  user: opsbot
  password_file: icinga.password
  ca_file: %s
  server_name: %s
  heartbeat: {host: opsbot, service: "OpsBot Heartbeat", every: 2s}
`, i.URL, i.CAFile, i.ServerName))
	h := startIn(t, dir, file)
	o := await(icinga.OK, "OPSBOT OK: ready, ")
	if data := strings.Join(o.Perfdata, " "); !strings.Contains(data, "beat_age=") || !strings.Contains(data, "ill=0;;;0") {
		t.Errorf("it reports %q, want the age of the engine's beat", data)
	}
	h.halt()
	await(icinga.Unknown, "OpsBot is silent")
	startIn(t, dir, file)
	await(icinga.OK, "OPSBOT OK: ready, ")
}
