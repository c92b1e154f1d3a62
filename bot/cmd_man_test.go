package bot_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	flagInHelp = regexp.MustCompile(`(?m)^ +(?:-\w, |    )--([a-z-]+)`)
	flagInMan  = regexp.MustCompile(`(?m)^(?:\\fB-\w\\fP, )?\\fB--([a-z-]+)\\fP`)
	roff       = regexp.MustCompile(`\\f[A-Z]|\\`)
)

// TestManIsHelp holds every manual page against the help of its command: the same flags, and every sentence of the one in the other.
func TestManIsHelp(t *testing.T) {
	dir := t.TempDir()
	opsbot(t, 0, "man", dir)
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 12 {
		t.Fatalf("%d pages, %v, want one for each command", len(pages), err)
	}
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".1")
		args := strings.Split(strings.NewReplacer("check-config", "check_config", "icinga-kit", "icinga_kit", "slack-manifest", "slack_manifest", "cache-hit-rate", "cache_hit_rate", "stream-latency", "stream_latency").Replace(name), "-")[1:]
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "_", "-")
		}
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			help := opsbot(t, 0, append(args, "--help")...)
			if diff := cmp.Diff(flags(flagInHelp, help), flags(flagInMan, string(raw))); diff != "" {
				t.Errorf("flags of %s differ (-help +man):\n%s", name, diff)
			}
			man := words(roff.ReplaceAllString(string(raw), ""))
			about, _, _ := strings.Cut(help, "Usage:")
			for line := range strings.Lines(about) {
				if w := words(line); !strings.Contains(man, w) && args != nil && !slices.Contains(args, "completion") {
					t.Errorf("the page of %s lacks %q of its help", name, w)
				}
			}
		})
	}
}

func flags(pattern *regexp.Regexp, text string) []string {
	var out []string
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestEveryCommandIsExplained looks at the help of every command that the root lists.
func TestEveryCommandIsExplained(t *testing.T) {
	help := opsbot(t, 0, "--help")
	_, list, _ := strings.Cut(help, "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	count := 0
	for line := range strings.Lines(list) {
		name := strings.Fields(line)[0]
		if name == "completion" {
			continue
		}
		count++
		if text := opsbot(t, 0, name, "--help"); len(text) < 200 {
			t.Errorf("opsbot %s --help is too short to help:\n%s", name, text)
		}
	}
	if count < 9 {
		t.Errorf("the root lists %d commands, want at least 9", count)
	}
}
