package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write puts data at path with the given rights, replacing what is there. It returns after the data and its name are on the disk; on an
// error the old file stands, except that after an error of the last sync of the folder it may be either.
func Write(path string, data []byte, mode fs.FileMode) error {
	return WriteFrom(path, mode, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(data))
		return err
	})
}

// WriteFrom is Write for content that is made while it is written. An error of fill leaves the old file as it was.
func WriteFrom(path string, mode fs.FileMode, fill func(io.Writer) error) error {
	return write(path, mode, fill, os.Rename)
}

// Create is Write for a path that must not exist yet; where it does, the error holds fs.ErrExist and nothing was changed.
func Create(path string, data []byte, mode fs.FileMode) error {
	return write(path, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}, link)
}

// link gives the file its name only if that name is free, which a rename cannot do.
func link(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	return os.Remove(from)
}

func write(path string, mode fs.FileMode, fill func(io.Writer) error, place func(from, to string) error) (err error) {
	folder := filepath.Dir(path)
	// The temporary file lies beside its target: a rename works only inside one file system. It is hidden, and CreateTemp makes it 0600.
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close() // a second close fails, which is fine
			_ = os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	return SyncFolder(folder)
}

// SyncFolder puts the names inside folder on the disk: a new or renamed file survives a power cut only after that (fsync(2), "Calling
// fsync() does not necessarily ensure that the entry in the directory containing the file has also reached disk").
func SyncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }() // nothing was written through it
	// File systems that cannot sync a folder say EINVAL; there is nothing more to be done on them.
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("sync folder %s: %w", folder, err)
	}
	return nil
}
