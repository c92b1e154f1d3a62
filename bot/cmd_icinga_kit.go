package bot

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/hitrate"
	"github.com/shitops/opsbot/icinga/plugin"
	"github.com/shitops/opsbot/internal/secret"
)

// kitOptions are the flags of icinga-kit.
type kitOptions struct {
	icinga.KitOptions
	password string // file
	notify   notifyOptions
}

func (p *program) icingaKitCommand() *cobra.Command {
	o := kitOptions{KitOptions: icinga.KitOptions{Reminder: 10 * time.Minute}}
	c := &cobra.Command{
		Use:   "icinga-kit DIR",
		Short: "write Icinga2's side as configuration files",
		Long: `Write the files that Icinga2 needs beside its own into DIR: the user as whom the bot calls its API, commands for checks and notifications, the template
opsbot-edge for hosts that are caches and those of what the bot registers itself, the services, and the rule that tells the bot. Copy them to
/etc/icinga2/conf.d or to a zone, and check them with icinga2 daemon -C.

Of the bot itself people are told, by its heartbeat: name their groups by --people, or let your own rules look after the host of --bot-host.

The flags --url, --key-id, --key-file, --ca and --spool are those that the files give to opsbot notify, and a --config that is given here
is the one they give to opsbot check; all of them are paths on the machine of Icinga2.

A file that is there with another content is left alone and named, unless --force is given.`,
		Example: `  opsbot icinga-kit --password-file icinga.password --url https://bot.example/icinga/notifications ./icinga2`,
		Args:    exactly("DIR"),
	}
	c.RunE = p.run(func(_ context.Context, args []string) error {
		if c.Flags().Changed("config") {
			o.Config = p.configPath
		}
		return p.icingaKit(args[0], o)
	})
	f := c.Flags()
	f.StringVar(&o.password, "password-file", "", "the `file` with the password of the API user (icinga.password_file of the bot)")
	f.StringVar(&o.ClientCN, "client-cn", "", "the common `name` of the bot's client certificate (icinga.certificate_file of the bot)")
	f.StringVar(&o.User, "user", "opsbot", "the `name` of the API user (icinga.user of the bot)")
	f.StringVar(&o.Program, "program", "/usr/bin/opsbot", "the `path` of this program there")
	f.StringVar(&o.BotHost, "bot-host", "opsbot", "the `name` of the host that stands for the bot")
	f.StringSliceVar(&o.People, "people", nil, "`groups` of users who are told when the bot is silent or ill")
	f.StringVar(&o.PeopleCommand, "people-command", "mail-service-notification", "the `name` of the notification command that tells them")
	f.StringVar(&o.HostCheck, "host-check", "hostalive", "the `name` of the check command of nodes that the bot registers")
	f.StringVar(&o.Warning, "warning", hitrate.Warning, "`range` of the hit rate in per cent")
	f.StringVar(&o.Critical, "critical", hitrate.Critical, "`range` of the hit rate in per cent")
	f.Var((*span)(&o.Reminder), "reminder", "the `span` between two notifications of one problem")
	f.BoolVar(&o.Force, "force", false, "replace files that are there")
	o.notify.flags(f)
	return c
}

func (p *program) icingaKit(dir string, o kitOptions) error {
	if o.password == "" && o.ClientCN == "" {
		return usagef("icinga-kit needs --password-file, or --client-cn where the bot shows a certificate")
	}
	if o.Reminder < time.Second {
		return usagef("--reminder %s: it is at least a second", o.Reminder)
	}
	if _, err := plugin.ParseThresholds(o.Warning, o.Critical); err != nil {
		return usagef("%w", err)
	}
	if o.password != "" {
		var err error
		if o.Password, err = (secret.Source{File: o.password}).Read(); err != nil {
			return err
		}
	}
	o.NotifyArgs = o.notify.args()
	names, err := icinga.Kit(dir, o.KitOptions)
	if err != nil {
		return err
	}
	for _, n := range names {
		if _, err := fmt.Fprintln(p.stdout, filepath.Join(dir, n)); err != nil {
			return err
		}
	}
	return nil
}
