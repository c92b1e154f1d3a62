package config

import (
	"fmt"
	"slices"

	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/internal/secret"
)

func (v *checker) roles() {
	if !v.has("roles") {
		return // the defaults need no check
	}
	seen, spoken := map[string]string{}, map[string]string{}
	sites, tenants := known(v.sites()), known(v.c.Inventory.Tenants)
	for i, r := range v.c.Roles {
		key := fmt.Sprintf("roles[%d]", i)
		v.name(key+".name", r.Name, seen, spoken)
		if len(r.May) == 0 {
			v.warn(key+".may", "role %s may nothing", r.Name)
		}
		for j, glob := range r.May {
			v.glob(fmt.Sprintf("%s.may[%d]", key, j), glob)
		}
		v.limit(key+".sites", "site", r.Sites, sites, false)
		v.limit(key+".tenants", "tenant", r.Tenants, tenants, true)
	}
}

func (v *checker) sites() []string {
	var out []string
	for _, n := range v.c.Inventory.Nodes {
		if n.Site != "" && !slices.Contains(out, n.Site) {
			out = append(out, n.Site)
		}
	}
	return out
}

func (v *checker) glob(key, glob string) {
	for _, r := range glob {
		if (r < 'a' || r > 'z') && r != '.' && r != '*' && r != '-' {
			v.say(key, "%s is no intent; write one such as cache.flush, cache.* or *", quote(glob))
			return
		}
	}
	if glob == "" {
		v.say(key, "is empty; write an intent such as cache.flush, cache.* or *")
		return
	}
	if len(v.o.Intents) > 0 && !slices.ContainsFunc(v.o.Intents, func(i string) bool { return policy.Match(glob, i) }) {
		v.warn(key, "%s matches nothing that this version can do%s", quote(glob), nearIntent(glob, v.o.Intents))
	}
}

func nearIntent(glob string, intents []string) string {
	if n := nearest(glob, intents); n != "" {
		return "; did you mean " + quote(n) + "?"
	}
	return ""
}

// limit checks the sites or tenants of a role. strict says that all names are in the file; nodes and with them sites may come at run time.
func (v *checker) limit(key, kind string, names []string, have catalog, strict bool) {
	if n, ok := v.at[key]; ok && isNull(n) {
		v.say(key, "is empty, which could mean all or none; leave the key out for every %s, write [] for none", kind)
	}
	seen := map[string]string{}
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", key, i)
		v.unique(at, name, seen)
		switch {
		case name == policy.Any || have.has[name]:
		case strict:
			v.refers(at, kind, name, have)
		default:
			v.warn(at, "no node of this file is in %s %s%s", kind, quote(name), didYouMean(name, have.list))
		}
	}
}

func (v *checker) people() {
	roles := known(names(v.c.Roles, func(r Role) string { return r.Name }))
	seen, spoken, users := map[string]string{}, map[string]string{}, map[string]string{}
	for i, p := range v.c.People {
		key := fmt.Sprintf("people[%d]", i)
		v.name(key+".name", p.Name, seen, spoken)
		v.zone(key+".zone", p.Zone, false)
		v.quiet(key+".quiet", p.Quiet)
		held := map[string]string{}
		for j, r := range p.Roles {
			at := fmt.Sprintf("%s.roles[%d]", key, j)
			v.refers(at, "role", r, roles)
			v.unique(at, r, held)
		}
		for j, u := range p.Unix {
			at := fmt.Sprintf("%s.unix[%d]", key, j)
			if !accountName.MatchString(u) {
				v.say(at, "%s is no name of a local user", quote(u))
			}
			v.unique(at, u, users)
		}
		v.chatIdentities(key, p, users)
		if len(p.Roles) == 0 {
			v.warn(key, "%s has no role and may nothing", p.Name)
		}
		if len(p.Identities()) == 0 {
			v.warn(key, "%s cannot be recognised: no identity is given, such as unix: [%s], slack or discord", p.Name, p.Name)
		}
	}
	if len(v.c.People) == 0 {
		v.warn("people", "there is nobody who may ask for anything; add a person")
	}
}

func (v *checker) quiet(key, text string) {
	if text == "" {
		return
	}
	s, err := policy.ParseSpan(text)
	switch {
	case err != nil:
		v.say(key, "%s", clipTo(secret.Scrub(err.Error()), 300))
	case s.From == s.To:
		v.say(key, "%s would be the whole day; leave the person out of oncall instead", quote(text))
	}
}
