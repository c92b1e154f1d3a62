package bot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/socket"
)

// importOptions are the flags of import.
type importOptions struct{ verify, dryRun, withoutKeys bool }

func (p *program) importCommand() *cobra.Command {
	var o importOptions
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "fill an empty store from an export",
		Long: `Fill the empty store of a bot that does not run from an export. The checksums of the export are checked before anything is made. What was imported only
observes at first: nothing is deleted anywhere and no run goes on until a person has seen the difference and said so to the started bot ("resume automation").

With --verify the store is then read back and held against the export, section by section.

Where a passphrase was configured (store.export.passphrase_file), the export holds the keys by which agents know the bot, sealed: they come back by themselves once
the bot runs with the same passphrase. --without-keys gives those keys up; every node is then enrolled again.`,
		Example: `  opsbot import --verify /var/backups/opsbot/opsbot-20260301T031500Z.jsonl`,
		Args:    exactly("FILE"),
		RunE:    p.run(func(ctx context.Context, args []string) error { return p.importFrom(ctx, args[0], o) }),
	}
	c.Flags().BoolVar(&o.verify, "verify", false, "read the store back and hold it against the export")
	c.Flags().BoolVar(&o.withoutKeys, "without-keys", false, "give up the sealed keys of the agents")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "check the export alone, and import nothing")
	return c
}

func (p *program) importFrom(ctx context.Context, file string, o importOptions) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	sum, err := store.Verify(f)
	if err != nil {
		return fmt.Errorf("import %s: %w", file, err)
	}
	if o.dryRun {
		_, err := fmt.Fprintf(p.stdout, "%s: whole, of %s, %s\n", file, sum.At.Format(time.RFC3339), many(sum.Entries))
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("import %s: %w", file, err)
	}
	return p.fill(ctx, f, sum, o)
}

func (p *program) fill(ctx context.Context, export io.ReadSeeker, sum store.Summary, o importOptions) error {
	client, err := p.client(ctx)
	switch {
	case err == nil && client != nil:
		return &failure{exit: door.Temporary, err: errors.New("import: a bot is running"), hint: "stop it, move its data folder away, and import again"}
	case !errors.Is(err, socket.ErrNoBot):
		return err
	}
	cfg, err := p.loadConfig()
	if err != nil {
		return err
	}
	options := store.Options{Dir: storeDir(cfg), Log: slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	info, err := store.Import(ctx, options, export)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "imported %s of %s into %s; the bot only observes until a person says \"resume automation\"\n",
		many(info.Entries), sum.At.Format(time.RFC3339), cfg.DataDir)
	return p.withStore(ctx, func(s *store.Engine) error {
		if o.verify {
			if err := p.holdAgainst(ctx, s, sum); err != nil {
				return err
			}
		}
		return p.tellAgents(ctx, s.Bucket(store.Inventory), cfg, o)
	})
}

// tellAgents says whether the agents will know the bot again, and what to do where they will not.
func (p *program) tellAgents(ctx context.Context, inventory store.KV, cfg *config.Config, o importOptions) error {
	if o.withoutKeys {
		if err := agent.DropCopied(ctx, inventory); err != nil {
			return err
		}
	}
	c, err := agent.LookCopied(ctx, inventory, cfg.Store.Export.Passphrase)
	switch {
	case err != nil && c.Sealed:
		return &failure{
			exit: door.Partly, err: fmt.Errorf("all is imported, and the bot will not start: %w", err),
			hint: "let store.export.passphrase_file name the passphrase of that time; or empty the data folder and import with --without-keys, and enrol every node again",
		}
	case err != nil || c.Agents == 0:
		return err
	case !c.Sealed:
		_, err = fmt.Fprintf(p.stdout, "the keys of the agents are not in it: after the start say \"enrol NODE\" for each of the %d nodes that had one\n", c.Agents)
	default:
		_, err = fmt.Fprintf(p.stdout, "the keys of the agents are in it: %d come back by themselves\n", c.Agents)
	}
	return err
}

// holdAgainst compares what the store now holds with the export, section by section. Keys that end by themselves may be fewer.
func (p *program) holdAgainst(ctx context.Context, s *store.Engine, sum store.Summary) error {
	now, err := s.Export(ctx, io.Discard)
	if err != nil {
		return fmt.Errorf("read the store back: %w", err)
	}
	var lost []string
	for _, section := range slices.Sorted(maps.Keys(sum.Sections)) {
		want, got := sum.Sections[section], now.Sections[section]
		note := ""
		switch {
		case got >= want:
		case mayEnd(section):
			note = "  (some had ended)"
		default:
			note = "  LOST"
			lost = append(lost, section)
		}
		fmt.Fprintf(p.stdout, "  %-20s %d of %d%s\n", section, min(got, want), want, note)
	}
	if len(lost) > 0 {
		return fmt.Errorf("the store holds less than the export in %s", strings.Join(lost, ", "))
	}
	_, err = fmt.Fprintln(p.stdout, "verified")
	return err
}

// mayEnd tells of sections whose entries end by themselves.
func mayEnd(section string) bool {
	return slices.Contains([]string{"bucket " + store.Guards, "bucket " + store.Leaders, "bucket " + store.Dedupe}, section)
}

func many(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}
