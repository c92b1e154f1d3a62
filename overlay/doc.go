// Package overlay knows VXLAN segments: which VNI a segment gets, which addresses its members get, what one node must hold for it, and what
// has to change on a node that holds something else.
//
// In come nouns: a [Segment], its [Member] records (as a type-2 route of RFC 7432 would carry them), the VTEPs that take part (as type-3). Out
// come a [Desired] for each node, the [Changes] between that and what a node was [Observed] to hold, and [Conflict] reports before anything is
// written. Everything in this package is pure: no network, no disk, no clock but the one handed in. What touches a kernel lies below it
// (overlay/kernel, overlay/vtep) or pretends to (overlay/simnet), all behind [DataPlane].
//
// A node holds a segment by a tunnel. Where only the node itself is a member, the tunnel is bare and bears the node's addresses; a node with
// endpoints in network namespaces, or with a gateway, joins them to the tunnel by a bridge. The bridge comes with the first endpoint and goes with
// the last, which takes the node's own traffic in that segment a few milliseconds. A node is a member at most once for itself.
//
// Read segment.go first, then desired.go and diff.go. What a node is told, and what it would do about it:
//
//	want := overlay.Desired{Node: "ams-3", Generation: 7, VTEP: vtep, Port: overlay.DefaultPort, Segments: segments}
//	have, err := plane.Read(ctx)
//	if err != nil {
//		return err
//	}
//	changes := overlay.Diff(want, have)
//	fmt.Print(changes) // + tunnel ob001389: VNI 5001, local 192.0.2.1:4789, mtu 1450
//	report, err := plane.Apply(ctx, changes)
package overlay
