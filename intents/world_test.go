package intents_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/intents"
)

// world is the inventory that most tests speak about: eight edges and two macs at three sites.
func world() intents.Inventory {
	inv := intents.Inventory{
		Segments:    []intents.Segment{{Name: "studio-a", VNI: 5001}, {Name: "studio-b", VNI: 5002}, {Name: "guests", VNI: 5003}},
		Deployments: []string{"news", "sport-1", "sport-2", "kids"},
		Tenants:     []string{"acme", "kidstv"},
		People:      []string{"anna", "tom"},
		Rules:       []string{"flush-on-low-hit-rate"},
		Jobs:        []string{"morning-prime"},
		Sites:       []string{"porto"},
	}
	for i := 1; i <= 8; i++ {
		n := intents.Node{Name: fmt.Sprintf("edge-%d", i), Site: "berlin", Platform: "linux", Labels: map[string]string{"tier": "silver"}}
		if i > 3 {
			n.Site = "hamburg"
		}
		if i > 6 {
			n.Site = "lisbon"
		}
		if i == 1 || i == 4 {
			n.Labels = map[string]string{"tier": "gold"}
		}
		inv.Nodes = append(inv.Nodes, n)
	}
	inv.Nodes = append(inv.Nodes,
		intents.Node{Name: "mac-1", Site: "hamburg", Platform: "darwin"},
		intents.Node{Name: "mac-2", Site: "berlin", Platform: "darwin"})
	return inv
}

// clock is when the tests speak: Sunday noon in Berlin.
func clock(tb interface {
	Helper()
	Fatal(args ...any)
}) (time.Time, *time.Location) {
	tb.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		tb.Fatal(err)
	}
	return time.Date(2026, 3, 1, 12, 0, 0, 0, zone), zone
}

// worldParser returns a parser of the built-in catalogue for world.
func worldParser(tb testing.TB) *intents.Parser {
	tb.Helper()
	return newParser(tb, world())
}

// newParser returns a parser of the built-in catalogue for inv.
func newParser(tb testing.TB, inv intents.Inventory) *intents.Parser {
	tb.Helper()
	c, err := intents.Load()
	if err != nil {
		tb.Fatal(err)
	}
	return parserOf(tb, c, inv)
}

// say parses text at the clock of the tests.
func say(tb testing.TB, p *intents.Parser, text string) intents.Parsed {
	tb.Helper()
	now, zone := clock(tb)
	return p.Parse(intents.Utterance{Text: text, Now: now, Zone: zone})
}

// brief writes what was understood in one line: "confirm cache.flush node=edge-1,edge-2 --dry-run".
func brief(out intents.Parsed) string {
	said := []string{string(out.Decision)}
	for i, c := range out.Commands {
		if i > 0 {
			said = append(said, ";")
		}
		said = append(said, briefIntent(c))
	}
	return strings.Join(said, " ")
}

func briefIntent(c intents.Intent) string {
	said := []string{c.Name}
	for _, slot := range c.Slots {
		said = append(said, slot.Name+"="+strings.Join(slot.Values, ","))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Options)) {
		if c.Options[name] == "true" {
			said = append(said, "--"+name)
			continue
		}
		said = append(said, fmt.Sprintf("--%s=%q", name, c.Options[name]))
	}
	return strings.Join(said, " ")
}

// changes reports whether out would do, perhaps after a yes, something that is not read.
func changes(tb testing.TB, out intents.Parsed) bool {
	tb.Helper()
	if out.Decision != intents.Act && out.Decision != intents.Confirm {
		return false
	}
	c, err := intents.Load()
	if err != nil {
		tb.Fatal(err)
	}
	for _, i := range out.Commands {
		if spec, ok := c.Intent(i.Name); !ok || spec.Risk.Changes() {
			return true
		}
	}
	return false
}
