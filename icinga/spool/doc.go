// Package spool keeps notifications on the disk while the one who should get them is away. Icinga2 calls its NotificationCommand once and
// never again: what that call cannot deliver must outlive it.
//
// In come bytes, one notification each. Out they come again in the order in which they were put in, each until the receiver has taken it. A
// folder is the whole state: one file a notification, written under another name, synced, then renamed. Any number of processes may append and
// drain at once; two locks (flock(2)) order them. Read spool.go first, then drain.go and file.go.
//
//	s, err := spool.Open("/var/spool/opsbot", spool.Options{})
//	err = s.Append(ctx, body)
//	report, err := s.Drain(ctx, func(ctx context.Context, body []byte) error { return post(ctx, body) })
package spool
