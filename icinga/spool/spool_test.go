package spool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/icinga/spool"
)

// post collects what is drained, and fails where it is told to.
type post struct {
	got  []string
	fail func(body string) error // nil = never
}

func (p *post) send(_ context.Context, body []byte) error {
	if p.fail != nil {
		if err := p.fail(string(body)); err != nil {
			return err
		}
	}
	p.got = append(p.got, string(body))
	return nil
}

func open(t testing.TB, opt spool.Options) (*spool.Spool, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "spool")
	s, err := spool.Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func appendAll(t testing.TB, s *spool.Spool, bodies ...string) {
	t.Helper()
	for _, b := range bodies {
		if err := s.Append(t.Context(), []byte(b)); err != nil {
			t.Fatalf("Append(%q) = %v", b, err)
		}
	}
}

// drained drains and wants these bodies, in order, and what is left.
func drained(t testing.TB, s *spool.Spool, want []string, left int) spool.Report {
	t.Helper()
	p := &post{}
	r, err := s.Drain(t.Context(), p.send)
	if err != nil {
		t.Fatalf("Drain = %v", err)
	}
	if diff := cmp.Diff(want, p.got); diff != "" || r.Sent != len(want) || r.Left != left {
		t.Errorf("Drain sent %d, left %d, want %d left (-want +got):\n%s", r.Sent, r.Left, left, diff)
	}
	return r
}

func waiting(t testing.TB, s *spool.Spool) int {
	t.Helper()
	n, _, _, err := s.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOrderIsKept(t *testing.T) {
	t.Parallel()
	s, _ := open(t, spool.Options{})
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprint("n", i))
	}
	appendAll(t, s, want...)
	drained(t, s, want, 0)
	drained(t, s, nil, 0)
}

func TestOrderIsKeptWhenTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	now := time.Unix(1795334043, 0)
	s, _ := open(t, spool.Options{Now: func() time.Time { now = now.Add(-time.Hour); return now }})
	appendAll(t, s, "a", "b", "c")
	drained(t, s, []string{"a", "b", "c"}, 0)
}

func TestDrainStopsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	s, _ := open(t, spool.Options{})
	appendAll(t, s, "a", "b", "c")
	away := errors.New("connection refused")
	p := &post{fail: func(body string) error {
		if body == "b" {
			return away
		}
		return nil
	}}
	r, err := s.Drain(t.Context(), p.send)
	if !errors.Is(err, away) || r.Sent != 1 || r.Left != 2 {
		t.Errorf("Drain = %+v, %v; want 1 sent, 2 left and %v", r, err, away)
	}
	drained(t, s, []string{"b", "c"}, 0)
}

func TestWhatIsRefusedForGoodDoesNotBlock(t *testing.T) {
	t.Parallel()
	s, dir := open(t, spool.Options{})
	appendAll(t, s, "a", "poison", "c")
	p := &post{fail: func(body string) error {
		if body == "poison" {
			return fmt.Errorf("400 Bad Request: %w", spool.ErrRefused)
		}
		return nil
	}}
	r, err := s.Drain(t.Context(), p.send)
	if err != nil || r.Sent != 2 || r.Left != 0 || len(r.Aside) != 1 || !strings.Contains(r.Aside[0], "400 Bad Request") {
		t.Fatalf("Drain = %+v, %v; want 2 sent and 1 put aside, with the reason", r, err)
	}
	name, _, _ := strings.Cut(r.Aside[0], ": ")
	if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.HasSuffix(string(data), "\npoison") {
		t.Errorf("what was put aside is %q, %v; want it whole", data, err)
	}
}

