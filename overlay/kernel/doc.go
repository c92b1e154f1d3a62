// Package kernel holds segments in the Linux kernel: a VXLAN device for each VNI, and a bridge where endpoints need one, written by raw,
// batched netlink.
//
// In come [overlay.Changes]; out comes what the kernel was found to hold, as [overlay.Observed]. Nothing is learned from traffic: forwarding
// entries, flood lists and neighbours are those that were written. A [Plane] owns what bears its mark (the alias "opsbot INSTANCE GENERATION"
// and the group [Group]) and touches nothing else; a foreign device in the way is reported. A [Prober] sends and answers probes on the wire.
//
// Read plane.go first, then read.go with table.go and endpoint.go, and apply.go with port.go; netlink.go is the wire. On other systems than Linux [New] returns an error. A pass:
//
//	plane, err := kernel.New(kernel.Options{Node: "ams-3", Instance: "live", VTEP: want.VTEP})
//	if err != nil {
//		return err
//	}
//	defer plane.Close()
//	have, err := plane.Read(ctx)
//	if err != nil {
//		return err
//	}
//	report, err := plane.Apply(ctx, overlay.Diff(want, have))
package kernel
