package discord

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/internal/secret"
)

// Mode is how interactions come in.
type Mode string

// The modes. Discord uses one of them for an application, never both.
const (
	Gateway Mode = "gateway" // a socket that the bot opens; mentions and direct messages are heard on it, too
	HTTP    Mode = "http"    // signed requests to /discord/interactions; nothing but interactions is heard
)

// Command is one thing people can say, for the form that Discord shows.
type Command struct {
	Name  string // of the intent: "cache.flush", "help"
	Help  string // one line
	Slots []Slot
}

// Slot is one field of a command.
type Slot struct {
	Name     string // of the flag, without dashes
	Kind     string // what stands in it: "node", "duration"; for completion
	List     bool
	Required bool
	Switch   bool // yes or no, without a value
}

// Options is what New needs. Application, Token, Desk and KV are required, in mode http PublicKey, in mode gateway Leader.
type Options struct {
	Application string
	// Token reads the bot's token. It is read again whenever Discord refuses the one in use.
	Token     func() (secret.Secret, error)
	PublicKey string // hexadecimal, from the developer portal
	Mode      Mode
	Guilds    []string // servers to answer in; none means all that the bot was added to
	Alerts    string   // channel for incidents, "" where there is none
	// Prefix lets the bot answer plain messages that begin with it, such as "!ops". It needs the Message Content intent; "" leaves it off.
	Prefix string

	Commands []Command
	// Complete returns what a line could go on with (door.Desk.Complete where nil).
	Complete func(line string) []string
	// Names returns names of a kind that begin with what was typed, for the form; nil uses Complete.
	Names func(kind, typed string) []string
	// Private tells, before a command is carried out, whether its answer is likely for the eyes of the asker alone; nil means yes. A wrong guess
	// costs two calls more.
	Private func(text string) bool

	Desk   door.Desk
	KV     store.KV     // a bucket whose keys may end: store.Dedupe
	Leader store.Leader // so that one replica alone holds the gateway
	Owner  string       // names this process in the election

	Log   *slog.Logger
	Alarm func(reply.Card)
	Count func(what string)

	// Base replaces https://discord.com, for tests and proxies.
	Base string

	Workers int           // commands at the same time; default 512
	Waiting int           // commands that wait for their turn; default 4096
	Check   time.Duration // how often the door checks itself; default 2 min
	Silence time.Duration // how long the gateway may owe the answer to a heartbeat; default 2 min
	Slow    time.Duration // between attempts with a token that is refused; default 1 min
	Now     func() time.Time
}

func (o *Options) defaults() error {
	switch {
	case !number(o.Application):
		return fmt.Errorf("discord: application %q is no id", o.Application)
	case o.Token == nil || o.Desk == nil || o.KV == nil:
		return errors.New("discord: a token, a desk and a bucket are required")
	case o.Alerts != "" && !number(o.Alerts):
		return fmt.Errorf("discord: channel %q for alerts is no id", o.Alerts)
	case slices.ContainsFunc(o.Guilds, func(g string) bool { return !number(g) }):
		return fmt.Errorf("discord: one of the servers %q is no id", o.Guilds)
	}
	if o.Mode == "" {
		o.Mode = Gateway
	}
	if o.Mode == Gateway && o.Leader == nil {
		return errors.New("discord: mode gateway needs an election, so that one replica alone answers")
	}
	if o.Mode != Gateway && o.Mode != HTTP {
		return fmt.Errorf("discord: mode %q, want gateway or http", o.Mode)
	}
	if u, err := url.Parse(o.Base); err != nil || o.Base != "" && u.Host == "" {
		return fmt.Errorf("discord: base %q is no address", o.Base)
	}
	if o.Complete == nil {
		o.Complete = o.Desk.Complete
	}
	if o.Private == nil {
		o.Private = func(string) bool { return true }
	}
	o.quiet()
	return nil
}

func (o *Options) quiet() {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Alarm == nil {
		o.Alarm = func(reply.Card) {}
	}
	if o.Count == nil {
		o.Count = func(string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Workers <= 0 {
		o.Workers = 512
	}
	if o.Waiting <= 0 {
		o.Waiting = 4096
	}
	for _, d := range []struct {
		at        *time.Duration
		otherwise time.Duration
	}{{&o.Check, 2 * time.Minute}, {&o.Silence, 2 * time.Minute}, {&o.Slow, time.Minute}} {
		if *d.at <= 0 {
			*d.at = d.otherwise
		}
	}
}

func (o *Options) publicKey() (ed25519.PublicKey, error) {
	if o.Mode != HTTP {
		return nil, nil
	}
	key, err := hex.DecodeString(strings.TrimSpace(o.PublicKey))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, errors.New("discord: mode http needs the application's public key, 64 hexadecimal digits from the developer portal")
	}
	return key, nil
}

// number tells whether text is an id of Discord (a snowflake).
func number(text string) bool {
	return text != "" && len(text) <= 20 && strings.Trim(text, "0123456789") == ""
}
