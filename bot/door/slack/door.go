package slack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/internal/secret"
)

// Mode is how Slack brings what people do.
type Mode string

// The modes.
const (
	Socket Mode = "socket" // the bot connects out
	HTTP   Mode = "http"   // Slack posts to Routes
)

// Options are what New needs. Workspace, Mode, BotToken, Desk and KV are required, AppToken for Socket, SigningSecrets for HTTP; the rest has
// defaults.
type Options struct {
	Workspace string // its id, T0123
	Mode      Mode
	// The tokens are read anew before they are used, so that they can be renewed while the bot runs.
	AppToken func() (secret.Secret, error) // xapp-…, with connections:write
	BotToken func() (secret.Secret, error) // xoxb-…
	// SigningSecrets are all that may have signed a post: while one is replaced there are two.
	SigningSecrets []func() (secret.Secret, error)
	Alerts         string // id of the channel where everybody watches; empty for none
	Command        string // default /opsbot

	Desk  door.Desk
	KV    store.KV // the bucket of dedupe or of guards: records end by themselves
	Log   *slog.Logger
	Now   func() time.Time
	Alarm func(reply.Card)  // what everybody must hear of when this door cannot tell it
	Count func(what string) // what happens, by one word; beside those of the outbox: in, twice, ignored, forged, refused, panic, lost

	Workers    int           // messages that are handled at the same time; default 2048
	Waiting    int           // messages that may wait for a worker before more are refused; default 10,000
	Remember   time.Duration // how long a message is known, to be handled and as a duplicate; default 24 h
	CheckEvery time.Duration // how often the door proves that it can speak and read; default 10 min
	AlarmAfter time.Duration // how long it may be deaf before there is an alarm; default 1 min
	PingWithin time.Duration // how long the socket may be without a ping; default 30 s
	Retry      time.Duration // the first wait before a new connection; default 1 s

	APIURL string // default that of Slack; ends with a slash
	// Pace changes how fast is posted; the zero value keeps within what Slack documents.
	Pace Pace
}

// Pace is how fast is posted.
type Pace struct {
	PostEvery, EditEvery time.Duration
	Edits                outbox.Rate
}

// Door is the door to one workspace. It is safe for concurrent use.
type Door struct {
	o     Options
	name  string // of its records
	out   *outbox.Outbox
	in    *inbox
	wire  *wire
	api   *api
	state *state
	http  *http.Client
	ctx   atomic.Pointer[context.Context] // of Run, for what is handled
}

// New returns the door to a workspace. Nothing is connected before Run.
func New(o Options) (*Door, error) {
	if err := check(o); err != nil {
		return nil, err
	}
	o = withDefaults(o)
	d := &Door{o: o, name: "slack-" + o.Workspace, state: newState(o)}
	d.http = &http.Client{
		Timeout:       20 * time.Second,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, ResponseHeaderTimeout: 15 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	d.api = &api{o: o, http: d.http}
	d.wire = &wire{api: d.api, o: o, rooms: map[string]string{}, uses: map[string]use{}}
	out, err := outbox.New(outbox.Options{
		Door: d.name, KV: o.KV, Wire: d.wire, Log: o.Log, Now: o.Now, Count: o.Count,
		Elsewhere: d.elsewhere, Fresh: true,
		PostEvery: o.Pace.PostEvery, EditEvery: o.Pace.EditEvery, Edits: o.Pace.Edits,
	})
	if err != nil {
		return nil, err
	}
	d.out = out
	d.state.posted = out.Denied
	d.in = newInbox(d)
	return d, nil
}

func check(o Options) error {
	switch {
	case !id(o.Workspace, "T", "E"):
		return fmt.Errorf("slack: workspace %q: want the id of a workspace, such as T0123", o.Workspace)
	case o.Mode != Socket && o.Mode != HTTP:
		return fmt.Errorf("slack %s: mode %q: want socket or http", o.Workspace, o.Mode)
	case o.BotToken == nil || o.Desk == nil || o.KV == nil:
		return fmt.Errorf("slack %s: a bot token, a desk and a bucket are required", o.Workspace)
	case o.Mode == Socket && o.AppToken == nil:
		return fmt.Errorf("slack %s: the mode socket needs the token of the app", o.Workspace)
	case o.Mode == HTTP && len(o.SigningSecrets) == 0:
		return fmt.Errorf("slack %s: the mode http needs a signing secret", o.Workspace)
	case o.Alerts != "" && !id(o.Alerts, "C", "G"):
		return fmt.Errorf("slack %s: channel %q: want the id of a channel, such as C0123", o.Workspace, o.Alerts)
	}
	return nil
}

// id tells whether text looks like one of Slack's ids with one of the given first letters.
func id(text string, first ...string) bool {
	for _, f := range first {
		if rest, ok := strings.CutPrefix(text, f); ok && rest != "" {
			return strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
		}
	}
	return false
}

func withDefaults(o Options) Options {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler)).With("door", "slack", "workspace", o.Workspace)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Alarm == nil {
		o.Alarm = func(reply.Card) {}
	}
	if o.Count == nil {
		o.Count = func(string) {}
	}
	o.Command = cmp.Or(o.Command, "/opsbot")
	o.Workers = cmp.Or(o.Workers, 2048)
	o.Waiting = cmp.Or(o.Waiting, 10_000)
	o.Remember = cmp.Or(o.Remember, 24*time.Hour)
	o.CheckEvery = cmp.Or(o.CheckEvery, 10*time.Minute)
	o.AlarmAfter = cmp.Or(o.AlarmAfter, time.Minute)
	o.PingWithin = cmp.Or(o.PingWithin, 30*time.Second)
	o.Retry = cmp.Or(o.Retry, time.Second)
	o.APIURL = cmp.Or(o.APIURL, slack.APIURL)
	if o.Pace.Edits.PerMinute == 0 { // Tier 3 allows 50 in any minute: 20 at once and 30 more
		o.Pace.Edits = outbox.Rate{PerMinute: 30, Burst: 20}
	}
	return o
}

