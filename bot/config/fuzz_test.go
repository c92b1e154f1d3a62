package config_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/shitops/opsbot/bot/config"
)

// FuzzParse: whatever the bytes, there is a configuration that reads back to itself or a list of mistakes that all have a place and a sentence,
// and no token gets into what is said.
func FuzzParse(f *testing.F) {
	contract, err := os.ReadFile("testdata/opsbot.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(contract), full, base, "", "a: [", "a: &a [*a]", "? {a: b}\n: c", "- - - -", "\xff\xfea\x00", "data_dir: /d\nlog: {level: xoxb-1234567890-abcdef}", "!!binary a: b", "{a: b}: c", "roles: [{sites: }]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse(data, "f.yaml", config.Options{Intents: []string{"help"}})
		if err != nil {
			checkMistakes(t, data, err)
		} else {
			out, err := c.Redacted()
			if err != nil {
				t.Fatalf("Redacted of %q: %v", data, err)
			}
			again, err := config.Parse(out, "f.yaml", config.Options{})
			if err != nil {
				t.Fatalf("%q has the effective configuration\n%s\nwhich is refused: %v", data, out, err)
			}
			if d := config.Diff(c, again); len(d) > 0 {
				t.Fatalf("%q does not read back: %v", data, d)
			}
		}
		if _, err := config.ParseVocabulary(data, "f.yaml"); err != nil {
			checkMistakes(t, data, err)
		}
	})
}

func checkMistakes(t *testing.T, data []byte, err error) {
	t.Helper()
	var ms config.Mistakes
	if !errors.As(err, &ms) || len(ms) == 0 {
		t.Fatalf("Parse(%q) = %v, want Mistakes", data, err)
	}
	for _, m := range ms {
		if m.Line < 1 || m.Column < 1 || m.Say == "" || strings.ContainsAny(m.String(), "\n\x00") {
			t.Fatalf("Parse(%q): mistake without a place, or on several lines: %+v", data, m)
		}
		if strings.Contains(m.String(), "1234567890-abcdef") {
			t.Fatalf("Parse(%q): a token got out: %s", data, m)
		}
	}
}

func FuzzDuration(f *testing.F) {
	for _, seed := range []string{"90d", "2w", "1w2d3h", "-5h", "1e9h", "9223372036854775807ns", "ddd", "w"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := config.ParseDuration(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("ParseDuration(%q) = %v", text, d)
		}
		if again, err := config.ParseDuration(config.FormatDuration(d)); err != nil || again != d {
			t.Fatalf("ParseDuration(%q) = %v, written %q, read back %v, %v", text, d, config.FormatDuration(d), again, err)
		}
	})
}
