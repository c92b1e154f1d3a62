// Package teach holds the verb teach: operators say which command a phrase of theirs means.
//
// In comes "teach "kick the cache of edge-1" as cache.flush"; out goes a plan of one step that keeps the phrase in the store, once a second
// person has agreed to it. What is kept is an example for the classifier and nothing else: names, moods and risks of a phrase like it are
// judged as those of every other, and a phrase that would change how a shipped example is read is refused before anybody is asked. Nothing is ever
// learned by itself.
//
// Read teach.go first (what is kept, and who follows it), then executor.go (the step and its undo).
//
//	t, err := teach.New(teach.Options{KV: bucket, Lint: lint})
//	t.Taught() // every phrase that was taught, for the parser
package teach
