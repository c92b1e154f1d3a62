package cache_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/cache"
)

// crash is what happens at the n-th command that a server sees.
type crash string

const (
	diesBefore crash = "our process dies, the server has not acted"
	diesAfter  crash = "our process dies, the server has acted"
	lostBefore crash = "the connection breaks, the server has not acted"
	lostAfter  crash = "the connection breaks, the server has acted"
	halfReply  crash = "the connection breaks in the answer"
	downNow    crash = "the worker is down for this command"
)

// TestCrashAnywhere enumerates every command of a proved operation and every way to lose it there. Whatever happens, another process
// that knows the mark alone ends with both rounds in the server's list, each once, the first before the second.
func TestCrashAnywhere(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(context.Context, cache.Driver) (cache.Result, error){
		"flush": func(ctx context.Context, d cache.Driver) (cache.Result, error) {
			return cache.FlushProved(ctx, d, "r-1/do/0/edge-1", nil, cache.ProofOptions{Settle: time.Microsecond})
		},
		"prefix": func(ctx context.Context, d cache.Driver) (cache.Result, error) {
			return cache.PurgePrefixProved(ctx, d, "/news/", "r-1/do/0/edge-1", nil, cache.ProofOptions{Settle: time.Microsecond})
		},
	} {
		quiet := startCLI(t, &fakeCLI{})
		if _, err := act(t.Context(), openFake(t, quiet.Address, "", time.Second)); err != nil {
			t.Fatal(err)
		}
		commands := quiet.seen()
		for n := 1; n <= len(commands); n++ {
			for _, kind := range []crash{diesBefore, diesAfter, lostBefore, lostAfter, halfReply, downNow} {
				t.Run(fmt.Sprintf("%s at %d %.8s: %s", name, n, commands[n-1], kind), func(t *testing.T) {
					t.Parallel()
					crashAt(t, n, kind, quiet.banList(), act)
				})
			}
		}
	}
}

func crashAt(t *testing.T, at int, kind crash, want []string, act func(context.Context, cache.Driver) (cache.Result, error)) {
	ctx, die := context.WithCancel(t.Context())
	defer die()
	f := &fakeCLI{}
	f.Answer = func(c net.Conn, n int, command string) bool {
		if n != at {
			return false
		}
		if spec, isBan := strings.CutPrefix(command, "ban "); isBan && (kind == diesAfter || kind == lostAfter || kind == halfReply) {
			f.addBan(spec)
		}
		switch kind {
		case diesBefore, diesAfter:
			die()
		case halfReply:
			_, _ = c.Write([]byte("200 2"))
			_ = c.Close()
		case downNow:
			say(c, 300, "Child not running")
		default:
			_ = c.Close()
		}
		return true
	}
	startCLI(t, f)
	_, err := act(ctx, openFake(t, f.Address, "", 5*time.Second))
	died := kind == diesBefore || kind == diesAfter
	switch {
	case died && !errors.Is(err, context.Canceled):
		t.Errorf("first process: %v, want %v", err, context.Canceled)
	case !died && err != nil && !cache.Temporary(err):
		t.Errorf("first process: %v, want success or a temporary error", err)
	}
	for range 2 { // and a third process changes nothing
		r, err := act(t.Context(), openFake(t, f.Address, "", 5*time.Second))
		if err != nil {
			t.Fatalf("next process: %v", err)
		}
		if diff := cmp.Diff(want, f.banList()); diff != "" {
			t.Fatalf("bans after the next process, which says %v (-want +got):\n%s", r, diff)
		}
	}
	if slices.Contains(f.seen(), "quit") {
		t.Error("nobody asks to quit")
	}
}
