package unit_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/shitops/opsbot/bot/ops/unit"
	"github.com/shitops/opsbot/internal/lab"
)

// TestExposure holds the unit against systemd's own judgement: 1.5 of 10 at most.
func TestExposure(t *testing.T) {
	t.Parallel()
	lab.Need(t, "systemd-analyze")
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", "./opsbot.service").CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "Overall exposure level") {
		t.Errorf("systemd-analyze gave no judgement:\n%s", out)
	}
}

// TestUnitSaysWhatTheProgramPromises compares the unit with the exit codes and signals of the program.
func TestUnitSaysWhatTheProgramPromises(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"Type=notify", "NotifyAccess=main", "WatchdogSec=30", "ExecReload=/bin/kill -HUP $MAINPID", "RestartPreventExitStatus=2 78", "DynamicUser=yes",
		"StateDirectory=opsbot", "RuntimeDirectory=opsbot", "CapabilityBoundingSet=",
	} {
		if !strings.Contains(unit.Systemd, "\n"+line+"\n") {
			t.Errorf("the unit lacks %q", line)
		}
	}
}

// TestPropertyList reads the list as launchd would, and with the tools that are there.
func TestPropertyList(t *testing.T) {
	t.Parallel()
	words := map[string]bool{}
	for dec := xml.NewDecoder(strings.NewReader(unit.Launchd)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the property list is no XML: %v", err)
		}
		if text, ok := token.(xml.CharData); ok {
			words[strings.TrimSpace(string(text))] = true
		}
	}
	for _, w := range []string{"net.opsbot", "KeepAlive", "SuccessfulExit", "ThrottleInterval", "Background", "serve"} {
		if !words[w] {
			t.Errorf("the property list lacks %q", w)
		}
	}
	if lab.Missing("python3") == nil {
		out, err := exec.Command("python3", "-c", "import plistlib; print(plistlib.load(open('net.opsbot.plist','rb'))['ProgramArguments'][1])").CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "serve" {
			t.Errorf("plistlib reads %q, %v", out, err)
		}
	}
}
