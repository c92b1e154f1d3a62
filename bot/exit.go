package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/reply"
)

// exitCodes are promised: scripts and units branch on them.
const exitCodes = `Exit codes:
  0    done
  1    failed
  2    the command line, or what was said, was not understood
  3    done in part
  4    refused by policy, or a yes is needed (say --yes)
  5    no such thing, or more than one
  75   not now: nobody answers, or someone else must say yes first; try again
  78   the configuration is wrong
  130  interrupted`

// failure is an error with the exit code that it ends the program with. Without an error the program ends silently, as everything has
// been said.
type failure struct {
	exit door.Exit
	err  error
	hint string
}

// Error returns what went wrong.
func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.exit)
	}
	return f.err.Error()
}

// Unwrap returns what went wrong.
func (f *failure) Unwrap() error { return f.err }

func usagef(format string, args ...any) error {
	return &failure{exit: door.Usage, err: fmt.Errorf(format, args...)}
}

// failureOf finds out how an error ends the program.
func (p *program) failureOf(ctx context.Context, err error) *failure {
	var f *failure
	var problem *socket.Problem
	var mistakes config.Mistakes
	asProblem := errors.As(err, &problem)
	switch {
	case errors.Is(context.Cause(ctx), errInterrupted) && !p.graceful:
		f = &failure{exit: door.Interrupted, err: errInterrupted}
		if asProblem {
			f.hint = problem.Hint
		}
		return f
	case errors.As(err, &f):
		return f
	case !p.begun:
		return &failure{exit: door.Usage, err: err, hint: "see opsbot --help"}
	case asProblem:
		return &failure{exit: problem.Exit, err: errors.New(problem.Text), hint: problem.Hint}
	case errors.As(err, &mistakes):
		return &failure{exit: door.BadConfig, err: err}
	case errors.Is(err, store.ErrLocked), errors.Is(err, socket.ErrInUse), errors.Is(err, socket.ErrNoBot):
		return &failure{exit: door.Temporary, err: err}
	default:
		return &failure{exit: door.Failure, err: err}
	}
}

// report prints a failure, for people or as one line of JSON, and returns its exit code.
func (p *program) report(f *failure, asJSON bool) door.Exit {
	if f.err == nil {
		return f.exit
	}
	if asJSON {
		return p.reportJSON(f)
	}
	for i, line := range strings.Split(f.err.Error(), "\n") {
		lead := "opsbot: "
		if i > 0 || errors.As(f.err, new(config.Mistakes)) { // a mistake begins with its file, as editors want it
			lead = ""
		}
		fmt.Fprintln(p.stderr, lead+reply.Clean(line))
	}
	if f.hint != "" {
		fmt.Fprintln(p.stderr, "  next: "+reply.Clean(f.hint))
	}
	return f.exit
}

func (p *program) reportJSON(f *failure) door.Exit {
	out := struct {
		socket.Problem
		Mistakes config.Mistakes `json:"mistakes,omitempty"`
	}{Problem: socket.Problem{Text: f.err.Error(), Hint: f.hint, Exit: f.exit}}
	errors.As(f.err, &out.Mistakes)
	if err := json.NewEncoder(p.stderr).Encode(out); err != nil {
		return door.Failure // nobody can be told any more
	}
	return f.exit
}

// jsonWanted looks for --json without the help of a parser, which may be what failed.
func jsonWanted(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.Contains(args, "--json") || slices.Contains(args, "--json=true")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
