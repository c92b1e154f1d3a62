package intents_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/intents"
)

var update = flag.Bool("update", false, "write the talks anew from what is understood now")

// TestTalks replays the talks in fixtures/talks: what a person says line by line, and what each line is understood as. See the README there.
func TestTalks(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../fixtures/talks/*.talk")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d talks, error %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".talk"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, string(text))
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(text), got); diff != "" {
				t.Errorf("%s (-want +got), refresh with -update:\n%s", name, diff)
			}
		})
	}
}

// replay returns the talk in text with what each line is understood as.
func replay(t *testing.T, text string) string {
	t.Helper()
	p := worldParser(t)
	var b strings.Builder
	var pending intents.Parsed
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		var said []string
		for l := range strings.SplitSeq(block, "\n") {
			switch {
			case strings.HasPrefix(l, "> "), strings.HasPrefix(l, "| "):
				said = append(said, l[2:])
				b.WriteString(l + "\n")
			case strings.HasPrefix(l, "#"):
				b.WriteString(l + "\n")
			}
		}
		if said == nil {
			continue
		}
		out, answered := hear(t, p, pending, strings.Join(said, "\n"))
		pending = out
		writeTurn(&b, out, answered)
	}
	return b.String()
}

// hear takes text as the answer to what is pending, else as a line of its own.
func hear(t *testing.T, p *intents.Parser, pending intents.Parsed, text string) (out intents.Parsed, answered bool) {
	t.Helper()
	now, zone := clock(t)
	if pending.Decision == intents.Ask {
		if out, ok := p.Answer(stored(t, pending), text, intents.Utterance{Now: now, Zone: zone}); ok {
			return out, true
		}
	}
	return say(t, p, text), false
}

// writeTurn writes what one line was understood as.
func writeTurn(b *strings.Builder, out intents.Parsed, answered bool) {
	for i, c := range out.Commands {
		head := string(out.Decision)
		if i > 0 {
			head = "  then"
		}
		fmt.Fprintf(b, "%-8s %s\n", head, briefIntent(c))
	}
	if len(out.Commands) == 0 {
		fmt.Fprintf(b, "%s\n", out.Decision)
	}
	because := out.Because
	if answered {
		because = "(an answer) " + because
	}
	fmt.Fprintf(b, "  because %s\n", because)
	if out.Question != "" {
		fmt.Fprintf(b, "  asks    %s\n", out.Question)
	}
}
