package socket_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shitops/opsbot/bot/door/socket"
)

// dialAs connects as another user: one thread takes their number, connects, and is thrown away. Only root can.
func dialAs(t *testing.T, uid int, path string) (net.Conn, error) {
	t.Helper()
	type result struct {
		c   net.Conn
		err error
	}
	got := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		id := uintptr(uid)
		for _, call := range [][4]uintptr{{unix.SYS_SETGROUPS}, {unix.SYS_SETRESGID, id, id, id}, {unix.SYS_SETRESUID, id, id, id}} {
			if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
				got <- result{err: errno}
				return
			}
		}
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		}
		if err != nil {
			got <- result{err: err}
			return
		}
		f := os.NewFile(uintptr(fd), "peer")
		c, err := net.FileConn(f)
		_ = f.Close() // FileConn has a copy
		got <- result{c, err}
	}()
	r := <-got
	return r.c, r.err
}

// TestCallerIsKnownByTheKernel has callers of different users, and one who claims to be another.
func TestCallerIsKnownByTheKernel(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("only root can call as somebody else; the rest of the tests calls as the user who runs them")
		return
	}
	dir, err := os.MkdirTemp("", "opsbot-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	open, closed := &desk{handle: echo}, &desk{handle: echo}
	serve(t, socket.Options{Path: filepath.Join(dir, "open"), Mode: 0o666, Desk: open})
	serve(t, socket.Options{Path: filepath.Join(dir, "closed"), Mode: 0o660, Desk: closed})
	for uid, want := range map[int]string{65534: socket.Identity(65534), 3999999999: "unix:#3999999999"} {
		c, err := dialAs(t, uid, filepath.Join(dir, "open"))
		if err != nil {
			t.Fatalf("connect as %d: %v", uid, err)
		}
		body := `{"text":"flush edge-1","thread":"t"}`
		fmt.Fprintf(c, "POST /say HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("say as %d: %v", uid, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("say as %d: %s, %v", uid, resp.Status, err)
		}
		_ = resp.Body.Close()
		_ = c.Close()
		heard := open.messages()
		if m := heard[len(heard)-1]; m.As != want || m.Origin.Thread != want+"/t" || !strings.HasPrefix(m.ID, "say/"+want+"/") {
			t.Errorf("user %d came as %q in thread %q with id %q, want %s in each", uid, m.As, m.Origin.Thread, m.ID, want)
		}
	}
	if c, err := dialAs(t, 65534, filepath.Join(dir, "closed")); err != unix.EACCES {
		t.Errorf("connect without the right to write = %v, %v, want permission denied", c, err)
	}
}
