// Package rule turns alerts into commands, under guards: a rule says which alerts it heals by which command, and everything that must hold first.
//
// In comes an [actions.Alert]. Out goes a command that is said through the desk like a person's, or the reason why not: to a person, to the person on
// call, and as a comment beside the object in Icinga2. The package makes no run by itself. Read config.go first (what a rule is), then engine.go (the
// road of one alert), guard.go (what must hold), remedy.go (what is done), calls.go (who is called), verbs.go.
//
//	e, err := rule.New(rule.Options{KV: s.Bucket(store.Guards), World: world, Read: client.Object, Say: say, Diagnose: diagnoses, Tell: tell, Call: calls.Call})
//	err = e.SetRules([]rule.Config{{Name: "flush-on-low-hit-rate", When: rule.When{Service: "Cache Hit Rate", State: []string{"WARNING"}},
//		Diagnose: "cache.stale", Do: "flush {{node}}", Enabled: true, Guard: rule.Guard{Cooldown: 30 * time.Minute, Breaker: 2}}})
//	outcome, err := e.Handle(ctx, alert) // outcome[0].Decision: acted, and outcome[0].Run: r-17
//
// # What survives a crash
//
// Everything that decides lies in the bucket of guards: alert.TRIGGER.RULE is the journal of one alert and one rule, rule.state.NAME what the guards
// of a rule have counted, rule.switch.NAME who switched it, rule.pause the pause, call.ID who was called. Each is written by compare-and-set with a
// change that may be repeated, so that several processes may hold one set of rules. The command bears the trigger and the rule as its cause; the
// desk makes one run of it however often it is said. So an alert may be handed in again at any time: it acts once.
package rule
