package terminal

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// DoorName is the Origin.Door of messages from the terminal.
const DoorName = "terminal"

// queued is how many lines may wait for the one before them to be understood; more are read when there is room again.
const queued = 16

// Screen is a terminal in raw mode. Reading ends with io.EOF when Wake is called.
type Screen interface {
	io.ReadWriter
	Sizer
	Wake()
}

// Options is what the door needs. Desk, As and one of Screen and Lines are required.
type Options struct {
	Desk    door.Desk
	As      string // the identity of who sits there, such as unix:anna
	Printer *Printer
	Screen  Screen    // a terminal, with a prompt
	Lines   io.Reader // without one: lines, and no prompt
	Hello   string    // printed first
	Leave   string    // printed at the first Ctrl-C: what leaving means
	// Feed brings incidents, unasked: cards of one ID are one block on the screen (see Printer.Incident). It may be closed; nil brings nothing.
	Feed    <-chan reply.Card
	Session string // keeps the questions of one terminal from those of another; made up when empty
}

// prompt is what stands before the line that is typed.
const prompt = "opsbot> "

// Run hands lines to the desk until the person leaves (nil) or ctx ends (nil, too: what was accepted goes on). It returns when every answer
// has ended.
func Run(ctx context.Context, o Options) error {
	if o.Session == "" {
		o.Session = rand.Text()
	}
	ctx, cancel := context.WithCancel(ctx)
	t := &talk{Options: o, lines: make(chan string, queued)}
	var work sync.WaitGroup
	work.Go(func() { t.dispatch(ctx) })
	if o.Hello != "" {
		fmt.Fprintln(o.Printer, o.Hello)
	}
	hear, deaf := context.WithCancel(ctx)
	var feed sync.WaitGroup
	feed.Go(func() { t.hear(hear) })
	defer feed.Wait()
	defer deaf()
	var err error
	if o.Screen != nil {
		err = t.edit(ctx)
		cancel()
	} else {
		err = t.read(ctx)
	}
	close(t.lines)
	work.Wait()
	cancel()
	return err
}

// talk is one person at one terminal.
type talk struct {
	Options
	lines chan string
}

// hear shows what comes unasked.
func (t *talk) hear(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c, ok := <-t.Feed:
			if !ok {
				return
			}
			t.Printer.Incident(c)
		}
	}
}

// edit reads lines at a prompt.
func (t *talk) edit(ctx context.Context) error {
	stop := context.AfterFunc(ctx, t.Screen.Wake)
	defer stop()
	k := &keys{in: t.Screen, entered: t.Printer.Hold, warn: func() {
		if t.Leave != "" {
			fmt.Fprintln(t.Printer, t.Leave)
		}
	}}
	editor := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{k, t.Screen}, prompt)
	t.Printer.through(editor)
	defer func() {
		_, _ = t.Screen.Write([]byte("\r\x1b[J")) // takes the prompt away; a terminal that is gone needs none of it
		t.Printer.through(t.Screen)
	}()
	editor.AutoCompleteCallback = t.tabulator
	for {
		if w, h := t.Screen.Size(); w > 0 {
			_ = editor.SetSize(w, h) // never fails
		}
		line, err := editor.ReadLine()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, term.ErrPasteIndicator):
		case err != nil:
			return fmt.Errorf("read from the terminal: %w", err)
		}
		t.Printer.Typed(prompt, line)
		if !t.take(ctx, line) {
			return nil
		}
	}
}

// tabulator completes the line before the cursor.
func (t *talk) tabulator(line string, pos int, key rune) (string, int, bool) {
	if key != '\t' {
		return "", 0, false
	}
	c := complete(line[:pos], t.Desk.Complete(line[:pos]))
	if len(c.show) > 0 {
		width, _ := t.Screen.Size()
		_, _ = t.Printer.Write([]byte(columns(c.show, max(width, 20)))) // a terminal that is gone ends the reading, too
	}
	return c.line + line[pos:], len(c.line), true
}

// maxLine is the most bytes of a line that is read without a terminal. The desk has a stricter limit; this one is for input without an end.
const maxLine = 1 << 20

// read reads lines without a prompt.
func (t *talk) read(ctx context.Context) error {
	lines := bufio.NewScanner(t.Lines)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if !t.take(ctx, lines.Text()) {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read lines: %w", err)
	}
	return nil
}

// take queues a line; false means that the talk is over.
func (t *talk) take(ctx context.Context, line string) bool {
	switch strings.TrimSpace(line) {
	case "":
		return true
	case "exit", "quit", "logout":
		return false
	}
	select {
	case t.lines <- line:
		return true
	case <-ctx.Done():
		return false
	}
}

// dispatch gives one line after the other to the desk. A line does not wait for the end of the one before it, but until that one is under way
// or has asked its question, so that lines that were typed ahead mean what they would have meant one by one.
func (t *talk) dispatch(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	for line := range t.lines {
		settled := make(chan struct{})
		once := sync.OnceFunc(func() { close(settled) })
		m := t.message(line)
		work.Go(func() {
			defer once()
			t.Desk.Handle(ctx, m, func(c reply.Card) {
				t.Printer.Show(c)
				if c.Live || c.Kind == reply.Question {
					once()
				}
			})
		})
		<-settled
	}
}

func (t *talk) message(line string) door.Message {
	id := rand.Text()
	return door.Message{
		ID:      DoorName + "/" + id,
		Text:    line,
		As:      t.As,
		Origin:  actions.Origin{Door: DoorName, Channel: t.As, Thread: DoorName + "/" + t.Session, Message: id},
		At:      time.Now(),
		Patient: true,
	}
}
