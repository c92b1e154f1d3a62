// Package hitrate judges how much of what viewers ask for a cache has: the check behind the service "Cache Hit Rate".
//
// In come plain counters of one cache, a [Sample], and what earlier runs have kept in a file. Out comes a [plugin.Result] with text and
// performance data. Counters since the start hide incidents, so the ratio is that of a window; a restart in the window makes differences that look
// sane and are not, so it is looked for; and a ratio of a few requests, or of a cache that has just begun to fill, is no alarm.
//
// Read check.go first, then judge.go for the rules in their order, and state.go for the file.
//
//	check := hitrate.Check{Thresholds: limits}
//	result := check.Run(hitrate.File("/var/lib/opsbot", "ams-1", ""), hitrate.Sample{At: time.Now(), Uptime: uptime, Hits: hits, Misses: misses})
//	fmt.Print(result)
//	os.Exit(result.Status.Exit())
package hitrate