// TestBadFilesArePutAside puts everything into the folder that should not be there, between two good ones.
func TestBadFilesArePutAside(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		make func(dir, path string) error
		say  string
	}{
		{"nothing in it", func(_, p string) error { return os.WriteFile(p, nil, 0o600) }, "no head"},
		{"no head", func(_, p string) error { return os.WriteFile(p, []byte(strings.Repeat("x", 200)), 0o600) }, "no head"},
		{"a body cut short", func(d, p string) error { return damage(d, p, func(b []byte) []byte { return b[:len(b)-1] }) }, "digest"},
		{"a body gone", func(d, p string) error { return damage(d, p, func(b []byte) []byte { return b[:80] }) }, ""},
		{"a bit changed", func(d, p string) error { return damage(d, p, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }) }, "digest"},
		{"zeros, as after a power cut", func(d, p string) error { return damage(d, p, func(b []byte) []byte { return make([]byte, len(b)) }) }, "no head"},
		{"huge", func(_, p string) error { return sparse(p, 1<<30) }, "1073741824 bytes"},
		{"a link", func(_, p string) error { return os.Symlink("/etc/passwd", p) }, "symbolic link"},
		{"a pipe", func(_, p string) error { return syscall.Mkfifo(p, 0o600) }, "no regular file"},
		{"a folder", func(_, p string) error { return os.Mkdir(p, 0o700) }, "no regular file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, dir := open(t, spool.Options{})
			appendAll(t, s, "first")
			if err := tt.make(dir, filepath.Join(dir, fmt.Sprintf("%020d-5.notification", time.Now().UnixNano()))); err != nil {
				t.Fatal(err)
			}
			appendAll(t, s, "last")
			r := drained(t, s, []string{"first", "last"}, 0)
			if len(r.Aside) != 1 || !strings.Contains(r.Aside[0], tt.say) {
				t.Errorf("put aside: %q, want one that says %q", r.Aside, tt.say)
			}
		})
	}
}

// damage copies the file that is in the folder, changed, to another name.
func damage(dir, path string, change func([]byte) []byte) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.notification"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("%d files, %w", len(files), err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		return err
	}
	return os.WriteFile(path, change(data), 0o600)
}

func sparse(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Close())
}

