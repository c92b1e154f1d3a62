// Package netlab makes network namespaces for tests: nodes on one underlay, and empty ones for endpoints. They have no names and no mounts;
// a file keeps each alive, and they vanish with the test, however it ends.
//
// In: a test and a number of nodes. Out: a [Lab] whose nodes reach each other by 192.0.2.1, .2 and so on. A [World] puts data planes on them and
// holds segments against them, whatever the planes are. Read lab.go first, then world.go; plane.go opens kernels and listens to them, and
// sabotage.go is what planes must survive.
//
//	lab := netlab.New(t, 3)
//	lab.Nodes[0].Run(t, "ping", "-c1", "192.0.2.2")
package netlab
