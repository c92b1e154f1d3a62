// Package content holds the verbs about what the caches hold: cache.stats, cache.purge, cache.flush, cache.prime, cache.verify and
// cache.loadtest, and the executors of their steps.
//
// In come requests with canonical slots and a view of the world; out go plans whose steps this package's own executors carry out, or answers.
// Read content.go first (what to pass in), then target.go (which nodes, which deployments), then one noun a file: flush.go is the longest
// road, look.go says what is proved and by what, explain.go turns a cache's error into a sentence with the next step.
//
// "flush edge-1" from end to end:
//
//	c, err := content.New(content.Options{World: world})
//	verbs, executors := c.Verbs(), c.Executors()
//	plan, err := verbs[i].Plan(ctx, request, world) // on edge-1: flush, settle, flush again, prime, verify
//	result, err := executors["cache.flush"].Do(ctx, run.Call{Node: "edge-1", Key: "r-17/do/0/edge-1", Args: plan.Groups[0].Steps[0].Args})
//	// result.Say: front: ban accepted, it held about 2000 objects; before it 8 objects looked at: 5 hit, 3 stale
//
// A step names a node, never an address: where its caches listen and what it serves is read from the world when the step is done. What
// that was when the plan was made rides along as a digest, so that a world that changed before the yes is another plan.
package content
