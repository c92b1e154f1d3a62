package reply_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/shitops/opsbot/bot/reply"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestText renders each card of testdata in four styles. A file holds card.json and what each style shows; ESC is written as ␛, so that the
// files can be read.
func TestText(t *testing.T) {
	styles := []struct {
		name  string
		style reply.Style
	}{
		{"piped", reply.Style{}},
		{"unicode", reply.Style{Unicode: true}},
		{"color", reply.Style{Unicode: true, Color: true, Width: 80}},
		{"narrow", reply.Style{Unicode: true, Width: 40}},
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			arc, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var card reply.Card
			if err := json.Unmarshal(section(arc, "card.json"), &card); err != nil {
				t.Fatalf("%s: card.json: %v", file, err)
			}
			got := &txtar.Archive{Comment: arc.Comment, Files: []txtar.File{{Name: "card.json", Data: section(arc, "card.json")}}}
			for _, s := range styles {
				text := strings.ReplaceAll(reply.Text(card, s.style), "\x1b", "␛")
				got.Files = append(got.Files, txtar.File{Name: s.name, Data: []byte(text)})
				if want := string(section(arc, s.name)); text != want && !*update {
					t.Errorf("Text(%s, %s) differs (-want +got):\n%s", file, s.name, cmp.Diff(want, text))
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func section(arc *txtar.Archive, name string) []byte {
	for _, f := range arc.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func TestDetect(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		tty  bool
		want reply.Style
	}{
		{"a modern terminal", map[string]string{"TERM": "xterm-256color", "LANG": "en_US.UTF-8"}, true, reply.Style{Color: true, Unicode: true, Width: 100}},
		{"NO_COLOR is set", map[string]string{"TERM": "xterm", "LANG": "C.utf8", "NO_COLOR": "1"}, true, reply.Style{Unicode: true, Width: 100}},
		{"a pipe", map[string]string{"TERM": "xterm", "LANG": "en_US.UTF-8"}, false, reply.Style{Unicode: true}},
		{"the C locale", map[string]string{"TERM": "xterm", "LANG": "C"}, true, reply.Style{Color: true, Width: 100}},
		{"LC_ALL beats LANG", map[string]string{"TERM": "xterm", "LC_ALL": "C", "LANG": "en_US.UTF-8"}, true, reply.Style{Color: true, Width: 100}},
		{"the Linux console", map[string]string{"TERM": "linux", "LANG": "en_US.UTF-8"}, true, reply.Style{Color: true, Width: 100}},
		{"a dumb terminal", map[string]string{"TERM": "dumb", "LANG": "en_US.UTF-8"}, true, reply.Style{Width: 100}},
		{"no environment", nil, true, reply.Style{Width: 100}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := reply.Detect(func(k string) string { return tt.env[k] }, tt.tty, 100)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Detect(%v, tty %v) differs (-want +got):\n%s", tt.env, tt.tty, diff)
			}
		})
	}
}
