// Package agent is the node agent, both ends: the [Gate] in the bot, and the [Agent] on a node.
//
// In comes what a node must hold, an overlay.Desired that steps change by compare-and-set ([Gate.Edit], the executor desired.put). Out goes
// the same, signed, to the node's agent, which makes its kernel hold it, reads back what came of that, and reports. Read message.go first: it
// is all that the two ends say to each other. Then gate.go for the bot's end and node.go for the node's.
//
//	g, err := agent.Open(ctx, agent.GateOptions{Listen: "0.0.0.0:4443", Dir: "/var/lib/opsbot/agents", Store: s, Incarnation: "1", Log: log})
//	code, err := g.NewCode(ctx, "edge-1", "anna") // code.Line is what to type on edge-1, within ten minutes
//	d, err := g.Edit(ctx, "edge-1", agent.Edit{Change: func(d *overlay.Desired) error { d.Segments = segments; return nil }})
//	status, err := g.Settle(ctx, d) // edge-1 holds it, as read back
//
// # Who may say what
//
// Agents talk to a server of their own inside the bot, which has no storage: nothing that an agent says reaches the store but through the
// gate's own code. It knows three accounts. The bot's exports services and nothing else; that of agents and that of newcomers import them. A
// service takes the reply subject that an agent chose out of the message, so that no answer can be led into the bot's account; and the gate
// never answers where a message says, only on push.ID of the agent whose permission it was to speak. What an agent may do is in the template of
// the key that signs its token (accounts.go): three subjects to publish, one to hear. The server keeps nothing per agent.
//
// What is pushed is signed, and the signed body holds node, incarnation and generation. An agent takes it from no other source, for no other
// node, and never goes back: the channel, the server and other agents are not believed.
//
// # Who an agent is
//
// An agent makes its own key. A one-time code binds that key to the name of a node: 100 random bits, kept as a hash, consumed by
// compare-and-set, good for ten minutes. The code also names the certificate by which the agent knows the bot. Afterwards the key alone renews
// the token, which lives for a day: a bot that was dead for a month costs no new code.
//
// What the bot's end is known by are the keys in its folder (keyring.go). A passphrase seals a copy of them into the store (sealed.go), so that an export
// has them and a bot that was lost with its disk comes back as the one that the agents know.
//
// # Nothing depends on having heard
//
// The agent compares all that it must hold with all that it holds at each push, at each event of the kernel and each minute, and reports what
// it found. The gate pushes again to whoever reports another generation than the newest. Both may be killed at any time.
package agent
