package icinga_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/hitrate"
	"github.com/shitops/opsbot/icinga/plugin"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// TestMain stops the daemon that tests share, and looks for goroutines that nobody waited for. It is also the program that a daemon calls.
func TestMain(m *testing.M) {
	if address := os.Getenv(asNotify); address != "" {
		if err := notify(address, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if counters := os.Getenv(asCheck); counters != "" {
		result, err := check(counters, os.Args[1:])
		if err != nil {
			result = plugin.Failed(hitrate.Name, err)
		}
		fmt.Print(result)
		os.Exit(result.Status.Exit())
	}
	code := m.Run()
	sharedMu.Lock()
	if sharedIcinga != nil {
		if err := sharedIcinga.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	sharedMu.Unlock()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

var (
	sharedMu     sync.Mutex
	sharedIcinga *lab.Icinga
	sharedErr    error
)

// hosts is how many hosts the shared daemon has: a test takes one of its own by claim.
const hosts = 40

// shared returns the daemon of tests that do not stop it. Host "h-0" and so on have the services "Cache Hit Rate" and "slow".
func shared(t testing.TB) *lab.Icinga {
	t.Helper()
	lab.Need(t, "icinga2")
	sharedMu.Lock()
	defer sharedMu.Unlock()
	if sharedIcinga == nil && sharedErr == nil {
		sharedIcinga, sharedErr = lab.StartIcinga(context.Background(), lab.IcingaOptions{Config: fmt.Sprintf(`
object ApiUser "few" {
  password = "secret-of-few"
  permissions = [ "objects/query/Host", "actions/remove-*", { permission = "objects/modify/Host"; filter = {{ host.vars.opsbot.managed }} } ]
}
for (i in range(%d)) {
  object Host "h-" + i use (i) {
    check_command = "passive"
    enable_active_checks = false
    vars.number = i
    vars.list = [ "a", 1 ]
  }
}
apply Service "Cache Hit Rate" { check_command = "passive"; enable_active_checks = false; max_check_attempts = 1; assign where true }
apply Service "slow" { check_command = "passive"; enable_active_checks = false; max_check_attempts = 3; assign where true }
`, hosts)})
	}
	if sharedErr != nil {
		t.Fatal(sharedErr)
	}
	return sharedIcinga
}

var claimed struct {
	sync.Mutex
	n int
}

// claim returns a client of the shared daemon and a host that no other test uses.
func claim(t testing.TB) (*icinga.Client, string) {
	t.Helper()
	i := shared(t)
	claimed.Lock()
	defer claimed.Unlock()
	if claimed.n >= hosts {
		t.Fatalf("more than %d tests claim a host", hosts)
	}
	host := fmt.Sprintf("h-%d", claimed.n)
	claimed.n++
	return clientOf(t, i, i.User, i.Password), host
}

func clientOf(t testing.TB, i *lab.Icinga, user, password string) *icinga.Client {
	t.Helper()
	ca, err := os.ReadFile(i.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := icinga.New(icinga.Options{URL: i.URL, User: user, Password: fixed(password), CA: ca, ServerName: i.ServerName})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func fixed(password string) func() (secret.Secret, error) {
	return func() (secret.Secret, error) { return secret.New([]byte(password + "\n")), nil }
}

// wantError fails unless err holds the words.
func wantError(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s = nil, want an error with %q", what, words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s = %q, want it to say %q", what, err, w)
		}
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
