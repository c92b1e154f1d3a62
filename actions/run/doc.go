// Package run is the durable engine: it takes a plan that policy has let through, journals it, carries it out step by step, and tells how it goes.
//
// In comes an [actions.Plan] (Engine.Accept); out come the run's id, its journal (Engine.Get, Engine.List) and a feed of its changes
// (Engine.Follow, Engine.Subscribe). A crash at any point is made good by whoever claims the run next: an act in doubt is done again under the
// same idempotency key, or the finished ones are undone.
//
// # The way of a run
//
// Accept publishes the plan into the work queue under an id derived from its cause: that one write is the acceptance. A worker pulls the message
// and claims the run: it creates the journal, or writes itself into it with a higher epoch. Then, for each act (a step on a node), it calls the
// executor and writes the outcome; the same write says what may be begun next. The last outcome carries the final state. Then the message is
// acknowledged. A run of six steps takes ten durable writes: publish, cause, claim, six outcomes, acknowledgement.
//
//	            ┌──────────────── timer ──────────────┐
//	            ▼                                     │
//	accepted → running ──── a step waits, a hold ──→ waiting ── cancel ──→ cancelled
//	            │  │  └──── cancel ────────────────────────────────────────────▲
//	            │  └─ a step fails ─→ undoing ──→ undone, or failed
//	            └─ all done ─→ done ─── undo ──▲
//
// Six things keep it right whatever dies:
//
//   - The message that carries a live run is acknowledged only when the run is over or parked, and the journal names it (Run.Ticket): only its
//     redelivery means that the owner is dead.
//   - The journal's revision is the fence: an owner who slept through a claim fails at its next write and lets go.
//   - What may have been begun is written before it is begun (Run.Cursor). So a new owner knows which acts are in doubt, at most one a node.
//   - Acts in doubt are done again even when the run is to be cancelled, and undone even when they fail: what they did has to be known.
//   - A plan that needs other people's yes (Plan.Approve) starts as waiting. A yes is written into the journal by whoever hears it; with the last one
//     the run's time has come. A no, or too few within the time, cancels it before anything was done.
//   - What waits holds no lease and no worker: state waiting, a timer, and the message acknowledged.
//
// # Where to read
//
// executor.go is what the code of a step must keep. carrier.go has one run in hand: claim.go decides what a message means for it, forward.go and
// backward.go do and undo its acts, act.go one of them, park.go leaves it to a timer. decide.go holds every decision about the way, without store or
// clock; journal.go writes what was decided, facts.go what has no room there. feed.go and listener.go tell the doors; control.go, approve.go
// and verbs.go are what people say about runs.
package run
