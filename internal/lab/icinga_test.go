package lab_test

import (
	"net"
	"os"
	"strings"
	"testing"

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
