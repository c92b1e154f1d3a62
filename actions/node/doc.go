// Package node holds the verbs about nodes: what there is, and how one of them is.
//
// In come requests for node.list and node.show and a view of the world; out go answers with a table that fits a terminal. Nothing is changed
// here. Read node.go first (what to pass in), then list.go and show.go.
//
// "show node edge-1" from end to end:
//
//	verbs := node.New(node.Options{Health: content.Health}).Verbs()
//	answer, err := verbs[1].Answer(ctx, actions.Request{Intent: "node.show", Slots: map[string][]string{"node": {"edge-1"}}}, world)
//	// edge-1 is well: berlin, linux, 192.0.2.11
package node