var _ door.Chat = (*Door)(nil)

// Name implements door.Chat.
func (d *Door) Name() string { return origin + "/" + d.o.Workspace }

// origin is the Door of our origins.
const origin = "slack"

// Holds implements door.Chat.
func (d *Door) Holds(o actions.Origin) bool { return o.Door == origin && d.owns(o.Channel) }

// Run implements door.Chat.
func (d *Door) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 2)
	part := func(name string, run func(context.Context) error) {
		wg.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	part("outbox", d.out.Run)
	part("inbox", d.in.run)
	part("pulse", d.pulse)
	part("watch", d.watch)
	if d.o.Mode == Socket {
		part("socket", d.listen)
	}
	defer d.http.CloseIdleConnections()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return fmt.Errorf("slack %s: %w", d.o.Workspace, err)
	}
}

// Ready implements door.Chat.
func (d *Door) Ready() error {
	if err := d.state.ready(d.o.Now()); err != nil {
		return err
	}
	if old := d.out.Oldest(); old > lateMost {
		return fmt.Errorf("slack %s: %d messages wait to be posted, the oldest for %s", d.o.Workspace, d.out.Backlog(), old.Round(time.Second))
	}
	return nil
}

// lateMost is how long a message may wait before the door is not ready. A storm of 1,000 messages takes half of it at Slack's rates.
const lateMost = time.Hour

// Backlog returns how many messages do not show their last card yet.
func (d *Door) Backlog() int { return d.out.Backlog() }

// Routes implements door.Chat. Where there are several workspaces, use the function Routes.
func (d *Door) Routes() map[string]http.Handler {
	if d.o.Mode != HTTP {
		return nil
	}
	return Routes(d)
}

// Deliver implements door.Chat.
func (d *Door) Deliver(ctx context.Context, to actions.Origin, c reply.Card) error {
	if !d.Holds(to) || to.Channel == d.channel("") {
		return fmt.Errorf("slack %s: %s %s is no place of this workspace", d.o.Workspace, to.Door, to.Channel)
	}
	return d.send(ctx, outbox.Place{Channel: to.Channel, Thread: to.Thread}, c)
}

// Tell implements door.Chat.
func (d *Door) Tell(ctx context.Context, c reply.Card) error {
	if d.o.Alerts == "" {
		return nil
	}
	c.Private = false
	return d.send(ctx, outbox.Place{Channel: d.channel(d.o.Alerts)}, c)
}

// errStranger says that an identity is of another place.
var errStranger = errors.New("no member of this workspace")

// Ring implements door.Chat.
func (d *Door) Ring(ctx context.Context, as string, c reply.Card) error {
	user, ok := strings.CutPrefix(as, "slack:"+d.o.Workspace+"/")
	if !ok || !id(user, "U", "W") {
		return fmt.Errorf("ring %s: %w", as, errStranger)
	}
	c.Private = false
	return d.out.SendAndWait(ctx, d.direct(user), c)
}

func (d *Door) owns(channel string) bool { return strings.HasPrefix(channel, d.o.Workspace+"/") }

// channel is the name of a channel in origins.
func (d *Door) channel(id string) string { return d.o.Workspace + "/" + id }

// direct is where a person alone reads.
func (d *Door) direct(user string) outbox.Place {
	return outbox.Place{Channel: d.channel("@" + user), User: user}
}

// elsewhere is where a card goes whose channel is gone: to who asked.
func (d *Door) elsewhere(p outbox.Place) (outbox.Place, bool) {
	if p.User == "" || strings.HasPrefix(p.Channel, d.channel("@")) {
		return outbox.Place{}, false
	}
	return d.direct(p.User), true
}

// send keeps a card, and the whole of it as a file where the message is too short for it.
func (d *Door) send(ctx context.Context, p outbox.Place, c reply.Card) error {
	err := d.out.Send(ctx, p, c)
	if c.Live || c.ID == "" || !short(c) {
		return err
	}
	file := c
	file.ID, file.Under, file.Live, file.Private, file.Token, file.Buttons = c.ID+fileSuffix, c.ID, false, false, "", nil
	if c.Private {
		p, file.Under = d.direct(p.User), ""
	}
	return errors.Join(err, d.out.Send(ctx, p, file))
}
