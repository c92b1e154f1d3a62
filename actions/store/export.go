package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Export writes everything into w as JSON lines: every bucket sorted by key with revisions, both logs, the messages that are not known to be
// acknowledged and the timers, each section and the whole with its SHA-256.
//
// Writing goes on meanwhile, so the sections are of slightly different times. What that could break is a run whose message was acknowledged, or
// published, while its journal was read; so every message is included that was not acknowledged when the export began, or came later. One too
// many does no harm: a finished run is acknowledged at once.
func (e *Engine) Export(ctx context.Context, w io.Writer) (Summary, error) {
	began := time.Now().UTC()
	from, err := e.floor(ctx)
	if err != nil {
		return Summary{}, fmt.Errorf("export: %w", err)
	}
	timers, err := e.timers(ctx)
	if err != nil {
		return Summary{}, fmt.Errorf("export: %w", err)
	}
	a := newArchiver(w)
	incarnation := e.genesis.Incarnation
	sum := Summary{Schema: Schema, Incarnation: incarnation, At: began, Sections: map[string]uint64{}}
	if err := a.put(line{Kind: lineHeader, Schema: Schema, Incarnation: &incarnation, At: began}); err != nil {
		return sum, err
	}
	for _, name := range sections() {
		if err := e.exportSection(ctx, a, name, from, timers); err != nil {
			return sum, fmt.Errorf("export %s: %w", name, err)
		}
		sum.Sections[name] = a.entries
		if err := a.end(); err != nil {
			return sum, err
		}
	}
	sum.Entries, sum.SHA256 = a.all, fmt.Sprintf("%x", a.total.Sum(nil))
	return sum, a.finish()
}

func (e *Engine) exportSection(ctx context.Context, a *archiver, name string, from uint64, timers map[string]line) error {
	bucketName, isBucket := strings.CutPrefix(name, "bucket ")
	logName, isLog := strings.CutPrefix(name, "log ")
	switch {
	case isBucket:
		return e.exportBucket(ctx, a, name, bucketName)
	case isLog:
		return e.exportLog(ctx, a, name, logName)
	case name == sectionQueue:
		return e.exportQueue(ctx, a, from)
	}
	return e.exportTimers(ctx, a, timers)
}

// lastOf returns the last sequence numbers of streams.
func (e *Engine) lastOf(ctx context.Context, streams ...string) (map[string]uint64, error) {
	last := map[string]uint64{}
	for _, stream := range streams {
		var info jetstream.StreamInfo
		if err := e.wire.api(ctx, "look at "+stream, "STREAM.INFO."+stream, nil, &info); err != nil {
			return nil, err
		}
		last[stream] = info.State.LastSeq
	}
	return last, nil
}

func (e *Engine) exportBucket(ctx context.Context, a *archiver, section, name string) error {
	b := &bucket{name: name, w: e.wire, e: e}
	newest := map[string]kept{} // without the headers, which weigh more than most values
	var streams []string
	for shard := range shards(name) {
		stream := streamOf(name, shard)
		streams = append(streams, stream)
		err := e.wire.walk(ctx, "read "+name, stream, b.filter(shard, ""), 1, page, func(s stored) bool {
			newest[b.entry(s).Key] = kept{s.sequence, s.at, endOf(s), s.data, gone(s.header)}
			return true
		})
		if err != nil {
			return err
		}
	}
	last, err := e.lastOf(ctx, streams...)
	if err != nil {
		return err
	}
	if err := a.begin(section, last); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(newest)) {
		k := newest[key]
		if k.gone {
			continue
		}
		l := line{Kind: lineKey, Key: key, Revision: k.sequence, At: k.at, End: k.end}
		l.setValue(k.value)
		if err := a.put(l); err != nil {
			return err
		}
	}
	return nil
}

// kept is what an export needs of a key.
type kept struct {
	sequence uint64
	at, end  time.Time
	value    []byte
	gone     bool
}

// endOf returns when a key vanishes by itself; zero is never.
func endOf(s stored) time.Time {
	ttl, err := time.ParseDuration(s.header.Get(headerTTL))
	if err != nil {
		return time.Time{}
	}
	return s.at.Add(ttl)
}

func (e *Engine) exportLog(ctx context.Context, a *archiver, section, name string) error {
	last, err := e.lastOf(ctx, name)
	if err != nil {
		return err
	}
	if err := a.begin(section, last); err != nil {
		return err
	}
	return e.each(ctx, name, recordSubject(name), 1, func(s stored) error {
		r := recordOf(s)
		l := line{Kind: lineRecord, Key: r.ID, Revision: r.Sequence, At: r.At}
		l.setValue(r.Data)
		return a.put(l)
	})
}

