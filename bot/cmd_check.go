package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/icinga/plugin"
)

// checkPatience bounds a check: monitoring waits 30 s for it (see icinga-kit), agents of other kinds 10 s.
const checkPatience = 8 * time.Second

const pluginCodes = `It is a monitoring plugin: one line with performance data, and the exit codes 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, the last for
everything that keeps it from looking, a wrong command line too. It gives up after 8 seconds.`

func (p *program) checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "look at one thing, as a monitoring plugin",
		Long:  "Look at one thing and report as a monitoring plugin does.\n\n" + pluginCodes,
		Args:  func(c *cobra.Command, args []string) error { return p.unknown("CHECK", noCheck(c, args)) },
		RunE:  func(*cobra.Command, []string) error { return nil }, // that of a check runs instead; cobra wants one to look at Args
	}
	// What is asked for as a check and is none has flags of its own as a rule: its name is the mistake.
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		if args := c.Flags().Args(); len(args) > 0 {
			err = noCheck(c, args)
		}
		return p.unknown("CHECK", err)
	})
	c.AddCommand(p.checkHitRateCommand(), p.checkLatencyCommand(), p.checkBotCommand(), p.checkOverlayCommand())
	return c
}

// noCheck tells which checks there are to who named none of them.
func noCheck(c *cobra.Command, args []string) error {
	var names []string
	for _, one := range c.Commands() {
		names = append(names, one.Name())
	}
	there := "there are " + strings.Join(names, ", ")
	if len(args) == 0 {
		return errors.New("which check? " + there)
	}
	return fmt.Errorf("there is no check %.40q; %s", args[0], there)
}

// plugin runs a check and prints its result. A check that does not heed its time is left behind: the program ends.
func (p *program) plugin(ctx context.Context, name string, patience time.Duration, check func(context.Context) plugin.Result) error {
	ctx, cancel := context.WithTimeout(ctx, patience-grace) // those that heed it say why
	defer cancel()
	done := make(chan plugin.Result, 1)
	go func() { done <- check(ctx) }()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case r := <-done:
		return p.result(r)
	case <-late.C:
		return p.unknown(name, fmt.Errorf("there was no answer within %s", patience))
	}
}

func (p *program) unknown(name string, err error) error { return p.result(plugin.Failed(name, err)) }

// result prints what a check found, and returns its exit code.
func (p *program) result(r plugin.Result) error {
	var err error
	if p.asJSON {
		out := struct {
			Name    string   `json:"name"`
			Status  string   `json:"status"`
			Text    string   `json:"text"`
			Metrics []string `json:"metrics,omitempty"`
			Details []string `json:"details,omitempty"`
			Exit    int      `json:"exit"`
		}{Name: r.Name, Status: r.Status.String(), Text: r.Text, Details: r.Details, Exit: r.Status.Exit()}
		for _, m := range r.Metrics {
			out.Metrics = append(out.Metrics, m.String())
		}
		err = json.NewEncoder(p.stdout).Encode(out)
	} else {
		_, err = fmt.Fprint(p.stdout, r)
	}
	switch {
	case err != nil:
		return &failure{exit: door.Exit(plugin.Unknown), err: err}
	case r.Status == plugin.OK:
		return nil
	}
	return &failure{exit: door.Exit(r.Status.Exit())}
}

// goodURL says what is wrong with the URL of something that is asked over HTTP. A query is left out of what it says: it may hold somebody's token.
func goodURL(flag, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return fmt.Errorf("--%s: it is no URL", flag)
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return fmt.Errorf("--%s %s: want a URL that begins with http:// or https:// and names a host", flag, withoutQuery(raw))
	}
	return nil
}

// span is a flag for a duration. A number without a unit is in seconds: that is what Icinga2 makes of its own 5m.
type span time.Duration

// String returns the duration.
func (s *span) String() string { return time.Duration(*s).String() }

// Set reads "5m" and "300".
func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if n, numErr := strconv.ParseFloat(text, 64); numErr == nil && math.Abs(n) <= math.MaxInt64/1e9 {
		d, err = time.Duration(n*float64(time.Second)), nil
	}
	if err != nil {
		return errors.New("want a span such as 5m, or seconds")
	}
	*s = span(d)
	return nil
}

// Type is what the help calls it where nothing else is said.
func (s *span) Type() string { return "span" }

// asPlugin makes the usage errors of a command those of a plugin.
func (p *program) asPlugin(c *cobra.Command, name string) *cobra.Command {
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return p.unknown(name, err) })
	c.Args = func(c *cobra.Command, args []string) error {
		if err := exactly()(c, args); err != nil {
			return p.unknown(name, err)
		}
		return nil
	}
	return c
}
