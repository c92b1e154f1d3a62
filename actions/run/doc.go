// Package run is the durable engine: it takes a plan that policy has let through, journals it, carries it out step by step, and tells how it goes.
//
// In comes an [actions.Plan] (Engine.Accept); out come the run's id, its journal (Engine.Get, Engine.List) and a feed of its changes
// (Engine.Follow). A crash at any point is made good by whoever claims the run next: a step is done again under the same idempotency key, or the
// finished steps are undone. Read executor.go for what a step's code must keep, engine.go for the way of a run, journal.go for what is written when.
package run
