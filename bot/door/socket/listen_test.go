package socket_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/shitops/opsbot/bot/door/socket"
)

func TestSocketFile(t *testing.T) {
	t.Parallel()
	group := strconv.Itoa(os.Getegid())
	path := filepath.Join(t.TempDir(), "made", "on", "demand.sock")
	serve(t, socket.Options{Path: path, Mode: 0o620, Group: group})
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeSocket|0o620 {
		t.Errorf("mode of the socket is %v, want Srw--w----", info.Mode())
	}
	if st := info.Sys().(*syscall.Stat_t); strconv.Itoa(int(st.Gid)) != group {
		t.Errorf("group of the socket is %d, want %s", st.Gid, group)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	live := filepath.Join(dir, "live")
	serve(t, socket.Options{Path: live})
	tests := []struct {
		name string
		o    socket.Options
		want string
	}{
		{"no path", socket.Options{}, "path and desk are required"},
		{"a file in the way", socket.Options{Path: file}, "something that is no socket lies there"},
		{"another bot answers", socket.Options{Path: live}, "another process answers on it"},
		{"an unknown group", socket.Options{Path: filepath.Join(dir, "g"), Group: "no-such-group"}, `group "no-such-group"`},
		{"a path too long", socket.Options{Path: filepath.Join(dir, strings.Repeat("p", 104))}, "a socket may have 103"},
		{"a folder that is a file", socket.Options{Path: filepath.Join(file, "s")}, "not a directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Desk = &desk{handle: echo}
			s, err := socket.Start(t.Context(), tt.o)
			if err == nil {
				_ = s.Stop(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Start(%q, group %q) = %v, want %q", tt.o.Path, tt.o.Group, err, tt.want)
			}
		})
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("the file in the way holds %q, %v, want it untouched", text, err)
	}
	if _, err := socket.Dial(t.Context(), live); err != nil {
		t.Errorf("the bot that was there first no longer answers: %v", err)
	}
}

// TestStaleSocket leaves a socket as a killed process does.
func TestStaleSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := socket.Dial(t.Context(), path); !errors.Is(err, socket.ErrNoBot) {
		t.Fatalf("Dial of a stale socket = %v, want ErrNoBot", err)
	}
	serve(t, socket.Options{Path: path}) // takes its place
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	if got := socket.Identity(0); got != "unix:root" {
		t.Errorf("Identity(0) = %q, want unix:root", got)
	}
	if got := socket.Identity(3999999999); got != "unix:#3999999999" {
		t.Errorf("Identity of a number without a name = %q, want unix:#3999999999", got)
	}
}

func TestNoPeer(t *testing.T) {
	t.Parallel()
	if _, err := socket.Dial(context.Background(), filepath.Join(t.TempDir(), "nothing")); !errors.Is(err, socket.ErrNoBot) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Dial of nothing = %v, want ErrNoBot and not exist", err)
	}
}
