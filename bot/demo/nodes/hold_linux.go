package nodes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/rpc"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Hold is the holder of a lab: it does what it reads from in, answers to out, and returns when in or ctx ends. All nodes vanish with the process.
func Hold(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program of the agents: %w", err)
	}
	h := &holder{ctx: ctx, program: program}
	server := rpc.NewServer()
	if err := server.RegisterName("Nodes", h); err != nil {
		return err
	}
	go server.ServeConn(ends{in, out, cancel})
	<-ctx.Done()
	return h.stop()
}

// ends is both ways to whoever started the holder.
type ends struct {
	in     io.Reader
	out    io.Writer
	cancel context.CancelFunc
}

// Read implements io.Reader. Its end is that of the holder, whatever is under way.
func (e ends) Read(b []byte) (int, error) {
	n, err := e.in.Read(b)
	if err != nil {
		e.cancel()
	}
	return n, err
}

// Write implements io.Writer.
func (e ends) Write(b []byte) (int, error) { return e.out.Write(b) }

// Close implements io.Closer.
func (e ends) Close() error { e.cancel(); return nil }

// holder has the nodes. Its exported methods are what is called.
type holder struct {
	ctx     context.Context // of the process: calls come without one
	program string

	mu       sync.Mutex
	base     *space // the network that the process began in, where agents find the bot
	underlay *space
	spaces   map[string]*space
	agents   []*agent
}

// agent is a process beside a node.
type agent struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// agentTime is how long agents may take to end in good order.
const agentTime = 5 * time.Second

// stop ends all agents, those that do not by force.
func (h *holder) stop() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.agents {
		_ = a.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	}
	timer := time.NewTimer(agentTime)
	defer timer.Stop()
	var errs []error
	for _, a := range h.agents {
		select {
		case <-a.ended:
			continue
		case <-timer.C:
		}
		timer.Reset(0) // the others have had their time, too
		errs = append(errs, fmt.Errorf("an agent did not end within %s", agentTime), a.cmd.Process.Kill())
		<-a.ended
	}
	return errors.Join(errs...)
}

// Make makes the underlay and the nodes.
func (h *holder) Make(names []string, made *[]Node) (err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.underlay != nil {
		return errors.New("the nodes were made before")
	}
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep the mounts of the nodes from the machine: %w", err)
	}
	if h.base, err = inherit(); err != nil {
		return err
	}
	if h.underlay, err = newUnderlay(); err != nil {
		return err
	}
	h.spaces = map[string]*space{}
	for i, name := range names {
		s, err := h.underlay.connect(name, i+1)
		if err != nil {
			return fmt.Errorf("make node %s: %w", name, err)
		}
		h.spaces[name] = s
		*made = append(*made, Node{Name: name, Addr: s.addr, Path: s.path()})
	}
	return nil
}

func (h *holder) find(node string) (*space, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.spaces[node]
	if !ok {
		return nil, fmt.Errorf("there is no node %q", node)
	}
	return s, nil
}

// Agent starts this very program in the network that the holder began in.
func (h *holder) Agent(c AgentCall, _ *bool) error {
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the agent has its own
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		return h.ctx.Err()
	}
	a := &agent{cmd: exec.Command(h.program, c.Args...), ended: make(chan struct{})}
	a.cmd.Stdout, a.cmd.Stderr, a.cmd.SysProcAttr = log, log, &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := h.base.do(a.cmd.Start); err != nil {
		return fmt.Errorf("start the agent of %s: %w", c.Node, err)
	}
	h.agents = append(h.agents, a)
	go func() {
		defer close(a.ended)
		_ = a.cmd.Wait() // how it ended is in its log
	}()
	return nil
}

// Devices lists what a node has.
func (h *holder) Devices(node string, list *[]Device) error {
	s, err := h.find(node)
	if err != nil {
		return err
	}
	return s.do(func() error {
		all, err := net.Interfaces()
		if err != nil {
			return err
		}
		for _, i := range all {
			if i.Flags&net.FlagLoopback != 0 {
				continue
			}
			d := Device{Name: i.Name, MTU: i.MTU}
			addrs, err := i.Addrs()
			if err != nil {
				continue // it vanished meanwhile
			}
			for _, a := range addrs {
				if p, err := netip.ParsePrefix(a.String()); err == nil {
					d.Addrs = append(d.Addrs, p.Addr())
				}
			}
			*list = append(*list, d)
		}
		return nil
	})
}

// Delete deletes a device.
func (h *holder) Delete(c DeviceCall, _ *bool) error {
	s, err := h.find(c.Node)
	if err != nil {
		return err
	}
	return s.do(func() error {
		link, err := netlink.LinkByName(c.Device)
		if err != nil {
			return fmt.Errorf("find %s on %s: %w", c.Device, c.Node, err)
		}
		return netlink.LinkDel(link)
	})
}

// vlanTag is what bridges and cables let pass above their MTU, bytes (is_skb_forwardable of the kernel).
const vlanTag = 4

// Hop sets what passes to and from a node, both ways at the port of the underlay.
func (h *holder) Hop(c HopCall, _ *bool) error {
	s, err := h.find(c.Node)
	if err != nil {
		return err
	}
	return h.underlay.do(func() error {
		link, err := netlink.LinkByName(s.port)
		if err != nil {
			return err
		}
		return netlink.LinkSetMTU(link, c.MTU-vlanTag)
	})
}

// Shell runs a line, and kills what it has started when it takes too long.
func (h *holder) Shell(c ShellCall, r *ShellReply) error {
	s, err := h.find(c.Node)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(h.ctx, shellTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", c.Line)
	out := &limited{most: outputBytes}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, out, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := s.do(cmd.Start); err != nil {
		return fmt.Errorf("run a line on %s: %w", c.Node, err)
	}
	err = cmd.Wait()
	r.Output = out.kept.String()
	switch {
	case ctx.Err() != nil:
		r.Failed = fmt.Sprintf("it was ended after %s", shellTime)
	case err != nil:
		r.Failed = err.Error()
	}
	return nil
}

// limited keeps the beginning of what is written to it. Reading into it is not promoted, since that knows no limit.
type limited struct {
	kept bytes.Buffer
	most int
}

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	_, _ = l.kept.Write(b[:min(len(b), max(0, l.most-l.kept.Len()))]) // a buffer takes all
	return len(b), nil
}
