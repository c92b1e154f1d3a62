// Package vtep holds segments in the program itself, on a machine whose kernel has no VXLAN: macOS by utun, Linux by TUN.
//
// In come [overlay.Changes]; out comes what the program and the system were found to hold, as [overlay.Observed], in the very objects of the
// kernel plane, so that the same agent drives both. A node is one host in each segment: it has a layer 3 device (a TUN) that bears its addresses;
// Ethernet and VXLAN headers are put before each packet on the way out and taken off on the way in. There is no bridge and there are no endpoints.
//
// All segments share one UDP socket and are told apart by their VNI. What comes from a VTEP outside of the segment is dropped and counted, as is
// what belongs to a VNI that is not held. ARP and neighbour discovery are answered from what was written; a neighbour that was not is asked for, while
// its latest packet is kept. The segments live as long as the program: when a [Plane] is closed they go with it.
//
// Probes of other nodes are answered by the plane itself; [Plane.Prober] asks in turn. On Linux, Watch tells when a device or address was changed by hand.
//
// Read plane.go first, then segment.go (the way out) and receive.go (the way in); table.go is what both look up, underlay.go the socket.
//
//	plane, err := vtep.New(vtep.Options{Node: "mac-1", Instance: "live", VTEP: want.VTEP})
//	if err != nil {
//		return err
//	}
//	defer plane.Close()
//	have, err := plane.Read(ctx)
//	if err != nil {
//		return err
//	}
//	report, err := plane.Apply(ctx, overlay.Diff(want, have))
package vtep
