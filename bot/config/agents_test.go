package config_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shitops/opsbot/bot/config"
)

// TestCopiesWithoutKeysAreTold: who lets agents in and makes copies hears that the copies do not have the agents' keys, unless a passphrase seals them.
func TestCopiesWithoutKeysAreTold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		listeners, store string
		warned           bool
	}{
		{"agents", "{export: {folder: /b}}", true},
		{"agents", "{export: {folder: /b, passphrase_file: p}}", false},
		{"agents", "{export: {folder: /b, passphrase_env: P}}", false},
		{"agents", "{export: {keep: 3}}", false},
		{"ops", "{export: {folder: /b}}", false},
	} {
		text := fmt.Sprintf("data_dir: /d\nlisteners: [{address: \"127.0.0.1:4443\", serve: [%s]}]\nstore: %s\n", test.listeners, test.store)
		c, err := config.Parse([]byte(text), "/etc/opsbot/f.yaml", config.Options{})
		if err != nil {
			t.Errorf("%v; given\n%s", err, text)
			continue
		}
		warned := strings.Contains(fmt.Sprint(c.Warnings), "copies leave out the keys of the agents")
		if warned != test.warned {
			t.Errorf("warned %v, want %v: %v; given\n%s", warned, test.warned, c.Warnings, text)
		}
	}
}

func TestListenersOfAgents(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, given, want string }{
		{"alone", `[{address: "0.0.0.0:4443", serve: [agents]}]`, ""},
		{"with a certificate", `[{address: "0.0.0.0:4443", serve: [agents], certificate_file: a.crt, key_file: a.key}]`, ""},
		{"beside others", `[{address: "127.0.0.1:8081", serve: [ops]}, {address: "[::]:4443", serve: [agents]}]`, ""},
		{"on one address with others", `[{address: "127.0.0.1:8081", serve: [ops, agents]}]`, "2:54: listeners[0].serve[1]: agents needs an address of its own"},
		{"a certificate without its key", `[{address: "0.0.0.0:4443", serve: [agents], certificate_file: a.crt}]`, "listeners[0].key_file: is missing; it is the key of certificate_file"},
		{"a key without its certificate", `[{address: "0.0.0.0:4443", serve: [agents], key_file: a.key}]`, "listeners[0].certificate_file: is missing; it belongs to key_file"},
		{"a certificate for others", `[{address: "127.0.0.1:8081", serve: [ops], certificate_file: a.crt}]`, "listeners[0].certificate_file: is for the group agents alone"},
		{"a key for others", `[{address: "127.0.0.1:8081", serve: [ops], key_file: a.key}]`, "listeners[0].key_file: is for the group agents alone"},
		{"twice", `[{address: "0.0.0.0:4443", serve: [agents]}, {address: "0.0.0.0:4444", serve: [agents]}]`, `listeners[1].serve[0]: "agents" is here twice`},
	} {
		c, err := config.Parse([]byte("data_dir: /d\nlisteners: "+test.given+"\n"), "/etc/opsbot/f.yaml", config.Options{})
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q; given\n%s", test.name, err, test.want, test.given)
		case err == nil && c.Listeners[0].Certificate != "" && c.Listeners[0].Certificate != filepath.Join("/etc/opsbot", "a.crt"):
			t.Errorf("%s: certificate_file = %s, want it beside the file", test.name, c.Listeners[0].Certificate)
		}
	}
}
