package bot

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/secret"
)

// people looks for those whom no door can know, and for rights that nobody has.
func (v *visit) people() {
	nobody := 0
	for _, p := range v.cfg.People {
		if len(p.Unix) == 0 {
			nobody++
			v.bad("people", "people "+p.Name, "give an identity: unix: [LOGIN]", "%s has no identity, so no door knows them", p.Name)
		}
		if len(p.Roles) == 0 {
			nobody++
			v.bad("people", "people "+p.Name, "give a role, or take the person out", "%s has no role and may do nothing", p.Name)
		}
	}
	if len(v.cfg.People) == 0 {
		nobody++
		v.bad("people", "people", "name yourself: opsbot init writes an example", "nobody is named, so nobody may ask for anything")
	}
	if nobody == 0 {
		v.well("people", "each of %d has an identity and a role", len(v.cfg.People))
	}
}

// roles looks for roles that nobody has, and for yeses that nobody can give.
func (v *visit) roles() {
	holders := map[string]int{}
	for _, p := range v.cfg.People {
		for _, r := range p.Roles {
			holders[r]++
		}
	}
	well := true
	for _, r := range v.cfg.Roles {
		if holders[r.Name] == 0 {
			well = false
			v.warn("roles", "roles "+r.Name, "give it to somebody, or take it out", "nobody has role %s", r.Name)
		}
	}
	for _, a := range v.cfg.Approvals {
		if holders[a.Role] <= a.People {
			well = false
			v.bad("approvals", "approvals "+strings.Join(a.Intents, ", "), "give role "+a.Role+" to more people, or ask for fewer yeses",
				"%s needs %d of role %s who did not ask, and %d have it: one of them who asks waits in vain", strings.Join(a.Intents, ", "), a.People, a.Role, holders[a.Role])
		}
	}
	if well {
		v.well("roles", "every role is held, and every approval can be given")
	}
}

// rules looks for rules that can never match, as far as the file alone tells.
func (v *visit) rules() {
	for _, r := range v.cfg.Rules {
		at := "rules " + r.Name
		host := slices.ContainsFunc(r.When.State, func(s string) bool { return s == "DOWN" })
		service := slices.ContainsFunc(r.When.State, func(s string) bool { return s != "DOWN" })
		switch {
		case host && !service && r.When.Service != "":
			v.bad("rules", at, "take out service, or name WARNING, CRITICAL or UNKNOWN", "rule %s waits for a service that is DOWN, which hosts alone can be", r.Name)
		case r.When.Host != "" && !slices.ContainsFunc(v.cfg.Inventory.Nodes, func(n config.Node) bool { return matches(r.When.Host, n.Name) }):
			v.bad("rules", at, "name a host that is a node of the inventory", "rule %s is for host %s, and no node is called so", r.Name, r.When.Host)
		case !r.Enabled:
			v.warn("rules", at, "enabled: true, or say: enable rule "+r.Name, "rule %s is off in the file", r.Name)
		case r.DryRun:
			v.warn("rules", at, "dry_run: false when it has said the right thing for some days", "rule %s only tells what it would do", r.Name)
		}
	}
}

// matches tells whether a pattern of the configuration is for a name.
func matches(pattern, name string) bool {
	ok, err := path.Match(strings.ReplaceAll(strings.ToLower(pattern), "/", "\x01"), strings.ReplaceAll(strings.ToLower(name), "/", "\x01"))
	return ok && err == nil
}

