package atomicfile_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/internal/atomicfile"
)

// list returns the names in a folder: nothing temporary may be left.
func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func check(t *testing.T, path, want string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %.40q, %v, want %.40q", path, got, err, want)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != mode {
		t.Errorf("%s has mode %v, %v, want %v", path, info.Mode(), err, mode)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, test := range []struct {
		data string
		mode fs.FileMode
	}{{"one", 0o600}, {"two, longer", 0o644}, {"", 0o640}, {strings.Repeat("x", 1<<20), 0o600}} {
		if err := atomicfile.Write(path, []byte(test.data), test.mode); err != nil {
			t.Fatal(err)
		}
		check(t, path, test.data, test.mode)
	}
	if diff := cmp.Diff([]string{"f"}, list(t, dir)); diff != "" {
		t.Errorf("left in the folder (-want +got):\n%s", diff)
	}
}

func TestWriteFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := atomicfile.Write(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := atomicfile.WriteFrom(path, 0o600, func(w io.Writer) error {
		if _, err := w.Write([]byte("half of the n")); err != nil {
			return err
		}
		return full
	})
	if !errors.Is(err, full) || !strings.Contains(err.Error(), path) {
		t.Errorf("WriteFrom = %v, want %v and the path", err, full)
	}
	check(t, path, "old", 0o600)
	if err := atomicfile.Write(filepath.Join(dir, "none", "f"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Write into no folder = %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(filepath.Join(dir, "sub"), []byte("x"), 0o600); err == nil {
		t.Error("Write over a folder succeeds")
	}
	if diff := cmp.Diff([]string{"f", "sub"}, list(t, dir)); diff != "" {
		t.Errorf("left in the folder (-want +got):\n%s", diff)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := atomicfile.Create(path, []byte("first"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Create(path, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a file = %v, want that it exists", err)
	}
	check(t, path, "first", 0o640)
	if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Create(filepath.Join(dir, "link"), []byte("x"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a dangling link = %v, want that it exists", err)
	}
	if diff := cmp.Diff([]string{"f", "link"}, list(t, dir)); diff != "" {
		t.Errorf("left in the folder (-want +got):\n%s", diff)
	}
}

// TestReadersSeeWholeFiles: whoever reads while others write finds one of the contents, never a part or a mixture.
func TestReadersSeeWholeFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	content := func(i int) string { return strings.Repeat(fmt.Sprint(i%10), 100_000) }
	if err := atomicfile.Write(path, []byte(content(0)), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range 20 {
				if err := atomicfile.Write(path, []byte(content(w*20+i)), 0o600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			got, err := os.ReadFile(path)
			if err != nil || len(got) != 100_000 || strings.Trim(string(got), string(got[:1])) != "" {
				t.Errorf("a reader found %d bytes, %v", len(got), err)
			}
		}
	})
	writers.Wait()
	close(done)
	readers.Wait()
}

func TestSyncFolder(t *testing.T) {
	t.Parallel()
	if err := atomicfile.SyncFolder(t.TempDir()); err != nil {
		t.Error(err)
	}
	if err := atomicfile.SyncFolder(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SyncFolder of nothing = %v", err)
	}
}
