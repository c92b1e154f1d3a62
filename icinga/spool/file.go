package spool

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// waiting is a file of the spool, unread.
type waiting struct {
	name   string
	number int64
	size   int64 // of the notification in it
}

const (
	suffix = ".notification"
	digits = 20
	magic  = "opsbot-spool 1 "
	// The first line of a file: magic, the digest of the rest in hexadecimal, line end.
	headBytes = len(magic) + 2*sha256.Size + 1
)

// fileName holds the size too: to know how full the spool is, nobody looks at 10,000 files one by one.
func fileName(number int64, size int) string {
	return fmt.Sprintf("%0*d-%d%s", digits, number, size, suffix)
}

func parseName(name string) (waiting, bool) {
	front, ok := strings.CutSuffix(name, suffix)
	number, size, two := strings.Cut(front, "-")
	if !ok || !two || len(number) != digits {
		return waiting{}, false
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 {
		return waiting{}, false
	}
	b, err := strconv.ParseInt(size, 10, 64)
	return waiting{name, n, b}, err == nil && b >= 0
}

// list returns what waits, in order, and the names of what does not belong into the folder: a file whose writer died before it was whole, or
// somebody else's.
func (s *Spool) list() (files []waiting, foreign []string, err error) {
	dir, err := os.Open(s.dir)
	if err != nil {
		return nil, nil, err
	}
	names, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		switch name {
		case asideDir, writeLock, drainLock:
			continue
		}
		if f, ok := parseName(name); ok {
			files = append(files, f)
		} else {
			foreign = append(foreign, name)
		}
	}
	slices.SortFunc(files, func(a, b waiting) int { return cmp.Compare(a.number, b.number) })
	slices.Sort(foreign)
	return files, foreign, nil
}

// seal puts a digest in front of the body, so that a file that lost its end, or a bit, is not taken for a notification.
func seal(body []byte) []byte {
	sum := sha256.Sum256(body)
	return slices.Concat([]byte(magic+hex.EncodeToString(sum[:])+"\n"), body)
}

// errCorrupt says that a file is not what Append wrote.
var errCorrupt = errors.New("not a whole notification")

func unseal(data []byte) ([]byte, error) {
	if len(data) < headBytes || !bytes.HasPrefix(data, []byte(magic)) || data[headBytes-1] != '\n' {
		return nil, fmt.Errorf("%w: it has no head", errCorrupt)
	}
	body := data[headBytes:]
	sum := sha256.Sum256(body)
	if hex.EncodeToString(sum[:]) != string(data[len(magic):headBytes-1]) {
		return nil, fmt.Errorf("%w: its content does not fit its digest", errCorrupt)
	}
	return body, nil
}

// read returns the notification in a file. The error holds errCorrupt where the file itself is at fault.
func (s *Spool) read(name string) ([]byte, error) {
	// O_NOFOLLOW and O_NONBLOCK: a symbolic link or a pipe in the place of the file must not lead elsewhere or hang us.
	f, err := os.OpenFile(s.file(name), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%w: it is a symbolic link", errCorrupt)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: it is no regular file", errCorrupt)
	case info.Size() > int64(s.opt.File+headBytes):
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are taken", errCorrupt, info.Size(), s.opt.File)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(s.opt.File+headBytes)))
	if err != nil {
		return nil, err
	}
	return unseal(data)
}
