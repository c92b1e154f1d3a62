package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/shitops/opsbot/internal/atomicfile"
)

// Report says what a Drain did.
type Report struct {
	Sent  int      // taken by the receiver
	Left  int      // still waiting
	Aside []string // what was put aside, each with the reason: tell somebody
}

// errElsewhere says that another process tried while this one waited for its turn, and failed.
var errElsewhere = errors.New("another process has just tried and failed")

// Drain posts what waits, in order, and removes each file after post has returned nil: what is interrupted in between is posted again, so the
// receiver must know repetitions. It stops at the first error and leaves that one and all behind it; an error that holds ErrRefused puts that one
// aside. So does a file that is corrupt, half-written or too big. What is appended meanwhile is posted too.
//
// Of many processes that drain at once one works and the others wait; when it fails they do not try the same again.
func (s *Spool) Drain(ctx context.Context, post func(ctx context.Context, body []byte) error) (Report, error) {
	came := s.opt.Now()
	unlock, err := lock(ctx, s.file(drainLock))
	if err != nil {
		return s.left(Report{}, err)
	}
	defer unlock()
	// A failure in the future was noted before the clock was set back.
	if failed := s.lastFailure(); failed.After(came) && !failed.After(s.opt.Now()) {
		return s.left(Report{}, errElsewhere)
	}
	r := Report{}
	if err := s.sweep(ctx, &r); err != nil {
		return s.left(r, err)
	}
	for {
		files, _, err := s.list()
		if err != nil || len(files) == 0 {
			return s.left(r, err)
		}
		for _, f := range files {
			if err = s.deliver(ctx, f.name, post, &r); err != nil {
				break
			}
		}
		// Once for all of them: a removal that a power cut takes back is a repetition, which the receiver knows.
		if syncErr := atomicfile.SyncFolder(s.dir); err == nil {
			err = syncErr
		}
		if err != nil {
			s.rememberFailure()
			return s.left(r, err)
		}
	}
}

// left counts what still waits and says where an error happened.
func (s *Spool) left(r Report, err error) (Report, error) {
	if files, _, listErr := s.list(); listErr == nil {
		r.Left = len(files)
	}
	if err != nil {
		err = fmt.Errorf("drain spool %s: %w", s.dir, err)
	}
	return r, err
}

// deliver posts one file, or puts it aside.
func (s *Spool) deliver(ctx context.Context, name string, post func(ctx context.Context, body []byte) error, r *Report) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	body, err := s.read(name)
	switch {
	case errors.Is(err, errCorrupt):
		return s.putAside(name, err, r)
	case err != nil:
		return err
	}
	err = post(ctx, body)
	if errors.Is(err, ErrRefused) {
		return s.putAside(name, err, r)
	}
	if err != nil {
		return fmt.Errorf("post %s: %w", name, err)
	}
	if err := os.Remove(s.file(name)); err != nil {
		return err
	}
	r.Sent++
	return nil
}

// sweep puts aside what does not belong here. Nobody writes while we hold the lock of writers, so a file without its final name is half of one.
func (s *Spool) sweep(ctx context.Context, r *Report) error {
	unlock, err := lock(ctx, s.file(writeLock))
	if err != nil {
		return err
	}
	defer unlock()
	_, names, err := s.list()
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := s.putAside(n, errors.New("its writer died before it was whole, or it is not ours"), r); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spool) putAside(name string, why error, r *Report) error {
	// The time in front keeps names apart and in order of their arrival there.
	to := fmt.Sprintf("%0*d-%s", digits, s.opt.Now().UnixNano(), name)
	if err := os.Rename(s.file(name), filepath.Join(s.dir, asideDir, to)); err != nil {
		return fmt.Errorf("put %s aside: %w", name, err)
	}
	r.Aside = append(r.Aside, fmt.Sprintf("%s: %v", filepath.Join(asideDir, to), why))
	return s.trimAside()
}

// trimAside removes the oldest of what was put aside, so that a flood of it does not fill the disk.
func (s *Spool) trimAside() error {
	entries, err := os.ReadDir(filepath.Join(s.dir, asideDir))
	if err != nil {
		return err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	for len(names) > s.opt.Aside {
		if err := os.RemoveAll(filepath.Join(s.dir, asideDir, names[0])); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		names = names[1:]
	}
	return nil
}

// rememberFailure writes the time into the lock's file, for those who wait for it. Where that fails they try for themselves.
func (s *Spool) rememberFailure() {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(s.opt.Now().UnixNano()))
	_ = os.WriteFile(s.file(drainLock), b[:], 0o600)
}

func (s *Spool) lastFailure() time.Time {
	b, err := os.ReadFile(s.file(drainLock))
	if err != nil || len(b) != 8 {
		return time.Time{}
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b)))
}
