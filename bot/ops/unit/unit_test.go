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

// TestAgentUnit: the unit of the agent has the capabilities that it needs and no other, and systemd finds nothing wrong with its words.
func TestAgentUnit(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"Type=notify", "Restart=always", "RestartPreventExitStatus=2", "StateDirectory=opsbot-agent", "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_ADMIN",
		"ExecStart=/usr/local/bin/opsbot agent --data /var/lib/opsbot-agent",
	} {
		if !strings.Contains(unit.SystemdAgent, "\n"+line+"\n") {
			t.Errorf("the unit lacks %q", line)
		}
	}
	lab.Need(t, "systemd-analyze")
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=50", "--no-pager", "./opsbot-agent.service").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Overall exposure level") {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}

// TestPropertyList reads the list as launchd would, and with the tools that are there.
func TestPropertyList(t *testing.T) {
	t.Parallel()
	for file, list := range map[string]struct{ text, verb string }{"net.opsbot.plist": {unit.Launchd, "serve"}, "net.opsbot.agent.plist": {unit.LaunchdAgent, "agent"}} {
		t.Run(list.verb, func(t *testing.T) {
			t.Parallel()
			propertyList(t, file, list.text, list.verb)
		})
	}
}

func propertyList(t *testing.T, file, text, verb string) {
	t.Helper()
	words := map[string]bool{}
	for dec := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the property list is no XML: %v", err)
		}
		if word, ok := token.(xml.CharData); ok {
			words[strings.TrimSpace(string(word))] = true
		}
	}
	for _, w := range []string{strings.TrimSuffix(file, ".plist"), "KeepAlive", "SuccessfulExit", "ThrottleInterval", "Background", verb} {
		if !words[w] {
			t.Errorf("the property list lacks %q", w)
		}
	}
	if lab.Missing("python3") == nil {
		out, err := exec.Command("python3", "-c", "import plistlib, sys; print(plistlib.load(open(sys.argv[1],'rb'))['ProgramArguments'][1])", file).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != verb {
			t.Errorf("plistlib reads %q, %v", out, err)
		}
	}
}
