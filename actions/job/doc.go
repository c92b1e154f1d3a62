// Package job keeps what is done by the clock: commands as they were typed, the times they are said at, and whose rights they act with.
//
// In come the jobs of the configuration file, and those that people make by schedule.add, which lie in the store; out go both as one list
// ([Store.Jobs]), the verbs schedule.add, schedule.list and schedule.remove, and the executors behind them. A job is a [Job]; when it comes is a
// [Schedule], which [Parse] reads. Nothing here waits for a time: bot/door/clock does, and says the commands at the desk like any other author.
//
// Read job.go first, then schedule.go for the rules of daylight saving time, store.go for where jobs lie, verbs.go and executor.go for how they
// come and go.
//
// A worked example: "schedule flush edge-2 at 30 5 * * *" is checked as the command would be, planned as one step job.put, kept under job.flush-edge-2
// with the mark of its run, and shown by schedule.list; an undo of that run removes it, if it is still the same.
package job
