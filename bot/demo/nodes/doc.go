// Package nodes makes the nodes of the demo: network namespaces on one underlay, each with an agent, on this machine alone.
//
// In: a folder, a program that calls [Hold] when it is told to, and names. Out: a [Lab] whose nodes reach each other by 192.0.2.1, .2 and so on,
// in which agents are started, pings sent, devices looked at and broken. All of it lives in one process, the holder: root makes it as it is, everybody
// else in a user namespace of its own, where the right to do so is had without being root. When the holder ends, all is gone, since nothing has a name
// or a mount outside of it; and it ends when whoever started it does, however that was.
//
// Read lab.go first, then hold_linux.go, which is the other end of every call; call.go has what they say to each other.
//
//	lab, err := nodes.Start(ctx, nodes.Options{Dir: dir, Program: program, Args: []string{"demo-nodes"}, Names: []string{"edge-1", "edge-2"}})
//	if err != nil {
//		fmt.Println("no nodes on this machine:", err)
//	}
//	defer lab.Stop()
//	took, err := lab.Ping(ctx, "edge-1", netip.MustParseAddr("192.0.2.2"), 1500, time.Second)
package nodes
