package bot_test

import (
	"bytes"
	"testing"

	"github.com/shitops/opsbot/bot"
)

// restore runs `opsbot import --verify` on a store that was wiped.
func restore(t *testing.T, config, export string) {
	t.Helper()
	// The marker beside the data folder says that there was data once: an operator who wiped it on purpose imports.
	opsbot(t, 0, "import", "--verify", "--config", config, export)
}

// opsbot runs one command line in this process and returns what it printed.
func opsbot(t *testing.T, exit int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if got := bot.Main(args, bytes.NewReader(nil), &out, &errs); got != exit {
		t.Fatalf("opsbot %v ended with %d, want %d:\n%s%s", args, got, exit, &out, &errs)
	}
	return out.String()
}
