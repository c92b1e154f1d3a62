package store

import (
	"context"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// BreakServer lets the log of e's server hear a line as if the server had written it.
func BreakServer(e *Engine, line string) { e.server.log.Errorf("%s", line) }

// ServerOf returns the server that runs now.
func ServerOf(e *Engine) *server.Server {
	e.server.mu.Lock()
	defer e.server.mu.Unlock()
	return e.server.s
}

// Trim lets e's queue be trimmed as if it were each of the times in turn.
func Trim(ctx context.Context, e *Engine, times ...time.Time) error {
	var floors []floor
	for _, now := range times {
		next, err := e.trimOnce(ctx, floors, now)
		if err != nil {
			return err
		}
		floors = next
	}
	return nil
}

// Messages returns how many messages a stream holds.
func Messages(ctx context.Context, e *Engine, stream string) (uint64, error) {
	var info jetstream.StreamInfo
	err := e.wire.api(ctx, "look at "+stream, "STREAM.INFO."+stream, nil, &info)
	return info.State.Msgs, err
}

// Empty removes all messages of a stream, as its age would.
func Empty(ctx context.Context, e *Engine, stream string) error {
	return e.wire.api(ctx, "empty "+stream, "STREAM.PURGE."+stream, nil, nil)
}

// MaxAge returns the age of a stream.
func MaxAge(ctx context.Context, e *Engine, stream string) (time.Duration, error) {
	var info jetstream.StreamInfo
	err := e.wire.api(ctx, "look at "+stream, "STREAM.INFO."+stream, nil, &info)
	return info.Config.MaxAge, err
}

// LeaseOf returns the lease of e.
func LeaseOf(e *Engine) time.Duration { return e.options.Lease }
