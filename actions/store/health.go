package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// health knows whether writes work.
type health struct {
	log  *slog.Logger
	wake chan struct{} // tells the healer that something is wrong

	mu     sync.Mutex
	broken string               // the line of the server that says that it refuses writes from now on
	after  error                // what the last attempt at healing came to
	silent map[string]time.Time // streams with a write that was not answered, and since when
}

func newHealth(log *slog.Logger) *health {
	return &health{log: log, wake: make(chan struct{}, 1), silent: map[string]time.Time{}}
}

// fail records that the server said that it is broken.
func (h *health) fail(line string) {
	h.mu.Lock()
	if h.broken == "" {
		h.broken = line
	}
	h.mu.Unlock()
	h.call()
}

// unheard records a write that was not answered.
func (h *health) unheard(stream string) {
	h.mu.Lock()
	if _, ok := h.silent[stream]; !ok {
		h.silent[stream] = time.Now()
	}
	h.mu.Unlock()
	h.call()
}

// heard records a write that was answered.
func (h *health) heard(stream string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.silent, stream)
}

func (h *health) call() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// ready returns what is wrong.
func (h *health) ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.broken != "" && h.after != nil:
		return fmt.Errorf("store cannot write (%s); tried again: %w; it heals by itself when the disk takes writes", h.broken, h.after)
	case h.broken != "":
		return fmt.Errorf("store cannot write (%s); it heals by itself when the disk takes writes", h.broken)
	}
	for _, stream := range slices.Sorted(maps.Keys(h.silent)) {
		return fmt.Errorf("store does not answer writes to %s since %s; a hanging disk does that", stream, h.silent[stream].Format(time.RFC3339))
	}
	return nil
}

// quiet returns the streams with unanswered writes.
func (h *health) quiet() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.silent))
}

// set records how healing went; nil clears everything.
func (h *health) set(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.after = err; err == nil {
		h.broken = ""
		clear(h.silent)
	}
}

func (h *health) isBroken() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.broken != ""
}

// heal runs until the store is closed. It restarts a broken server once the disk takes writes again, since a stream that failed once refuses
// all writes until then, and it asks silent streams whether they write again.
func (e *Engine) heal(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.health.wake:
		}
		for wait := 20 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
			if !pause(ctx, wait) {
				return
			}
			if e.health.isBroken() {
				e.health.set(e.restart(ctx))
			} else {
				e.probe(ctx)
			}
			if e.health.ready() == nil {
				break
			}
		}
	}
}

// restart replaces the server if the disk takes writes.
func (e *Engine) restart(ctx context.Context) error {
	if err := tryDisk(e.options.Dir); err != nil {
		return err
	}
	e.log.Warn("store restarts its server", "dir", e.options.Dir)
	e.server.stop()
	if err := e.server.start(); err != nil {
		return err
	}
	if err := e.reconnected(ctx); err != nil {
		return err
	}
	if err := e.examine(ctx, e.genesis.Streams); err != nil {
		return err
	}
	for _, stream := range e.genesis.Streams {
		if err := e.touch(ctx, stream); err != nil {
			return err
		}
	}
	e.log.Info("store writes again", "dir", e.options.Dir)
	return nil
}

// tryDisk writes and syncs more than the streams together need to go on.
func tryDisk(dir string) error {
	path := filepath.Join(dir, "probe")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("try the disk: %w", err)
	}
	_, err = f.Write(make([]byte, 2*MaxValue))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close(), os.Remove(path)); err != nil {
		return fmt.Errorf("try the disk: %w", err)
	}
	return nil
}

// reconnected waits until the connection is back.
func (e *Engine) reconnected(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	for !e.wire.nc.IsConnected() || e.wire.nc.FlushWithContext(ctx) != nil {
		if !pause(ctx, 5*time.Millisecond) {
			return fmt.Errorf("reconnect to the embedded store: %w", context.Cause(ctx))
		}
	}
	return nil
}

// probe asks the streams that did not answer whether they write.
func (e *Engine) probe(ctx context.Context) {
	for _, stream := range e.health.quiet() {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := e.touch(ctx, stream)
		cancel()
		if err != nil {
			e.log.Debug("store stream is silent", "stream", stream, "error", err)
		}
	}
}

// touch writes a stream's genesis anew. Logs keep theirs, since every message counts there; the meta bucket answers for them.
func (e *Engine) touch(ctx context.Context, stream string) error {
	asked := stream
	if slices.Contains(Logs(), stream) {
		asked = meta
	}
	m := &nats.Msg{Subject: genesisSubject(asked), Data: e.genesis.encode(), Header: nats.Header{}}
	if asked == queueStream {
		m.Header["Nats-Rollup"] = []string{"sub"}
	}
	if _, err := e.wire.publish(ctx, "probe "+stream, asked, m); err != nil {
		return err
	}
	e.health.heard(stream)
	return nil
}

// lineOf shortens a line of the server for an error.
func lineOf(line string) string {
	line, _, _ = strings.Cut(line, "\n")
	return line[:min(len(line), 200)]
}
