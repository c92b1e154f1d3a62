package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNotEmpty says that an import was asked for where data is.
var ErrNotEmpty = errors.New("store holds data already")

// serverDir is where the server keeps its files within its directory.
const serverDir = "jetstream"

// Import fills an empty data directory from an export and begins a new incarnation there, which only observes until LeaveObserveOnly. Numbers
// of runs and revisions continue above those of the export. Keys whose end has passed, and the roles of leaders, stay behind.
//
// r is read twice: it is verified before anything is made. A failed import leaves nothing behind.
func Import(ctx context.Context, o Options, r io.ReadSeeker) (ImportInfo, error) {
	o, err := o.withDefaults()
	if err != nil {
		return ImportInfo{}, err
	}
	sum, err := Verify(r)
	if err != nil {
		return ImportInfo{}, fmt.Errorf("import: %w", err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return ImportInfo{}, fmt.Errorf("import: %w", err)
	}
	marker, marked, err := readMarker(o.Marker)
	if err != nil {
		return ImportInfo{}, fmt.Errorf("import: %w", err)
	}
	number := sum.Incarnation.Number + 1
	if marked {
		number = max(number, marker.Incarnation.Number+1)
	}
	held, err := hold(o)
	if err != nil {
		return ImportInfo{}, fmt.Errorf("import: %w", err)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, serverDir)); !errors.Is(err, os.ErrNotExist) {
		return ImportInfo{}, errors.Join(fmt.Errorf("import into %s: %w: move it away, or name another directory", o.Dir, ErrNotEmpty), held.Close())
	}
	info, err := importInto(ctx, o, held, r, sum, newIncarnation(number))
	if err != nil {
		return ImportInfo{}, fmt.Errorf("import into %s: %w", o.Dir, err)
	}
	return info, nil
}

// importInto builds the data beside its place and moves it there when it is whole and synced.
func importInto(ctx context.Context, o Options, held *os.File, r io.Reader, sum Summary, life Incarnation) (ImportInfo, error) {
	building := filepath.Join(o.Dir, "import")
	if err := os.RemoveAll(building); err != nil {
		return ImportInfo{}, errors.Join(err, held.Close())
	}
	e, err := launch(o, held, building, true)
	if err != nil {
		return ImportInfo{}, err
	}
	e.genesis = genesis{Schema: Schema, Incarnation: life}
	info := ImportInfo{At: life.Created, From: sum.Incarnation, Export: sum.At, Entries: sum.Entries,
		Why: fmt.Sprintf("import of %d entries from the export of %s", sum.Entries, sum.At.Format(time.DateTime))}
	err = e.fill(ctx, r, sum)
	if err == nil {
		err = e.observe(ctx, info)
	}
	// The lock stays held until the data is in its place.
	e.lock = nil
	defer func() { _ = held.Close() }() // the kernel drops the lock whatever it returns
	if err = errors.Join(err, e.Close(context.WithoutCancel(ctx))); err == nil {
		err = syncTree(building)
	}
	if err == nil {
		err = os.Rename(filepath.Join(building, serverDir), filepath.Join(o.Dir, serverDir))
	}
	if err == nil {
		err = syncPath(o.Dir)
	}
	if err = errors.Join(err, os.RemoveAll(building)); err != nil {
		return ImportInfo{}, err
	}
	return info, e.mark()
}

// syncTree syncs every file and directory: the server that filled them did not.
func syncTree(root string) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncPath(path)
	})
}

// fill makes the streams so that their numbers continue, and writes the entries of the export.
func (e *Engine) fill(ctx context.Context, r io.Reader, sum Summary) error {
	e.firstSequence = func(stream string) uint64 {
		if first, ok := sum.first[stream]; ok { // a log keeps its numbers; its genesis takes the place before
			return first + genesisOffset - 1
		}
		return sum.last[stream] + 1
	}
	if err := e.complete(ctx); err != nil {
		return err
	}
	js, err := jetstream.New(e.wire.nc, jetstream.WithPublishAsyncMaxPending(256), jetstream.WithPublishAsyncTimeout(time.Minute))
	if err != nil {
		return err
	}
	f := &filler{e: e, js: js, next: map[string]uint64{}, ids: map[string]bool{}}
	if _, err := scan(r, func(section string, l line) error { return f.entry(ctx, section, l) }); err != nil {
		return err
	}
	return f.settle(ctx)
}

