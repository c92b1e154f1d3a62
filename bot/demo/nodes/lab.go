package nodes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/shitops/opsbot/internal/spawn"
)

// Options say what a lab is made of. All are required.
type Options struct {
	Dir     string   // of logs, and of what agents remember; the caller removes it
	Program string   // that becomes the holder
	Args    []string // with which it calls [Hold]
	Names   []string // of the nodes
}

// Lab is nodes that live as long as their holder.
type Lab struct {
	Nodes      []Node
	Privileged bool // made as root; else in a user namespace

	opt     Options
	cmd     *exec.Cmd
	calls   *rpc.Client
	ended   chan struct{} // closed when the holder has ended
	stopped bool
}

// stopTime is how long a holder may take to end its agents before it is killed.
const stopTime = 10 * time.Second

// pipe is both ways to the holder.
type pipe struct {
	io.Reader
	io.WriteCloser
}

// holderLog is where the holder writes what it cannot say in an answer.
const holderLog = "nodes.log"

// hold starts the holder and lets it make the nodes.
func hold(ctx context.Context, opt Options, privileged bool) (*Lab, error) {
	log, err := os.OpenFile(filepath.Join(opt.Dir, holderLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the holder has its own
	l := &Lab{Privileged: privileged, opt: opt, cmd: exec.Command(opt.Program, opt.Args...), ended: make(chan struct{})}
	l.cmd.Stderr, l.cmd.SysProcAttr = log, attributes(privileged)
	in, err := l.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	wait, err := spawn.Start(l.cmd)
	if err != nil { // which closes both
		return nil, fmt.Errorf("start the holder of the nodes: %w", err)
	}
	l.calls = rpc.NewClient(pipe{out, in})
	go func() {
		defer close(l.ended)
		_ = wait() // how it ended is in its log
	}()
	if err := l.call(ctx, "Make", opt.Names, &l.Nodes); err != nil {
		return nil, errors.Join(err, l.Stop())
	}
	return l, nil
}

// Stop ends all agents and the holder, and all nodes with it. It may be called again.
func (l *Lab) Stop() error {
	if l.stopped {
		return nil
	}
	l.stopped = true
	_ = l.calls.Close() // closes the way in, which tells the holder to end; it may have ended
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-l.ended:
		return nil
	case <-timer.C:
	}
	err := errors.Join(fmt.Errorf("the holder of the nodes did not end within %s", stopTime), l.cmd.Process.Kill())
	<-l.ended
	return err
}

// call asks the holder for something.
func (l *Lab) call(ctx context.Context, what string, args, reply any) error {
	c := l.calls.Go("Nodes."+what, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-c.Done:
		if _, said := errors.AsType[rpc.ServerError](c.Error); c.Error != nil && !said {
			return fmt.Errorf("the holder of the nodes has ended; its log ends with: %s", lastLine(filepath.Join(l.opt.Dir, holderLog)))
		}
		return c.Error
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Find returns a node by its name.
func (l *Lab) Find(name string) (Node, bool) {
	i := slices.IndexFunc(l.Nodes, func(n Node) bool { return n.Name == name })
	if i < 0 {
		return Node{}, false
	}
	return l.Nodes[i], true
}

// Agent starts the agent of a node: the line that enrols it, without the name of the program, is its beginning.
func (l *Lab) Agent(ctx context.Context, node string, line []string) error {
	n, ok := l.Find(node)
	if !ok {
		return fmt.Errorf("there is no node %q", node)
	}
	endpoints := filepath.Join(l.opt.Dir, node+".endpoints")
	if err := os.MkdirAll(endpoints, 0o700); err != nil {
		return err
	}
	args := slices.Concat(line, []string{"--data", filepath.Join(l.opt.Dir, node), "--netns", n.Path, "--endpoints", endpoints})
	var done bool
	return l.call(ctx, "Agent", AgentCall{Node: node, Args: args, Log: l.log(node)}, &done)
}

func (l *Lab) log(node string) string { return filepath.Join(l.opt.Dir, node+".log") }

// LastWords is the last line that the agent of a node has written.
func (l *Lab) LastWords(node string) string { return lastLine(l.log(node)) }

// Ping sends packets of a size from a node until one is answered, and tells how long that took. They are never fragmented.
func (l *Lab) Ping(ctx context.Context, from string, to netip.Addr, bytes int, wait time.Duration) (time.Duration, error) {
	var took time.Duration
	err := l.call(ctx, "Ping", PingCall{Node: from, To: to, Bytes: bytes, Wait: wait}, &took)
	return took, err
}

// Devices are those of a node, without its loopback.
func (l *Lab) Devices(ctx context.Context, node string) ([]Device, error) {
	var list []Device
	err := l.call(ctx, "Devices", node, &list)
	return list, err
}

// Delete takes a device away from a node, as somebody would by hand.
func (l *Lab) Delete(ctx context.Context, node, device string) error {
	var done bool
	return l.call(ctx, "Delete", DeviceCall{Node: node, Device: device}, &done)
}

// Hop lets the underlay pass only packets up to a size to and from a node, which the node cannot see.
func (l *Lab) Hop(ctx context.Context, node string, mtu int) error {
	var done bool
	return l.call(ctx, "Hop", HopCall{Node: node, MTU: mtu}, &done)
}

// Shell runs a line of shell in a node. The error is of a line that could not be run; one that fails says so.
func (l *Lab) Shell(ctx context.Context, node, line string) (ShellReply, error) {
	var r ShellReply
	err := l.call(ctx, "Shell", ShellCall{Node: node, Line: line}, &r)
	return r, err
}
