// Package heartbeat lets Icinga2 notice when the bot is silent, and when it is up and yet does not do its work.
//
// In comes a function that tells how the bot is, a [Health]. Out go passive check results, one each interval, that hold for two and a half of them:
// when none follows, Icinga2 itself turns the service UNKNOWN and tells people, without the bot. A result never says more than the health does: where
// a part is ill it is CRITICAL, and where the question is not answered there is no result. [Judge] is also the check behind `opsbot check opsbot`.
//
// Read beat.go first, then health.go. The service is made by the kit of the package icinga: the host "opsbot" with the service "OpsBot Heartbeat".
//
//	beat, err := heartbeat.New(heartbeat.Options{Reporter: client, Health: func(context.Context) heartbeat.Health { return heartbeat.Health{Ready: true} }})
//	err = beat.Run(ctx) // until ctx ends
package heartbeat
