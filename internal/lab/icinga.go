package lab

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// IcingaOptions describe an Icinga2 daemon. The zero value is a daemon without hosts.
type IcingaOptions struct {
	Config string // appended to its configuration: hosts, services, users, "include" lines
	// Files are configuration files of their own, by name ("opsbot.conf"), that are included in front of Config and stay through a Reload.
	Files map[string][]byte
	Dir   string // where its directory is made; "" = the system's temporary one
	Node  string // its NodeName, which its certificate is for; "" = "lab-icinga"
}

// Icinga is a running icinga2 daemon of our own, on loopback, with a certificate authority of its own. Safe for concurrent use.
type Icinga struct {
	URL        string // https://127.0.0.1:port
	ServerName string // what its certificate is for, whatever address is dialled
	CAFile     string // PEM of the authority that signed it
	User       string // an ApiUser who may do everything
	Password   string
	Dir        string // its directory: etc, data, log, cache, spool, run

	opt    IcingaOptions
	client *http.Client

	mu      sync.Mutex
	process *process // nil while halted
	stopped bool
	unbind  func() bool
}

// StartIcinga starts an icinga2 daemon and returns when its API answers, after 0.1 to 0.2 s on an idle machine. It stops when ctx ends, or by
// Stop, which also removes its directory.
func StartIcinga(ctx context.Context, opt IcingaOptions) (*Icinga, error) {
	i, err := newIcinga(opt)
	if err != nil {
		return nil, fmt.Errorf("lab icinga: %w", err)
	}
	if err := i.startOnFreePort(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("lab icinga: %w", err), os.RemoveAll(i.Dir))
	}
	i.unbind = context.AfterFunc(ctx, func() { _ = i.end() }) // whoever calls Stop gets its error
	return i, nil
}

func newIcinga(opt IcingaOptions) (*Icinga, error) {
	if err := Missing("icinga2"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(opt.Dir, "lab-icinga-")
	if err != nil {
		return nil, err
	}
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // documented never to fail
	i := &Icinga{Dir: dir, ServerName: or(opt.Node, "lab-icinga"), User: "root", Password: hex.EncodeToString(raw), opt: opt}
	i.CAFile = i.file("data/certs/ca.crt")
	for _, d := range []string{"etc/zones.d", "etc/conf.d", "data/certs", "log", "cache", "spool", "run"} {
		err = errors.Join(err, os.MkdirAll(i.file(d), 0o700))
	}
	if err == nil {
		err = errors.Join(i.writeCertificates(), i.writeFiles())
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return i, nil
}

func (i *Icinga) writeFiles() error {
	for name, content := range i.opt.Files {
		if name != filepath.Base(name) || filepath.Ext(name) != ".conf" {
			return fmt.Errorf("file %q: want a plain name that ends with .conf", name)
		}
		if err := os.WriteFile(i.file("etc/conf.d/"+name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (i *Icinga) file(name string) string { return filepath.Join(i.Dir, name) }

func (i *Icinga) writeCertificates() error {
	pair, err := newCertificates(i.ServerName)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pair.authority)
	i.client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: i.ServerName}, DisableKeepAlives: true,
	}}
	// The daemon finds them by these names (icinga2 documentation, "Technical Concepts", "TLS Certificates").
	return errors.Join(
		os.WriteFile(i.CAFile, pair.authority, 0o600),
		os.WriteFile(i.file("data/certs/"+i.ServerName+".crt"), pair.certificate, 0o600),
		os.WriteFile(i.file("data/certs/"+i.ServerName+".key"), pair.key, 0o600))
}

func (i *Icinga) startOnFreePort(ctx context.Context) error {
	var err error
	for range 5 {
		var address string
		if address, err = freeAddress(ctx); err != nil {
			return err
		}
		i.URL = "https://" + address
		if err = i.writeConfig(i.opt.Config); err != nil {
			return err
		}
		if err = i.Start(ctx); err == nil || !strings.Contains(err.Error(), "in use") {
			return err
		}
	}
	return err
}

func (i *Icinga) writeConfig(extra string) error {
	host, port, err := net.SplitHostPort(strings.TrimPrefix(i.URL, "https://"))
	if err != nil {
		return err
	}
	text := fmt.Sprintf(`const NodeName = %q
const PluginDir = "/usr/lib/nagios/plugins"
include <itl>
include <plugins>
object Endpoint NodeName { }
object Zone "master" { endpoints = [ NodeName ] }
object CheckerComponent "checker" { }
object NotificationComponent "notification" { }
object ApiListener "api" {
  bind_host = %q
  bind_port = %s
}
object ApiUser %q {
  password = %q
  permissions = [ "*" ]
}
include %q
%s`, i.ServerName, host, port, i.User, i.Password, i.file("etc/conf.d/*.conf"), extra)
	return os.WriteFile(i.file("etc/icinga2.conf"), []byte(text), 0o600)
}

// command is how the daemon is called. env(1) sets the two variables without which it would drop to a user of its own; it replaces itself
// by the daemon, so that the process is the daemon's.
func (i *Icinga) command(more ...string) ([]string, error) {
	self, group, err := whoami()
	if err != nil {
		return nil, err
	}
	args := []string{"ICINGA2_USER=" + self, "ICINGA2_GROUP=" + group, "icinga2", "daemon", "-c", i.file("etc/icinga2.conf")}
	for _, d := range []struct{ constant, dir string }{
		{"ConfigDir", "etc"}, {"ZonesDir", "etc/zones.d"}, {"DataDir", "data"}, {"LogDir", "log"}, {"CacheDir", "cache"},
		{"SpoolDir", "spool"}, {"InitRunDir", "run"},
	} {
		args = append(args, "-D"+d.constant+"="+i.file(d.dir))
	}
	return append(args, more...), nil
}

// Start starts a halted daemon again, on the same port and with the state that it had saved.
func (i *Icinga) Start(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.process != nil {
		return errors.New("icinga2 already runs")
	}
	if i.stopped {
		return errors.New("icinga2 was stopped for good")
	}
	args, err := i.command()
	if err != nil {
		return err
	}
	p, err := startProcess("env", args...)
	if err != nil {
		return err
	}
	if err := i.await(ctx, p); err != nil {
		killGroup(p)
		return err
	}
	i.process = p
	return nil
}

// await returns when the API answers.
func (i *Icinga) await(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-p.done:
			return fmt.Errorf("icinga2 exited: %w: %s", p.err, p.output)
		case <-ctx.Done():
			return fmt.Errorf("icinga2 does not answer: %w: %s", ctx.Err(), p.output)
		case <-t.C:
			if i.answers(ctx) == nil {
				return nil
			}
		}
	}
}

func (i *Icinga) answers(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.URL+"/v1", nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth(i.User, i.Password)
	req.Header.Set("Accept", "application/json")
	resp, err := i.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // its content is of no interest
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /v1: %s", resp.Status)
	}
	return nil
}

// killGroup ends the umbrella, the worker and the process that spawns checks: they share a process group, and without its umbrella the worker
// would keep the port.
func killGroup(p *process) {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
	<-p.done
}
