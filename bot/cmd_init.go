package bot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/internal/atomicfile"
)

func (p *program) initCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "init",
		Short: "write a commented configuration",
		Long: `Write a commented configuration with you as its first person, and make the folder of the bot's data, readable by its owner alone. A file that is there
is never overwritten. In a folder other than /etc/opsbot the data and the socket go there, too, so that nothing else on the machine is touched.`,
		Example: `  opsbot init --dir ~/opsbot
  opsbot serve --config ~/opsbot/opsbot.yaml`,
		Args: exactly(),
		RunE: p.run(func(context.Context, []string) error { return p.writeConfig(dir) }),
	}
	c.Flags().StringVar(&dir, "dir", filepath.Dir(defaultConfig), "the `folder` of the configuration")
	return c
}

func (p *program) writeConfig(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	file := filepath.Join(dir, "opsbot.yaml")
	o := config.SampleOptions{User: p.person(), Zone: p.zone()}
	data := "/var/lib/opsbot"
	if dir != filepath.Dir(defaultConfig) {
		data = filepath.Join(dir, "data")
		o.DataDir, o.Socket = data, filepath.Join(dir, "opsbot.sock")
	}
	text, err := config.Sample(o)
	if err != nil {
		return fmt.Errorf("init in %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	switch err := atomicfile.Create(file, text, 0o640); {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("init: %s is there already; nothing was written", file)
	case err != nil:
		return fmt.Errorf("init: %w", err)
	}
	_, err = fmt.Fprintf(p.stdout, "wrote %s: you are its first person (%s, operator)\nmade %s\n  next: add your nodes, then opsbot serve --config %s\n",
		file, config.NameFor(o.User), data, file)
	return err
}

// person returns the local user who is at work, also behind sudo.
func (p *program) person() string {
	if name := p.getenv("SUDO_USER"); name != "" && os.Geteuid() == 0 {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "" // the sample has a name for this
}

// zone returns the time zone of this machine, or "" where it does not tell.
func (p *program) zone() string {
	if z := strings.TrimPrefix(p.getenv("TZ"), ":"); z != "" {
		return knownZone(z)
	}
	target, err := os.Readlink("/etc/localtime")
	if err != nil {
		return ""
	}
	_, z, _ := strings.Cut(target, "zoneinfo/")
	return knownZone(z)
}

func knownZone(name string) string {
	if _, err := config.ParseVocabulary([]byte("zone: "+name), ""); err != nil {
		return ""
	}
	return name
}
