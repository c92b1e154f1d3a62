// Package cache talks to the edge caches that stand between an HLS origin and its viewers.
//
// In: a [Config] (plain data: where one cache of one node listens), URLs as the origin names them, tags, prefixes.
// Out: a [Result] that separates three things which are easily confused: accepted (the server's own signature), removed
// (a count, or nil for "nobody knows") and verified (what a viewer gets now, compared with the origin).
//
// What a server cannot do is [ErrUnsupported], never a silent flush. A purge races with a fetch in flight: the stale answer is
// stored after the purge. Hence [PurgeProved] and [FlushProved]: act, settle, act again, verify by ETag.
//
// Read driver.go first (the interface), then varnish.go (a driver), proof.go (what "done" means), walk.go (what a channel
// consists of) and prime.go (fetching it). The package knows nothing of intents, plans or runs.
//
// A flush from end to end:
//
//	d, err := cache.Open(cache.Config{Node: "edge-1", Name: "front", Kind: cache.Varnish,
//		URL: "http://192.0.2.11:6081", AdminAddress: "192.0.2.11:6082", Secret: readSecret}, cache.Options{})
//	walked, err := cache.Walk(ctx, client, "http://origin.example/news/master.m3u8", cache.WalkOptions{})
//	result, err := cache.FlushProved(ctx, d, "r-17/do/0/edge-1", walked.Sample(5), cache.ProofOptions{})
//	primed, err := cache.Prime(ctx, d.Edge(), walked.Objects, cache.PrimeOptions{})
//	report, err := cache.Verify(ctx, d.Edge(), cache.Origin{}, walked.Objects, cache.VerifyOptions{})
package cache
