package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The errors of Open.
var (
	// ErrEmpty says that data is gone that was there: the marker beside the directory names streams that do not hold it.
	ErrEmpty = errors.New("store lost its data")
	// ErrSchema says that a newer version of the program wrote the data.
	ErrSchema = errors.New("store is of a newer version")
)

// Incarnation is one life of the data. An import, or starting empty after a loss, begins a new one.
type Incarnation struct {
	Number  uint64    `json:"number"`
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
}

// genesis is what every stream begins with, and what the marker beside the directory holds. After a power cut a store was seen to open
// without an error and without its keys; only a second witness can tell that from a first start.
type genesis struct {
	Schema      int         `json:"schema"`
	Incarnation Incarnation `json:"incarnation"`
	// Streams are those that were made; a later version may bring more.
	Streams []string `json:"streams,omitempty"`
}

// encode returns the genesis as JSON.
func (g genesis) encode() []byte {
	text, err := json.Marshal(g)
	if err != nil {
		panic(fmt.Sprintf("encode a genesis: %v", err)) // it holds nothing that could fail
	}
	return text
}

// decodeGenesis reads a genesis and refuses a newer schema.
func decodeGenesis(where string, text []byte) (genesis, error) {
	var g genesis
	if err := json.Unmarshal(text, &g); err != nil {
		return g, fmt.Errorf("read %s: %w", where, err)
	}
	if g.Schema > Schema {
		return g, fmt.Errorf("read %s: %w: schema %d, this program knows %d: install the newer program again", where, ErrSchema, g.Schema, Schema)
	}
	if g.Schema < 1 || g.Incarnation.Number < 1 || g.Incarnation.ID == "" {
		return g, fmt.Errorf("read %s: %.80q is no genesis", where, text)
	}
	return g, nil
}

// readMarker returns the marker's genesis; ok is false if there is no marker.
func readMarker(path string) (g genesis, ok bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return genesis{}, false, nil
	}
	if err != nil {
		return genesis{}, false, fmt.Errorf("read the store's marker: %w", err)
	}
	g, err = decodeGenesis(path, text)
	return g, err == nil, err
}

// writeAtomic writes a file by way of a synced temporary one in the same directory.
func writeAtomic(path string, text []byte) error {
	return replace(path, func(f *os.File) error {
		_, err := f.Write(text)
		return err
	})
}

// replace makes a file by fill, syncs it and puts it in place of path at once.
func replace(path string, fill func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the first error tells more
		}
	}()
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncPath(filepath.Dir(path))
}

// syncPath syncs a file or directory.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	return nil
}

// begin makes the streams on a first start, or examines those that the marker promises.
func (e *Engine) begin(ctx context.Context) error {
	marker, marked, err := readMarker(e.options.Marker)
	if err != nil {
		return err
	}
	within, found, err := e.genesisOf(ctx, meta)
	if err != nil {
		return err
	}
	switch {
	case !marked && !found:
		return e.firstStart(ctx)
	case !marked:
		e.log.Warn("store's marker was missing and is written anew", "marker", e.options.Marker)
		marker = within
	case found && within.Incarnation.Number > marker.Incarnation.Number: // an import that was cut off before its last file
		e.log.Warn("store's marker was of an older incarnation and is written anew", "marker", e.options.Marker)
		marker = within
	}
	e.genesis = marker
	if err := e.examine(ctx, marker.Streams); err != nil {
		if !errors.Is(err, ErrEmpty) || !e.options.AcceptEmpty {
			return err
		}
		return e.startOver(ctx, err)
	}
	if err := e.complete(ctx); err != nil {
		return err
	}
	return e.mark()
}

// genesisOf reads the genesis of a stream.
func (e *Engine) genesisOf(ctx context.Context, stream string) (g genesis, ok bool, err error) {
	var info jetstream.StreamInfo
	var refused *refusal
	err = e.wire.api(ctx, "look for "+stream, "STREAM.INFO."+stream, nil, &info)
	if errors.As(err, &refused) && refused.ErrCode == codeStreamNotFound {
		return genesis{}, false, nil
	}
	if err != nil {
		return genesis{}, false, err
	}
	got, err := e.wire.last(ctx, "genesis of "+stream, stream, genesisSubject(stream))
	if errors.Is(err, ErrNotFound) {
		return genesis{}, false, nil
	}
	if err != nil {
		return genesis{}, false, err
	}
	g, err = decodeGenesis("genesis of "+stream, got.data)
	return g, err == nil, err
}

