// Package latency judges how far what a viewer of a live channel sees is behind: the check behind the services "Stream Latency".
//
// In comes what was found of one playlist through a cache and at its origin, a [Sample], and what an earlier run has kept in a file. Out comes a
// [plugin.Result] whose text names the likely cause: the origin is late, or its playlist stands still; the edge serves an old one, or is slow; segments
// are listed and are not there. A playlist that has ended (video on demand) has no live edge, and is judged by the rest.
//
// Nothing is fetched here. Read sample.go first, then judge.go for the rules, cause.go for the words, and state.go for what is kept.
//
//	check := latency.Check{}
//	result := check.Run(latency.File("/var/lib/icinga2/opsbot", edgeURL, originURL), latency.Sample{Edge: edge, Origin: origin})
//	fmt.Print(result)
//	os.Exit(result.Status.Exit())
package latency
