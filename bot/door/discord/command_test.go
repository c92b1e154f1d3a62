package discord_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/bot/door/discord"
	fake "github.com/shitops/opsbot/fixtures/discord"
)

func TestForm(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		i, err := b.s.Slash(anna, channel, "ops", map[string]any{"cache": map[string]any{"flush": map[string]any{"node": "edge-1, edge 2", "dry-run": true}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := i.Acked(b.ctx()); err != nil {
			t.Fatal(err)
		}
		want := `cache.flush --node edge-1 --node "edge 2" --dry-run`
		b.until("the form is heard", func() bool { return b.desk.times(want) == 1 })
		if _, err := b.s.Slash(anna, channel, "ops", map[string]any{"help": map[string]any{}}); err != nil {
			t.Fatal(err)
		}
		b.until("help is heard", func() bool { return b.desk.times("help") == 1 })
	})
}

func TestAutocomplete(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		for _, tt := range []struct {
			name    string
			command string
			options map[string]any
			focused string
			want    []string
		}{
			{"a first word", "opsbot", map[string]any{"text": ""}, "text", []string{"flush", "help"}},
			{"a name", "opsbot", map[string]any{"text": "flush "}, "text", []string{"flush edge-1", "flush edge-2", "flush "}},
			{"a field", "ops", map[string]any{"cache": map[string]any{"flush": map[string]any{"node": "edge-1, "}}}, "node", []string{"edge-1, edge-1", "edge-1, edge-2", "edge-1, "}},
			{"a line too long to be a choice", "opsbot", map[string]any{"text": "echo " + strings.Repeat("x", 150) + " "}, "text", nil},
		} {
			i, err := b.s.Complete(anna, channel, tt.command, tt.options, tt.focused)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := i.Acked(b.ctx()); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			var got []string
			for _, c := range i.Choices() {
				got = append(got, c.Value)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s: choices differ (-want +got):\n%s", tt.name, diff)
			}
		}
	})
}

// TestLargeCatalogue registers more than Discord has room for: what is registered is within its limits, which the platform checks.
func TestLargeCatalogue(t *testing.T) {
	t.Parallel()
	b := open(t, "http", nil, func(o *discord.Options) {
		o.Commands = nil
		for room := range 30 {
			for verb := range 30 {
				c := discord.Command{Name: fmt.Sprintf("room%d.verb%d", room, verb), Help: strings.Repeat("help ", 30)}
				for s := range 3 {
					c.Slots = append(c.Slots, discord.Slot{Name: fmt.Sprintf("slot%d", s), Kind: "node", Required: s == 2})
				}
				o.Commands = append(o.Commands, c)
			}
		}
	})
	if all := b.s.Commands(); !slices.ContainsFunc(all, func(c fake.Command) bool { return c.Name == "opsbot" }) {
		t.Errorf("registered %v, want the words at least", all)
	}
}
