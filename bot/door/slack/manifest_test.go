package slack_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/bot/door/slack"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestManifest(t *testing.T) {
	for name, o := range map[string]slack.ManifestOptions{
		"socket": {Mode: slack.Socket},
		"http":   {Mode: slack.HTTP, Name: "Ops", Command: "/ops", URL: "https://bot.example/"},
	} {
		got, err := slack.Manifest(o)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", "manifest-"+name+".yaml")
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("Manifest(%+v) differs (-want +got):\n%s", o, diff)
		}
	}
}

func TestManifestRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    slack.ManifestOptions
		want string
	}{
		{"no mode", slack.ManifestOptions{}, "want socket or http"},
		{"no address", slack.ManifestOptions{Mode: slack.HTTP}, "https://"},
		{"an address without TLS", slack.ManifestOptions{Mode: slack.HTTP, URL: "http://bot.example"}, "does not begin with https://"},
		{"an address without a host", slack.ManifestOptions{Mode: slack.HTTP, URL: "https:///"}, "names no host"},
		{"an address with a port alone", slack.ManifestOptions{Mode: slack.HTTP, URL: "https://:443"}, "names no host"},
		{"an address with a path", slack.ManifestOptions{Mode: slack.HTTP, URL: "https://bot.example/sub"}, "the path /sub"},
		{"an address with a user", slack.ManifestOptions{Mode: slack.HTTP, URL: "https://anna@bot.example"}, "a user's name"},
		{"an address with a query", slack.ManifestOptions{Mode: slack.HTTP, URL: "https://bot.example/?a=b"}, "a query"},
		{"an address with an empty query", slack.ManifestOptions{Mode: slack.HTTP, URL: "https://bot.example?"}, "a query"},
		{"an address with a fragment", slack.ManifestOptions{Mode: slack.HTTP, URL: "https://bot.example#a"}, "a fragment"},
		{"what is no address", slack.ManifestOptions{Mode: slack.HTTP, URL: "https://bot example"}, "no URL"},
		{"a command without its stroke", slack.ManifestOptions{Mode: slack.Socket, Command: "ops"}, "one word"},
		{"a long name", slack.ManifestOptions{Mode: slack.Socket, Name: strings.Repeat("x", 36)}, "35 letters"},
	} {
		if _, err := slack.Manifest(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Manifest with %s = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}
