package lab_test

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/internal/lab"
)

func TestIcingaFromStartToStop(t *testing.T) {
	t.Parallel()
	i := lab.NewIcinga(t, lab.IcingaOptions{Config: `object Host "edge-1" { check_command = "passive" }`})
	if err := i.Reload(t.Context(), `object Host "edge-2" { check_command = "passive" }`); err != nil {
		t.Fatalf("Reload = %v", err)
	}
	if err := i.Reload(t.Context(), `object Host "edge-3" { check_command = "nonsense" }`); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("Reload with an unknown check command = %v, want its words", err)
	}
	if err := i.Halt(); err != nil {
		t.Fatalf("Halt = %v", err)
	}
	if err := i.Start(t.Context()); err != nil {
		t.Fatalf("Start after Halt = %v", err)
	}
	address := strings.TrimPrefix(i.URL, "https://")
	for range 2 {
		if err := i.Stop(); err != nil {
			t.Fatalf("Stop = %v", err)
		}
	}
	if c, err := net.Dial("tcp", address); err == nil { // the worker outlives an umbrella that is killed alone
		t.Errorf("after Stop %s is served", address)
		_ = c.Close()
	}
	if _, err := os.Stat(i.Dir); !os.IsNotExist(err) {
		t.Errorf("after Stop its directory is there: %v", err)
	}
	if err := i.Start(t.Context()); err == nil {
		t.Error("Start after Stop = nil, want an error")
	}
}

// TestIcingaOfFiles has files beside the configuration, which a reload of the latter leaves alone, and a life that is changed by calls.
func TestIcingaOfFiles(t *testing.T) {
	t.Parallel()
	i := lab.NewIcinga(t, lab.IcingaOptions{
		Files:  map[string][]byte{"t.conf": []byte("template Host \"t\" { check_command = \"passive\" }\n")},
		Config: `object Host "edge-1" { import "t" }`,
	})
	call := func(method, path string, body any, status int, holds string) {
		t.Helper()
		got, answer, err := i.Call(t.Context(), method, path, body)
		if err != nil || got != status || !strings.Contains(answer, holds) {
			t.Errorf("%s %s = %d %s, %v; want %d and %q", method, path, got, answer, err, status, holds)
		}
	}
	const host = "/v1/objects/hosts/edge-2"
	call("PUT", host, map[string]any{"templates": []string{"t"}, "attrs": map[string]any{"address": "192.0.2.1"}}, 200, "was created")
	if err := i.Reload(t.Context(), `object Host "edge-3" { import "t" }`); err != nil {
		t.Fatalf("Reload = %v", err)
	}
	for name, want := range map[string]int{"edge-1": 404, "edge-2": 200, "edge-3": 200} {
		call("GET", "/v1/objects/hosts/"+name, nil, want, "")
	}
	call("DELETE", host+"?cascade=1", nil, 200, "was deleted")
	if _, answer, err := i.Call(t.Context(), "GET", host, make(chan int)); err == nil {
		t.Errorf("Call with a body that is no JSON = %s, want an error", answer)
	}
	if status, answer, err := i.As("nobody", "x").Call(t.Context(), "GET", "/v1", nil); err != nil || status != 401 {
		t.Errorf("as nobody: %d %s, %v; want 401", status, answer, err)
	}
	if err := i.Report(t.Context(), "edge-9", "none", 0, "well"); err == nil || !strings.Contains(err.Error(), "edge-9") {
		t.Errorf("Report on nothing = %v, want an error that names it", err)
	}
}

func TestIcingaRefusesOddFiles(t *testing.T) {
	t.Parallel()
	lab.Need(t, "icinga2")
	for _, name := range []string{"../t.conf", "sub/t.conf", "t.txt", ""} {
		dir := t.TempDir()
		_, err := lab.StartIcinga(t.Context(), lab.IcingaOptions{Dir: dir, Files: map[string][]byte{name: nil}})
		if left, readErr := os.ReadDir(dir); err == nil || readErr != nil || len(left) != 0 {
			t.Errorf("StartIcinga with a file %q = %v, and leaves %v, %v; want an error and nothing", name, err, left, readErr)
		}
	}
}

func TestValidateIcinga(t *testing.T) {
	t.Parallel()
	lab.Need(t, "icinga2")
	for _, tt := range []struct {
		name, config string
		want         bool
	}{
		{"nothing more", ``, true},
		{"a host", `object Host "edge-1" { check_command = "passive" }`, true},
		{"an unknown check command", `object Host "edge-1" { check_command = "nonsense" }`, false},
		{"no configuration at all", `}`, false},
	} {
		out, err := lab.ValidateIcinga(t.Context(), lab.IcingaOptions{Dir: t.TempDir(), Config: tt.config})
		if (err == nil) != tt.want {
			t.Errorf("%s: ValidateIcinga(%q) = %v, want valid %v: %s", tt.name, tt.config, err, tt.want, out)
		}
	}
}

func TestIcingaEndsWithItsContext(t *testing.T) {
	t.Parallel()
	lab.Need(t, "icinga2")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	i, err := lab.StartIcinga(ctx, lab.IcingaOptions{Dir: t.TempDir(), Node: "some-master"})
	if err != nil {
		t.Fatal(err)
	}
	if i.ServerName != "some-master" || !strings.Contains(i.Log(), "Activated all objects") {
		t.Errorf("it is called %s and says:\n%s", i.ServerName, i.Log())
	}
	i.Kill()
	i.Kill()
	if err := i.Halt(); err != nil || i.Log() != "" {
		t.Errorf("Halt of a dead one = %v, and it says %q; want nothing", err, i.Log())
	}
	if err := i.Reload(ctx, ""); err == nil {
		t.Error("Reload of a dead one = nil, want an error")
	}
	if err := i.Start(ctx); err != nil {
		t.Fatalf("Start after Kill = %v", err)
	}
	if err := i.Start(ctx); err == nil {
		t.Error("a second Start = nil, want an error")
	}
	cancel()
	deadline := time.After(30 * time.Second)
	for {
		if _, err := os.Stat(i.Dir); os.IsNotExist(err) {
			break
		}
		select {
		case <-deadline:
			t.Fatal("its directory is there 30 s after its context ended")
		case <-time.After(10 * time.Millisecond): // another goroutine removes it
		}
	}
	if err := i.Stop(); err != nil {
		t.Errorf("Stop after that = %v", err)
	}
}

func TestIcingaThatDoesNotStart(t *testing.T) {
	t.Parallel()
	lab.Need(t, "icinga2")
	dir := t.TempDir()
	_, err := lab.StartIcinga(t.Context(), lab.IcingaOptions{Dir: dir, Config: "object Nonsense"})
	if err == nil || !strings.Contains(err.Error(), "Nonsense") {
		t.Errorf("StartIcinga with a wrong configuration = %v, want the daemon's words", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v; want nothing", left, err)
	}
}
