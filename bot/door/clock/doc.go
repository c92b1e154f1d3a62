// Package clock is the door through which time speaks: at each tick of a job it says the job's command at the desk, once over all replicas.
//
// In come jobs ([Options.Jobs]) and the state that the store keeps for each of them: the last tick, whether it was said, the anchor of @every. Out go
// ticks ([Tick], through [Options.Say]), whose cause is the same on every replica, and how each job stands ([Clock.Status]) for schedule.list.
//
// One goroutine owns one heap of all jobs and sleeps until the next of them ([Clock.Run]); workers claim ticks and say them. A tick is written twice:
// when it is claimed, by compare-and-set (another replica that wanted it too goes on to the next), and when it is known what came of it. In between the
// claim is renewed. One that is no longer renewed is taken over by whoever notices, and said again with the same cause, which is the same run.
//
// What was slept through, by a stop or a jump of the clock, is not made up for, or once for all of it, as the job says. A clock that is put back repeats
// nothing. While all is paused, ticks pass and are marked so.
//
// Read clock.go first, then heap.go for the order of ticks, act.go for a tick's way and state.go for what is stored.
//
// A worked example: job prime says "prime news" at 30 5 * * *. At 05:30:00 both replicas write clock.prime; one wins, says "prime news" with the cause
// job/prime@1761975000, and writes what came of it. It dies in between: a minute later the other one reads the claim, and says it again.
package clock
