package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// MaxSize is the most bytes that a secret may have: keys and certificates are far smaller.
const MaxSize = 64 << 10

// CredentialsDirectory is the variable in which systemd names the folder of LoadCredential= (systemd.exec(5)).
const CredentialsDirectory = "CREDENTIALS_DIRECTORY"

// The errors of Read that callers tell apart.
var (
	// ErrExposed says that users outside the file's owner and group have rights on it.
	ErrExposed = errors.New("open to every user of this machine")
	// ErrMissing says that there is nothing at the place that was named.
	ErrMissing = errors.New("not there")
)

// Source says where a secret lies. At most one field is set; the zero value names no secret.
type Source struct {
	File       string `json:"file,omitempty"`       // path of a file
	Env        string `json:"env,omitempty"`        // name of an environment variable
	Credential string `json:"credential,omitempty"` // name of a systemd credential
}

// IsZero tells whether no place is named.
func (s Source) IsZero() bool { return s == Source{} }

// In returns the source with a relative file taken from folder.
func (s Source) In(folder string) Source {
	if s.File != "" && !filepath.IsAbs(s.File) {
		s.File = filepath.Join(folder, s.File)
	}
	return s
}

// String names the place, never the value.
func (s Source) String() string {
	switch {
	case s.File != "":
		return "file " + s.File
	case s.Env != "":
		return "environment variable " + s.Env
	case s.Credential != "":
		return "credential " + s.Credential
	default:
		return "no secret"
	}
}

// Path returns the file that holds the secret, or "" for one in the environment and for a credential outside a systemd unit.
func (s Source) Path() string {
	if s.Credential == "" {
		return s.File
	}
	folder := os.Getenv(CredentialsDirectory)
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, s.Credential)
}

// Read fetches the secret now. Nothing is kept: a rotated secret counts from the next Read on.
//
// A file must be a regular one, hold 1 byte to MaxSize, and give users outside its owner and group no right at all (mode & 0007 is 0): who
// can read it has the secret, who can write it can replace it. Group rights are left to the operator. The errors hold ErrExposed or
// ErrMissing where these are the reason; they name the place and what to do, never a part of the value.
func (s Source) Read() (Secret, error) {
	if err := s.check(); err != nil {
		return Secret{}, err
	}
	if s.Env != "" {
		return s.readEnv()
	}
	path := s.Path()
	if path == "" {
		return Secret{}, fmt.Errorf("read %s: %w: %s is not set; start the program from a unit with LoadCredential=%s:/path", s, ErrMissing, CredentialsDirectory, s.Credential)
	}
	data, err := readFile(path)
	if err != nil {
		return Secret{}, fmt.Errorf("read %s: %w", s, err)
	}
	return New(data), nil
}

func (s Source) check() error {
	set := 0
	for _, v := range []string{s.File, s.Env, s.Credential} {
		if v != "" {
			set++
		}
	}
	switch {
	case set == 0:
		return fmt.Errorf("read secret: %w: no place is named", ErrMissing)
	case set > 1:
		return fmt.Errorf("read secret: name one place, not %d (file, environment variable, credential)", set)
	case strings.ContainsRune(s.Credential, filepath.Separator) || s.Credential == "..":
		return fmt.Errorf("read %s: a credential is a name, not a path", s)
	}
	return nil
}

func (s Source) readEnv() (Secret, error) {
	v, ok := os.LookupEnv(s.Env)
	if !ok || v == "" {
		return Secret{}, fmt.Errorf("read %s: %w: set it before the program starts", s, ErrMissing)
	}
	if len(v) > MaxSize {
		return Secret{}, fmt.Errorf("read %s: more than %d bytes", s, MaxSize)
	}
	return New([]byte(v)), nil
}

func readFile(path string) ([]byte, error) {
	// O_NONBLOCK: a named pipe in the place of the file must not hang the program.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: create it, readable by this program alone (chmod 600)", ErrMissing)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("user %d may not read it: %w", os.Getuid(), fs.ErrPermission)
	case err != nil:
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	if err := checkFile(f); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) == 0:
		return nil, fmt.Errorf("%w: the file is empty", ErrMissing)
	case len(data) > MaxSize:
		return nil, fmt.Errorf("more than %d bytes, that is no secret", MaxSize)
	}
	return data, nil
}

// checkFile looks at the opened file, not at its path, so that it cannot be exchanged in between.
func checkFile(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return fmt.Errorf("%w (mode %04o): run chmod o-rwx on it, then change the secret, as others may have read it", ErrExposed, mode)
	}
	return nil
}
