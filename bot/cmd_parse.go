package bot

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/intents"
)

// parseOptions are the flags of parse.
type parseOptions struct {
	now, zone string
	explain   bool
	config    bool // --config was given
}

func (p *program) parseCommand() *cobra.Command {
	var o parseOptions
	c := &cobra.Command{
		Use:   "parse",
		Short: "show how lines would be understood, without doing anything",
		Long: `Read one utterance a line from the standard input and write one JSON object a line: the decision, the commands and why. Nothing is done, and neither
a store nor a network is needed. Names are those of the configuration; without a configuration there are none.`,
		Example: `  echo "flush edge-2" | opsbot parse --config opsbot.yaml`,
		Args:    exactly(),
	}
	c.RunE = p.run(func(context.Context, []string) error {
		o.config = c.Flags().Changed("config") || p.getenv("OPSBOT_CONFIG") != ""
		return p.parse(o)
	})
	c.Flags().StringVar(&o.now, "now", "", "the time it is, as RFC 3339 `time`; by default the clock's")
	c.Flags().StringVar(&o.zone, "zone", "", "the operator's time `zone`, such as Europe/Berlin; by default that of the configuration")
	c.Flags().BoolVar(&o.explain, "explain", false, "add a trace of what was recognised")
	return c
}

func (p *program) parse(o parseOptions) error {
	words, err := p.vocabulary(o.config)
	if err != nil {
		return err
	}
	u := intents.Utterance{Now: time.Now(), Explain: o.explain}
	if o.now != "" {
		if u.Now, err = time.Parse(time.RFC3339, o.now); err != nil {
			return usagef("--now %.40q is no RFC 3339 time, such as 2026-03-01T18:00:00+01:00", o.now)
		}
	}
	if o.zone == "" {
		o.zone = words.Zone
	}
	if u.Zone, err = time.LoadLocation(o.zone); err != nil || o.zone == "Local" {
		return usagef("--zone %.40q is no time zone, such as Europe/Berlin", o.zone)
	}
	catalog, err := intents.Load()
	if err != nil {
		return err
	}
	parser, err := intents.NewParser(catalog, namesOf(words))
	if err != nil {
		return err
	}
	return parseLines(p.stdin, p.stdout, func(text string) intents.Parsed {
		u.Text = text
		return parser.Parse(u)
	})
}

// vocabulary returns the names of the configuration; where none was named and none lies at the usual place, there are no names.
func (p *program) vocabulary(named bool) (*config.Vocabulary, error) {
	v, err := config.LoadForParse(p.configPath)
	switch {
	case err == nil:
		return v, nil
	case named:
		return nil, &failure{exit: door.BadConfig, err: err}
	default:
		return &config.Vocabulary{Zone: config.Default().Zone}, nil
	}
}

// namesOf gives the parser the names of a configuration.
func namesOf(v *config.Vocabulary) intents.Inventory {
	inv := intents.Inventory{Tenants: v.Tenants, People: v.People, Rules: v.Rules, Jobs: v.Jobs}
	for _, n := range v.Nodes {
		inv.Nodes = append(inv.Nodes, intents.Node{Name: n.Name, Site: n.Site, Platform: n.Platform, Labels: n.Labels})
	}
	for _, s := range v.Segments {
		inv.Segments = append(inv.Segments, intents.Segment{Name: s.Name, VNI: s.VNI})
	}
	for _, d := range v.Deployments {
		inv.Deployments = append(inv.Deployments, d.Name)
	}
	return inv
}

// longestUtterance is the most bytes of a line that are kept. Far above what is understood, so that a longer line is refused, not cut into a
// command.
const longestUtterance = 1 << 20

// parseLines reads lines until the end and writes what each was understood as, at once where somebody waits for it.
func parseLines(in io.Reader, out io.Writer, parse func(string) intents.Parsed) error {
	r, w := bufio.NewReaderSize(in, 64<<10), bufio.NewWriterSize(out, 64<<10)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for {
		text, err := readLine(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(fmt.Errorf("read utterances: %w", err), w.Flush())
		}
		if err := enc.Encode(parse(text)); err != nil {
			return fmt.Errorf("write what was understood: %w", err)
		}
		if r.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return fmt.Errorf("write what was understood: %w", err)
			}
		}
	}
	return w.Flush()
}

// readLine returns the next line without its end, and io.EOF after the last one.
func readLine(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		part, err := r.ReadSlice('\n')
		b.Write(part[:min(len(part), max(longestUtterance-b.Len(), 0))])
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && b.Len() > 0, err == nil:
			return strings.TrimSuffix(strings.TrimSuffix(b.String(), "\n"), "\r"), nil
		default:
			return "", err
		}
	}
}
