package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// service is what is checked on every edge.
const service = "Cache Hit Rate"

// monitoring is Icinga2, or what stands in for it.
type monitoring interface {
	// connect lets it watch the edges and notify the bot at an address.
	connect(ctx context.Context, w *World, hooks string) error
	// get reads from its API.
	get(ctx context.Context, path string) (string, error)
	describe() string
	config() string
	Stop() error
}

// The secrets of the demo are on loopback for some minutes.
const (
	apiPassword = "the-password-of-the-demo"
	hmacKey     = "the-key-of-the-demo-has-32-bytes"
)

func (w *World) startMonitoring(ctx context.Context) error {
	err := errors.Join(os.WriteFile(w.path("hmac.key"), []byte(hmacKey), 0o600), os.WriteFile(w.path("icinga.password"), []byte(apiPassword), 0o600))
	if err != nil {
		return err
	}
	if lab.Missing("icinga2") != nil {
		w.monitoring = &standInIcinga{world: w}
		return w.monitoring.(*standInIcinga).start(ctx)
	}
	real := &realIcinga{world: w}
	files, err := real.kit("127.0.0.1:1")
	if err != nil {
		return err
	}
	if real.Icinga, err = lab.StartIcinga(ctx, lab.IcingaOptions{Dir: w.opt.Dir, Config: string(files["opsbot-api-user.conf"])}); err != nil {
		return err
	}
	w.monitoring = real
	return nil
}

func (w *World) path(name string) string { return filepath.Join(w.opt.Dir, name) }

// Connect lets the monitoring watch the edges and notify the bot at an address, once it listens there.
func (w *World) Connect(ctx context.Context, hooks string) error {
	if err := w.monitoring.connect(ctx, w, hooks); err != nil {
		return fmt.Errorf("connect the monitoring of the demo: %w", err)
	}
	w.regulars(ctx)
	return nil
}

// realIcinga is an Icinga2 with the bot's own kit.
type realIcinga struct {
	*lab.Icinga
	world *World
	feed  func() error // ends the reports about stand-ins
}

func (r *realIcinga) describe() string                                     { return r.URL + ", real Icinga2" }
func (r *realIcinga) get(ctx context.Context, path string) (string, error) { return r.Get(ctx, path) }

func (r *realIcinga) config() string { return icingaConfig(r.URL, "opsbot", r.CAFile, r.ServerName) }

// Stop ends it.
func (r *realIcinga) Stop() error {
	if r.feed != nil {
		return errors.Join(r.feed(), r.Icinga.Stop())
	}
	return r.Icinga.Stop()
}

func icingaConfig(url, user, ca, server string) string {
	return fmt.Sprintf(`icinga:
  url: %q
  user: %s
  password_file: icinga.password
  ca_file: %q
  server_name: %s
  notifications: [{name: icinga2, hmac: [{id: demo, secret_file: hmac.key}]}]
`, url, user, ca, server)
}

// kit is Icinga2's side of the bot.
func (r *realIcinga) kit(hooks string) (map[string][]byte, error) {
	return icinga.KitFiles(icinga.KitOptions{
		Program: r.world.opt.Program, Config: r.world.File, Password: secret.New([]byte(apiPassword)), Warning: "85:", Critical: "0:", Reminder: 4 * time.Second,
		NotifyArgs: []string{
			"--url", "http://" + hooks + "/icinga/notifications", "--key-id", "demo", "--key-file", r.world.path("hmac.key"), "--spool", r.world.path("spool"),
		},
	})
}

// connect gives Icinga2 the kit, with the pace of a demo, and the edges as its hosts.
func (r *realIcinga) connect(ctx context.Context, w *World, hooks string) error {
	files, err := r.kit(hooks)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b.Write(files[name])
	}
	pace := []string{"check_interval = 1m", "check_interval = 1s", "retry_interval = 30s", "retry_interval = 1s", "max_check_attempts = 3", "max_check_attempts = 1",
		"vars.opsbot_self = true", "vars.opsbot_self = false"} // the demo is about edges
	standIns := !w.Edges[0].Real()
	if standIns { // there is no varnishstat that a plugin could ask: the results are reported from here
		pace = append(pace, `check_command = "opsbot-cache-hit-rate"`, "check_command = \"dummy\"\n  enable_active_checks = false")
	}
	var text strings.Builder
	text.WriteString(strings.NewReplacer(pace...).Replace(b.String()))
	for _, e := range w.Edges {
		text.WriteString(fmt.Sprintf(`
object Host %q {
  import "opsbot-edge"
  check_command = "dummy"
  vars.dummy_state = 0
  vars.opsbot_window = %q
  vars.opsbot_min_requests = "%d"
  vars.opsbot_warm_up = "0s"
  vars.opsbot_state_dir = %q
}
`, e.Name, window.String(), enough, w.path("state")))
	}
	if err := r.Reload(ctx, text.String()); err != nil {
		return err
	}
	if standIns {
		r.report(ctx)
	}
	return nil
}

