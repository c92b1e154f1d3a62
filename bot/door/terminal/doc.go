// Package terminal is the door for a person at a terminal: a prompt with history and completion, and living progress above it.
//
// In come keys; out go lines to the desk and its cards on the screen. A card that is Live is redrawn in place until its last version comes,
// which then stays, as a line of history ([Printer]). Without a terminal the same door reads lines and appends cards. Read terminal.go first,
// then printer.go.
//
//	console, ok := terminal.Open(os.Stdin, os.Stdout)
//	if ok {
//		defer console.Close()
//		err = terminal.Run(ctx, terminal.Options{Desk: desk, As: socket.Current(), Screen: console, Printer: terminal.NewPrinter(console, style)})
//	}
package terminal
