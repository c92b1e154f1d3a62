package bot

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/door/terminal"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/intents"
)

// Main runs one command line and returns its exit code. It reads the environment and takes the signals of the process: the first INT or
// TERM ends the command in good order, the second one at once with 130.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr, getenv: os.Getenv, kill: os.Exit}
	ctx, release := p.signals(context.Background())
	defer release()
	root := p.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return int(door.OK)
	}
	return int(p.report(p.failureOf(ctx, err), jsonWanted(args)))
}

// program is what the commands share.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string

	configPath string // --config
	socketPath string // --socket
	asJSON     bool   // --json
	begun      bool   // the command line was understood: what goes wrong from here on is no mistake of usage

	kill     func(code int) // ends the process
	mu       sync.Mutex
	ending   bool   // in good order; the next signal ends at once
	graceful bool   // the command ends in good order by itself, however long that takes
	atOnce   func() // what must not be left behind even then, such as a terminal in raw mode
}

// errInterrupted is the cause of the context that a signal ends.
var errInterrupted = errors.New("interrupted")

// grace is how long a command that is interrupted may take to end by itself.
const grace = 500 * time.Millisecond

// signals returns a context that the first INT or TERM ends; the second ends the process, and so does a command that does not heed its
// context, such as one that waits for input. PIPE is taken and dropped, so that a reader that is gone is an ordinary error of writing.
func (p *program) signals(ctx context.Context) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	got := make(chan os.Signal, 4)
	signal.Notify(got, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		var late <-chan time.Time
		for {
			select {
			case <-done:
				return
			case <-late:
				p.exit()
			case s := <-got:
				switch {
				case s == syscall.SIGPIPE:
				case p.end():
					p.exit()
				default:
					cancel(errInterrupted)
					late = p.patience()
				}
			}
		}
	})
	return ctx, func() {
		signal.Stop(got)
		close(done)
		work.Wait()
		cancel(nil)
	}
}

// end begins the end in good order, and tells whether it had begun before.
func (p *program) end() (again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	again, p.ending = p.ending, true
	return again
}

// exit ends the process at once.
func (p *program) exit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.atOnce != nil {
		p.atOnce()
	}
	p.kill(int(door.Interrupted))
}

// patience returns what fires when an interrupted command should have ended; it never does for one that sees to its end itself.
func (p *program) patience() <-chan time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.graceful {
		return nil
	}
	return time.After(grace)
}

// takeTime lets the command end in good order by itself, and sets what is done before an end at once.
func (p *program) takeTime(atOnce func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.graceful = true
	if atOnce != nil {
		p.atOnce = atOnce
	}
}

// loadConfig reads the configuration strictly; its error carries exit code 78.
func (p *program) loadConfig() (*config.Config, error) {
	return p.readConfig(p.configPath)
}

func (p *program) readConfig(path string) (*config.Config, error) {
	catalog, err := intents.Load()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range catalog.Intents() {
		names = append(names, s.Name)
	}
	c, err := config.Load(path, config.Options{Intents: names})
	if err != nil {
		return nil, &failure{exit: door.BadConfig, err: err}
	}
	return c, nil
}

// client returns a client of the running bot. Who may write to the socket need not be allowed to read the configuration: then the socket is
// looked for at its usual place.
func (p *program) client(ctx context.Context) (*socket.Client, error) {
	path, why := p.socketPath, error(nil)
	if path == "" {
		path = config.Default().Socket.Path
		c, err := p.loadConfig()
		if err == nil {
			path = c.Socket.Path
		}
		why = err
	}
	c, err := socket.Dial(ctx, path)
	if err == nil {
		return c, nil
	}
	f := &failure{exit: door.Temporary, err: err, hint: "start it with: opsbot serve --config " + p.configPath}
	if why != nil {
		f.hint = "the socket was looked for at its usual place, as the configuration does not tell: " + firstLine(why.Error()) + "; name it with --socket"
	}
	return nil, f
}

// printer returns a printer of cards to the standard output, living where that is a terminal.
func (p *program) printer() *terminal.Printer {
	f, ok := p.stdout.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return terminal.NewPrinter(p.stdout, reply.Detect(p.getenv, false, 0), nil)
	}
	s := screen{f}
	width, _ := s.Size()
	style := reply.Detect(p.getenv, true, width)
	if !style.Color && p.getenv("NO_COLOR") == "" { // a terminal that obeys nothing
		return terminal.NewPrinter(p.stdout, style, nil)
	}
	return terminal.NewPrinter(p.stdout, style, s)
}

// screen tells the size of a terminal that is not in raw mode.
type screen struct{ f *os.File }

// Size returns columns and rows, 0 where they are not known.
func (s screen) Size() (width, height int) {
	width, height, err := term.GetSize(int(s.f.Fd()))
	if err != nil {
		return 0, 0
	}
	return width, height
}

// run makes a cobra function of one that may fail.
func (p *program) run(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		p.begun = true
		return do(c.Context(), args)
	}
}
