package intents_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/shitops/opsbot/intents"
)

// fleetOfTwo is a parser for the examples.
func fleetOfTwo() *intents.Parser {
	catalog, err := intents.Load()
	if err != nil {
		log.Fatal(err)
	}
	parser, err := intents.NewParser(catalog, intents.Inventory{
		Nodes:       []intents.Node{{Name: "edge-1", Site: "berlin"}, {Name: "edge-2", Site: "berlin"}},
		Deployments: []string{"news"},
	})
	if err != nil {
		log.Fatal(err)
	}
	return parser
}

func ExampleParser_Parse() {
	parser := fleetOfTwo()
	for _, text := range []string{"flush EDGE 2, please", "prime news on all edges in berlin", "don't flush edge-1"} {
		line, err := json.Marshal(parser.Parse(intents.Utterance{Text: text}))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(line))
	}
	// Output:
	// {"text":"flush EDGE 2, please","decision":"confirm","commands":[{"intent":"cache.flush","slots":{"node":["edge-2"]}}],"confidence":1,"because":"exact command; destructive"}
	// {"text":"prime news on all edges in berlin","decision":"act","commands":[{"intent":"cache.prime","slots":{"deployment":"news","node":["edge-1","edge-2"]}}],"confidence":1,"because":"exact command; reversible"}
	// {"text":"don't flush edge-1","decision":"refuse","commands":[],"confidence":0,"because":"negated; nothing is done"}
}

func ExampleParser_Answer() {
	parser := fleetOfTwo()
	pending := parser.Parse(intents.Utterance{Text: "flush edge-3"})
	fmt.Println(pending.Question)
	parsed, ok := parser.Answer(pending, "1", intents.Utterance{})
	fmt.Println(ok, parsed.Decision, parsed.Text)
	// Output:
	// There is no node "edge-3"; did you mean 1) edge-2 or 2) edge-1?
	// true confirm flush edge-2
}

func ExampleIntent_Canonical() {
	parser := fleetOfTwo()
	parsed := parser.Parse(intents.Utterance{Text: "clear the cache on edge one and two --reason stale"})
	fmt.Println(parsed.Commands[0].Canonical())
	// Output:
	// flush edge-1, edge-2 --reason "stale"
}

func ExampleParser_Complete() {
	parser := fleetOfTwo()
	fmt.Println(parser.Complete("flush edge-"))
	fmt.Println(parser.Complete("flush edge-1 --d"))
	// Output:
	// [edge-1 edge-2]
	// [--dry-run]
}