// firstStart makes everything. The genesis of the meta bucket and then the marker come last, so that a start that was cut off is repeated.
func (e *Engine) firstStart(ctx context.Context) error {
	if err := e.unused(ctx); err != nil {
		return err
	}
	e.genesis = genesis{Schema: Schema, Incarnation: newIncarnation(1)}
	if err := e.complete(ctx); err != nil {
		return err
	}
	return e.mark()
}

// unused refuses a directory without marker and genesis whose streams hold data all the same.
func (e *Engine) unused(ctx context.Context) error {
	for _, c := range streams(e.options.Ages) {
		var info jetstream.StreamInfo
		var refused *refusal
		err := e.wire.api(ctx, "look for "+c.Name, "STREAM.INFO."+c.Name, nil, &info)
		switch {
		case errors.As(err, &refused) && refused.ErrCode == codeStreamNotFound:
		case err != nil:
			return err
		case info.State.LastSeq > 1:
			return fmt.Errorf("open %s: %w: %s holds %d messages, but neither %s nor the bucket %s says since when: import the last export into a new directory",
				e.options.Dir, ErrEmpty, c.Name, info.State.Msgs, e.options.Marker, meta)
		}
	}
	return nil
}

func newIncarnation(number uint64) Incarnation {
	return Incarnation{Number: number, ID: newID(), Created: time.Now().UTC().Truncate(time.Second)}
}

