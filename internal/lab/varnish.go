package lab

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

//go:embed edge.vcl
var edgeVCL string

// EdgeVCL returns the VCL that a Varnish runs by default: PURGE and SOFTPURGE with counts, tags by xkey, the URL kept for bans by
// prefix, Cache-Status. {{host}} and {{port}} stand for the origin's.
func EdgeVCL() string { return edgeVCL }

// VarnishOptions describe a varnishd. Origin alone is required.
type VarnishOptions struct {
	Origin  string   // host:port of the backend
	VCL     string   // with {{host}} and {{port}} for the origin; "" = EdgeVCL
	Dir     string   // where its directory is made; "" = the system's temporary one
	Name    string   // varnishd -i, the name in Cache-Status; "" = "lab"
	Storage string   // varnishd -s; "" = "malloc,32m"
	Params  []string // varnishd -p, "name=value" each, besides those that keep it small
	Secret  []byte   // of the CLI; nil = a random one
}

// Varnish is a running varnishd of our own, on loopback. Safe for concurrent use.
type Varnish struct {
	URL          string // http://host:port for viewers
	AdminAddress string // host:port of the CLI
	SecretFile   string // file with the CLI's secret
	StatsDir     string // for varnishstat -n

	dir     string
	opt     VarnishOptions
	address string // viewers' host:port

	mu      sync.Mutex
	process *process // nil while halted
	stopped bool
	unbind  func() bool
}

// StartVarnish starts a varnishd and returns when it answers, after 1 to 3 s: it compiles its VCL with cc. It stops when ctx ends,
// or by Stop, which also removes its directory.
func StartVarnish(ctx context.Context, opt VarnishOptions) (*Varnish, error) {
	if err := Missing("varnishd", "varnishadm"); err != nil {
		return nil, fmt.Errorf("lab varnish: %w", err)
	}
	dir, err := os.MkdirTemp(opt.Dir, "lab-varnish-")
	if err != nil {
		return nil, fmt.Errorf("lab varnish: %w", err)
	}
	v := &Varnish{dir: dir, opt: opt, SecretFile: filepath.Join(dir, "secret"), StatsDir: filepath.Join(dir, "n")}
	if err = v.writeFiles(); err == nil {
		err = v.startOnFreePorts(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lab varnish: %w", err), os.RemoveAll(dir))
	}
	v.unbind = context.AfterFunc(ctx, func() { _ = v.end() }) // whoever calls Stop gets its error
	return v, nil
}

func (v *Varnish) writeFiles() error {
	host, port, err := net.SplitHostPort(v.opt.Origin)
	if err != nil {
		return fmt.Errorf("origin: %w", err)
	}
	vcl := v.opt.VCL
	if vcl == "" {
		vcl = edgeVCL
	}
	vcl = strings.NewReplacer("{{host}}", host, "{{port}}", port).Replace(vcl)
	secret := v.opt.Secret
	if secret == nil {
		raw := make([]byte, 32)
		_, _ = rand.Read(raw) // documented never to fail
		secret = []byte(hex.EncodeToString(raw) + "\n")
	}
	return errors.Join(os.WriteFile(v.SecretFile, secret, 0o600), os.WriteFile(v.file("edge.vcl"), []byte(vcl), 0o600))
}

func (v *Varnish) file(name string) string { return filepath.Join(v.dir, name) }

// startOnFreePorts picks two ports that are free now, and picks others when somebody else was faster.
func (v *Varnish) startOnFreePorts(ctx context.Context) error {
	var err error
	for range 5 {
		if v.address, err = freeAddress(ctx); err != nil {
			return err
		}
		if v.AdminAddress, err = freeAddress(ctx); err != nil {
			return err
		}
		v.URL = "http://" + v.address
		if err = v.Start(ctx); err == nil || !portTaken(err) {
			return err
		}
	}
	return err
}

// portTaken tells whether varnishd ended since somebody else has one of its ports: it says so in one way of -a, and in another of -T.
func portTaken(err error) bool {
	return strings.Contains(err.Error(), "in use") || strings.Contains(err.Error(), "could not be listened on")
}

func freeAddress(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Start starts a halted varnishd again, on the same ports, with an empty cache.
func (v *Varnish) Start(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.process != nil {
		return errors.New("varnishd already runs")
	}
	if v.stopped {
		return errors.New("varnishd was stopped for good")
	}
	args := []string{"-F", "-j", "none", "-n", v.StatsDir, "-i", or(v.opt.Name, "lab"), "-a", v.address, "-T", v.AdminAddress,
		"-S", v.SecretFile, "-f", v.file("edge.vcl"), "-s", or(v.opt.Storage, "malloc,32m"),
		"-p", "thread_pools=1", "-p", "thread_pool_min=10", "-p", "workspace_client=32k", "-p", "vsl_space=4M"}
	for _, p := range v.opt.Params {
		args = append(args, "-p", p)
	}
	p, err := startProcess("varnishd", args...)
	if err != nil {
		return err
	}
	if err := v.await(ctx, p); err != nil {
		return errors.Join(err, p.stop())
	}
	v.process = p
	return nil
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// startTimeout bounds the start; cc on a busy machine may take long.
const startTimeout = 60 * time.Second

// await returns when the worker process runs. A connection proves nothing: the master opens the port before the worker answers.
func (v *Varnish) await(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-p.done:
			return fmt.Errorf("varnishd exited: %w: %s", p.err, p.output)
		case <-ctx.Done():
			return fmt.Errorf("varnishd is not ready: %w: %s", ctx.Err(), p.output)
		case <-t.C:
			if out, err := v.Admin(ctx, "status"); err == nil && strings.Contains(out, "running") {
				return nil
			}
		}
	}
}

// Admin runs varnishadm with a command and returns what it prints.
func (v *Varnish) Admin(ctx context.Context, command ...string) (string, error) {
	args := append([]string{"-T", v.AdminAddress, "-S", v.SecretFile, "-t", "5"}, command...)
	out, err := exec.CommandContext(ctx, "varnishadm", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("varnishadm %s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

// Halt ends varnishd and keeps its directory and ports: a node that is down.
func (v *Varnish) Halt() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.halt()
}

func (v *Varnish) halt() error {
	if v.process == nil {
		return nil
	}
	err := v.process.stop()
	v.process = nil
	return err
}

// Stop ends varnishd for good and removes its directory. It may be called again.
func (v *Varnish) Stop() error {
	v.unbind()
	return v.end()
}

func (v *Varnish) end() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stopped {
		return nil
	}
	v.stopped = true
	return errors.Join(v.halt(), os.RemoveAll(v.dir))
}
