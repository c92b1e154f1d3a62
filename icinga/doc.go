// Package icinga speaks with Icinga2: it reads hosts and services, acknowledges, comments, sets downtimes, reports checks, registers, follows the stream
// of events, and understands the notifications that Icinga2 and Icinga Notifications send.
//
// In come names of objects and bytes of notifications. Out come an [Object] as Icinga2 holds it now, a [Notification] or an [Event] that was checked, and
// from them the [Problem] and the [Trigger] that tell whether two reports are about the same thing. The package acts on nothing by itself.
//
// Read client.go first, then call.go for how answers are read (the HTTP status is not enough), trust.go for who is spoken to, permission.go for what each
// part needs, object.go, event.go and stream.go, notification.go and problem.go.
// The subpackages: spool keeps notifications while the receiver is away, plugin prints what a check found, hitrate judges a cache, latency a live
// stream, heartbeat reports the bot itself. kit.go writes Icinga2's own side as files.
//
//	c, err := icinga.New(icinga.Options{URL: "https://icinga.example:5665", User: "opsbot", Password: password, CA: pem, ServerName: "icinga-master"})
//	n, err := icinga.ParseNotification(body)
//	o, err := c.Object(ctx, n.Host, n.Service)
//	if o.Problem(open) == n.Problem(open) && o.DowntimeDepth == 0 && !o.Acknowledged {
//		// the problem stands
//	}
package icinga
