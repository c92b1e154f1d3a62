package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

func (p *program) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "say what is wrong with a set-up, and what to do",
		Long: `Look at everything that the bot needs, from this machine and as the user who asks, so ask as the user who runs the bot: the configuration, rights of files,
the clock, the disk below data_dir, the socket, Icinga2 and the rights of its ApiUser, every cache and whether it answers a purge itself, people and
roles that cannot work, rules that can never match, the age of the newest copy of the state.

Each finding says what is wrong, where, and what to do. Ends with 1 if something is wrong. Nothing is changed but a file that is made beside the store
and removed, and a purge of an address that nobody has asked for.`,
		Args: exactly(),
		RunE: p.run(func(ctx context.Context, _ []string) error { return p.doctor(ctx) }),
	}
}

// Finding is one thing that the doctor has looked at.
type Finding struct {
	Part string `json:"part"` // what was looked at
	OK   bool   `json:"ok"`
	Warn bool   `json:"warn,omitempty"` // it works, and is hardly meant
	Say  string `json:"say"`            // what is so
	At   string `json:"at,omitempty"`   // where: a file, a key, an address
	Do   string `json:"do,omitempty"`   // what to do
}

// visitTime bounds the whole visit.
const visitTime = time.Minute

func (p *program) doctor(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, visitTime)
	defer cancel()
	cfg, err := p.loadConfig()
	if err != nil {
		return err
	}
	v := &visit{program: p, cfg: cfg}
	v.all(ctx)
	bad := false
	for _, f := range v.findings {
		bad = bad || !f.OK && !f.Warn
	}
	if err := p.printFindings(v.findings); err != nil {
		return err
	}
	if bad {
		return &failure{exit: door.Failure}
	}
	return nil
}

func (p *program) printFindings(findings []Finding) error {
	if p.asJSON {
		for _, f := range findings {
			if err := json.NewEncoder(p.stdout).Encode(f); err != nil {
				return err
			}
		}
		return nil
	}
	style := reply.Detect(p.getenv, false, 0)
	for _, f := range findings {
		if _, err := io.WriteString(p.stdout, reply.Text(f.card(), style)); err != nil {
			return err
		}
	}
	return nil
}

func (f Finding) card() reply.Card {
	c := reply.Card{Kind: reply.Done, Title: f.Part + ": " + f.Say, Hint: f.Do}
	switch {
	case f.Warn:
		c.Kind = reply.Partly
	case !f.OK:
		c.Kind = reply.Failed
	}
	if f.At != "" {
		c.Lines = []string{"at " + f.At}
	}
	return c
}

// visit is one look at everything.
type visit struct {
	*program
	cfg      *config.Config
	findings []Finding
}

func (v *visit) well(part, format string, args ...any) {
	v.findings = append(v.findings, Finding{Part: part, OK: true, Say: fmt.Sprintf(format, args...)})
}

func (v *visit) bad(part, at, do, format string, args ...any) {
	v.findings = append(v.findings, Finding{Part: part, At: at, Do: do, Say: fmt.Sprintf(format, args...)})
}

func (v *visit) warn(part, at, do, format string, args ...any) {
	v.findings = append(v.findings, Finding{Part: part, Warn: true, At: at, Do: do, Say: fmt.Sprintf(format, args...)})
}

// all looks at everything in the order in which things depend on each other.
func (v *visit) all(ctx context.Context) {
	v.configuration()
	v.clock()
	v.disk()
	v.export()
	v.socket(ctx)
	v.people()
	v.roles()
	v.rules()
	v.monitoring(ctx)
	v.caches(ctx)
}

func (v *visit) configuration() {
	for _, m := range v.cfg.Warnings {
		v.warn("configuration", m.File, "see opsbot check-config", "%s", m.String())
	}
	lacks := v.cfg.CheckMachine()
	for _, m := range lacks {
		v.bad("configuration", m.File, "correct the file, or the rights of what it names, then: opsbot check-config", "%s", m.String())
	}
	if len(lacks)+len(v.cfg.Warnings) == 0 {
		v.well("configuration", "%s is well", v.cfg.File)
	}
}

// socket asks the running bot, where one runs.
func (v *visit) socket(ctx context.Context) {
	h, err := v.askHealth(ctx)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
	case err != nil:
		v.warn("bot", v.cfg.Socket.Path, "start it: opsbot serve --config "+v.cfg.File, "no bot answers: %s", firstLine(err.Error()))
	case h.Ready:
		v.well("bot", "it runs and is ready")
	default:
		for _, vote := range h.Votes {
			if !vote.OK {
				v.bad("bot", v.cfg.Socket.Path, "see its log", "it runs and is not ready: %s: %s", vote.Name, vote.Why)
			}
		}
	}
}
