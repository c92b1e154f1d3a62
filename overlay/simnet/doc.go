// Package simnet is an underlay and its nodes within one process, so that plans and reconciliation can be tried on ten thousand nodes.
//
// In come nodes and what befalls them: loss, delay, partition, crashes, sabotage. Each [Node] is an [overlay.DataPlane] that holds objects as a
// kernel would; [Net.Ping] walks a frame through the tables that the nodes really hold, so that a wrong entry loses traffic here as it would
// there. Everything follows from a seed. Read net.go first, then node.go.
//
//	net := simnet.New(1)
//	edge := net.Node("edge-1", netip.MustParseAddr("192.0.2.1"))
//	have, _ := edge.Read(ctx)
//	edge.Apply(ctx, overlay.Diff(want, have))
//	err := net.Ping("edge-1", "", 5001, netip.MustParseAddr("100.64.0.3"))
package simnet
