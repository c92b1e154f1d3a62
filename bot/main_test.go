package bot

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/socket"
)

func TestFailureOf(t *testing.T) {
	interrupted, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	tests := []struct {
		name string
		ctx  context.Context
		p    *program
		err  error
		want door.Exit
		text string
		hint string
	}{
		{"before the command began", t.Context(), &program{}, errors.New("unknown flag: --x"), 2, "unknown flag: --x", "see opsbot --help"},
		{"usage", t.Context(), &program{begun: true}, usagef("needs %s", "FILE"), 2, "needs FILE", ""},
		{"anything else", t.Context(), &program{begun: true}, io.ErrUnexpectedEOF, 1, "unexpected EOF", ""},
		{"mistakes of the configuration", t.Context(), &program{begun: true}, fmt.Errorf("reload: %w", config.Mistakes{{File: "f", Say: "s"}}), 78, "reload: f: s", ""},
		{"data in use", t.Context(), &program{begun: true}, fmt.Errorf("start: %w", store.ErrLocked), 75, "start: data directory in use", ""},
		{"socket in use", t.Context(), &program{begun: true}, fmt.Errorf("start: %w", socket.ErrInUse), 75, "start: another process answers on it", ""},
		{"what the bot said", t.Context(), &program{begun: true}, &socket.Problem{Text: "no", Hint: "ask", Exit: 4}, 4, "no", "ask"},
		{"interrupted", interrupted, &program{begun: true}, &failure{exit: 75, err: context.Canceled}, 130, "interrupted", ""},
		{"interrupted while the bot answered", interrupted, &program{begun: true}, &socket.Problem{Text: "gone", Hint: "it goes on", Exit: 75}, 130, "interrupted", "it goes on"},
		{"a bad end of serve", interrupted, &program{begun: true, graceful: true}, errors.New("stop store: timeout"), 1, "stop store: timeout", ""},
		{"everything has been said", t.Context(), &program{begun: true}, &failure{exit: 3}, 3, "exit code 3", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.p.failureOf(tt.ctx, tt.err)
			if f.exit != tt.want || f.Error() != tt.text || f.hint != tt.hint {
				t.Errorf("failureOf(%v) = %d %q, next %q, want %d %q, next %q", tt.err, f.exit, f.Error(), f.hint, tt.want, tt.text, tt.hint)
			}
		})
	}
}

func TestReport(t *testing.T) {
	mistakes := config.Mistakes{{File: "a.yaml", Line: 2, Column: 1, Say: "one"}, {File: "a.yaml", Say: "two\x1b[2J"}}
	tests := []struct {
		name   string
		f      *failure
		asJSON bool
		want   string
	}{
		{"for people", &failure{exit: 1, err: errors.New("open x: no such file"), hint: "make it"}, false, "opsbot: open x: no such file\n  next: make it\n"},
		{"as JSON", &failure{exit: 1, err: errors.New("open \"x\""), hint: "make it"}, true, `{"error":"open \"x\"","hint":"make it","exit":1}` + "\n"},
		{"mistakes begin with their file", &failure{exit: 78, err: mistakes}, false, "a.yaml:2:1: one\na.yaml: two\\x1b[2J\n"},
		{"mistakes as JSON", &failure{exit: 78, err: mistakes[:1]}, true,
			`{"error":"a.yaml:2:1: one","exit":78,"mistakes":[{"file":"a.yaml","line":2,"column":1,"say":"one"}]}` + "\n"},
		{"nothing to say", &failure{exit: 4}, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			p := &program{stderr: &out}
			if exit := p.report(tt.f, tt.asJSON); exit != tt.f.exit || out.String() != tt.want {
				t.Errorf("report printed %q and returned %d, want %q and %d", out.String(), exit, tt.want, tt.f.exit)
			}
		})
	}
}

func TestJSONWanted(t *testing.T) {
	for args, want := range map[string]bool{"say x --json": true, "say --json=true x": true, "say x": false, "say -- --json": false, "": false} {
		if got := jsonWanted(strings.Fields(args)); got != want {
			t.Errorf("jsonWanted(%q) = %v, want %v", args, got, want)
		}
	}
}

// TestSignals sends real signals to this process, which takes them as the program does.
func TestSignals(t *testing.T) {
	send := func(s syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(syscall.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("the second one ends at once", func(t *testing.T) {
		killed, left := make(chan int, 1), false
		p := &program{kill: func(code int) { killed <- code }}
		ctx, release := p.signals(t.Context())
		defer release()
		p.takeTime(func() { left = true })
		send(syscall.SIGPIPE)
		send(syscall.SIGTERM)
		<-ctx.Done()
		if cause := context.Cause(ctx); !errors.Is(cause, errInterrupted) {
			t.Errorf("cause of the end is %v, want %v", cause, errInterrupted)
		}
		send(syscall.SIGINT)
		if code := <-killed; code != 130 || !left {
			t.Errorf("the second signal ended with %d, terminal restored: %v, want 130 and true", code, left)
		}
	})
	t.Run("a command that does not heed it is ended", func(t *testing.T) {
		killed := make(chan int, 1)
		p := &program{kill: func(code int) { killed <- code }}
		_, release := p.signals(t.Context())
		defer release()
		send(syscall.SIGINT)
		if code := <-killed; code != 130 {
			t.Errorf("it ended with %d, want 130", code)
		}
	})
}

// TestReadLine holds the reader of parse against strings.Split, with lines longer than its buffer.
func TestReadLine(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		lines := rapid.SliceOfN(rapid.OneOf(
			rapid.StringMatching(`[a-zé ]{0,20}`),
			rapid.Custom(func(r *rapid.T) string { return strings.Repeat("x", rapid.IntRange(15, 70).Draw(r, "long")) }),
		), 0, 8).Draw(r, "lines")
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(r, "end")
		text := strings.Join(lines, end)
		if rapid.Bool().Draw(r, "ended") && len(lines) > 0 {
			text += end
		}
		in := bufio.NewReaderSize(strings.NewReader(text), 16)
		var got []string
		for {
			line, err := readLine(in)
			if errors.Is(err, io.EOF) {
				break
			}
			got = append(got, line)
		}
		want := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
		if want[len(want)-1] == "" { // there is nothing behind the last line break
			want = want[:len(want)-1]
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || len(got) != len(want) {
			r.Errorf("lines of %q are %q, want %q", text, got, want)
		}
	})
}

func TestReadLineOfAMegabyte(t *testing.T) {
	in := bufio.NewReader(strings.NewReader(strings.Repeat("x", 3<<20) + "\nwhoami\n"))
	first, err := readLine(in)
	if err != nil || len(first) != longestUtterance {
		t.Errorf("first line has %d bytes, %v, want %d", len(first), err, longestUtterance)
	}
	if second, err := readLine(in); err != nil || second != "whoami" {
		t.Errorf("second line is %q, %v, want whoami", second, err)
	}
}
