// Package segment holds the verbs about VXLAN segments, and what is known of each: its VNI, its prefixes, and who is in it.
//
// In come requests for segment.list, show, create, attach, detach, delete and verify, a view of the world and a [Fleet] of agents. Out go answers, and
// plans whose steps change the records in the store and then bring every node to them. Read segment.go first (what to pass in), then plan.go; record.go
// says what is stored, store.go keeps up with it, executor.go and its neighbours carry steps out.
//
// # What is true
//
// The record of a segment is true; what a node must hold is composed from the records whenever it is needed (compose.go). So two runs that touch one
// node never stand in each other's way, and a node that was away is brought to what is recorded when it is back. A plan is: look at the nodes, write the
// record, bring the nodes to it. Its undo goes backward: the record is taken back, and the first step's undo brings the nodes to it.
//
// # Nothing is given twice
//
// A segment has four keys, each made by a plain create, one a step: its name, the block of VNIs that its tenant and region have leased, its VNI, and its
// IPv4 prefix. Whichever replica creates a key has it; every other one gets a conflict and takes the next (allocate.go, prefix.go). Each key bears the mark
// of the step that made it, so that a step which is done again after a crash finds its own, and an undo takes back nothing else. A VNI that is given back
// rests before it is given again, so that no node still holds it.
//
// # What is proven
//
// verify.go lets the nodes of one segment probe each other when somebody asks. Prober (prober.go, prober_pick.go, trouble.go) lets all nodes do so in the
// background, keeps what is not well, and tells people once. Nodes take VXLAN from the nodes of their segments alone: compose.go asks for that guard, and an
// attach tells the others first, so that they let the new node in before it sends.
//
// "create segment studio-a on edge-1 and edge-2" from end to end:
//
//	segments, err := segment.New(segment.Options{Store: s, Allocator: a, Fleet: fleet})
//	plan, err := segments.Verbs()[3].Plan(ctx, request, world)
//	// make the name studio-a of tenant acme; take a free VNI; take a free IPv4 prefix
//	// on edge-1, edge-2, all at once: look whether each node can be reached, and what is in the way there
//	// keep segment studio-a with MTU 1450 and edge-1, edge-2 in it
//	// on edge-1, edge-2, all at once: bring each node to it, and read it back there
package segment