// monitoring asks Icinga2 for its time, our rights, and the names that rules wait for.
func (v *visit) monitoring(ctx context.Context) {
	c := v.cfg.Icinga
	if c.URL == "" {
		v.warn("icinga2", "icinga.url", "connect it: opsbot icinga-kit DIR writes its side", "no monitoring is configured, so no rule ever acts")
		return
	}
	client, err := v.icinga()
	if err != nil {
		v.bad("icinga2", c.URL, "see icinga in the configuration", "%s", err)
		return
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	rights, err := client.Permissions(ctx)
	if err != nil {
		v.bad("icinga2", c.URL, "is it up, is the password right, did icinga.ca_file sign its certificate, is icinga.server_name its NodeName?", "%s", err)
		return
	}
	if missing := rights.Missing(icinga.Needed()...); len(missing) > 0 {
		v.bad("icinga2", "ApiUser "+rights.User, "give them: opsbot icinga-kit DIR writes an ApiUser that holds them all", "the ApiUser may not %s", strings.Join(missing, ", "))
	} else {
		v.well("icinga2", "%s at %s: user %s may do all that is needed", rights.Version, c.URL, rights.User)
	}
	if status, err := client.Status(ctx); err == nil && !status.Notifications {
		v.bad("icinga2", c.URL, "enable_notifications = true", "it sends no notifications at all")
	}
	v.ruleNames(ctx, client)
}

func (v *visit) icinga() (*icinga.Client, error) {
	var ca []byte
	if file := v.cfg.Icinga.CAFile; file != "" {
		var err error
		if ca, err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	return icinga.New(icinga.Options{
		URL: v.cfg.Icinga.URL, User: v.cfg.Icinga.User, CA: ca, ServerName: v.cfg.Icinga.ServerName, Timeout: 5 * time.Second,
		Password: func() (secret.Secret, error) { return v.cfg.Icinga.Password.Read() },
	})
}

// ruleNames looks whether Icinga2 knows the services that rules wait for, and compares the clocks by the newest check.
func (v *visit) ruleNames(ctx context.Context, client *icinga.Client) {
	objects, err := client.Objects(ctx, icinga.Query{})
	if err != nil {
		v.bad("icinga2", v.cfg.Icinga.URL, "", "list services: %s", err)
		return
	}
	ahead := time.Duration(0)
	for _, o := range objects {
		ahead = max(ahead, time.Until(o.LastCheck))
	}
	if ahead > 5*time.Second {
		v.bad("clock", v.cfg.Icinga.URL, "let both machines have NTP", "the clock of Icinga2 is %s ahead of ours", ahead.Round(time.Second))
	}
	for _, r := range v.cfg.Rules {
		if s := r.When.Service; s != "" && !slices.ContainsFunc(objects, func(o icinga.Object) bool { return matches(s, o.Service) }) {
			v.bad("rules", "rules "+r.Name, "name a service as Icinga2 has it, or import the kit into it", "rule %s waits for service %q, and Icinga2 has none of that name", r.Name, s)
		}
	}
	for _, n := range v.cfg.Inventory.Nodes {
		if len(objects) > 0 && !slices.ContainsFunc(objects, func(o icinga.Object) bool { return strings.EqualFold(o.Host, n.Name) }) {
			v.warn("icinga2", "inventory.nodes "+n.Name, "make a host of that name that imports opsbot-edge", "Icinga2 checks no service of %s", n.Name)
		}
	}
}

// probe is a path that no viewer asks for.
const probe = "/opsbot-doctor/nobody-asks-for-this"

// caches asks every cache how it is, and whether it answers a purge itself.
func (v *visit) caches(ctx context.Context) {
	app := &App{log: slog.New(slog.DiscardHandler), client: cache.NewClient()}
	app.config.Store(v.cfg)
	defer app.client.CloseIdleConnections()
	for _, n := range v.cfg.Nodes() {
		for _, c := range n.Caches {
			v.cache(ctx, app, n, c)
		}
	}
}

func (v *visit) cache(ctx context.Context, app *App, n actions.Node, c actions.Cache) {
	part := "cache " + n.Name + "/" + c.Name
	d, err := app.openCache(n, c)
	if err != nil {
		v.bad(part, c.URL, "see the configuration", "%s", err)
		return
	}
	defer func() { _ = d.Close() }() // nothing was written
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	h, err := d.Health(ctx)
	switch {
	case errors.Is(err, cache.ErrWrongSecret):
		v.bad(part, c.AdminAddress, "let admin.secret_file be the file of varnishd -S", "it refuses the secret")
		return
	case err != nil:
		v.bad(part, c.AdminAddress, "is it up, and is the address that of varnishd -T?", "%s", err)
		return
	case !h.OK:
		v.bad(part, c.URL, "start it, or correct its addresses", "%s", strings.Join(h.Problems, "; "))
		return
	}
	if _, err := d.Purge(ctx, strings.TrimSuffix(c.URL, "/")+probe, false); err != nil {
		v.bad(part, c.URL, "let its VCL answer PURGE by return (purge), for this machine's address too", "it does not answer a purge as Varnish does: %s", err)
		return
	}
	v.well(part, "%s answers, and proves its purges", h.Version)
}
