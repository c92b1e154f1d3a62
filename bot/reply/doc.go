// Package reply holds the one neutral card that every answer is, and renders it for each kind of door.
//
// In comes a [Card] from the desk; out comes text for a terminal ([Text]) or one line of JSON for scripts ([JSON]). Nothing that a card
// carries can steer the terminal it is shown on: control characters from alerts, node names and servers' answers are shown, not obeyed
// ([Clean]). Read card.go first, then text.go.
//
//	fmt.Print(reply.Text(reply.Card{Kind: reply.Done, Title: "edge-1 flushed", Hint: "undo r-17"}, reply.Style{}))
//	// + edge-1 flushed
//	//   next: undo r-17
package reply
