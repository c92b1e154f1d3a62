package bot

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/intents"
)

// The names that stand for the holes of a rule's command while nobody knows which node an alert will be about.
const (
	anyNode       = "any-node-0"
	anyDeployment = "any-deployment-0"
)

// binder reads the commands of rules and jobs before they are ever said, against the inventory and a name for each hole.
type binder struct{ parser *intents.Parser }

func newBinder(catalog *intents.Catalog, inv intents.Inventory) (*binder, error) {
	inv.Nodes = append(slices.Clone(inv.Nodes), intents.Node{Name: anyNode, Platform: "linux"})
	inv.Deployments = append(slices.Clone(inv.Deployments), anyDeployment)
	p, err := intents.NewParser(catalog, inv)
	return &binder{p}, err
}

// read returns the canonical text of a command, the intents that it is made of, and its risk. What is no exact command is an error.
func (b *binder) read(text string) (canonical string, names []string, risk actions.Risk, err error) {
	filled := strings.NewReplacer("{{node}}", anyNode, "{{host}}", anyNode, "{{deployments}}", anyDeployment, "{{service}}", "any").Replace(text)
	p := b.parser.Parse(intents.Utterance{Text: filled, Door: intents.DoorTerminal, Exact: true})
	if p.Decision != intents.Act && p.Decision != intents.Confirm {
		why := p.Because
		if p.Question != "" {
			why = p.Question
		}
		return "", nil, "", fmt.Errorf("%q is no exact command: %s", text, why)
	}
	var parts []string
	for _, c := range p.Commands {
		parts = append(parts, c.Canonical())
		if !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return strings.Join(parts, " then "), names, actions.Risk(p.Risk), nil
}

// commands returns the parts of a text that read has understood.
func (b *binder) commands(text string) []intents.Intent {
	return b.parser.Parse(intents.Utterance{Text: text, Door: intents.DoorTerminal, Exact: true}).Commands
}

// bindings are what the rules and jobs of a configuration are bound to.
type bindings struct {
	binder *binder
	policy policy.Config
	rules  []rule.Config
}

// bind reads the commands of all rules and jobs. All mistakes are reported at once.
func bind(catalog *intents.Catalog, cfg *config.Config, inv intents.Inventory) (bindings, error) {
	b, err := newBinder(catalog, inv)
	if err != nil {
		return bindings{}, err
	}
	out := bindings{binder: b, policy: cfg.Policy()}
	var errs []error
	for i, r := range cfg.Rules {
		_, names, _, err := b.read(r.Do)
		if err != nil {
			errs = append(errs, fmt.Errorf("rule %s: do: %w", r.Name, err))
			continue
		}
		out.policy.Rules[i].Intents = names
		c := rule.Config{
			Name: r.Name, Diagnose: r.Diagnose, Do: r.Do, Guard: rule.Guard(r.Guard), Enabled: r.Enabled, DryRun: r.DryRun, Owner: r.Owner, Intents: names,
			When: rule.When{Host: r.When.Host, Service: r.When.Service, State: r.When.State},
		}
		if r.When.Kind != "" {
			c.When.Kind = []string{r.When.Kind}
		}
		out.rules = append(out.rules, c)
	}
	for i, j := range cfg.Jobs {
		_, names, _, err := b.read(j.Do)
		if err != nil {
			errs = append(errs, fmt.Errorf("job %s: do: %w", j.Name, err))
			continue
		}
		out.policy.Jobs[i].Intents = names
	}
	return out, errors.Join(errs...)
}
