package terminal_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/terminal"
	"github.com/shitops/opsbot/bot/reply"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a desk whose answers the test gives, line by line.
type desk struct {
	mu    sync.Mutex
	heard []door.Message
	talks map[string]func(ctx context.Context, send func(reply.Card)) // by line; others are echoed
	words []string
}

func (d *desk) Handle(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit {
	d.mu.Lock()
	d.heard = append(d.heard, m)
	d.mu.Unlock()
	if talk := d.talks[m.Text]; talk != nil {
		talk(ctx, send)
		return door.OK
	}
	send(reply.Card{Kind: reply.Answer, Title: "heard " + m.Text})
	return door.OK
}

func (d *desk) Complete(string) []string { return d.words }

func (d *desk) texts() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, m := range d.heard {
		out = append(out, m.Text)
	}
	return out
}

// session is a running door at a small terminal.
type session struct {
	*vt
	desk *desk
	done chan error
	stop context.CancelFunc
}

func start(t *testing.T, d *desk) *session {
	t.Helper()
	v := newVT(t, 40, 12)
	ctx, cancel := context.WithCancel(t.Context())
	s := &session{vt: v, desk: d, done: make(chan error, 1), stop: cancel}
	go func() {
		s.done <- terminal.Run(ctx, terminal.Options{
			Desk: d, As: "unix:anna", Screen: v, Printer: terminal.NewPrinter(v, reply.Style{}, v), Session: "s1", Leave: "again to leave",
		})
	}()
	t.Cleanup(func() { cancel(); v.Wake() })
	return s
}

func (s *session) ends(t *testing.T) {
	t.Helper()
	if err := <-s.done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestTalk(t *testing.T) {
	t.Parallel()
	d := &desk{}
	s := start(t, d)
	s.await("opsbot>\n")
	s.typeKeys("whoami\r")
	s.await("opsbot> whoami\nheard whoami\nopsbot>\n")
	s.typeKeys("  \r")
	s.typeKeys("\x1b[A") // up: the empty line
	s.typeKeys("\x1b[A\r")
	s.await("opsbot> whoami\nheard whoami\nopsbot>\nopsbot> whoami\nheard whoami\nopsbot>\n")
	s.typeKeys("\x04")
	s.ends(t)
	m := d.heard[0]
	if m.At.IsZero() || m.ID == d.heard[1].ID || !strings.HasPrefix(m.ID, "terminal/") {
		t.Errorf("messages %+v, want a time and an id each", d.heard)
	}
	want := door.Message{ID: m.ID, Text: "whoami", As: "unix:anna", At: m.At, Patient: true,
		Origin: actions.Origin{Door: "terminal", Channel: "unix:anna", Thread: "terminal/s1", Message: strings.TrimPrefix(m.ID, "terminal/")}}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("message differs (-want +got):\n%s", diff)
	}
}

func run(live bool, lines ...string) reply.Card {
	kind := reply.Done
	if live {
		kind = reply.Progress
	}
	return reply.Card{ID: "r-1", Kind: kind, Title: "r-1 flush edge-1", Lines: lines, Run: "r-1", Live: live}
}

// TestLivingProgress types a line while a run moves on above the prompt, and asks something else meanwhile.
func TestLivingProgress(t *testing.T) {
	t.Parallel()
	steps := make(chan reply.Card)
	d := &desk{talks: map[string]func(context.Context, func(reply.Card)){
		"flush edge-1": func(_ context.Context, send func(reply.Card)) {
			for c := range steps {
				send(c)
			}
		},
	}}
	s := start(t, d)
	s.typeKeys("flush edge-1\r")
	steps <- run(true, "1 of 3: purge")
	s.await("opsbot> flush edge-1\n~ r-1 flush edge-1\n  1 of 3: purge\nopsbot>\n")
	s.typeKeys("who")
	s.await("opsbot> flush edge-1\n~ r-1 flush edge-1\n  1 of 3: purge\nopsbot> who\n")
	steps <- run(true, "2 of 3: prime", "17 of 31")
	s.await("opsbot> flush edge-1\n~ r-1 flush edge-1\n  2 of 3: prime\n  17 of 31\nopsbot> who\n")
	s.typeKeys("ami\r")
	s.await("opsbot> flush edge-1\nopsbot> whoami\nheard whoami\n~ r-1 flush edge-1\n  2 of 3: prime\n  17 of 31\nopsbot>\n")
	steps <- run(true, "3 of 3: verify")
	s.await("opsbot> flush edge-1\nopsbot> whoami\nheard whoami\n~ r-1 flush edge-1\n  3 of 3: verify\nopsbot>\n")
	steps <- run(false, "verified")
	close(steps)
	s.await("opsbot> flush edge-1\nopsbot> whoami\nheard whoami\n+ r-1 flush edge-1\n  verified\nopsbot>\n")
	s.typeKeys("quit\r")
	s.ends(t)
}

