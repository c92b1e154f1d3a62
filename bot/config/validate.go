package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones must be known on machines without a zone database, such as in a container made from scratch
)

// checker looks for what is wrong with values that could be read.
type checker struct {
	*decoder

	c        *Config
	o        Options
	warnings []Mistake
}

func (v *checker) all() {
	v.base()
	v.listeners()
	v.socket()
	v.store()
	v.limits()
	v.tenants()
	v.nodes()
	v.segments()
	v.probe()
	v.deployments()
	v.roles()
	v.people()
	v.approvals()
	v.quotas()
	v.freezes()
	v.breakGlass()
	v.onCall()
	v.icinga()
	v.rules()
	v.jobs()
	v.slack()
	v.discord()
}

func (v *checker) warn(key, format string, args ...any) {
	v.warnings = append(v.warnings, v.mistake(v.near(key), key, fmt.Sprintf(format, args...)))
}

func (v *checker) base() {
	v.required("data_dir", v.c.DataDir, "it says where everything that must survive is kept, such as /var/lib/opsbot")
	v.zone("zone", v.c.Zone, true)
	v.oneOf("log.level", v.c.Log.Level, words()["log.level"], nil)
	v.oneOf("log.format", v.c.Log.Format, words()["log.format"], nil)
}

func (v *checker) listeners() {
	seen, agents := map[string]string{}, map[string]string{}
	for i, l := range v.c.Listeners {
		key := fmt.Sprintf("listeners[%d]", i)
		v.agents(key, l, agents)
		if v.required(key+".address", l.Address, "write one such as 127.0.0.1:8081") && v.hostPort(key+".address", l.Address, 0) && !strings.HasSuffix(l.Address, ":0") {
			v.unique(key+".address", l.Address, seen)
		}
		if len(l.Serve) == 0 && !v.bad[key+".serve"] {
			v.say(key+".serve", "is missing; it lists route groups, such as [ops]")
		}
		groups := map[string]string{}
		for j, g := range l.Serve {
			at := fmt.Sprintf("%s.serve[%d]", key, j)
			v.oneOf(at, g, words()["listeners[].serve[]"], laterGroups())
			v.unique(at, g, groups)
		}
		if slices.Contains(l.Serve, GroupOps) && l.Address != "" && !loopback(l.Address) {
			v.warn(key+".address", "the group ops is not meant for other machines: it has no login and shows inner state; 127.0.0.1 keeps it here")
		}
	}
}

