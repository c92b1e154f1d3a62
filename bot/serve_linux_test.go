package bot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/overlay/netlab"
)

// served is `opsbot serve` as a process, and `opsbot agent` as a process for each of some nodes. Bot and agents talk in a namespace that nobody else
// uses, where the port is always free.
type served struct {
	*process
	*netlab.Lab
	t      *testing.T
	hub    *netlab.Space
	agents map[string]*nodeAgent
	out    *tail
}

// tail keeps the log of a process, and shows each line to whoever looks.
type tail struct {
	mu   sync.Mutex
	log  bytes.Buffer
	rest []byte
	look func(line []byte)
}

// Write takes the log.
func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log.Write(p)
	l.rest = append(l.rest, p...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		if l.look != nil {
			l.look(line)
		}
		l.rest = rest
	}
}

// watch lets look see each line from now on; nil ends it.
func (l *tail) watch(look func(line []byte)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.look = look
}

// text is all that was logged.
func (l *tail) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.String()
}

// startServed starts a bot, enrols n nodes by the command, and waits until all of them are there.
func startServed(t *testing.T, n int) *served {
	t.Helper()
	lab := netlab.New(t, n)
	dir := folder(t)
	var text strings.Builder
	fmt.Fprintf(&text, "data_dir: %s/data\nlisteners: [{address: \"127.0.0.1:0\", serve: [ops]}, {address: \"127.0.0.1:4443\", serve: [agents]}]\nsocket: {path: %s/s}\n", dir, dir)
	text.WriteString(people + "inventory:\n  tenants: [acme]\n  nodes:\n")
	for _, s := range lab.Nodes {
		fmt.Fprintf(&text, "    - {name: %s, address: %s, site: berlin, platform: linux}\n", s.Name, s.Addr)
	}
	file := filepath.Join(dir, "opsbot.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &served{process: &process{tb: t, dir: dir, file: file}, Lab: lab, t: t, hub: netlab.NewSpace(t, "hub"), agents: map[string]*nodeAgent{}, out: &tail{}}
	t.Cleanup(func() {
		s.die("serve")
		if t.Failed() {
			t.Logf("serve:\n%s", lastLines(s.out.text(), 60))
		}
	})
	s.begin()
	for _, n := range lab.Nodes {
		a := &nodeAgent{tb: t, space: n, from: s.hub, dir: filepath.Join(dir, n.Name)}
		t.Cleanup(func() {
			a.kill(syscall.SIGKILL)
			if t.Failed() {
				t.Logf("%s:\n%s", n.Name, lastLines(a.log.String(), 30))
			}
		})
		s.agents[n.Name] = a
		a.start(s.enrol(n.Name)...)
	}
	for _, n := range lab.Nodes {
		s.there(n.Name)
	}
	return s
}

// lastLines cuts a log.
func lastLines(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// begin starts the bot and waits until its socket answers.
func (s *served) begin() {
	s.t.Helper()
	s.cmd = s.hub.Command("opsbot", "serve", "--config", s.file)
	s.cmd.Stderr = s.out
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 60*time.Second)
	defer cancel()
	for {
		c, err := socket.Dial(ctx, s.dir+"/s")
		if err == nil {
			if _, err = c.Health(ctx); err == nil {
				return
			}
		}
		if ctx.Err() != nil {
			s.t.Fatalf("the bot does not answer: %v\n%s", err, lastLines(s.out.text(), 60))
		}
		pause(ctx, 10*time.Millisecond)
	}
}

// enrol asks for a code and returns the arguments of the agent's first start.
func (s *served) enrol(node string) []string {
	s.t.Helper()
	line, err := exec.Command("opsbot", "enrol", "--socket", s.dir+"/s", node).Output()
	if err != nil {
		s.t.Fatalf("enrol %s: %v", node, err)
	}
	return strings.Fields(string(line))[2:]
}

// die ends the bot, or the agent of a node, as a power cut does.
func (s *served) die(who string) {
	if who != "serve" {
		s.agents[who].kill(syscall.SIGKILL)
		return
	}
	if s.cmd != nil {
		_ = s.cmd.Process.Kill() // it may have been killed already
		_ = s.cmd.Wait()         // it was killed, and says so
		s.cmd = nil
	}
}

// revive starts it again.
func (s *served) revive(who string) {
	s.t.Helper()
	if who == "serve" {
		s.begin()
		return
	}
	s.agents[who].start()
}

// ask says a line as `opsbot say` does, without a process of its own, and returns the replies and the exit code.
func (s *served) ask(line string) (string, int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	c, err := socket.Dial(ctx, s.dir+"/s")
	if err != nil {
		s.t.Fatalf("%s: %v", line, err)
	}
	var text strings.Builder
	exit, err := c.Say(ctx, socket.Line{Text: line, Yes: true}, func(c reply.Card) { text.WriteString(plain(c)) })
	if err != nil {
		s.t.Fatalf("%s: %v", line, err)
	}
	return text.String(), int(exit)
}

// plain is a card as text; a living one is nothing until it ends.
func plain(c reply.Card) string {
	if c.Live {
		return ""
	}
	return reply.Text(c, reply.Style{Width: 160})
}

// told says a line by the command, which must go well, with words in the reply.
func (s *served) told(line string, want ...string) {
	s.t.Helper()
	var text strings.Builder
	exit := s.say(line, func(c reply.Card) bool { text.WriteString(plain(c)); return false })
	for _, w := range want {
		if !strings.Contains(text.String(), w) {
			s.t.Errorf("%s: want %q in\n%s", line, w, &text)
		}
	}
	if exit != 0 {
		s.t.Fatalf("%s: exit %d, want 0:\n%s", line, exit, &text)
	}
}

// comes says a line again and again until the reply has the words.
func (s *served) comes(line string, want ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 60*time.Second)
	defer cancel()
	for {
		text, _ := s.ask(line)
		if !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(text, w) }) {
			return
		}
		if ctx.Err() != nil {
			s.t.Fatalf("%s: want %q in\n%s", line, want, text)
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// there waits until a node could take a segment: its agent is connected, and the node bears its address.
func (s *served) there(node string) {
	s.t.Helper()
	s.comes("create segment another of acme on "+node+" --dry-run", "take a free VNI")
}

// stepEnded is a line of the bot's log that says that a step ended.
func stepEnded(line []byte) (run, state string, ok bool) {
	var l struct{ Msg, Run, State string }
	if err := json.Unmarshal(line, &l); err != nil || l.Msg != "step ended" {
		return "", "", false
	}
	return l.Run, l.State, true
}

// space is the namespace of a node.
func (s *served) space(node string) *netlab.Space {
	return s.Nodes[slices.IndexFunc(s.Nodes, func(n *netlab.Space) bool { return n.Name == node })]
}

// names are those of the nodes.
func (s *served) names() (list []string) {
	for _, n := range s.Nodes {
		list = append(list, n.Name)
	}
	return list
}
