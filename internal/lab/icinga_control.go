package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"syscall"
	"time"
)

// Halt ends the daemon as an operator would, which takes about 2 s in which it saves its state, and keeps its directory and port.
func (i *Icinga) Halt() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.process == nil {
		return nil
	}
	err := i.process.stop()
	killGroup(i.process) // nothing is left when it ended well
	i.process = nil
	return err
}

// Kill ends the daemon at once, like a crash, and keeps its directory and port.
func (i *Icinga) Kill() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.kill()
}

func (i *Icinga) kill() {
	if i.process != nil {
		killGroup(i.process)
		i.process = nil
	}
}

// Stop kills the daemon for good and removes its directory. It may be called again.
func (i *Icinga) Stop() error {
	i.unbind()
	return i.end()
}

func (i *Icinga) end() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.stopped {
		return nil
	}
	i.kill()
	i.stopped = true
	i.client.CloseIdleConnections()
	return os.RemoveAll(i.Dir)
}

// Reload gives the daemon another configuration in the place of IcingaOptions.Config and returns when the worker with it answers, after
// about 2 s. A configuration that does not hold changes nothing.
func (i *Icinga) Reload(ctx context.Context, config string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.process == nil {
		return errors.New("reload icinga2: it does not run")
	}
	old, err := os.ReadFile(i.file("etc/icinga2.conf"))
	if err != nil {
		return err
	}
	if err := i.writeConfig(config); err != nil {
		return err
	}
	if out, err := i.validate(ctx); err != nil {
		return errors.Join(fmt.Errorf("reload icinga2: %w: %s", err, out), os.WriteFile(i.file("etc/icinga2.conf"), old, 0o600))
	}
	before, err := i.worker(ctx)
	if err != nil {
		return fmt.Errorf("reload icinga2: %w", err)
	}
	if err := i.process.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		return fmt.Errorf("reload icinga2: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("reload icinga2: %w: %s", ctx.Err(), i.process.output)
		case <-t.C:
			if now, err := i.worker(ctx); err == nil && now != before {
				return nil
			}
		}
	}
}

// worker tells which process answers: each reload starts another one. What the daemon prints does not tell, since calls of its API push it out.
func (i *Icinga) worker(ctx context.Context) (float64, error) {
	text, err := i.Get(ctx, "/v1/status/IcingaApplication")
	if err != nil {
		return 0, err
	}
	var answer struct {
		Results []struct {
			Status struct {
				Application struct {
					App struct {
						PID float64 `json:"pid"`
					} `json:"app"`
				} `json:"icingaapplication"`
			} `json:"status"`
		} `json:"results"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return 0, fmt.Errorf("its status is %.200q: %w", text, err)
	}
	if len(answer.Results) != 1 {
		return 0, fmt.Errorf("its status is %.200q", text)
	}
	return answer.Results[0].Status.Application.App.PID, nil
}

// Log returns the end of what the daemon printed.
func (i *Icinga) Log() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.process == nil {
		return ""
	}
	return i.process.output.String()
}

// validate runs "icinga2 daemon -C" on the configuration that lies in the directory.
func (i *Icinga) validate(ctx context.Context) (string, error) {
	args, err := i.command("-C")
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "env", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// ValidateIcinga runs "icinga2 daemon -C" on a configuration, which takes 0.2 s, and returns what it prints: warnings too. The error says
// that the configuration does not hold.
func ValidateIcinga(ctx context.Context, opt IcingaOptions) (string, error) {
	i, err := newIcinga(opt)
	if err != nil {
		return "", fmt.Errorf("lab icinga: %w", err)
	}
	i.URL = "https://127.0.0.1:5665" // never bound
	err = i.writeConfig(opt.Config)
	var out string
	if err == nil {
		out, err = i.validate(ctx)
	}
	return out, errors.Join(err, os.RemoveAll(i.Dir))
}

// whoami returns the names of the user and the group that we run as.
func whoami() (name, group string, err error) {
	u, err := user.Current()
	if err != nil {
		return "", "", err
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		return "", "", err
	}
	return u.Username, g.Name, nil
}
