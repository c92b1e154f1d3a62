package lab

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// MonitorOptions describe a stand-in for a monitoring server.
type MonitorOptions struct {
	Dir    string         // where the file with its authority's certificate is made; "" = the system's temporary one
	Hosts  []string       // hosts that are always up
	Checks []MonitorCheck // services
	Every  time.Duration  // between two checks; 0 = 1 s
	Remind time.Duration  // between two notifications of one problem; 0 = 4 s
	// Notify is told of problems, reminders and recoveries, one after another.
	Notify func(MonitorEvent)
}

// MonitorCheck is a service and how its state is found: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
type MonitorCheck struct {
	Host, Service string
	Check         func() (state int, output string)
}

// MonitorEvent is a reason to notify.
type MonitorEvent struct {
	Type          string // PROBLEM, RECOVERY
	Host, Service string
	State         int
	Output        string
	Number        int
	Checked       time.Time
	Changed       time.Time
	Good          time.Time
}

// Monitor is a small monitoring server in this process that speaks the part of Icinga2's API which the demo needs, for machines without
// Icinga2. It proves nothing about Icinga2: no test of the client may use it. Safe for concurrent use.
type Monitor struct {
	URL        string
	ServerName string
	CAFile     string
	User       string
	Password   string

	opt    MonitorOptions
	dir    string
	server *http.Server
	end    context.CancelFunc
	stop   func() error
	wg     sync.WaitGroup

	mu       sync.Mutex
	services []*monitored
	comments []monitorComment
	rests    []monitorDowntime
	begun    time.Time
}

// monitored is a host or a service.
type monitored struct {
	check                  MonitorCheck
	state                  int
	output                 string
	acked                  bool
	number                 int
	checked, changed, good time.Time
	notified               time.Time
}

type monitorComment struct{ Name, Host, Service, Author, Text string }

type monitorDowntime struct {
	monitorComment
	start, end, duration float64
	fixed                bool
}

// StartMonitor starts a stand-in. It stops when ctx ends, or by Stop.
func StartMonitor(ctx context.Context, opt MonitorOptions) (*Monitor, error) {
	dir, err := os.MkdirTemp(opt.Dir, "lab-monitor-")
	if err != nil {
		return nil, fmt.Errorf("lab monitor: %w", err)
	}
	m, err := newMonitor(ctx, dir, opt)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lab monitor: %w", err), os.RemoveAll(dir))
	}
	return m, nil
}

func newMonitor(ctx context.Context, dir string, opt MonitorOptions) (*Monitor, error) {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // documented never to fail
	if opt.Every == 0 {
		opt.Every = time.Second
	}
	if opt.Remind == 0 {
		opt.Remind = 4 * time.Second
	}
	m := &Monitor{
		ServerName: "lab-monitor", CAFile: filepath.Join(dir, "ca.crt"), User: "opsbot", Password: hex.EncodeToString(raw), opt: opt, dir: dir, begun: time.Now(),
	}
	for _, h := range opt.Hosts {
		m.services = append(m.services, &monitored{check: MonitorCheck{Host: h}, output: "up", good: m.begun, checked: m.begun, changed: m.begun})
	}
	for _, c := range opt.Checks {
		m.services = append(m.services, &monitored{check: c, good: m.begun, changed: m.begun})
	}
	pair, err := newCertificates(m.ServerName)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(pair.certificate, pair.key)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(m.CAFile, pair.authority, 0o600); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m.URL = "https://" + l.Addr().String()
	m.server = &http.Server{Handler: m.routes(), ReadHeaderTimeout: 10 * time.Second}
	work, end := context.WithCancel(ctx)
	m.end = end
	m.wg.Go(func() {
		_ = m.server.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}))
	})
	m.wg.Go(func() { m.work(work) })
	m.stop = sync.OnceValue(func() error {
		m.end()
		err := m.server.Close()
		m.wg.Wait()
		return errors.Join(err, os.RemoveAll(m.dir))
	})
	context.AfterFunc(ctx, func() { _ = m.stop() }) // whoever calls Stop gets its error
	return m, nil
}

// Stop ends the stand-in and removes its directory. It may be called again.
func (m *Monitor) Stop() error { return m.stop() }

// work checks everything again and again.
func (m *Monitor) work(ctx context.Context) {
	t := time.NewTicker(m.opt.Every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			for _, s := range m.services {
				if s.check.Check != nil {
					m.check(s)
				}
			}
		}
	}
}

// check looks once, and notifies where there is a reason.
func (m *Monitor) check(s *monitored) {
	state, output := s.check.Check()
	now := time.Now()
	m.mu.Lock()
	event := MonitorEvent{Type: "PROBLEM", Host: s.check.Host, Service: s.check.Service}
	was := s.state
	if state != was {
		s.changed, s.acked, s.notified = now, false, time.Time{}
	}
	s.state, s.output, s.checked = state, output, now
	if state == 0 {
		s.good = now
	}
	tell := state != 0 && !s.acked && now.Sub(s.notified) >= m.opt.Remind
	if state == 0 && was != 0 {
		event.Type, tell = "RECOVERY", true
	}
	if tell {
		s.notified = now
		s.number++
	}
	event.State, event.Output, event.Number, event.Checked, event.Changed, event.Good = state, output, s.number, s.checked, s.changed, s.good
	if event.Type == "RECOVERY" {
		s.number = 0
	}
	m.mu.Unlock()
	if tell && m.opt.Notify != nil {
		m.opt.Notify(event)
	}
}

// writeResults answers as Icinga2 does.
func writeResults(w http.ResponseWriter, results ...any) {
	if results == nil {
		results = []any{}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"results": results}) // a client that is gone needs no answer
}
