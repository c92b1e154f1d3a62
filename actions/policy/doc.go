// Package policy decides who may do what, and keeps the record of it.
//
// In comes a [Case]: a request, the risk of its verb, the plan where there is one, and the world it was made from. Out comes a [Verdict]:
// allowed or not, with or without a yes, at which risk, by which rule, who else must agree and, where the answer is no, what the person can do
// next. Whatever is not known for sure (a person, a node, a site, a tenant, an answer of the world) is a no. People have the rights of their roles;
// rules and jobs may what they are bound to, with the rights that their owner has now ([Bound]).
//
// Beside it stand [Policy.MayApprove] for the yes of a second person, [Quotas] that count over all doors and processes, [OnCall] and its [Calendar]
// for who is called, and the [Audit]: an append-only log whose records hold the hash of their predecessor.
//
// Read policy.go first for roles and people, decide.go for the way of a decision, bound.go for rules and jobs, blast.go for the risk, guard.go for
// freezes, approvals and broken glass, then audit.go.
//
//	p, err := policy.New(policy.Config{
//		People: []policy.Person{{Name: "anna", Roles: []string{"operator"}, Identities: []string{"unix:anna"}}},
//		Roles:  []policy.Role{{Name: "operator", May: []string{"*"}, Sites: []string{"berlin"}}},
//	})
//	request.Actor = p.Who("unix:anna")
//	v := p.Decide(ctx, policy.Case{Request: request, Risk: actions.Destructive, Plan: &plan, World: world})
package policy