func TestHalfWrittenFilesAreTold(t *testing.T) {
	t.Parallel()
	s, dir := open(t, spool.Options{})
	appendAll(t, s, "a")
	for _, name := range []string{".00000001795334043000-5.notification.tmp-17", "notes.txt", "17-5.notification", "00000001795334043000.notification", "-1-1.notification"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("opsbot-sp"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r := drained(t, s, []string{"a"}, 0); len(r.Aside) != 5 {
		t.Errorf("put aside: %q, want five", r.Aside)
	}
	if r := drained(t, s, nil, 0); len(r.Aside) != 0 {
		t.Errorf("put aside again: %q", r.Aside)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	s, _ := open(t, spool.Options{Count: 3, File: 10})
	appendAll(t, s, "a", "b", "c")
	if err := s.Append(t.Context(), []byte("d")); !errors.Is(err, spool.ErrFull) {
		t.Errorf("the fourth of three: Append = %v, want ErrFull", err)
	}
	if err := s.Append(t.Context(), []byte("0123456789a")); !errors.Is(err, spool.ErrTooBig) {
		t.Errorf("11 bytes of 10: Append = %v, want ErrTooBig", err)
	}
	drained(t, s, []string{"a", "b", "c"}, 0)
	appendAll(t, s, "0123456789")

	s, _ = open(t, spool.Options{Bytes: 1000})
	appendAll(t, s, strings.Repeat("x", 800))
	if err := s.Append(t.Context(), []byte(strings.Repeat("x", 300))); !errors.Is(err, spool.ErrFull) {
		t.Errorf("1,100 bytes of 1,000: Append = %v, want ErrFull", err)
	}

	s, dir := open(t, spool.Options{Aside: 5})
	for i := range 12 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("foreign-", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	drained(t, s, nil, 0)
	if kept, err := os.ReadDir(filepath.Join(dir, "aside")); err != nil || len(kept) != 5 {
		t.Errorf("%d files are kept aside, %v; want 5", len(kept), err)
	}
}

func TestTheFolderIsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := spool.Open(dir, spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, "a")
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s, want none for others", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	file := filepath.Join(dir, "a-file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := spool.Open(file, spool.Options{}); err == nil {
		t.Error("Open of a file = nil, want an error")
	}
	if os.Geteuid() != 0 {
		return // only root can give a folder away
	}
	foreign := filepath.Join(t.TempDir(), "foreign")
	if err := errors.Join(os.Mkdir(foreign, 0o777), os.Chown(foreign, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	if _, err := spool.Open(foreign, spool.Options{}); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
		t.Errorf("Open of another user's folder = %v, want that it says whose it is", err)
	}
}

func TestAnEndedContext(t *testing.T) {
	t.Parallel()
	s, dir := open(t, spool.Options{})
	appendAll(t, s, "a")
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Append(ctx, []byte("b")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Append while another process writes = %v, want its deadline", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	ended, cancelEnded := context.WithCancel(t.Context())
	cancelEnded()
	p := &post{}
	if _, err := s.Drain(ended, p.send); !errors.Is(err, context.Canceled) || len(p.got) != 0 {
		t.Errorf("Drain in an ended context = %v and posts %q, want it to post nothing", err, p.got)
	}
	if n, size, oldest, err := s.Stat(); n != 1 || size == 0 || time.Since(oldest) > time.Hour || err != nil {
		t.Errorf("Stat = %d, %d, %s, %v; want the one that waits", n, size, oldest, err)
	}
}

// TestStorm fills a spool to its brim while the receiver is away, and drains it.
func TestStorm(t *testing.T) {
	t.Parallel()
	count := 1000
	if os.Getenv("OPSBOT_SOAK") == "1" {
		count = 10_000
	}
	s, _ := open(t, spool.Options{Count: count})
	var want []string
	for i := range count {
		want = append(want, fmt.Sprint("alert ", i))
	}
	appendAll(t, s, want...)
	if err := s.Append(t.Context(), []byte("one more")); !errors.Is(err, spool.ErrFull) {
		t.Errorf("Append to a full spool = %v, want ErrFull", err)
	}
	if n, size, _, err := s.Stat(); n != count || size != int64(len(strings.Join(want, ""))) || err != nil {
		t.Errorf("Stat = %d files of %d bytes, %v; want %d", n, size, err, count)
	}
	drained(t, s, want, 0)
}

// BenchmarkAppend appends to a spool that holds 5,000 already.
func BenchmarkAppend(b *testing.B) {
	s, _ := open(b, spool.Options{Count: 1 << 30, Bytes: 1 << 40})
	body := []byte(strings.Repeat("x", 500))
	for range 5000 {
		appendAll(b, s, string(body))
	}
	for b.Loop() {
		if err := s.Append(b.Context(), body); err != nil {
			b.Fatal(err)
		}
	}
}

// TestModel plays random calls and failures against a list.
func TestModel(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			rt.Fatal(err)
		}
		var model []string
		next := 0
		for range rapid.IntRange(1, 12).Draw(rt, "calls") {
			s, err := spool.Open(dir, spool.Options{}) // each call is another process, which remembers nothing
			if err != nil {
				rt.Fatal(err)
			}
			if rapid.Bool().Draw(rt, "append") {
				body := fmt.Sprint(next)
				next++
				if err := s.Append(t.Context(), []byte(body)); err != nil {
					rt.Fatal(err)
				}
				model = append(model, body)
				continue
			}
			budget := rapid.IntRange(0, 4).Draw(rt, "posts that succeed")
			p := &post{}
			p.fail = func(string) error {
				if len(p.got) >= budget {
					return errors.New("away")
				}
				return nil
			}
			_, err = s.Drain(t.Context(), p.send)
			want := model[:min(budget, len(model))]
			if (err == nil) != (len(want) == len(model)) || !cmp.Equal(append([]string{}, p.got...), append([]string{}, want...)) {
				rt.Fatalf("Drain posted %q, %v; want %q of %q", p.got, err, want, model)
			}
			model = model[len(want):]
		}
	})
}