// report tells Icinga2 the hit rate of stand-ins, each second.
func (r *realIcinga) report(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			for _, e := range r.world.Edges {
				state, output := e.check()
				_ = r.Report(ctx, e.Name, service, state, output) // the next one comes in a second
			}
		}
	})
	r.feed = func() error { cancel(); work.Wait(); return nil }
}

// standInIcinga is what runs where there is no Icinga2.
type standInIcinga struct {
	*lab.Monitor
	world *World

	mu     sync.Mutex
	sender *icinga.Sender // nil until the bot listens
}

func (s *standInIcinga) start(ctx context.Context) error {
	opt := lab.MonitorOptions{Dir: s.world.opt.Dir, Notify: func(e lab.MonitorEvent) { s.notify(ctx, e) }}
	for _, e := range s.world.Edges {
		opt.Hosts = append(opt.Hosts, e.Name)
		opt.Checks = append(opt.Checks, lab.MonitorCheck{Host: e.Name, Service: service, Check: func() (int, string) { return s.world.check(ctx, e) }})
	}
	m, err := lab.StartMonitor(ctx, opt)
	if err != nil {
		return err
	}
	s.Monitor = m
	return os.WriteFile(s.world.path("icinga.password"), []byte(m.Password), 0o600)
}

// check finds the hit rate of an edge: of a Varnish by the plugin, as Icinga2 would.
func (w *World) check(ctx context.Context, e *Edge) (state int, output string) {
	if !e.Real() {
		return e.check()
	}
	out, err := exec.CommandContext(ctx, w.opt.Program, "check", "cache-hit-rate", "--config", w.File, "--node", e.Name, "--warning", "85:", "--critical", "0:",
		"--window", window.String(), "--min-requests", fmt.Sprint(enough), "--warm-up", "0s", "--state-dir", w.path("state")).Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		state = failed.ExitCode()
	} else if err != nil {
		state = 3
	}
	return state, strings.TrimSpace(string(out))
}

func (s *standInIcinga) describe() string {
	return s.URL + ", STAND-IN for Icinga2 (it is not installed; Debian: apt-get install icinga2)"
}

func (s *standInIcinga) config() string {
	return icingaConfig(s.URL, s.User, s.CAFile, s.ServerName) + "  stream: false\n"
}

func (s *standInIcinga) get(ctx context.Context, path string) (string, error) {
	return s.Get(ctx, path)
}

func (s *standInIcinga) connect(_ context.Context, _ *World, hooks string) error {
	key := func() (secret.Secret, error) { return secret.New([]byte(hmacKey)), nil }
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sender = &icinga.Sender{URL: "http://" + hooks + "/icinga/notifications", ID: "demo", Key: key}
	return nil
}

// notify posts what the stand-in has found to the bot, as `opsbot notify` does for Icinga2. The next reminder comes soon if it fails.
func (s *standInIcinga) notify(ctx context.Context, e lab.MonitorEvent) {
	s.mu.Lock()
	sender := s.sender
	s.mu.Unlock()
	if sender == nil {
		return
	}
	states := []icinga.State{icinga.OK, icinga.Warning, icinga.Critical, icinga.Unknown}
	n := icinga.Notification{
		Type: icinga.NotificationType(e.Type), Host: e.Host, Service: e.Service, State: states[min(max(e.State, 0), 3)], StateType: icinga.Hard, Number: e.Number,
		Output: e.Output, User: "opsbot", ExecutionEnd: e.Checked, LastStateChange: e.Changed, LastHardStateChange: e.Changed, LastGood: e.Good, At: time.Now(),
	}
	if body, err := n.Body(); err == nil {
		_ = sender.Send(ctx, body) // see above
	}
}
