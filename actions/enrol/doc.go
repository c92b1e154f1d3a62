// Package enrol keeps what the monitoring watches equal to what there is: a host for each node of the inventory, services for its caches and streams.
//
// In come the inventory and what Icinga2 holds. Out go the fewest calls that make the second follow the first, and a [Report]. It is a loop, not a
// PUT: every pass compares all that is wanted with all that is there, so that nothing depends on how a difference came about. Creates that a reload has
// swallowed, deletions behind our back, an hour in which Icinga2 was away: the next pass sees them. A pass that finds nothing to do writes nothing.
//
// What the bot makes says so: vars.opsbot holds managed and the owner, the name of this bot. What does not, or belongs to another bot, is never touched;
// where it has the name of one of ours, ours is left out, and people are told once.
//
// A create that Icinga2 refuses spoils its name until the next reload (before 2.14.4), so nothing is created before its template was seen, and what was
// refused is not tried again before Icinga2 was reloaded. A pass that would remove more than ten objects, or more than a quarter, removes none, says
// so, and waits for the yes to monitoring.prune.
//
// Read enrol.go first, then desired.go (what is wanted), difference.go, pass.go, node.go (the steps of node.add and node.remove), prune.go.
//
//	e, err := enrol.New(enrol.Options{Icinga: client, World: world, Owner: "opsbot", Enabled: func() bool { return true }})
//	report, err := e.Pass(ctx) // made 200 hosts and 600 services
//	err = e.Run(ctx)           // and keeps them so
package enrol
