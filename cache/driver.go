package cache

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Kind names a cache server's make, as the configuration spells it.
type Kind string

// Varnish is Varnish Cache, spoken to over its management port (CLI) and by PURGE over HTTP.
const Varnish Kind = "varnish"

// Config tells where one cache of one node is and how it is reached. It is plain data; the zero value of an optional field
// takes a capability away (no AdminAddress: no flush) or means the default that the field names.
type Config struct {
	Node string // inventory name of the node, for messages
	Name string // name of the cache on that node, for messages
	Kind Kind   // make of the server
	URL  string // http://host:port where viewers' requests enter

	AdminAddress string                 // Varnish CLI, host:port; "" = no flush, no prefix purge
	Secret       func() ([]byte, error) // returns the bytes of the CLI secret file, called at each login; nil = the CLI asks for none
	SecretFile   string                 // path of that file, printed by ByHand alone; "" = /etc/varnish/secret
	StatsDir     string                 // varnishd's working directory (varnishstat -n); "" = counters from the client's side only
	Settle       time.Duration          // pause between two purges, at least the slowest origin's time to first byte; 0 = 2 s
	Host         string                 // Host header for all requests; "" = the host of the URL that is asked for
}

// Options are what drivers share. The zero value works; passing one Client to all drivers shares its connection pool.
type Options struct {
	Client  *http.Client  // nil = NewClient()
	Timeout time.Duration // of one exchange with the server; 0 = 5 s
	Log     *slog.Logger  // nil = discard
}

// Driver is one cache of one node. All methods may be called concurrently, and honour ctx.
//
// Errors are of type *[Error]; [Temporary] tells whether trying again can help. A method whose capability is not in Caps
// returns [ErrUnsupported] without touching the server.
type Driver interface {
	// Caps tells what this cache can do as it is configured.
	Caps() Caps
	// Flush invalidates every object. The mark is an idempotency key ([CheckMark] tells its alphabet): a mark that the server
	// still remembers is not acted on again, and Result.Repeated is set.
	Flush(ctx context.Context, mark string) (Result, error)
	// Purge removes one URL with all its variants; soft keeps the old copy for the viewer who asks next while a new one is fetched.
	Purge(ctx context.Context, url string, soft bool) (Result, error)
	// PurgeTag removes every object that bears one of the tags (the origin's xkey header).
	PurgeTag(ctx context.Context, tags []string, soft bool) (Result, error)
	// PurgePrefix invalidates every object whose path and query begin with the prefix, whatever its host. It refuses with [ErrTooManyBans] when
	// the server already works through [MaxBans] of them. The mark is as for Flush.
	PurgePrefix(ctx context.Context, prefix, mark string) (Result, error)
	// Stats returns cumulative counters; subtract two samples with [Window].
	Stats(ctx context.Context) (Counters, error)
	// Health asks whether the server is alive. A server that answers "not running" is a Health, not an error.
	Health(ctx context.Context) (Health, error)
	// ByHand returns the shell commands that a person types instead of op, for the day the bot is dead.
	ByHand(op Op) []string
	// Edge returns the side of the cache that viewers see, for Prime, Verify and LoadTest.
	Edge() Edge
	// Config returns what the driver was opened with, defaults filled in.
	Config() Config
	// Close ends the connections. It is safe to call twice.
	Close() error
}

// Open returns the driver of one cache. It validates and connects to nothing: the first call does.
//
// An unknown kind is [ErrUnsupported]; a URL or address that does not parse is [ErrConfig].
func Open(cfg Config, opts Options) (Driver, error) {
	if opts.Client == nil {
		opts.Client = NewClient()
	}
	if opts.Timeout <= 0 {
		opts.Timeout = 5 * time.Second
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Settle <= 0 {
		cfg.Settle = 2 * time.Second
	}
	if cfg.SecretFile == "" {
		cfg.SecretFile = "/etc/varnish/secret"
	}
	switch cfg.Kind {
	case Varnish:
		return openVarnish(cfg, opts)
	default:
		return nil, &Error{Node: cfg.Node, Cache: cfg.Name, Op: "open", Object: fmt.Sprintf("kind %q", cfg.Kind),
			Err: fmt.Errorf("%w: known kinds: %s", ErrUnsupported, Varnish)}
	}
}

// Caps is a set of capabilities.
type Caps uint16

// The capabilities a driver may declare.
const (
	CanFlush       Caps = 1 << iota // invalidate everything
	CanPurgeURL                     // remove one URL
	CanPurgeTag                     // remove by tag
	CanPurgePrefix                  // invalidate by prefix
	CanSoft                         // soft purges of URL and tag
	CanStats                        // cumulative counters from the server's side
	Persistent                      // objects survive a restart of the server
	CountsPurged                    // PurgeTag tells how many objects it removed
)

// Has reports whether every capability of want is in c.
func (c Caps) Has(want Caps) bool { return c&want == want }

// String lists the capabilities, for example "flush, purge url, stats".
func (c Caps) String() string {
	names := []string{"flush", "purge url", "purge tag", "purge prefix", "soft", "stats", "persistent", "counts purged"}
	var out []string
	for i, name := range names {
		if c.Has(1 << i) {
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// Verb names an operation for ByHand.
type Verb string

// The verbs of an Op.
const (
	VerbFlush       Verb = "flush"
	VerbPurge       Verb = "purge"
	VerbPurgeTag    Verb = "purge tag"
	VerbPurgePrefix Verb = "purge prefix"
	VerbPrime       Verb = "prime"
	VerbVerify      Verb = "verify"
	VerbStats       Verb = "stats"
	VerbHealth      Verb = "health"
)

// Op is an operation as plain data, to be shown as shell commands.
type Op struct {
	Verb   Verb
	URLs   []string // purge, prime, verify
	Tags   []string // purge tag
	Prefix string   // purge prefix
	Soft   bool     // purge, purge tag
}