// agents checks what is peculiar to the group agents.
func (v *checker) agents(key string, l Listener, seen map[string]string) {
	i := slices.Index(l.Serve, GroupAgents)
	switch {
	case i < 0 && l.Certificate != "":
		v.say(key+".certificate_file", "is for the group agents alone; a proxy in front serves the others by TLS")
	case i < 0 && l.Key != "":
		v.say(key+".key_file", "is for the group agents alone; a proxy in front serves the others by TLS")
	case i < 0:
		return
	case len(l.Serve) > 1:
		v.say(fmt.Sprintf("%s.serve[%d]", key, i), "agents needs an address of its own, since it speaks no HTTP")
	case l.Certificate != "" && l.Key == "":
		v.say(key+".key_file", "is missing; it is the key of certificate_file")
	case l.Key != "" && l.Certificate == "":
		v.say(key+".certificate_file", "is missing; it belongs to key_file")
	default:
		v.unique(fmt.Sprintf("%s.serve[%d]", key, i), GroupAgents, seen)
	}
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// maxSocket is what fits into sun_path on every system that the program runs on: 104 bytes with the closing zero on macOS (unix(4)).
const maxSocket = 103

func (v *checker) socket() {
	s := v.c.Socket
	if v.required("socket.path", s.Path, "write one such as /run/opsbot/opsbot.sock") && len(s.Path) > maxSocket {
		v.say("socket.path", "has %d bytes; the system takes at most %d", len(s.Path), maxSocket)
	}
	if s.Mode&0o600 != 0o600 {
		v.say("socket.mode", "\"%04o\" shuts the bot itself out; write one such as \"0660\"", s.Mode)
	}
	if s.Mode&0o002 != 0 {
		v.warn("socket.mode", "\"%04o\" lets every user of this machine talk to the bot; \"0660\" and a group keep it to some", s.Mode)
	}
	if s.Group != "" && !accountName.MatchString(s.Group) {
		v.say("socket.group", "%s is no name of a group", quote(s.Group))
	}
}

func (v *checker) store() {
	r := v.c.Store.Retention
	v.atLeast("store.retention.runs", r.Runs, time.Hour)
	v.atLeast("store.retention.alerts", r.Alerts, time.Hour)
	v.atLeast("store.retention.audit", r.Audit, time.Hour)
	v.between("store.export.keep", v.c.Store.Export.Keep, 1, 10000)
	v.secret("store.export.passphrase", v.c.Store.Export.Passphrase)
	agents := slices.ContainsFunc(v.c.Listeners, func(l Listener) bool { return slices.Contains(l.Serve, GroupAgents) })
	if agents && v.c.Store.Export.Folder != "" && v.c.Store.Export.Passphrase.IsZero() {
		v.warn("store.export", "copies leave out the keys of the agents, and after an import every node is enrolled again: passphrase_file says what seals them")
	}
	if v.c.Store.Export.Folder != "" && v.c.DataDir != "" && inside(v.c.DataDir, v.c.Store.Export.Folder) {
		v.warn("store.export.folder", "lies inside data_dir: what destroys the state destroys its copies too")
	}
}

func inside(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

func (v *checker) limits() {
	v.between("limits.line", v.c.Limits.Line, 1, 1<<20)
	v.size("limits.body", v.c.Limits.Body, 1<<10, 16<<20)
	v.between("limits.plan_steps", v.c.Limits.PlanSteps, 1, 1000)
	v.between("limits.fanout", v.c.Limits.Fanout, 1, 100_000)
}

// required says so when a value is missing; why tells what it is for. It returns whether there is one.
func (v *checker) required(key, value, why string) bool {
	switch {
	case value != "":
		return true
	case v.has(key):
		v.say(key, "is empty; %s", why)
	default:
		v.say(key, "is missing; %s", why)
	}
	return false
}

func (v *checker) atLeast(key string, d, least time.Duration) {
	if d < least {
		v.say(key, "%s is too short; at least %s", FormatDuration(d), FormatDuration(least))
	}
}

func (v *checker) between(key string, n, low, high int) {
	if n < low || n > high {
		v.say(key, "%d is out of bounds; %d to %d", n, low, high)
	}
}

func (v *checker) size(key string, n, low, high Size) {
	if n < low || n > high {
		v.say(key, "%s is out of bounds; %s to %s", n, low, high)
	}
}

func (v *checker) zone(key, name string, must bool) {
	if name == "" && !must {
		return
	}
	// "Local" would mean another thing on each machine.
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		v.say(key, "%s is no time zone; write one such as Europe/Berlin or UTC", quote(name))
	}
}

// oneOf says so unless value is one of known; soon are words of later versions.
func (v *checker) oneOf(key, value string, known, soon []string) {
	switch {
	case slices.Contains(known, value):
	case slices.Contains(soon, value):
		v.say(key, "%s comes with a later release; this one knows %s", quote(value), strings.Join(known, ", "))
	default:
		v.say(key, "%s is not known%s", quote(value), didYouMean(value, known))
	}
}

// unique says so when value was seen before; seen maps values to the keys where they stood.
func (v *checker) unique(key, value string, seen map[string]string) bool {
	if first, ok := seen[value]; ok {
		v.say(key, "%s is here twice; the first one is %s (line %d)", quote(value), first, v.mistake(v.near(first), "", "").Line)
		return false
	}
	seen[value] = key
	return true
}

func (v *checker) hostPort(key, address string, lowest int) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		v.say(key, "%s is no address; write host:port, such as 127.0.0.1:8081", quote(address))
		return false
	}
	if n, err := strconv.Atoi(port); err != nil || n < lowest || n > 65535 {
		v.say(key, "%s is no port; %d to 65535", quote(port), lowest)
		return false
	}
	if host == "" && lowest > 0 || strings.ContainsAny(host, " /@\t") {
		v.say(key, "%s has no host; write host:port, such as 127.0.0.1:6082", quote(address))
		return false
	}
	return true
}

func (v *checker) webURL(key, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		v.say(key, "%s is no address of the web; write one such as http://192.0.2.11:6081", quote(text))
	case u.User != nil:
		v.say(key, "holds a user name or password; a URL is shown in chat, leave it out")
	case u.Fragment != "":
		v.say(key, "holds a fragment (#%s), which no server ever sees; leave it out", clip(u.Fragment))
	}
}

// accountName covers users and groups of Linux and macOS (useradd(8)).
var accountName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.-]{0,31}\$?$`)
