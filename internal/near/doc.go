// Package near finds the known name that a mistyped one most likely means.
//
// In: a name as typed and the names that exist. Out: the nearest of them, or nothing rather than a guess. Digits are never guessed: edge-1
// is not offered for edge-2, however near it is by letters. Read near.go; it is all there is.
//
//	near.Name("egde-2", []string{"edge-1", "edge-2"}) // "edge-2"
//	near.Hint("edge-9", []string{"edge-1", "edge-2"}) // "known: edge-1, edge-2"
package near
