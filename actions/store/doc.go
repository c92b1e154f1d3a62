// Package store keeps the state of the program: buckets of keys with compare-and-set, a work queue with leases, timers, elections and
// append-only logs, all durable before they are acknowledged.
//
// In come bytes under names; out come the same bytes with revisions. There is one engine, embedded NATS JetStream (Open), and an in-memory
// fake with fault injection for tests (package store/fake). Both pass the same conformance suite. Read store.go first: it is the whole contract.
package store
