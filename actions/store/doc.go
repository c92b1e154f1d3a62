// Package store keeps the state of the program: buckets of keys with compare-and-set, a work queue with leases, timers, elections and
// append-only logs, all durable before they are acknowledged.
//
// In come bytes under names; out come the same bytes with revisions. There is one engine, embedded NATS JetStream (Open), and an in-memory
// fake with fault injection for tests (package store/fake). Both pass the same conformance suite (package store/storetest). Read store.go
// first: it is the whole contract. Then engine.go for how the engine is put together.
//
//	s, err := store.Open(store.Options{Dir: "/var/lib/opsbot/store", Log: log})
//	if err != nil {
//		return err // ErrLocked, ErrEmpty and ErrSchema say what to do
//	}
//	defer s.Close(ctx)
//	sequence, first, err := s.Queue().Publish(ctx, "slack-Ev0PV52K21", plan) // stored: now chat may say "accepted"
//	revision, err := store.CreateSure(ctx, s.Bucket(store.Runs), fmt.Sprintf("r-%d", sequence), claim)
//	revision, err = store.UpdateSure(ctx, s.Bucket(store.Runs), fmt.Sprintf("r-%d", sequence), saved, revision)
//
// # What lies where
//
// A bucket is a stream that keeps the last message per subject; the bucket of runs is four of them, chosen by the first part of the key. The
// revision of a key is the sequence number of its message, so revisions of one key grow, and say nothing about other keys. The queue is the
// stream RUNS with one consumer; its subject q.work holds messages, q.timer.NAME one schedule each. A log is a stream whose first message is
// the genesis, so record n has sequence number n+1. The directory holds: jetstream/ (the server's), lock, and for moments import/ and probe.
// Beside it lies the marker, DIR.genesis: keep the directory one level below one that the program may write to.
//
// # Why each setting is as it is
//
//   - SyncAlways: in the server's default mode a power cut lost every acknowledged write since the last interval. TestPowerCut holds that.
//   - Four streams for runs: a stream syncs one message after the other, so one stream is one queue for the disk.
//   - Limits retention for RUNS, not a work queue: a work queue removes a message when it is acknowledged and rebuilds its memory of ids from
//     what is stored, so after a restart the repeat of a finished event would be a new run. Acknowledged messages are removed by our own
//     trim, eleven minutes later. It also saves a sync per acknowledgement.
//   - AckWait is the lease. MaxDeliver -1: a message is never given up. Pull asks for what is there or for one: more would be leased to nobody.
//   - Schedules need roll-ups and no discard-new, so timers live in RUNS. Their time is rounded up, since the server cuts it down.
//   - SubjectDeleteMarkerTTL for buckets whose keys end: watchers see the end, also those that were away for some minutes.
//   - DenyDelete and DenyPurge for AUDIT; its age and that of ALERTS are the server's MaxAge. Runs have no MaxAge: it would take the journal of
//     a run that still waits. Sweep takes those that are over.
//   - MaxPayload above 1 MiB: the server counts headers, we promise values.
//   - DontListen, no system account, no signals: nobody but this process talks to the server.
//   - One connection in process, reconnecting for ever every 20 ms: the server is restarted under it when a disk has failed (health.go).
//   - The server's log goes to ours: a critical write error shows nowhere else. It turns Ready red, and once the disk takes writes the server is
//     replaced, because a stream that failed once refuses writes for good. Handles, watches and waiting pulls live on.
//   - The marker, a genesis in every stream and the lock (genesis.go, lock.go): a store that lost its data opens like a new one, and two
//     servers on one directory both acknowledge and lose each other's keys.
//
// # What callers should know
//
// An outcome may be unknown (ErrUnknown); CreateSure and UpdateSure settle it by reading back. End a prefix of List and Watch with a dot where
// you can: only then it is read from one stream and not from all. A watch may skip a state that was replaced before it could be sent, never
// the last one. A lease is no fence, nor is a term: the revision chain of a key is.
//
// # Exports
//
// Export writes one file of JSON lines (archive.go): header, one section per bucket, log, queue and timers with its SHA-256, trailer. Verify
// reads it without importing. Import makes a new incarnation from it that only observes, until LeaveObserveOnly. CheckAgainst names what an
// export has and the store lost: one flipped bit in a block can take thousands of keys away without an error.
package store
