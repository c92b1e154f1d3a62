package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/shitops/opsbot/internal/secret"
)

const value = "correct horse battery staple"

// outer hides a secret in a field that reflection can see and fmt cannot ask.
type outer struct {
	Open   secret.Secret
	hidden secret.Secret
	Ptr    *secret.Secret
}

func TestSecretNeverShows(t *testing.T) {
	t.Parallel()
	s := secret.New([]byte(value))
	o := outer{Open: s, hidden: s, Ptr: &s}
	var text, logged bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%30.5s"} {
		fmt.Fprintf(&text, verb+verb+verb, s, &s, o)
	}
	fmt.Fprint(&text, s, o, []secret.Secret{s}, map[string]secret.Secret{"k": s}, fmt.Errorf("about %v", s))
	for _, h := range []slog.Handler{slog.NewTextHandler(&logged, nil), slog.NewJSONHandler(&logged, nil)} {
		slog.New(h).Info("read", "secret", s, "outer", o, "pointer", &s, slog.Group("g", "s", s))
	}
	j, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(map[string]secret.Secret{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"fmt": text.String(), "slog": logged.String(), "json": string(j), "yaml": string(y), "text": string(m)} {
		if !strings.Contains(got, secret.Mask) {
			t.Errorf("%s shows no mask: %s", name, got)
		}
		for _, bad := range []string{value, "horse", fmt.Sprintf("%x", value), fmt.Sprintf("%v", []byte(value))} {
			if strings.Contains(got, bad) {
				t.Errorf("%s shows the secret: %s", name, got)
			}
		}
	}
	if o.hidden.Line() != value {
		t.Error("the hidden one lost its value")
	}
}

func TestSecretValue(t *testing.T) {
	t.Parallel()
	in := []byte(value + "\r\n")
	s := secret.New(in)
	in[0] = 'X'
	s.Reveal()[1] = 'X'
	if got := string(s.Reveal()); got != value+"\r\n" {
		t.Errorf("Reveal = %q, want what was given, line end included", got)
	}
	if got := s.Line(); got != value {
		t.Errorf("Line = %q, want %q", got, value)
	}
	var zero secret.Secret
	if !zero.Empty() || zero.Line() != "" || zero.String() != secret.Mask || s.Empty() {
		t.Error("the zero value is not an empty secret")
	}
	if !s.Equal(secret.New([]byte(value+"\r\n"))) || s.Equal(zero) || !zero.Equal(secret.Secret{}) {
		t.Error("Equal compares something else than the values")
	}
}

func write(t *testing.T, path string, data []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
}

func TestSourceFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, test := range []struct {
		name string
		mode os.FileMode
		data string
		is   error
		want string
	}{
		{"owner", 0o600, value, nil, ""},
		{"owner reads", 0o400, value, nil, ""},
		{"group", 0o640, value, nil, ""},
		{"others read", 0o644, value, secret.ErrExposed, "run chmod o-rwx on it, then change the secret"},
		{"others write", 0o602, value, secret.ErrExposed, "mode 0602"},
		{"others execute", 0o601, value, secret.ErrExposed, "mode 0601"},
		{"empty", 0o600, "", secret.ErrMissing, "the file is empty"},
		{"largest", 0o600, strings.Repeat("x", secret.MaxSize), nil, ""},
		{"too large", 0o600, strings.Repeat("x", secret.MaxSize+1), nil, "more than 65536 bytes"},
	} {
		path := filepath.Join(dir, test.name)
		write(t, path, []byte(test.data), test.mode)
		s, err := secret.Source{File: test.name}.In(dir).Read()
		if test.is == nil && test.want == "" {
			if err != nil || string(s.Reveal()) != test.data {
				t.Errorf("%s: Read = %q, %v, want the content", test.name, s.Reveal(), err)
			}
			continue
		}
		if err == nil || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), value) {
			t.Errorf("%s: Read = %v, want %v with %q and the path", test.name, err, test.is, test.want)
		}
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{fifo: "not a regular file", dir: "not a regular file", filepath.Join(dir, "none"): "not there: create it"} {
		if _, err := (secret.Source{File: path}).Read(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Read of %s = %v, want %q", path, err, want)
		}
	}
}

