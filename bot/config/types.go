package config

import (
	"io/fs"
	"time"

	"github.com/shitops/opsbot/internal/secret"
)

// Config is the whole configuration. Make one with Load, Parse or Default; it is not changed afterwards and is safe for concurrent use.
//
// The yaml tags are the keys of the file. The say tags explain them in the JSON schema.
type Config struct {
	File     string             `yaml:"-"` // absolute path of the file it came from
	Warnings []Mistake          `yaml:"-"` // what is allowed, but hardly meant
	places   map[string]Mistake // where the keys stood that CheckMachine speaks of

	DataDir   string     `yaml:"data_dir" say:"Folder of everything that must survive: state, journal, keys. The only key without a default."`
	Zone      string     `yaml:"zone" say:"IANA time zone of times in chat and jobs, unless a person has one."`
	Listeners []Listener `yaml:"listeners" say:"Addresses that are listened to, each with the route groups it offers."`
	Socket    Socket     `yaml:"socket" say:"The local socket of opsbot say and of the commands that need the running bot."`
	Store     Store      `yaml:"store" say:"How long state is kept, and where copies of it go."`
	Log       Log        `yaml:"log" say:"What is logged to standard error."`
	Inventory Inventory  `yaml:"inventory" say:"What is managed."`
	Probe     Probe      `yaml:"probe" say:"How segments are probed in the background."`
	People    []Person   `yaml:"people" say:"Who may ask, and by which identities they are known."`
	Roles     []Role     `yaml:"roles" say:"What people may do: intents and places."`

	Approvals  []Approval `yaml:"approvals" say:"Who else must say yes; never the one who asked."`
	Quotas     []Quota    `yaml:"quotas" say:"How often a holder of a role may do something, by chat, jobs and alerts together."`
	Freeze     []Freeze   `yaml:"freeze" say:"Parts of some days in which nothing of a risk class, or of a worse one, is done."`
	BreakGlass BreakGlass `yaml:"break_glass" say:"Who may act alone and in a freeze, with a reason, loudly."`
	OnCall     OnCall     `yaml:"oncall" say:"Who is called when the bot does not know further."`
	Icinga     Icinga     `yaml:"icinga" say:"The monitoring: where it is asked, and who may post alerts."`
	Rules      []Rule     `yaml:"rules" say:"What is done about alerts. Without the key and with icinga.url the one for low hit rates is there."`
	Jobs       []Job      `yaml:"jobs" say:"What is done by the clock."`

	Slack   []Slack   `yaml:"slack" say:"Workspaces of Slack."`
	Discord []Discord `yaml:"discord" say:"Applications of Discord."`

	Language Language `yaml:"language" say:"What the bot understands beside what is built into it."`

	Limits Limits `yaml:"limits" say:"Bounds on what one person can ask for at once."`
}

// Listener is one address.
type Listener struct {
	Address string   `yaml:"address" say:"host:port to listen on; port 0 takes a free one."`
	Serve   []string `yaml:"serve" say:"Route groups: hooks (what monitoring posts), ops (health, metrics, pprof), agents (of nodes; by itself, not HTTP)."`

	Certificate string `yaml:"certificate_file" say:"Certificate of the group agents, PEM, with those up to the one that agents trust; without it the bot makes its own."`
	Key         string `yaml:"key_file" say:"Private key of certificate_file, PEM."`
}

// Socket is the local socket.
type Socket struct {
	Path  string      `yaml:"path" say:"Where the socket lies; at most 103 bytes."`
	Mode  fs.FileMode `yaml:"mode" say:"Its rights, in octal; who may write to it may talk to the bot."`
	Group string      `yaml:"group" say:"The group that it belongs to; empty leaves it to the system."`
}

// Store is the engine of state.
type Store struct {
	Retention Retention `yaml:"retention" say:"How long finished things are kept."`
	Export    Export    `yaml:"export" say:"The nightly copy of the whole state."`
}

// Retention is how long finished things are kept.
type Retention struct {
	Runs   time.Duration `yaml:"runs" say:"Finished runs."`
	Alerts time.Duration `yaml:"alerts" say:"Alerts that were received."`
	Audit  time.Duration `yaml:"audit" say:"Records of who asked for what, and what was decided."`
}

// Export is the nightly copy. It is off while Folder is empty.
type Export struct {
	Folder string    `yaml:"folder" say:"Where copies go; empty makes none."`
	At     ClockTime `yaml:"at" say:"Time of day, HH:MM in the zone of the installation."`
	Keep   int       `yaml:"keep" say:"How many copies are kept."`
	// Passphrase opens the keys of agents in a copy; without it copies have none.
	Passphrase secret.Source `yaml:"passphrase" say:"Seals the keys of the agents into the state, so that copies have them; at least 16 characters, kept elsewhere, too."`
}

// Log is what goes to standard error.
type Log struct {
	Level  string `yaml:"level" say:"debug, info, warn or error."`
	Format string `yaml:"format" say:"json, text, or auto: text on a terminal, json elsewhere."`
}

