package bot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/internal/atomicfile"
)

func (p *program) exportCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "export",
		Short: "write a copy of the bot's whole state",
		Long: `Write a copy of the bot's whole state, sorted and with checksums, to the standard output or to a file that only its owner may read. A running bot makes the
copy itself; where none runs its store is opened for it.

Secrets that the configuration names are not in it. The keys by which agents know the bot are in it, sealed, where store.export.passphrase_file names a passphrase.`,
		Example: `  opsbot export --out opsbot.export`,
		Args:    exactly(),
		RunE:    p.run(func(ctx context.Context, _ []string) error { return p.export(ctx, file) }),
	}
	c.Flags().StringVar(&file, "out", "", "the `file` to write; it is replaced only when the copy is complete")
	return c
}

func (p *program) export(ctx context.Context, file string) error {
	if file != "" {
		return atomicfile.WriteFrom(file, 0o600, func(w io.Writer) error { return p.exportTo(ctx, w) })
	}
	if f, ok := p.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return usagef("an export is not for reading on a terminal: name a file with --out")
	}
	return p.exportTo(ctx, p.stdout)
}

func (p *program) exportTo(ctx context.Context, w io.Writer) error {
	client, err := p.client(ctx)
	if err == nil {
		return client.Export(ctx, w)
	}
	if !errors.Is(err, socket.ErrNoBot) {
		return err
	}
	return p.withStore(ctx, func(s *store.Engine) error { _, err := s.Export(ctx, w); return err })
}

// withStore opens the store of a bot that does not run.
func (p *program) withStore(ctx context.Context, do func(*store.Engine) error) error {
	cfg, err := p.loadConfig()
	if err != nil {
		return err
	}
	if _, err := os.Stat(storeDir(cfg)); err != nil {
		return fmt.Errorf("open the store of a bot that does not run: %w", err)
	}
	log := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := store.Open(store.Options{Dir: storeDir(cfg), Log: log})
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close(context.WithoutCancel(ctx)))
}
