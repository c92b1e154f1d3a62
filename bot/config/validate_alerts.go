package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/internal/secret"
)

// The most that a command, a schedule and a name of the monitoring may have, in bytes.
const (
	maxCommand  = 2000
	maxSchedule = 100
	maxForeign  = 255
)

func (v *checker) icinga() {
	c := v.c.Icinga
	if c.URL != "" {
		v.webURL("icinga.url", c.URL)
		if u, err := url.Parse(c.URL); err == nil && u.Scheme == "http" {
			v.say("icinga.url", "is http: its API speaks https alone, and the password must not be seen on the way")
		}
		if v.required("icinga.user", c.User, "it is the ApiUser that the bot is") && strings.ContainsAny(c.User, ":\"\\") {
			v.say("icinga.user", "%s is no name of an ApiUser", quote(c.User))
		}
		if c.Certificate == "" {
			v.needsSecret("icinga.password", c.Password, "the API asks for it")
		}
	} else if c.Register || c.Heartbeat.Host != "" || c.Certificate != "" || len(c.Pins) > 0 || c.User != "" || !c.Password.IsZero() || c.CAFile != "" || c.ServerName != "" || v.has("icinga.url") {
		v.say("icinga.url", "is missing; it is the address of the API, such as https://icinga.example:5665")
	}
	v.secret("icinga.password", c.Password)
	if c.ServerName != "" && !hostName(c.ServerName) {
		v.say("icinga.server_name", "%s is no name of a server", quote(c.ServerName))
	}
	v.icingaClient(c)
	v.notifications()
}

// icingaClient checks how the bot shows itself to the monitoring, and what it does there.
func (v *checker) icingaClient(c Icinga) {
	if c.Certificate != "" {
		v.required("icinga.key_file", c.Key, "it is the key of certificate_file")
	}
	if c.Key != "" {
		v.required("icinga.certificate_file", c.Certificate, "it is the certificate of key_file")
	}
	seen := map[string]string{}
	for i, pin := range c.Pins {
		key := fmt.Sprintf("icinga.pins[%d]", i)
		v.shape(key, pin, keyPin, "digest of a key", "sha256// and 44 characters of base64")
		v.unique(key, pin, seen)
	}
	if !labelKey.MatchString(c.Instance) {
		v.say("icinga.instance", "%s is no name; use a-z, 0-9, _, . and -, at most 63", quote(c.Instance))
	}
	if c.Heartbeat.Host != "" {
		v.required("icinga.heartbeat.service", c.Heartbeat.Service, "it is the passive service that is fed")
		v.atLeast("icinga.heartbeat.every", c.Heartbeat.Every, time.Second)
		v.atMost("icinga.heartbeat.every", c.Heartbeat.Every, time.Hour)
	}
}

// keyPin is RFC 7469 section 2.4 as curl's --pinnedpubkey writes it.
var keyPin = regexp.MustCompile(`^sha256//[A-Za-z0-9+/]{43}=$`)

var hostPart = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

func hostName(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	return len(text) <= 253 && !slices.ContainsFunc(strings.Split(text, "."), func(p string) bool { return !hostPart.MatchString(p) })
}

func (v *checker) notifications() {
	senders := v.c.Icinga.Notifications
	seen, spoken := map[string]string{}, map[string]string{}
	for i, n := range senders {
		key := fmt.Sprintf("icinga.notifications[%d]", i)
		v.name(key+".name", n.Name, seen, spoken)
		v.secret(key+".bearer", n.Bearer)
		switch {
		case len(n.HMAC) > 0 && !n.Bearer.IsZero():
			v.say(key, "has two proofs; keep hmac or bearer")
		case len(n.HMAC) > 2:
			v.say(key+".hmac", "has %d keys; two are enough to change them one after the other", len(n.HMAC))
		case len(n.HMAC) == 0 && n.Bearer.IsZero() && !v.bad[key+".hmac"]:
			at := key
			if part, ok := v.written(key + ".bearer"); ok {
				at = part
			}
			v.say(at, "has no proof, anybody could send in its name; give it hmac: [{id: k1, secret_file: hmac.key}] or bearer_file")
		}
		ids := map[string]string{}
		for j, k := range n.HMAC {
			at := fmt.Sprintf("%s.hmac[%d]", key, j)
			if v.required(at+".id", k.ID, "the sender names the key by it") && !labelKey.MatchString(k.ID) {
				v.say(at+".id", "%s is no name of a key; use a-z, 0-9, _, . and -, at most 63", quote(k.ID))
			}
			v.unique(at+".id", k.ID, ids)
			v.needsSecret(at+".secret", k.Secret, "it is the key")
			v.secret(at+".secret", k.Secret)
		}
	}
	served := slices.ContainsFunc(v.c.Listeners, func(l Listener) bool { return slices.Contains(l.Serve, GroupHooks) })
	if len(senders) > 0 && !served {
		v.warn("icinga.notifications", "nobody can post alerts: no listener serves the group hooks")
	}
}

// needsSecret says so when none of the three keys of a secret is given.
func (v *checker) needsSecret(key string, s secret.Source, why string) {
	if s.IsZero() {
		at, _ := v.written(key)
		v.required(at, "", fmt.Sprintf("%s; %[2]s_file, %[2]s_env or %[2]s_credential says where it lies", why, lastPart(key)))
	}
}

// written returns the one of the three keys of a secret that the file has, and the first of them where it has none.
func (v *checker) written(key string) (string, bool) {
	for _, e := range []string{"_file", "_env", "_credential"} {
		if _, ok := v.at[key+e]; ok {
			return key + e, true
		}
	}
	return key + "_file", false
}

