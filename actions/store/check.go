package store

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Check is what CheckAgainst found.
type Check struct {
	// Skipped, if not empty, says why the export says nothing about this store.
	Skipped string
	// Entries is how many entries of the export were looked for.
	Entries int
	// Missing names what the export has and the store lost, like "runs/r-17 (revision 12)", sorted.
	Missing []string
}

// CheckAgainst looks for every entry of an export, usually the last nightly one: a key must be there with a revision at least as high and, at the
// same revision, with the same bytes, or have been deleted on purpose; a record must be there unless it is past its age; a message must be
// there or acknowledged. One flipped bit on the disk can take thousands of keys away without any error, and only a second witness can tell.
//
// An export of another incarnation, or older than the marks of deletions are kept, is skipped: Check.Skipped says so.
func (e *Engine) CheckAgainst(ctx context.Context, r io.Reader) (Check, error) {
	c := &checker{e: e, now: time.Now(), states: map[string]Entry{}}
	sum, err := scan(r, func(section string, l line) error { return c.entry(ctx, section, l) })
	if err != nil {
		return Check{}, fmt.Errorf("check against an export: %w", err)
	}
	switch {
	case sum.Incarnation.ID != e.genesis.Incarnation.ID:
		return Check{Skipped: fmt.Sprintf("the export is of incarnation %d, the store is %d: make a new export", sum.Incarnation.Number, e.genesis.Incarnation.Number)}, nil
	case c.now.Sub(sum.At) > markAge:
		return Check{Skipped: fmt.Sprintf("the export of %s is older than deletions are remembered: make a new one", sum.At.Format(time.DateOnly))}, nil
	}
	slices.Sort(c.check.Missing)
	return c.check, nil
}

// checker is a check under way; it holds the present state of one section.
type checker struct {
	e       *Engine
	now     time.Time
	check   Check
	section string
	states  map[string]Entry
	present map[uint64]bool // numbers of records or messages
	floor   uint64
	age     time.Duration // of the log
}

// entry looks for one entry of the export.
func (c *checker) entry(ctx context.Context, section string, l line) error {
	if section != c.section {
		if err := c.load(ctx, section); err != nil {
			return err
		}
		c.section = section
	}
	name := section[strings.LastIndex(section, " ")+1:]
	var lost string
	switch l.Kind {
	case lineKey:
		if !l.End.IsZero() {
			return nil
		}
		lost = c.key(l)
	case lineRecord:
		if !c.present[l.Revision] && c.now.Sub(l.At) < c.age-window {
			lost = fmt.Sprintf("record %d", l.Revision)
		}
	case lineMessage:
		if !c.present[l.Revision] && l.Revision > c.floor {
			lost = fmt.Sprintf("message %d", l.Revision)
		}
	default: // a timer may have come or been cancelled
		return nil
	}
	c.check.Entries++
	if lost != "" {
		c.check.Missing = append(c.check.Missing, fmt.Sprintf("%s/%s (%s)", name, l.Key, lost))
	}
	return nil
}

// key returns what is wrong with a key.
func (c *checker) key(l line) string {
	have, ok := c.states[l.Key]
	switch {
	case !ok:
		return fmt.Sprintf("revision %d", l.Revision)
	case have.Revision < l.Revision:
		return fmt.Sprintf("revision %d, holds %d", l.Revision, have.Revision)
	case have.Revision == l.Revision && (have.Deleted || !l.sameValue(have.Value)):
		return fmt.Sprintf("revision %d, other bytes", l.Revision)
	}
	return ""
}

// load reads the present state of a section.
func (c *checker) load(ctx context.Context, section string) error {
	clear(c.states)
	c.present = map[uint64]bool{}
	if name, ok := strings.CutPrefix(section, "bucket "); ok {
		all, err := (&bucket{name: name, w: c.e.wire, e: c.e}).states(ctx, "")
		for _, s := range all {
			c.states[s.Key] = s
		}
		return err
	}
	if name, ok := strings.CutPrefix(section, "log "); ok {
		var info jetstream.StreamInfo
		if err := c.e.wire.api(ctx, "look at "+name, "STREAM.INFO."+name, nil, &info); err != nil {
			return err
		}
		c.age = info.Config.MaxAge
		return c.e.each(ctx, name, recordSubject(name), 1, func(s stored) error {
			c.present[s.sequence-genesisOffset] = true
			return nil
		})
	}
	var err error
	if c.floor, err = c.e.floor(ctx); err != nil {
		return err
	}
	return c.e.each(ctx, queueStream, workSubject, 1, func(s stored) error {
		c.present[original(s.header, s.sequence)] = true
		return nil
	})
}
