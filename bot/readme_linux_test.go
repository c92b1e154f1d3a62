package bot_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadme runs the sh blocks of the README as printed, one after another in one shell, in a fresh home.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -eu\n")
	blocks := 0
	for i, part := range strings.Split(string(text), "\n```") {
		if code, ok := strings.CutPrefix(part, "sh\n"); ok && i%2 == 1 {
			script.WriteString(code + "\n")
			blocks++
		}
	}
	if blocks < 3 {
		t.Fatalf("the README has %d sh blocks, want at least 3", blocks)
	}
	home := folder(t)
	alone := &syscall.SysProcAttr{Setpgid: true} // the bot of the background is in the group, and ends with it
	if ip, err := exec.LookPath("ip"); err == nil && os.Geteuid() == 0 {
		// The blocks listen on the port of the default configuration: in a network of their own it is free.
		alone.Cloneflags = syscall.CLONE_NEWNET
		cmdline := script.String()
		script.Reset()
		script.WriteString(ip + " link set lo up\n" + cmdline)
	}
	cmd := exec.Command("bash", "-c", script.String())
	cmd.Env = append(os.Environ(), "HOME="+home, "OPSBOT_CONFIG=", "TZ=UTC")
	cmd.Dir = home
	cmd.SysProcAttr = alone
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second // the bot of the background holds the pipe
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // fails when nothing is left
	if err != nil && cmd.ProcessState.ExitCode() != 0 {
		t.Fatalf("the blocks of the README end with %v:\n%s", err, &out)
	}
	for _, want := range []string{"you are", "this is what I understand", "no runs", `"intent":"run.list"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the blocks print nothing like %q:\n%s", want, &out)
		}
	}
	if _, err := os.Stat(filepath.Join(home, "opsbot", "copy.jsonl")); err != nil {
		t.Error(err)
	}
}
