package bot_test

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/shitops/opsbot/bot"
	"github.com/shitops/opsbot/bot/door/socket"
)

func TestMain(m *testing.M) {
	// The race detector sleeps for a second when a process ends, and the tests start hundreds.
	_ = os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=10")) // fails for a bad name alone
	testscript.Main(m, map[string]func(){
		"opsbot": func() { os.Exit(bot.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts drives the program by testdata/script/*.txtar: a line in, a reply and an exit code out. Beside the commands of testscript there
// are
//
//	exits N command...   run it and compare its exit code
//	await TEXT           wait until the service manager was told TEXT
//	signal HUP           send a signal to the command in the background
//	deaf SOCKET          listen on a socket and never answer; reached waits until somebody has asked something
//	freeport NAME        put a port that is free into a variable
//	receiver FILE        take signed notifications at $RECEIVER, into FILE, a line each; answer 503 makes it answer otherwise, answer 200 as before
//	expand FILE          put variables into a file; $ME is the local user who runs the test
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("TZ", "UTC")
			env.Setenv("ME", strings.TrimPrefix(socket.Current(), "unix:"))
			if err := os.Mkdir(home, 0o700); err != nil {
				return err
			}
			env.Values[deafKey{}] = make(chan struct{}, 1)
			env.Values[answerKey{}] = new(atomic.Int32)
			return listen(env)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "await": await, "expand": expand, "signal": sendSignal, "freeport": freeport, "deaf": deaf, "reached": reached,
			"receiver": receiver, "answer": answer,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N command...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func sendSignal(ts *testscript.TestScript, _ bool, args []string) {
	known := map[string]os.Signal{"HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "PIPE": syscall.SIGPIPE}
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(known[args[0]]))
	}
}

// freeport finds a port that nobody listens on at this moment, for two files that must name the same.
func freeport(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], port)
}

type deafKey struct{}

func deaf(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("unix", ts.MkAbs(args[0]))
	ts.Check(err)
	asked := ts.Value(deafKey{}).(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				if n, _ := c.Read(make([]byte, 1)); n > 0 {
					asked <- struct{}{}
				}
				_, _ = io.Copy(io.Discard, c) // until the other end goes away
				_ = c.Close()
			})
		}
	})
	ts.Defer(func() { _ = l.Close(); work.Wait() })
}

func reached(ts *testscript.TestScript, _ bool, _ []string) { <-ts.Value(deafKey{}).(chan struct{}) }

func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

type managerKey struct{}

// listen stands in for the service manager: what the program tells it arrives at the connection (sd_notify(3)).
func listen(env *testscript.Env) error {
	path := filepath.Join(env.WorkDir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	env.Defer(func() { _ = conn.Close() })
	env.Setenv("NOTIFY_SOCKET", path)
	env.Values[managerKey{}] = conn
	return nil
}

func await(ts *testscript.TestScript, _ bool, args []string) {
	conn := ts.Value(managerKey{}).(*net.UnixConn)
	ts.Check(conn.SetReadDeadline(time.Now().Add(20 * time.Second)))
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			ts.Fatalf("the service manager was never told %q: %v", args[0], err)
		}
		if slices.ContainsFunc(strings.Split(string(buf[:n]), "\n"), func(l string) bool { return strings.HasPrefix(l, args[0]) }) {
			return
		}
	}
}