func (v *checker) rules() {
	seen, spoken := map[string]string{}, map[string]string{}
	people := v.personNames()
	for i, r := range v.c.Rules {
		key := fmt.Sprintf("rules[%d]", i)
		v.object(key+".name", r.Name, seen, spoken)
		v.when(key+".when", r.When)
		if r.Diagnose != "" {
			v.oneOf(key+".diagnose", r.Diagnose, words()["rules[].diagnose"], nil)
		} else {
			v.warn(key, "rule %s acts without a diagnosis that must agree, such as diagnose: %s", clip(r.Name), DiagnoseStale)
		}
		v.command(key+".do", r.Do, holes())
		v.guard(key+".guard", r.Guard)
		switch {
		case r.Owner != "":
			v.refers(key+".owner", "person", r.Owner, people)
		case v.has(key + ".owner"):
			v.say(key+".owner", "is empty; name a person, or leave the key out and the file vouches for the command")
		}
	}
	if len(v.c.Rules) > 0 && v.c.Icinga.URL == "" {
		v.warn("rules", "no rule can act: before it does it reads the object again, and icinga.url is not given")
	}
}

func (v *checker) when(key string, w When) {
	v.foreign(key+".service", w.Service)
	v.foreign(key+".host", w.Host)
	once := map[string]string{}
	for i, s := range w.State {
		at := fmt.Sprintf("%s.state[%d]", key, i)
		v.oneOf(at, s, words()["rules[].when.state[]"], nil)
		v.unique(at, s, once)
	}
	if w.State != nil && len(w.State) == 0 {
		v.say(key+".state", "is empty, which could mean all or none; leave the key out for every state that is a problem")
	}
	v.oneOf(key+".kind", w.Kind, words()["rules[].when.kind"], nil)
	if w.Service == "" && w.Host == "" && len(w.State) == 0 {
		v.warn(key, "matches every problem of every host; name a service, a host or a state")
	}
}

// foreign checks a name that the monitoring gave.
func (v *checker) foreign(key, name string) {
	if len(name) > maxForeign {
		v.say(key, "has %d bytes; at most %d", len(name), maxForeign)
	}
}

func (v *checker) guard(key string, g Guard) {
	v.atMost(key+".cooldown", g.Cooldown, 30*day)
	v.atMost(key+".group_cooldown", g.GroupCooldown, 30*day)
	v.oneOf(key+".group", g.Group, words()["rules[].guard.group"], nil)
	v.between(key+".at_most", g.AtMost, 1, 1000)
	v.atLeast(key+".per", g.Per, time.Minute)
	v.atMost(key+".per", g.Per, 30*day)
	v.between(key+".breaker", g.Breaker, 1, 100)
	if g.Cooldown < time.Minute {
		v.warn(key+".cooldown", "%s leaves the node no time to recover; an alert that it causes would start it again", FormatDuration(g.Cooldown))
	}
}

// holes are what the command of a rule may have filled in from its alert.
func holes() []string { return []string{"{{node}}", "{{deployments}}", "{{host}}", "{{service}}"} }

var anyHole = regexp.MustCompile(`\{\{[^{}]*\}\}|\{\{|\}\}`)

// command checks the text of a command, with the holes that may be in it.
func (v *checker) command(key, text string, allowed []string) {
	if !v.required(key, text, "it is the command, as it would be typed") {
		return
	}
	if len(text) > maxCommand {
		v.say(key, "has %d bytes; at most %d", len(text), maxCommand)
		return
	}
	for _, h := range anyHole.FindAllString(text, -1) {
		switch {
		case slices.Contains(allowed, h):
		case len(allowed) == 0:
			v.say(key, "%s is filled in for rules alone, where there is an alert; write the name", quote(h))
		default:
			v.say(key, "%s is nothing that can be filled in%s", quote(h), didYouMean(h, allowed))
		}
	}
	if v.o.Command != nil && !v.bad[key] {
		v.foreignError(key, v.o.Command(text))
	}
}

// foreignError says what another room says about a value.
func (v *checker) foreignError(key string, err error) {
	if err != nil {
		v.say(key, "%s", clipTo(secret.Scrub(strings.Join(strings.Fields(err.Error()), " ")), 300))
	}
}

func (v *checker) jobs() {
	seen, spoken := map[string]string{}, map[string]string{}
	people := v.personNames()
	for i, j := range v.c.Jobs {
		key := fmt.Sprintf("jobs[%d]", i)
		v.object(key+".name", j.Name, seen, spoken)
		v.schedule(key+".at", j.At)
		v.command(key+".do", j.Do, nil)
		if v.required(key+".owner", j.Owner, "the job acts with the rights of that person") {
			v.refers(key+".owner", "person", j.Owner, people)
		}
		v.oneOf(key+".missed", j.Missed, words()["jobs[].missed"], nil)
	}
}

func (v *checker) schedule(key, at string) {
	if !v.required(key, at, "it says when, such as \"30 5 * * *\" or @every 30m") {
		return
	}
	_, every := strings.CutPrefix(at, "@every ")
	switch {
	case len(at) > maxSchedule:
		v.say(key, "has %d bytes; at most %d", len(at), maxSchedule)
	case !every && len(strings.Fields(at)) != 5:
		v.say(key, "%s is no schedule; write five fields (minute hour day month weekday) such as \"30 5 * * *\", or @every 30m", quote(at))
	case v.o.Schedule != nil:
		v.foreignError(key, v.o.Schedule(at))
	}
}
