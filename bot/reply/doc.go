// Package reply holds the one neutral card that every answer is, and renders it for each kind of door.
//
// In comes a [Card] from the desk; out comes text for a terminal (Text), or the card itself as JSON for scripts. Read card.go first.
package reply
