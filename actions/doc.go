// Package actions holds the nouns that every room shares: what was asked ([Request]), by whom ([Actor]) and where to answer ([Origin]),
// what would happen ([Plan] of [Group] and [Step]), what happened ([Run] and [Outcome]), and the view that plans are made from ([World]).
//
// In come plain values from the desk; out go plain values that can be journaled, hashed, sent and replayed. Nothing here does anything:
// the verbs live one folder deeper, one folder a noun, and package run carries plans out. Read request.go first, then plan.go and run.go.
//
// The one sentence of the program in these types: an intent becomes a Request; a verb turns Request and World into a Plan; the engine turns
// the Plan into a Run whose Steps leave Outcomes; the Outcomes become the reply.
package actions
