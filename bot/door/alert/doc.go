// Package alert is the door of the monitoring: it takes notifications over HTTP, stores them, and hands each one to the rules.
//
// In come POSTs to /icinga/notifications with the proof of a configured sender; 200 is answered only when the alert is durable. Out go alerts, in the
// order of each object, to a [Handler], and one living card per problem through a [Hub]. Read door.go first, then http.go (what is refused, and how),
// writer.go (how many alerts share one write), dispatch.go (how none is lost), incident.go (what a card tells).
//
//	d, err := alert.New(alert.Options{Senders: senders, Log: s.Log(store.Alerts), KV: s.Bucket(store.Guards), Rules: engine})
//	mux.Handle("POST /icinga/notifications", d)
//	err = d.Run(ctx)             // hands over what was stored, from where the last process has come to
//	cards := d.Hub().Subscribe(ctx) // one living card per problem
package alert
