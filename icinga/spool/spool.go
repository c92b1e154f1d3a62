package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/shitops/opsbot/internal/atomicfile"
)

// What Append and Drain say no with; test with errors.Is.
var (
	// ErrFull says that the spool holds as much as it may. Nothing that it holds is given up for what is new.
	ErrFull = errors.New("spool is full")
	// ErrTooBig says that a notification is larger than a file may be.
	ErrTooBig = errors.New("too big for the spool")
	// ErrRefused is for the post function of Drain: the receiver will never take this one. It is put aside, and the next one's turn comes.
	ErrRefused = errors.New("refused for good")
)

// Options bound a spool. Zero values are the defaults.
type Options struct {
	Count int   // files; 0 = 10,000
	Bytes int64 // of all files; 0 = 64 MiB
	File  int   // bytes of one notification; 0 = 256 KiB
	Aside int   // files that are put aside, the oldest go first; 0 = 100

	Now func() time.Time // nil = time.Now; for tests
}

// Spool is a folder of notifications. It is safe for concurrent use, by other processes too.
type Spool struct {
	dir string
	opt Options
}

const (
	asideDir  = "aside"
	writeLock = ".lock"
	drainLock = ".drain"
)

// Open makes the folder where it is not there, for its owner alone (0700): notifications may hold what others should not read, and whoever could
// write into the folder could send in our name. A folder of another user is refused, whoever we are.
func Open(dir string, opt Options) (*Spool, error) {
	if opt.Count == 0 {
		opt.Count = 10_000
	}
	if opt.Bytes == 0 {
		opt.Bytes = 64 << 20
	}
	if opt.File == 0 {
		opt.File = 256 << 10
	}
	if opt.Aside == 0 {
		opt.Aside = 100
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	s := &Spool{dir: dir, opt: opt}
	for _, d := range []string{dir, filepath.Join(dir, asideDir)} {
		if err := private(d); err != nil {
			return nil, fmt.Errorf("open spool %s: %w", dir, err)
		}
	}
	return s, nil
}

func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", dir)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d and this is user %d: run as the user that Icinga2 runs as, or name another folder", dir, st.Uid, os.Geteuid())
	}
	if info.Mode().Perm() != 0o700 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}

// Append puts a notification behind all others. When it returns nil the notification is on the disk and survives a power cut. The error holds
// ErrFull or ErrTooBig where these are the reason.
func (s *Spool) Append(ctx context.Context, body []byte) error {
	if len(body) > s.opt.File {
		return fmt.Errorf("append to spool %s: %w: %d bytes, at most %d", s.dir, ErrTooBig, len(body), s.opt.File)
	}
	unlock, err := lock(ctx, s.file(writeLock))
	if err != nil {
		return fmt.Errorf("append to spool %s: %w", s.dir, err)
	}
	defer unlock()
	files, _, err := s.list()
	if err != nil {
		return fmt.Errorf("append to spool %s: %w", s.dir, err)
	}
	held, last := int64(0), int64(0)
	for _, f := range files {
		if f.size <= int64(s.opt.File) { // a larger one is not ours, and the next Drain puts it aside
			held += f.size
		}
		last = max(last, f.number)
	}
	if len(files) >= s.opt.Count || held+int64(len(body)) > s.opt.Bytes {
		return fmt.Errorf("append to spool %s: %w: %d files, %d bytes: the receiver is away, or its address is wrong", s.dir, ErrFull, len(files), held)
	}
	// Time makes a good name until the clock is set back; then it goes on from the last one.
	number := max(s.opt.Now().UnixNano(), last+1)
	if err := atomicfile.Create(s.file(fileName(number, len(body))), seal(body), 0o600); err != nil {
		return fmt.Errorf("append to spool: %w", err)
	}
	return nil
}

// Stat says how many notifications wait, their bytes, and since when the first one does; zero for none.
func (s *Spool) Stat() (count int, bytes int64, oldest time.Time, err error) {
	files, _, err := s.list()
	if err != nil {
		return 0, 0, time.Time{}, fmt.Errorf("look into spool %s: %w", s.dir, err)
	}
	for _, f := range files {
		bytes += f.size
	}
	if len(files) > 0 {
		oldest = time.Unix(0, files[0].number)
	}
	return len(files), bytes, oldest, nil
}

func (s *Spool) file(name string) string { return filepath.Join(s.dir, name) }

// lock takes an exclusive lock on a file that stays where it is: a lock file that is removed would let two processes lock two files of one name.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil // which unlocks
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(&fs.PathError{Op: "lock", Path: path, Err: err}, f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("another process holds %s: %w", path, ctx.Err()), f.Close())
		case <-t.C:
		}
	}
}
