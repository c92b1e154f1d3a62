// Package intents turns words into an Intent.
package intents
