// Package intents turns words into an Intent: what a person types, what a rule or a job has to do.
//
// In comes an Utterance, out comes a Parsed. The package is pure: no network, no disk, no clock but the one
// handed in.
package intents
