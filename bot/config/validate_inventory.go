package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/internal/secret"
)

// objectName is the form of every name in the inventory and of people and roles: what can be said, typed and put into a file name.
var objectName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

var (
	runID    = regexp.MustCompile(`^r-[0-9]+$`)
	allDigit = regexp.MustCompile(`^[0-9-]+$`)
	labelKey = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,62}$`)
)

// reserved are words of the language itself: a node called all would make "flush all" mean two things.
func reserved() []string {
	return []string{
		"all", "any", "every", "each", "and", "or", "then", "except", "not", "no", "yes", "on", "in", "at", "to", "from", "for", "with", "of", "the",
		"node", "nodes", "edge", "edges", "mac", "macs", "cache", "caches", "deployment", "deployments", "run", "runs", "please",
	}
}

// name checks a name and that no earlier one is the same, or sounds the same: edge-2 and edge2 are one when they are said.
func (v *checker) name(key, name string, seen, spoken map[string]string) {
	if !v.required(key, name, "everything needs a name") {
		return
	}
	switch {
	case !objectName.MatchString(name):
		v.say(key, "%s is no name; use a-z, 0-9 and -, at most 63, no - in front", quote(name))
	case v.unique(key, name, seen):
		v.sounds(key, name, spoken)
	}
}

// object is name for what commands act on: it must not be a word of the language itself, nor look like something else.
func (v *checker) object(key, name string, seen, spoken map[string]string) {
	switch {
	case slices.Contains(reserved(), name):
		v.say(key, "%s is a word of the command language; choose another name", quote(name))
	case runID.MatchString(name):
		v.say(key, "%s would be taken for a run; choose another name", quote(name))
	case allDigit.MatchString(name):
		v.warn(key, "%s is a number: some commands will take it for one", quote(name))
	}
	v.name(key, name, seen, spoken)
}

func (v *checker) sounds(key, name string, spoken map[string]string) {
	said := strings.ReplaceAll(name, "-", "")
	if first, ok := spoken[said]; ok {
		v.say(key, "%s and %s are the same when they are said; rename one", quote(name), quote(first))
		return
	}
	spoken[said] = name
}

func (v *checker) tenants() {
	seen, spoken := map[string]string{}, map[string]string{}
	for i, t := range v.c.Inventory.Tenants {
		v.object(fmt.Sprintf("inventory.tenants[%d]", i), t, seen, spoken)
	}
}

func (v *checker) nodes() {
	seen, spoken, addresses := map[string]string{}, map[string]string{}, map[netip.Addr]string{}
	for i, n := range v.c.Inventory.Nodes {
		key := fmt.Sprintf("inventory.nodes[%d]", i)
		v.object(key+".name", n.Name, seen, spoken)
		v.nodeAddress(key+".address", n, addresses)
		if n.Site != "" && !objectName.MatchString(n.Site) {
			v.say(key+".site", "%s is no name; use a-z, 0-9 and -, at most 63, no - in front", quote(n.Site))
		}
		v.oneOf(key+".platform", n.Platform, words()["inventory.nodes[].platform"], nil)
		v.labels(key+".labels", n.Labels)
		names, said := map[string]string{}, map[string]string{}
		for j, c := range n.Caches {
			at := fmt.Sprintf("%s.caches[%d]", key, j)
			v.name(at+".name", c.Name, names, said)
			v.cache(at, c)
		}
	}
}

func (v *checker) nodeAddress(key string, n Node, seen map[netip.Addr]string) {
	if n.Address == "" {
		if v.has(key) {
			v.say(key, "is empty; write the node's IP address or leave the key out")
		}
		return
	}
	ip, err := netip.ParseAddr(n.Address)
	if err != nil || ip.IsUnspecified() || ip.IsMulticast() {
		v.say(key, "%s is no IP address of a node; write one such as 192.0.2.11", quote(n.Address))
		return
	}
	if first, ok := seen[ip]; ok && !ip.IsLoopback() {
		v.warn(key, "%s has the address of %s; two nodes hardly share one", n.Name, first)
	}
	seen[ip] = n.Name
}

func (v *checker) labels(key string, labels map[string]string) {
	for name, value := range labels {
		at := join(key, name)
		if !labelKey.MatchString(name) {
			v.say(at, "%s is no label; use a-z, 0-9, _, . and -, at most 63", quote(name))
		}
		if value == "" || len(value) > 63 || strings.ContainsAny(value, " \t,=") {
			v.say(at, "%s is no value of a label; 1 to 63 characters without spaces, commas and =", quote(value))
		}
	}
}

func (v *checker) cache(key string, c Cache) {
	if v.required(key+".kind", c.Kind, "write varnish") {
		v.oneOf(key+".kind", c.Kind, words()["inventory.nodes[].caches[].kind"], laterKinds())
	}
	if v.required(key+".url", c.URL, "it says where viewers' requests enter, such as http://192.0.2.11:6081") {
		v.webURL(key+".url", c.URL)
	}
	v.admin(key+".admin", c.Admin)
	if dir := c.Stats.Varnishstat; dir != "" && !filepath.IsAbs(dir) {
		v.say(key+".stats.varnishstat", "%s is no absolute path; varnishd names its working folder with -n, such as /var/lib/varnish/edge-1", quote(dir))
	}
	if c.Settle > 5*time.Minute {
		v.say(key+".settle", "%s is too long; at most 5m", FormatDuration(c.Settle))
	}
}

func (v *checker) admin(key string, a Admin) {
	if a.Address != "" {
		v.hostPort(key+".address", a.Address, 1)
	} else if v.has(key) {
		v.say(key+".address", "is missing; the secret alone does not say where the port is")
	}
	v.secret(key+".secret", a.Secret)
}

// envName is the form of a variable's name (POSIX.1-2017, section 8.1).
var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// credentialName is the form of a credential's name (systemd.exec(5), LoadCredential=): a file name.
var credentialName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// secret checks the three keys that name a secret's place; key is their common beginning.
func (v *checker) secret(key string, s secret.Source) {
	set := 0
	for _, e := range []string{"_file", "_env", "_credential"} {
		if v.has(key + e) {
			set++
		}
		if set == 2 {
			v.say(key+e, "is one place too many for the same secret; keep one of %s_file, _env and _credential", lastPart(key))
			return
		}
	}
	if s.Env != "" && !envName.MatchString(s.Env) {
		v.say(key+"_env", "is no name of a variable; write its name, not its value")
	}
	if s.Credential != "" && (!credentialName.MatchString(s.Credential) || strings.Trim(s.Credential, ".") == "") {
		v.say(key+"_credential", "is no name of a credential; write the name from LoadCredential=, not a path")
	}
}

func (v *checker) deployments() {
	nodes := known(names(v.c.Inventory.Nodes, func(n Node) string { return n.Name }))
	tenants := known(v.c.Inventory.Tenants)
	seen, spoken := map[string]string{}, map[string]string{}
	for i, d := range v.c.Inventory.Deployments {
		key := fmt.Sprintf("inventory.deployments[%d]", i)
		v.object(key+".name", d.Name, seen, spoken)
		if d.Tenant != "" {
			v.refers(key+".tenant", "tenant", d.Tenant, tenants)
		}
		if v.required(key+".origin", d.Origin, "it is the URL of the master playlist") {
			v.webURL(key+".origin", d.Origin)
		}
		once := map[string]string{}
		for j, n := range d.Nodes {
			at := fmt.Sprintf("%s.nodes[%d]", key, j)
			v.refers(at, "node", n, nodes)
			v.unique(at, n, once)
		}
	}
}

// catalog is a set of names that others refer to.
type catalog struct {
	list []string
	has  map[string]bool
}

func known(list []string) catalog {
	c := catalog{list, make(map[string]bool, len(list))}
	for _, n := range list {
		c.has[n] = true
	}
	return c
}

// refers says so when a name refers to nothing.
func (v *checker) refers(key, kind, name string, to catalog) {
	if to.has[name] {
		return
	}
	hint := ""
	if len(v.mistakes) < shown { // looking for the nearest of thousands takes time, and nobody reads that far
		hint = didYouMean(name, to.list)
	}
	v.say(key, "there is no %s %s%s", kind, quote(name), hint)
}

func names[T any](list []T, name func(T) string) []string {
	var out []string
	for _, e := range list {
		out = append(out, name(e))
	}
	return out
}
