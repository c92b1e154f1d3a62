// Package bot is the program: every way in and out, and the wiring between the rooms.
//
// In come a configuration and lines from doors; out go cards, and runs that the engine carries out. Main is the command line; App is what
// `opsbot serve` starts and what tests start in just the same way; Desk is the one road that every message takes. Read desk.go first, then
// wire.go, where each room is built by hand from the configuration, top to bottom.
//
// A line's way, for example "flush edge-1" typed at the prompt:
//
//	door/terminal → Desk.Handle → intents.Parser → actions.Request → Verb.Plan → policy.Decide → (yes?) → run.Engine.Accept → cards of the run
package bot
