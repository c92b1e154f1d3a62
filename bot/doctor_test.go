package bot_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shitops/opsbot/bot"
	"github.com/shitops/opsbot/bot/door"
)

// examine runs the doctor and returns its findings, its exit code and what it said on the standard error.
func examine(t *testing.T, file string) (findings []bot.Finding, exit door.Exit, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	exit = door.Exit(bot.Main([]string{"doctor", "--json", "--config", file}, strings.NewReader(""), &out, &problems))
	for dec := json.NewDecoder(&out); ; {
		var f bot.Finding
		if err := dec.Decode(&f); err == io.EOF {
			return findings, exit, problems.String()
		} else if err != nil {
			t.Fatalf("doctor printed no JSON: %v", err)
		}
		findings = append(findings, f)
	}
}

// found returns the first finding of a part that holds the words.
func found(findings []bot.Finding, part, words string) (bot.Finding, bool) {
	for _, f := range findings {
		if f.Part == part && strings.Contains(f.Say+" "+f.Do+" "+f.At, words) {
			return f, true
		}
	}
	return bot.Finding{}, false
}

// TestDoctorFindsWhatIsWrong makes set-ups that are wrong in one way each.
func TestDoctorFindsWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name, more, part, words string
		warn                    bool
		spoil                   func(t *testing.T, dir string)
	}{
		{name: "no data folder", part: "data folder", words: "no such file", spoil: func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "data")) }},
		{name: "an open data folder", part: "data folder", words: "chmod 0700", spoil: func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, "data"), 0o755); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "no copies", part: "copy", words: "no nightly copy", warn: true},
		{name: "no bot", part: "bot", words: "opsbot serve", warn: true},
		{name: "no monitoring", part: "icinga2", words: "icinga-kit", warn: true},
		{name: "a yes that nobody can give", more: "approvals: [{intents: [cache.flush], role: operator, people: 2, within: 10m}]\n", part: "approvals", words: "waits in vain"},
		{name: "a host that is no node", more: "rules: [{name: r, when: {host: \"edge-9\", state: [DOWN]}, do: status, enabled: true}]\n", part: "rules", words: "edge-9"},
		{name: "a service that is down", more: "rules: [{name: r, when: {service: X, state: [DOWN]}, do: status, enabled: true}]\n", part: "rules", words: "hosts alone"},
		{name: "a cache that is away", more: "inventory: {nodes: [{name: edge-1, site: berlin, caches: [{name: front, kind: varnish, url: \"http://127.0.0.1:1\"}]}]}\n", part: "cache edge-1/front", words: "start it"},
		{name: "a dead monitoring", more: "icinga: {url: \"https://127.0.0.1:1\", user: u, password_file: pw}\n", part: "icinga2", words: "is it up",
			spoil: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "pw"), "p") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := folder(t)
			if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
				t.Fatal(err)
			}
			file := configure(t, dir, tt.more)
			if tt.spoil != nil {
				tt.spoil(t, dir)
			}
			findings, exit, stderr := examine(t, file)
			f, ok := found(findings, tt.part, tt.words)
			if !ok || f.OK || f.Warn != tt.warn || f.Do == "" {
				t.Errorf("finding of %s = %+v, want one with %q, warn %v and what to do; all: %+v %s", tt.part, f, tt.words, tt.warn, findings, stderr)
			}
			if want := map[bool]door.Exit{true: door.OK, false: door.Failure}[tt.warn]; exit != want && !t.Failed() {
				t.Errorf("exit = %d, want %d: %+v", exit, want, findings)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "data", ".doctor-*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// TestDoctorOfARealSetUp asks a real Varnish and a real Icinga2 with our kit, and then takes the secret away.
func TestDoctorOfARealSetUp(t *testing.T) {
	s := startScene(t, "/ts/master.m3u8", seedRule)
	findings, exit, stderr := examine(t, s.file)
	for part, words := range map[string]string{
		"icinga2": "may do all that is needed", "cache edge-1/front": "proves its purges", "bot": "", "clock": "steady", "disk": "SyncAlways", "people": "identity",
	} {
		if f, ok := found(findings, part, words); !ok || !f.OK {
			t.Errorf("finding of %s = %+v, want that it is well", part, f)
		}
	}
	if exit != door.OK {
		t.Errorf("exit = %d, want 0: %+v %s", exit, findings, stderr)
	}
	rewriteFile(t, s.file, "service: \"Cache Hit Rate\"", "service: \"Cache Hit Rat\"")
	write(t, filepath.Join(s.dir, "wrong"), "wrong\n")
	rewriteFile(t, s.file, s.varnish[0].SecretFile, filepath.Join(s.dir, "wrong")) // varnishd reads its own at each login
	findings, exit, _ = examine(t, s.file)
	for part, words := range map[string]string{"rules": "Cache Hit Rat", "cache edge-1/front": "refuses the secret"} {
		if f, ok := found(findings, part, words); !ok || f.OK {
			t.Errorf("finding of %s = %+v, want %q", part, f, words)
		}
	}
	if exit != door.Failure {
		t.Errorf("exit = %d, want 1", exit)
	}
}
