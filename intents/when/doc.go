// Package when reads how people say times: how long, at what time, from when to when, how often.
//
// In come words in lower case and the clock of who speaks. Out comes a Found: what kind of time it is, its value, and how many words it took; or
// an *Error that says why the words are no time that can be used: it lies in the past, it is further away than 30 days, it can be read in two ways.
// Both readings are then named, in a form that this package reads back. The package is pure: no clock but the one handed in, no disk, no state.
//
// Words come as a chat line is cut at its spaces, in lower case; a comma behind a word stays with it ("monday, wednesday and friday"). The clock's
// location is the person's zone, in which all times are meant and shown; a time that the zone's change of clocks leaves out or shows twice is an Error.
//
// Read found.go first, then read.go, which tries everything in turn:
//
//	span.go number.go           2h, 90 minutes, an hour and a half, half a day
//	clock.go part.go            18:00, 6pm, half past six, 6 in the evening
//	day.go month.go             tomorrow, next friday, 2026-06-12, june 12
//	moment.go local.go          a day and a time of it, and what the zone makes of them
//	window.go                   from 22:00 to 02:00, tomorrow 02:00 for 2h, until 6pm
//	back.go                     the last 2 hours, today
//	recurring.go weekly.go cron.go   every sunday at 4, every 30 minutes, 30 5 * * 1-5
//
// # Example
//
//	now := time.Date(2026, 6, 10, 14, 20, 0, 0, berlin)
//	found, err := when.Read([]string{"tomorrow", "02:00", "for", "2h"}, now)
//	found.Start         // Thursday 02:00
//	found.Span          // 2h
//	found.Absolute(now) // Thu 2026-06-11 02:00 CEST to Thu 2026-06-11 04:00 CEST (2h)
package when
