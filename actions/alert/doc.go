// Package alert holds the verbs about what the monitoring reports: alert.list, alert.ack and alert.unack, the executors of their steps, and how
// alerts are stored.
//
// In come requests with canonical slots; out go answers and plans. What stands is read from Icinga2 at that moment; when it is away, from the log of
// alerts, which the answer says. Read alert.go first, then list.go, ack.go and stored.go (the records of the log ALERTS).
//
//	a := alert.New(alert.Options{Icinga: client, Log: s.Log(store.Alerts), KV: s.Bucket(store.Guards)})
//	plan, err := a.Verbs()[1].Plan(ctx, request, world) // "ack edge-1 for 2h": a step icinga.ack for each problem of the host edge-1
//	result, err := a.Executors()["icinga.ack"].Do(ctx, run.Call{Run: "r-17", Key: "r-17/do/0/edge-1", Args: plan.Groups[0].Steps[0].Args})
//
// A host of the monitoring and a node of the inventory are the same when their names are, without regard to case.
package alert
