package bot

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/config"
)

// TestCatalogueAndActionsHoldEachOther finds an intent without an action, an action without an intent, and a risk that the two tell differently.
func TestCatalogueAndActionsHoldEachOther(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "opsbot.yaml")
	text := "data_dir: data\nlisteners: [{address: \"127.0.0.1:0\", serve: [ops]}]\nsocket: {path: s}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir) // a socket's path has at most 103 bytes, so it is a relative one here
	cfg, err := config.Load(file, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Socket.Path = "s"
	a, err := New(Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	var said []string
	for _, s := range a.catalog.Intents() {
		said = append(said, s.Name)
		v, ok := a.desk.verbs[s.Name]
		if !ok {
			continue
		}
		if (v.Plan == nil) == (v.Answer == nil) {
			t.Errorf("%s: exactly one of Plan and Answer must be set", s.Name)
		}
		if v.Risk != actions.Risk(s.Risk) {
			t.Errorf("%s is %s in the catalogue and %s in its action", s.Name, s.Risk, v.Risk)
		}
	}
	slices.Sort(said)
	if diff := cmp.Diff(said, slices.Sorted(maps.Keys(a.desk.verbs))); diff != "" {
		t.Errorf("catalogue (-) and actions (+) differ:\n%s", diff)
	}
}