// TestTypedAhead pastes a command and the answer to its question: the answer waits for the question.
func TestTypedAhead(t *testing.T) {
	t.Parallel()
	plan := make(chan struct{})
	d := &desk{talks: map[string]func(context.Context, func(reply.Card)){
		"flush edge-1": func(_ context.Context, send func(reply.Card)) {
			<-plan
			send(reply.Card{Kind: reply.Question, Title: "really?"})
		},
	}}
	s := start(t, d)
	s.typeKeys("flush edge-1\r\nyes\n")
	s.await("opsbot> flush edge-1\nopsbot> yes\nopsbot>\n")
	if got := d.texts(); len(got) > 1 {
		t.Errorf("the desk heard %q before the question was asked", got)
	}
	close(plan)
	s.await("opsbot> flush edge-1\nopsbot> yes\n? really?\nheard yes\nopsbot>\n")
	s.typeKeys("\x04")
	s.ends(t)
}

func TestControlC(t *testing.T) {
	t.Parallel()
	d := &desk{}
	s := start(t, d)
	s.typeKeys("flush edge-1")
	s.await("opsbot> flush edge-1\n")
	s.typeKeys("\x1b[D\x03") // from within the line
	s.await("again to leave\nopsbot>\n")
	s.typeKeys("x\x03")
	s.await("again to leave\nagain to leave\nopsbot>\n")
	s.typeKeys("\x03")
	s.ends(t)
	if got := d.texts(); len(got) != 0 {
		t.Errorf("the desk heard %q, want nothing", got)
	}
}

func TestTabulator(t *testing.T) {
	t.Parallel()
	d := &desk{words: []string{"edge-1", "edge-12", "edges"}}
	s := start(t, d)
	s.typeKeys("flush e\t")
	s.await("opsbot> flush edge\n")
	s.typeKeys("\t")
	s.await("edge-1   edge-12  edges\nopsbot> flush edge\n")
	s.typeKeys("s\t")
	s.await("edge-1   edge-12  edges\nopsbot> flush edges\n")
	s.typeKeys("now\r\x04")
	s.ends(t)
	if diff := cmp.Diff([]string{"flush edges now"}, d.texts()); diff != "" {
		t.Errorf("lines differ (-want +got):\n%s", diff)
	}
}

// TestStopWhileTyping ends the door from outside, with a run listened to and a line half typed.
func TestStopWhileTyping(t *testing.T) {
	t.Parallel()
	d := &desk{talks: map[string]func(context.Context, func(reply.Card)){
		"flush edge-1": func(ctx context.Context, send func(reply.Card)) {
			send(run(true, "1 of 3"))
			<-ctx.Done()
			send(reply.Card{Kind: reply.Progress, Title: "r-1 goes on"})
		},
	}}
	s := start(t, d)
	s.typeKeys("flush edge-1\r")
	s.await("opsbot> flush edge-1\n~ r-1 flush edge-1\n  1 of 3\nopsbot>\n")
	s.stop()
	s.ends(t)
	if text := s.text(); !strings.Contains(text, "~ r-1 goes on\n") {
		t.Errorf("after the stop the screen shows\n%s", text)
	}
}

func TestLinesWithoutATerminal(t *testing.T) {
	t.Parallel()
	d := &desk{talks: map[string]func(context.Context, func(reply.Card)){
		"flush edge-1": func(_ context.Context, send func(reply.Card)) {
			send(run(true, "1 of 3"))
			send(run(true, "2 of 3"))
			last := run(true, "3 of 3")
			last.Title = "r-1 waits"
			send(last)
			send(run(false, "verified"))
		},
	}}
	var out strings.Builder
	err := terminal.Run(t.Context(), terminal.Options{
		Desk: d, As: "unix:anna", Lines: strings.NewReader("flush edge-1\n\nexit\nnever said\n"), Printer: terminal.NewPrinter(&out, reply.Style{}, nil), Hello: "hello",
	})
	want := "hello\n~ r-1 flush edge-1\n  1 of 3\n~ r-1 waits\n+ r-1 flush edge-1\n  verified\n"
	if err != nil || out.String() != want {
		t.Errorf("Run = %v, printed\n%s\nwant\n%s", err, out.String(), want)
	}
	if diff := cmp.Diff([]string{"flush edge-1"}, d.texts()); diff != "" {
		t.Errorf("lines differ (-want +got):\n%s", diff)
	}
}

func TestLinesWithoutAnEnd(t *testing.T) {
	t.Parallel()
	err := terminal.Run(t.Context(), terminal.Options{
		Desk: &desk{}, Lines: strings.NewReader(strings.Repeat("x", 2<<20)), Printer: terminal.NewPrinter(&strings.Builder{}, reply.Style{}, nil),
	})
	if err == nil || !strings.Contains(err.Error(), "token too long") {
		t.Errorf("Run over two megabytes without a line break = %v, want an error", err)
	}
}