// TestSourceReadsAtUse: a rotated secret counts at once.
func TestSourceReadsAtUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	s := secret.Source{File: path}
	for _, want := range []string{"one", "two"} {
		write(t, path, []byte(want), 0o600)
		if got, err := s.Read(); err != nil || got.Line() != want {
			t.Errorf("Read = %q, %v, want %q", got.Reveal(), err, want)
		}
	}
}

func TestSourceEnvironment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("OPSBOT_TEST_SECRET", value)
	t.Setenv("OPSBOT_TEST_EMPTY", "")
	t.Setenv("OPSBOT_TEST_LARGE", strings.Repeat("x", secret.MaxSize+1))
	t.Setenv(secret.CredentialsDirectory, dir)
	write(t, filepath.Join(dir, "token"), []byte(value+"\n"), 0o400)
	for _, s := range []secret.Source{{Env: "OPSBOT_TEST_SECRET"}, {Credential: "token"}} {
		if got, err := s.Read(); err != nil || got.Line() != value {
			t.Errorf("Read of %s = %q, %v", s, got.Reveal(), err)
		}
	}
	if got := (secret.Source{Credential: "token"}).Path(); got != filepath.Join(dir, "token") {
		t.Errorf("Path of a credential = %q", got)
	}
	for _, test := range []struct {
		given secret.Source
		want  string
	}{
		{secret.Source{Env: "OPSBOT_TEST_EMPTY"}, "not there: set it"},
		{secret.Source{Env: "OPSBOT_TEST_NONE"}, "not there: set it"},
		{secret.Source{Env: "OPSBOT_TEST_LARGE"}, "more than 65536 bytes"},
		{secret.Source{Credential: "none"}, "read credential none: not there"},
		{secret.Source{Credential: "../token"}, "a credential is a name, not a path"},
		{secret.Source{Credential: ".."}, "a credential is a name, not a path"},
		{secret.Source{}, "no place is named"},
		{secret.Source{File: "a", Env: "B"}, "name one place, not 2"},
	} {
		if _, err := test.given.Read(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Read of %+v = %v, want %q", test.given, err, test.want)
		}
	}
	t.Setenv(secret.CredentialsDirectory, "")
	if _, err := (secret.Source{Credential: "token"}).Read(); !errors.Is(err, secret.ErrMissing) || !strings.Contains(err.Error(), "LoadCredential=token:") {
		t.Errorf("outside a unit: %v, want a hint at LoadCredential", err)
	}
	if got := (secret.Source{Credential: "token"}).Path(); got != "" {
		t.Errorf("outside a unit a credential lies at %q", got)
	}
}

func TestSourceIn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		given, want secret.Source
		text        string
	}{
		{secret.Source{File: "a/b"}, secret.Source{File: "/etc/opsbot/a/b"}, "file /etc/opsbot/a/b"},
		{secret.Source{File: "/a/b"}, secret.Source{File: "/a/b"}, "file /a/b"},
		{secret.Source{Env: "A"}, secret.Source{Env: "A"}, "environment variable A"},
		{secret.Source{Credential: "c"}, secret.Source{Credential: "c"}, "credential c"},
		{secret.Source{}, secret.Source{}, "no secret"},
	} {
		got := test.given.In("/etc/opsbot")
		if got != test.want || got.String() != test.text || got.IsZero() != (test.want == secret.Source{}) {
			t.Errorf("%+v in /etc/opsbot = %+v (%s), want %+v (%s)", test.given, got, got, test.want, test.text)
		}
	}
}

func ExampleSource_Read() {
	s, err := secret.Source{Env: "HOME"}.Read()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s, len(s.Reveal()) > 0)
	// Output: *** true
}
