// Package node holds the verbs about nodes: what there is, how one of them is, and those that are added and removed at run time.
//
// In come requests for node.list, node.show, node.add, node.enrol, node.remove, node.drain and node.undrain and a view of the world. Out go answers with a table that fits a terminal, and
// plans whose steps change the bucket of the inventory. The nodes of the configuration file belong to the file: they are only told about. Read node.go
// first (what to pass in), then list.go and show.go; store.go and record.go (the nodes of the store), change.go (the plans), executor.go;
// drain.go and drain_plan.go about nodes that take nothing new.
//
// "show node edge-1" from end to end:
//
//	verbs := node.New(node.Options{Health: content.Health}).Verbs()
//	answer, err := verbs[1].Answer(ctx, actions.Request{Intent: "node.show", Slots: map[string][]string{"node": {"edge-1"}}}, world)
//	// edge-1 is well: berlin, linux, 192.0.2.11
//
// A node that was added is the key node.NAME. It bears the mark of the step that put it there, so that a step that is repeated adds it once and an undo
// takes back its own alone. Whoever holds a view of the inventory is told by StoreOptions.Changed before the step is done.
package node