// each is walk for a function that can fail.
func (e *Engine) each(ctx context.Context, stream, subject string, from uint64, visit func(stored) error) error {
	var failed error
	err := e.wire.walk(ctx, "read "+stream, stream, subject, from, page, func(s stored) bool {
		failed = visit(s)
		return failed == nil
	})
	return errors.Join(err, failed)
}

func (e *Engine) exportQueue(ctx context.Context, a *archiver, from uint64) error {
	var lines []line
	err := e.each(ctx, queueStream, workSubject, from+1, func(s stored) error {
		lines = append(lines, messageLine(s))
		return nil
	})
	if err != nil {
		return err
	}
	last, err := e.lastOf(ctx, queueStream)
	if err != nil {
		return err
	}
	if err := a.begin(sectionQueue, last); err != nil {
		return err
	}
	// An imported message keeps its number and so may lie behind younger ones.
	slices.SortStableFunc(lines, func(x, y line) int { return cmp.Compare(x.Revision, y.Revision) })
	for _, l := range lines {
		if err := a.put(l); err != nil {
			return err
		}
	}
	return nil
}

func messageLine(s stored) line {
	l := line{Kind: lineMessage, Key: idOf(s.header), Timer: s.header.Get(headerName), Revision: original(s.header, s.sequence), At: s.at}
	l.setValue(s.data)
	return l
}

// timers reads the timers that are set.
func (e *Engine) timers(ctx context.Context) (map[string]line, error) {
	all := map[string]line{}
	err := e.each(ctx, queueStream, timerSubject+"*", 1, func(s stored) error {
		at, err := time.Parse(time.RFC3339, strings.TrimPrefix(s.header.Get(headerSchedule), "@at "))
		if err != nil {
			return fmt.Errorf("timer %s: %w", s.header.Get(headerName), err)
		}
		l := line{Kind: lineTimer, Key: s.header.Get(headerName), Revision: s.sequence, At: at}
		l.setValue(s.data)
		all[l.Key] = l
		return nil
	})
	return all, err
}

// exportTimers writes the timers of now and those that were set when the export began: what came due since may be in neither place.
func (e *Engine) exportTimers(ctx context.Context, a *archiver, before map[string]line) error {
	now, err := e.timers(ctx)
	if err != nil {
		return err
	}
	maps.Copy(before, now)
	if err := a.begin(sectionTimers, nil); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if err := a.put(before[name]); err != nil {
			return err
		}
	}
	return nil
}

// The name of an export in a folder carries its time in UTC, so that names sort by age.
const (
	exportPrefix = "opsbot-"
	exportSuffix = ".jsonl"
	exportTime   = "20060102T150405Z"
)

// ExportTo writes an export into folder, reads it back, and removes the oldest ones until keep are left. The file appears under its name only
// when it is whole and synced. It returns the path.
func (e *Engine) ExportTo(ctx context.Context, folder string, now time.Time, keep int) (string, error) {
	if keep < 1 {
		return "", fmt.Errorf("export to %s: keep %d, want at least 1", folder, keep)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	path := filepath.Join(folder, exportPrefix+now.UTC().Format(exportTime)+exportSuffix)
	err := replace(path, func(f *os.File) error {
		wrote, err := e.Export(ctx, f)
		if err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		read, err := Verify(f)
		if err == nil && read.SHA256 != wrote.SHA256 {
			err = fmt.Errorf("%w: reads back with another checksum", ErrArchive)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	all, err := Exports(folder)
	if err != nil {
		return path, err
	}
	for _, old := range all[:max(0, len(all)-keep)] {
		if err := os.Remove(old); err != nil {
			return path, fmt.Errorf("remove an old export: %w", err)
		}
	}
	return path, nil
}

// Exports returns the paths of the exports in folder, the oldest first. A folder that does not exist holds none.
func Exports(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for exports: %w", err)
	}
	var all []string
	for _, entry := range entries {
		name := entry.Name()
		stamp, ok := strings.CutSuffix(strings.TrimPrefix(name, exportPrefix), exportSuffix)
		if _, err := time.Parse(exportTime, stamp); ok && err == nil && strings.HasPrefix(name, exportPrefix) && entry.Type().IsRegular() {
			all = append(all, filepath.Join(folder, name))
		}
	}
	return all, nil
}
