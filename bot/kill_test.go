package bot_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/reply"
)

// process is `opsbot serve` as a process of its own, which can be killed.
type process struct {
	tb   testing.TB
	dir  string
	file string
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// serve starts the process and waits until its socket answers.
func (p *process) serve() {
	p.tb.Helper()
	p.log.Reset()
	p.cmd = exec.Command("opsbot", "serve", "--config", p.file)
	p.cmd.Stderr = &p.log
	if err := p.cmd.Start(); err != nil {
		p.tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.tb.Context(), 30*time.Second)
	defer cancel()
	for {
		c, err := socket.Dial(ctx, p.dir+"/s")
		if err == nil {
			if _, err = c.Health(ctx); err == nil {
				return
			}
		}
		if ctx.Err() != nil {
			p.tb.Fatalf("the bot does not answer: %v\n%s", err, &p.log)
		}
		pause(ctx, 20*time.Millisecond)
	}
}

// pause waits between two looks at another process.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// kill ends the process as a power cut does.
func (p *process) kill() {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		p.tb.Fatal(err)
	}
	_ = p.cmd.Wait() // it was killed, and says so
}

// term ends the process in good order.
func (p *process) term() {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.tb.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.tb.Errorf("serve: %v\n%s", err, &p.log)
	}
}

// say runs `opsbot say` and hands each card to seen until that returns true or the command ends; then it returns the exit code.
func (p *process) say(text string, seen func(reply.Card) bool) int {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(p.tb.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "opsbot", "say", "--config", p.file, "--json", "--yes", text)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.tb.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c reply.Card
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			p.tb.Fatalf("say printed %q: %v", lines.Text(), err)
		}
		if seen(c) {
			break
		}
	}
	for lines.Scan() {
	} // the command may print more, and must not block on it
	_ = cmd.Wait() // its exit code tells
	return cmd.ProcessState.ExitCode()
}

// TestKillBetweenAnyTwoSteps kills the bot after each number of finished steps of a flush of a real Varnish, and starts it again: every run ends in the
// same state, with each effect once.
func TestKillBetweenAnyTwoSteps(t *testing.T) {
	t.Parallel()
	e := startEdge(t, 1)
	dir := folder(t)
	p := &process{tb: t, dir: dir, file: configure(t, dir, e.inventory())}
	p.serve()
	for kill := range 5 {
		old := e.etag(t, "/ts/v0/seg000.ts")
		e.origin.SetGeneration(100 + kill)
		run, killed := "", false
		p.say("flush edge-1", func(c reply.Card) bool {
			run = c.Run
			if strings.Count(strings.Join(c.Lines, "\n"), "✓") < kill || run == "" {
				return false
			}
			p.kill()
			killed = true
			return true
		})
		if !killed { // the run was over before so many steps were seen: cards of quick steps are sent as one
			p.kill()
		}
		p.serve()
		state := p.state(run)
		if state != "done" {
			t.Errorf("killed after %d steps: %s is %q, want done", kill, run, state)
		}
		if got := e.etag(t, "/ts/v0/seg000.ts"); got == old {
			t.Errorf("killed after %d steps: the edge serves the old %s", kill, old)
		}
		for _, step := range []int{0, 2} {
			if n := e.bans(t, fmt.Sprintf("%s/do/%d/edge-1", run, step)); n != 1 {
				t.Errorf("killed after %d steps: %d bans of step %d, want 1", kill, n, step)
			}
		}
	}
	p.term()
}

// state follows a run to its end and returns how it ended.
func (p *process) state(run string) string {
	p.tb.Helper()
	state := ""
	p.say("show "+run+" --follow", func(c reply.Card) bool {
		if data, ok := c.Data.(map[string]any); ok {
			if s, ok := data["state"].(string); ok {
				state = s
			}
		}
		return false
	})
	return state
}