// filler writes the entries of an export without waiting for each.
type filler struct {
	e       *Engine
	js      jetstream.JetStream
	next    map[string]uint64 // the number that the next record of a log gets
	ids     map[string]bool   // of messages
	pending []jetstream.PubAckFuture
}

// entry writes one entry.
func (f *filler) entry(ctx context.Context, section string, l line) error {
	value, err := l.value()
	if err != nil {
		return err
	}
	bucketName, isBucket := strings.CutPrefix(section, "bucket ")
	logName, isLog := strings.CutPrefix(section, "log ")
	switch {
	case isBucket:
		return f.key(ctx, bucketName, l, value)
	case isLog:
		return f.record(ctx, logName, l, value)
	case section == sectionTimers:
		return f.send(ctx, timerMessage(l.Key, l.At, value))
	}
	h := nats.Header{headerOriginal: {strconv.FormatUint(l.Revision, 10)}, headerAt: {l.At.Format(time.RFC3339Nano)}}
	if l.Timer != "" || f.ids[l.Key] { // an id that came twice, more than the window apart, must not swallow its second message
		h[headerName] = []string{l.Key}
	} else {
		h[headerID] = []string{l.Key}
		f.ids[l.Key] = true
	}
	return f.send(ctx, &nats.Msg{Subject: workSubject, Header: h, Data: value})
}

func (f *filler) key(ctx context.Context, name string, l line, value []byte) error {
	h := nats.Header{headerAt: {l.At.Format(time.RFC3339Nano)}}
	if !l.End.IsZero() {
		left := wholeSeconds(time.Until(l.End))
		if left <= 0 || name == Leaders {
			return nil
		}
		delete(h, headerAt) // its end counts from now
		h[headerTTL] = []string{left.String()}
	}
	return f.send(ctx, &nats.Msg{Subject: subjectOf(name, shardOf(name, l.Key), l.Key), Header: h, Data: value})
}

// wholeSeconds rounds up: what has an end does not end early.
func wholeSeconds(d time.Duration) time.Duration { return (d + time.Second - 1).Truncate(time.Second) }

// record writes a record of a log at its old number. A number that is missing in the export is filled, so that the others keep theirs.
func (f *filler) record(ctx context.Context, name string, l line, value []byte) error {
	if f.next[name] == 0 {
		f.next[name] = l.Revision
	}
	for ; f.next[name] < l.Revision; f.next[name]++ {
		if err := f.send(ctx, &nats.Msg{Subject: genesisSubject(name), Data: f.e.genesis.encode()}); err != nil {
			return err
		}
	}
	f.next[name]++
	return f.send(ctx, &nats.Msg{Subject: recordSubject(name), Data: value, Header: nats.Header{
		headerName:       {l.Key}, // an id of long ago may come again in a log
		headerAt:         {l.At.Format(time.RFC3339Nano)},
		headerExpectLast: {strconv.FormatUint(l.Revision+genesisOffset-1, 10)},
	}})
}

// send publishes a message and now and then waits for the answers.
func (f *filler) send(ctx context.Context, m *nats.Msg) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	future, err := f.js.PublishMsgAsync(m)
	if err != nil {
		return fmt.Errorf("write %s: %w", m.Subject, err)
	}
	if f.pending = append(f.pending, future); len(f.pending) < 4096 {
		return nil
	}
	return f.settle(ctx)
}

// settle waits for all answers.
func (f *filler) settle(ctx context.Context) error {
	for _, future := range f.pending {
		select {
		case <-future.Ok():
		case err := <-future.Err():
			return fmt.Errorf("write %s: %w", future.Msg().Subject, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.pending = f.pending[:0]
	return nil
}
