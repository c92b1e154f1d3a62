// Package classify learns from examples which of some classes a short text belongs to, and says how sure it is.
//
// In come texts in which what varies is masked ("flush xnode"), each with its class; out comes a Model. It is linear: a margin for each class,
// which is a sum of weights of the words, word pairs and characters of a text, trained in a fraction of a second at start and scored in
// microseconds without an allocation. It is deterministic: the same examples give the same weights on every run and every processor. The
// package knows nothing of what its classes mean, and a margin alone is no reason to do anything.
//
// Read model.go first, then train.go. The way of a text:
//
//	token.go       words in lower case
//	feature.go     words, the first word, pairs, characters: as hashes
//	dictionary.go  the hashes that training has seen; others are dropped
//	vector.go      weights by frequency and rarity, of length 1
//	model.go       the margins, the best class and the second
//	explain.go     which features spoke for a class
//	svm.go         how weights are found
//	calibrate.go   how far a margin may be trusted, by cross-validation
//
// # Example
//
//	model, err := classify.Train(examples, 2, classify.Options{Masks: []string{"xnode"}})
//	var scratch classify.Scratch
//	best := model.Score(&scratch, "please empty the cache of xnode")
//	best.Class, best.Margin // 0, 0.9: to be held against Thresholds
package classify
