package bot_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/intents"
)

// TestReferenceOfTheReadme holds the tables of the README against the catalogue, the configuration and the exit codes.
func TestReferenceOfTheReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := intents.Load()
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, s := range catalog.Intents() {
		row := fmt.Sprintf("| `%s` | %s | `%s` |", s.Name, s.Risk, strings.ReplaceAll(s.Usage, "|", "\\|"))
		if !strings.Contains(string(text), row+"\n") {
			missing = append(missing, row)
		}
	}
	var top []string
	for _, key := range config.Keys() {
		if first, _, _ := strings.Cut(key, "."); !slices.Contains(top, strings.TrimSuffix(first, "[]")) {
			top = append(top, strings.TrimSuffix(first, "[]"))
		}
	}
	for _, key := range top {
		if !strings.Contains(string(text), "\n| `"+key+"` |") {
			missing = append(missing, "the key "+key)
		}
	}
	if missing != nil {
		t.Errorf("the README lacks:\n%s", strings.Join(missing, "\n"))
	}
}
