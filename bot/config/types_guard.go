package config

import (
	"time"

	"github.com/shitops/opsbot/internal/secret"
)

// Approval says for what somebody else must say yes as well.
type Approval struct {
	Intents []string      `yaml:"intents" say:"Intents; * stands for any characters."`
	Role    string        `yaml:"role" say:"Whose holders may approve."`
	People  int           `yaml:"people" say:"How many of them."`
	Within  time.Duration `yaml:"within" say:"How long the run waits before it is cancelled."`
}

// Quota bounds how often a holder of a role may do something.
type Quota struct {
	Role    string        `yaml:"role" say:"Whose holders are counted, each by themselves."`
	Intents []string      `yaml:"intents" say:"Intents that are counted together; * stands for any characters."`
	AtMost  int           `yaml:"at_most" say:"How many."`
	Per     time.Duration `yaml:"per" say:"In which time."`
}

// Freeze is a part of some days in which little is done.
type Freeze struct {
	Name string    `yaml:"name" say:"What people call it."`
	From ClockTime `yaml:"from" say:"When it begins, HH:MM in the zone of the installation."`
	To   ClockTime `yaml:"to" say:"When it ends; not after from means on the next day."`
	Days []string  `yaml:"days" say:"Days on which it begins: mon, tue, wed, thu, fri, sat, sun; without the key every day."`
	Risk string    `yaml:"risk" say:"The least risk that is not done: reversible, disruptive or destructive."`
}

// BreakGlass says who may act alone and in a freeze. Without roles nobody may.
type BreakGlass struct {
	Roles []string      `yaml:"roles" say:"Whose holders may."`
	For   time.Duration `yaml:"for" say:"How long after it was said it counts."`
}

// OnCall is who is called.
type OnCall struct {
	Order         []string      `yaml:"order" say:"People, first to last; behind those of the calendar where there is one."`
	Calendar      CalendarFile  `yaml:"calendar" say:"Who is on call when."`
	EscalateAfter time.Duration `yaml:"escalate_after" say:"How long one is given to answer before the next is called."`
	By            []string      `yaml:"by" say:"Doors by which people are called: terminal, slack, discord."`
}

// CalendarFile is an iCalendar file.
type CalendarFile struct {
	File string `yaml:"file" say:"An iCalendar file; the summary of an event is a person."`
}

// Icinga is the monitoring. It is off while URL is empty; alerts can be posted all the same.
type Icinga struct {
	URL           string         `yaml:"url" say:"Address of its API, https."`
	User          string         `yaml:"user" say:"The ApiUser that the bot is."`
	Password      secret.Source  `yaml:"password" say:"The password of that user."`
	CAFile        string         `yaml:"ca_file" say:"Certificate that its own must be signed with (ca.crt of the master); without it those of the system count."`
	ServerName    string         `yaml:"server_name" say:"Name in its certificate, where it is not that of the URL."`
	Certificate   string         `yaml:"certificate_file" say:"Client certificate that the bot shows (an ApiUser with client_cn); in place of the password, or beside it."`
	Key           string         `yaml:"key_file" say:"The key of that certificate."`
	Pins          []string       `yaml:"pins" say:"Digests of public keys of which its certificate must have one, sha256//…; two while the key is changed, none where the CA is enough."`
	Stream        bool           `yaml:"stream" say:"Follow its event stream too, so that no problem is missed when a notification is."`
	Register      bool           `yaml:"register" say:"Create hosts and services of the inventory there, and remove those that the bot created."`
	Instance      string         `yaml:"instance" say:"Name of this bot on the objects that it creates; two bots on one Icinga2 need two."`
	Heartbeat     Heartbeat      `yaml:"heartbeat" say:"The passive check by which the monitoring notices that the bot is silent."`
	Notifications []Notification `yaml:"notifications" say:"Who may post alerts, each with its own proof."`
}

// Heartbeat is a passive check result that the bot sends about itself. It is off while Host is empty.
type Heartbeat struct {
	Host    string        `yaml:"host" say:"Host that the check belongs to; empty sends none."`
	Service string        `yaml:"service" say:"Service of that host."`
	Every   time.Duration `yaml:"every" say:"How often it is sent; two and a half times as long without one is an alarm."`
}

// Notification is one sender of alerts: it has keys or a bearer token.
type Notification struct {
	Name   string        `yaml:"name" say:"What the bot calls the sender."`
	HMAC   []HMACKey     `yaml:"hmac" say:"One or two keys that bodies are signed with; two while they are changed."`
	Bearer secret.Source `yaml:"bearer" say:"A token that the sender shows."`
}

// HMACKey is a key and the name that the sender gives with a signature.
type HMACKey struct {
	ID     string        `yaml:"id" say:"Name of the key, sent with each signature."`
	Secret secret.Source `yaml:"secret" say:"The key."`
}

// Rule is what is done about alerts of one sort.
type Rule struct {
	Name     string `yaml:"name" say:"What people call it."`
	When     When   `yaml:"when" say:"Which alerts it is for; all that is given must fit."`
	Diagnose string `yaml:"diagnose" say:"What must agree before anything is done: cache.stale."`
	Do       string `yaml:"do" say:"The command, with {{node}}, {{deployments}}, {{host}} and {{service}} of the alert."`
	Guard    Guard  `yaml:"guard" say:"What keeps the rule from doing too much."`
	Owner    string `yaml:"owner" say:"The person whose rights it acts with; without the key the file vouches for the command."`
	Enabled  bool   `yaml:"enabled" say:"Whether it acts at all; chat can switch it off and on too."`
	DryRun   bool   `yaml:"dry_run" say:"Tell what would be done, and do nothing."`
}

// When picks alerts.
type When struct {
	Service string   `yaml:"service" say:"Name of the service; * stands for any characters. Without the key alerts of hosts and of all services."`
	Host    string   `yaml:"host" say:"Name of the host as the monitoring has it; * stands for any characters."`
	State   []string `yaml:"state" say:"States: WARNING, CRITICAL, UNKNOWN, DOWN."`
	Kind    string   `yaml:"kind" say:"Type of notification: PROBLEM, or CUSTOM for one that a person sent."`
}

// Guard keeps a rule from doing too much.
type Guard struct {
	Cooldown      time.Duration `yaml:"cooldown" say:"Rest of a node after the rule has acted on it."`
	Group         string        `yaml:"group" say:"What makes nodes a group: site."`
	GroupCooldown time.Duration `yaml:"group_cooldown" say:"Rest of a group after the rule has acted on one of its nodes."`
	AtMost        int           `yaml:"at_most" say:"How often the rule acts on one node in the time of per."`
	Per           time.Duration `yaml:"per" say:"The time of at_most."`
	OneAtATime    bool          `yaml:"one_at_a_time" say:"Act on one node of a group at a time."`
	Breaker       int           `yaml:"breaker" say:"After how many failures, or times without improvement, the rule stops and calls a person."`
}

// Job is what is done by the clock.
type Job struct {
	Name   string `yaml:"name" say:"What people call it."`
	At     string `yaml:"at" say:"Five fields as in crontab, or @every 30m, in the zone of the installation."`
	Do     string `yaml:"do" say:"The command, as it would be typed; it is understood anew at each tick."`
	Owner  string `yaml:"owner" say:"The person whose rights it acts with."`
	Missed string `yaml:"missed" say:"What becomes of ticks that were slept through: skip, or once for all of them."`
}