// Inventory is what is managed.
type Inventory struct {
	Tenants     []string     `yaml:"tenants" say:"Whose streams are served."`
	Nodes       []Node       `yaml:"nodes" say:"Machines at the edge."`
	Segments    []Segment    `yaml:"segments" say:"VXLAN segments between nodes."`
	Deployments []Deployment `yaml:"deployments" say:"Streams that are served."`
}

// Segment is a VXLAN segment between nodes. What the file defines is the file's: chat tells about it and does not change it.
type Segment struct {
	Name   string   `yaml:"name" say:"What people call it."`
	VNI    uint32   `yaml:"vni" say:"Its VXLAN network identifier, 4096 to 16777214; without the key a free one is taken."`
	Tenant string   `yaml:"tenant" say:"Whose it is; where there is one tenant alone, that one."`
	Nodes  []string `yaml:"nodes" say:"Nodes in it; each comes in when its agent is there."`
}

// Probe is how segments are probed in the background. It is off while Every is 0.
type Probe struct {
	Every      time.Duration `yaml:"every" say:"How often each pair of nodes that share segments is probed in one of them; 0s never does."`
	AlarmAfter int           `yaml:"alarm_after" say:"Bad probes of a pair in a row until people are told."`
}

// Node is a machine at the edge.
type Node struct {
	Name     string            `yaml:"name" say:"What people call it."`
	Address  string            `yaml:"address" say:"Its IP address in the underlay (VTEP)."`
	Site     string            `yaml:"site" say:"Where it stands; rights and the blast radius go by site."`
	Platform string            `yaml:"platform" say:"linux or darwin."`
	Labels   map[string]string `yaml:"labels" say:"Free marks that commands can select by."`
	Caches   []Cache           `yaml:"caches" say:"HTTP caches on it."`
}

// Cache is an HTTP cache on a node.
type Cache struct {
	Name   string        `yaml:"name" say:"What people call it; unique on its node."`
	Kind   string        `yaml:"kind" say:"varnish."`
	URL    string        `yaml:"url" say:"Where viewers' requests enter."`
	Admin  Admin         `yaml:"admin" say:"Its management port (varnishd -T)."`
	Stats  Stats         `yaml:"stats" say:"Where its own counters are read; without it numbers are measured from the client's side."`
	Settle time.Duration `yaml:"settle" say:"How long a fetch in flight may last: at least the slowest time to first byte of the origin."`
}

// Admin is the management port of a cache.
type Admin struct {
	Address string        `yaml:"address" say:"host:port."`
	Secret  secret.Source `yaml:"secret" say:"What the port asks for (varnishd -S)."`
}

// Stats is where a cache's own counters are read.
type Stats struct {
	Varnishstat string `yaml:"varnishstat" say:"Working folder of varnishd on this machine (varnishd -n), an absolute path."`
}

// Deployment is a stream that is served at the edge.
type Deployment struct {
	Name   string   `yaml:"name" say:"What people call it."`
	Tenant string   `yaml:"tenant" say:"Whose it is."`
	Origin string   `yaml:"origin" say:"URL of its HLS master playlist."`
	Nodes  []string `yaml:"nodes" say:"Nodes that serve it."`
}

// Person is somebody who may ask.
type Person struct {
	Name  string   `yaml:"name" say:"What the bot calls them."`
	Roles []string `yaml:"roles" say:"Their roles; a right comes from one role as a whole."`
	Unix  []string `yaml:"unix" say:"Local users that they are, on the socket and at the prompt."`

	Slack   []SlackUser `yaml:"slack" say:"Members of workspaces of Slack that they are."`
	Discord []string    `yaml:"discord" say:"Users of Discord that they are, by id."`

	Zone  string `yaml:"zone" say:"Their IANA time zone."`
	Quiet string `yaml:"quiet" say:"Part of the day, HH:MM-HH:MM by their clock, in which they are called only when there is nobody else."`
}

// Role is what its holders may do. Sites and Tenants are nil where the key is absent, which means no limit.
type Role struct {
	Name    string   `yaml:"name" say:"What people call it."`
	May     []string `yaml:"may" say:"Intents; * stands for any characters."`
	Sites   []string `yaml:"sites" say:"Sites whose nodes it covers, or *; without the key there is no limit, [] covers none."`
	Tenants []string `yaml:"tenants" say:"Tenants whose deployments and segments it covers, or *; without the key there is no limit, [] covers none."`
}

// Language is what the bot understands beside what is built into it.
type Language struct {
	Examples string `yaml:"examples" say:"Folder of your own phrases: one file an intent, such as cache.flush.txt, a phrase a line."`
}

// Limits are bounds on what one person can ask for at once.
type Limits struct {
	Line      int  `yaml:"line" say:"Characters in one line."`
	Body      Size `yaml:"body" say:"Bytes in one posted body."`
	PlanSteps int  `yaml:"plan_steps" say:"Steps in one plan, a step on many nodes counted once."`
	Fanout    int  `yaml:"fanout" say:"Nodes in one plan."`
}

// ClockTime is a time of day as the time since midnight.
type ClockTime time.Duration

// String returns HH:MM.
func (t ClockTime) String() string { return time.Time{}.Add(time.Duration(t)).Format("15:04") }