// examine returns ErrEmpty unless every stream is there and begins with the genesis of this incarnation.
func (e *Engine) examine(ctx context.Context, names []string) error {
	var bad []string
	for _, name := range names {
		var info jetstream.StreamInfo
		var refused *refusal
		err := e.wire.api(ctx, "look for "+name, "STREAM.INFO."+name, nil, &info)
		switch {
		case errors.As(err, &refused) && refused.ErrCode == codeStreamNotFound:
			bad = append(bad, name+" (missing)")
			continue
		case err != nil:
			return err
		case info.State.LastSeq == 0:
			bad = append(bad, name+" (empty)")
			continue
		case slices.Contains(Logs(), name): // its genesis has an age, too
			continue
		}
		switch g, ok, err := e.genesisOf(ctx, name); {
		case err != nil:
			return err
		case !ok:
			bad = append(bad, name+" (its beginning is gone)")
		case g.Incarnation.ID != e.genesis.Incarnation.ID:
			bad = append(bad, fmt.Sprintf("%s (of incarnation %d)", name, g.Incarnation.Number))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("open %s: %w: %s says that incarnation %d of %s is there, but these do not hold it: %s; "+
		"look whether the right disk is mounted, else import the last export into a new directory, or start empty on purpose (accept empty), which deletes nothing elsewhere",
		e.options.Dir, ErrEmpty, e.options.Marker, e.genesis.Incarnation.Number, e.genesis.Incarnation.Created.Format(time.DateTime), strings.Join(bad, ", "))
}

// startOver accepts a loss: what is missing is made anew in a new incarnation that only observes. Numbers continue far above the old ones.
func (e *Engine) startOver(ctx context.Context, loss error) error {
	e.log.Error("store starts over without what was lost", "error", loss)
	lost := e.genesis
	e.genesis = genesis{Schema: Schema, Incarnation: newIncarnation(lost.Incarnation.Number + 1)}
	e.firstSequence = func(string) uint64 { return e.genesis.Incarnation.Number * 1_000_000_000 }
	for _, c := range streams(e.options.Ages) {
		var info jetstream.StreamInfo
		err := e.wire.api(ctx, "look for "+c.Name, "STREAM.INFO."+c.Name, nil, &info)
		if err == nil && info.State.LastSeq == 0 {
			if err := e.wire.api(ctx, "remove the empty "+c.Name, "STREAM.DELETE."+c.Name, nil, nil); err != nil {
				return err
			}
		}
	}
	if err := e.complete(ctx); err != nil {
		return err
	}
	if err := e.observe(ctx, ImportInfo{At: e.genesis.Incarnation.Created, From: lost.Incarnation, Why: loss.Error()}); err != nil {
		return err
	}
	return e.mark()
}

// complete makes the streams that do not exist, adapts ages, gives every stream its genesis and makes the consumer.
func (e *Engine) complete(ctx context.Context) error {
	all := streams(e.options.Ages)
	e.genesis.Streams = nil
	for _, c := range all {
		e.genesis.Streams = append(e.genesis.Streams, c.Name)
	}
	slices.SortStableFunc(all, func(a, b jetstream.StreamConfig) int { // meta's genesis is the sign that all is done
		return strings.Compare(strings.TrimPrefix(a.Name, meta), strings.TrimPrefix(b.Name, meta)) * -1
	})
	for _, c := range all {
		if err := e.completeStream(ctx, c); err != nil {
			return err
		}
	}
	return e.consumer(ctx)
}

func (e *Engine) completeStream(ctx context.Context, c jetstream.StreamConfig) error {
	var info jetstream.StreamInfo
	var refused *refusal
	err := e.wire.api(ctx, "look for "+c.Name, "STREAM.INFO."+c.Name, nil, &info)
	switch {
	case errors.As(err, &refused) && refused.ErrCode == codeStreamNotFound:
		if e.firstSequence != nil {
			c.FirstSeq = e.firstSequence(c.Name)
		}
		if err := e.wire.api(ctx, "make "+c.Name, "STREAM.CREATE."+c.Name, c, nil); err != nil {
			return err
		}
	case err != nil:
		return err
	case info.Config.MaxAge != c.MaxAge && e.ageSet(c.Name):
		changed := info.Config
		changed.MaxAge = c.MaxAge
		if err := e.wire.api(ctx, "set the age of "+c.Name, "STREAM.UPDATE."+c.Name, changed, nil); err != nil {
			return err
		}
	}
	return e.originate(ctx, c.Name, info.State.LastSeq)
}

// ageSet says whether the options name the age of a stream. A command that opens the store for a moment without knowing the configuration must
// not shorten what is kept.
func (e *Engine) ageSet(stream string) bool {
	return stream == Audit && e.options.Ages.Audit != 0 || stream == Alerts && e.options.Ages.Alerts != 0
}

// originate writes the genesis of a stream that has none or one of another incarnation. A log has one message of it, its first.
func (e *Engine) originate(ctx context.Context, stream string, last uint64) error {
	if slices.Contains(Logs(), stream) {
		if last > 0 {
			return nil
		}
		_, err := e.wire.publish(ctx, "begin "+stream, stream, &nats.Msg{Subject: genesisSubject(stream), Data: e.genesis.encode()})
		return err
	}
	have, ok, err := e.genesisOf(ctx, stream)
	if err != nil || ok && have.Incarnation.ID == e.genesis.Incarnation.ID && slices.Equal(have.Streams, e.genesis.Streams) {
		return err
	}
	return e.touch(ctx, stream)
}

// defaultLease is the lease that a new store begins with.
const defaultLease = 30 * time.Second

// consumer makes the queue's consumer, or adapts its lease. One that was lost is made anew: what was acknowledged comes again, as it may.
func (e *Engine) consumer(ctx context.Context) error {
	var have jetstream.ConsumerInfo
	var refused *refusal
	err := e.wire.api(ctx, "look for the consumer of the queue", "CONSUMER.INFO."+queueStream+"."+queueWorkers, nil, &have)
	if err == nil && e.options.Lease == 0 {
		e.options.Lease = have.Config.AckWait
	}
	e.options.Lease = cmp.Or(e.options.Lease, defaultLease)
	if err == nil && have.Config.AckWait == e.options.Lease && have.NumAckPending == 0 || err != nil && !(errors.As(err, &refused) && refused.ErrCode == codeConsumerNotFound) {
		return err
	}
	config := jetstream.ConsumerConfig{
		Durable:       queueWorkers,
		FilterSubject: workSubject,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       e.options.Lease,
		MaxDeliver:    -1,
		MaxAckPending: 100_000, // what was given back with a delay counts
	}
	if err == nil && have.NumAckPending > 0 {
		// The lock of the directory says that whoever held these leases is dead: their messages are delivered at once instead of after the
		// lease. What was acknowledged behind the first of them comes again, as it may.
		if err := e.wire.api(ctx, "void the leases of the dead", "CONSUMER.DELETE."+queueStream+"."+queueWorkers, nil, nil); err != nil {
			return err
		}
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, have.AckFloor.Stream+1
		e.delivered = have.Delivered.Stream
	}
	_, err = e.wire.js.CreateOrUpdateConsumer(ctx, queueStream, config)
	if err != nil {
		return fmt.Errorf("make the consumer of the queue: %w", err)
	}
	return nil
}

// mark writes the marker beside the directory.
func (e *Engine) mark() error {
	have, ok, err := readMarker(e.options.Marker)
	if err != nil {
		return err
	}
	if ok && have.Incarnation.ID == e.genesis.Incarnation.ID && slices.Equal(have.Streams, e.genesis.Streams) {
		return nil
	}
	if err := writeAtomic(e.options.Marker, append(e.genesis.encode(), '\n')); err != nil {
		return fmt.Errorf("write the store's marker beside %s (the directory above it must be writable): %w", e.options.Dir, err)
	}
	return nil
}
