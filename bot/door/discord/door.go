package discord

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/bot/reply/embed"
)

// Door is one application of Discord. It is safe for concurrent use. Cards may be given to it before Run, and go out once it runs.
type Door struct {
	o         Options
	key       ed25519.PublicKey
	rest      *rest
	box       *outbox.Outbox
	inbox     inbox
	responses responses
	echoes    echoes
	doubts    doubts
	queue     chan work
	intake    chan struct{}  // one token for each event that is being taken in
	closing   sync.WaitGroup // responses that are looked after

	mu      sync.Mutex
	running context.Context // nil while the door does not run
	state   state
	self    string            // the bot's own id
	directs map[string]string // person -> channel of direct messages
	threads map[string]bool   // messages that have a thread
	kept    map[string]bool   // keys of long custom ids that the store has
	last    shownAt           // the last message in the channel of alerts
	renewed time.Time         // when the token was read last
	token   string
}

var _ door.Chat = (*Door)(nil)

// New returns a door that is not connected yet.
func New(o Options) (*Door, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	key, err := o.publicKey()
	if err != nil {
		return nil, err
	}
	r, err := newRest(o.Base, o.Now)
	if err != nil {
		return nil, err
	}
	d := &Door{
		o: o, key: key, rest: r, inbox: inbox{o.KV, "inbox.discord." + o.Application + "."}, queue: make(chan work, o.Waiting), intake: make(chan struct{}, 128),
		responses: responses{kv: o.KV, prefix: "response.discord." + o.Application + ".", now: o.Now, all: map[string]responseState{}}, echoes: echoes{all: map[string]string{}}, doubts: doubts{all: map[string]bool{}}, directs: map[string]string{}, kept: map[string]bool{},
		threads: map[string]bool{},
	}
	d.state.why = "not connected yet"
	d.box, err = outbox.New(outbox.Options{
		Door: "discord-" + o.Application, KV: o.KV, Wire: wire{d}, Log: o.Log, Now: o.Now,
		Alarm: d.revoked, Count: o.Count, Elsewhere: elsewhere,
		PostEvery: time.Millisecond, // Discord says how fast a channel may be written to, and limit.go keeps it
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Name implements door.Chat.
func (d *Door) Name() string { return "discord/" + d.o.Application }

// Holds implements door.Chat.
func (d *Door) Holds(o actions.Origin) bool {
	guild, _, ok := strings.Cut(o.Channel, "/")
	return o.Door == "discord" && ok && (guild == "@me" || guild == toPerson || d.serves(guild))
}

// serves tells whether the bot answers in a server; "" stands for direct messages.
func (d *Door) serves(guild string) bool {
	return guild == "" || len(d.o.Guilds) == 0 || slices.Contains(d.o.Guilds, guild)
}

// Deliver implements door.Chat.
func (d *Door) Deliver(ctx context.Context, to actions.Origin, c reply.Card) error {
	if !d.Holds(to) {
		return fmt.Errorf("deliver card %s: %s %s is not at this door", c.ID, to.Door, to.Channel)
	}
	return d.box.Send(ctx, outbox.Place{Channel: spot(to.Channel)}, c)
}

// spot is the outbox's name of a place. A channel's id says all: one message must have one name, whether or not its server is known.
func spot(where string) string {
	guild, id, _ := strings.Cut(where, "/")
	if strings.HasPrefix(guild, "@") {
		return where
	}
	return "channel/" + id
}

// Tell implements door.Chat. Without a channel for alerts it does nothing.
func (d *Door) Tell(ctx context.Context, c reply.Card) error {
	if d.o.Alerts == "" {
		return nil
	}
	return d.box.Send(ctx, outbox.Place{Channel: spot("/" + d.o.Alerts)}, c)
}

// Ring implements door.Chat.
func (d *Door) Ring(ctx context.Context, as string, c reply.Card) error {
	person, ok := strings.CutPrefix(as, "discord:")
	if !ok || !number(person) {
		return fmt.Errorf("ring %s: not an identity of Discord", as)
	}
	channel, err := d.direct(ctx, person)
	if err != nil {
		return fmt.Errorf("ring %s: %w", as, err)
	}
	m := embed.Render(c, embed.Options{Loud: true})
	if err := d.keep(ctx, m.Keep); err != nil {
		return fmt.Errorf("ring %s: %w", as, err)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("ring %s: %w", as, err)
	}
	sum := sha256.Sum256(append([]byte(as), raw...))
	out := outgoing{Message: m, Nonce: hex.EncodeToString(sum[:12]), EnforceNonce: true}
	out.File, out.Attachments = nil, []embed.Attachment{} // a call to a person is short
	if err := d.rest.patient(ctx, http.MethodPost, "channels/"+channel+"/messages", out, nil); err != nil {
		return fmt.Errorf("ring %s: %w", as, err)
	}
	return nil
}

// direct returns the channel of direct messages with a person.
func (d *Door) direct(ctx context.Context, person string) (string, error) {
	d.mu.Lock()
	channel := d.directs[person]
	d.mu.Unlock()
	if channel != "" {
		return channel, nil
	}
	var made struct {
		ID string `json:"id"`
	}
	if err := d.rest.patient(ctx, http.MethodPost, "users/@me/channels", map[string]string{"recipient_id": person}, &made); err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.directs[person] = made.ID
	return made.ID, nil
}

// elsewhere returns the direct messages with who asked, for answers whose channel is gone.
func elsewhere(p outbox.Place) (outbox.Place, bool) {
	if !number(p.User) || strings.HasPrefix(p.Channel, toPerson+"/") {
		return outbox.Place{}, false
	}
	return outbox.Place{Channel: toPerson + "/" + p.User, User: p.User}, true
}

// keepFor is how long what a long custom id stands for is kept: as long as the message with it can be edited.
const keepFor = 30 * 24 * time.Hour

func (d *Door) keepKey(key string) string { return "press.discord." + d.o.Application + "." + key }

// keep stores what does not fit into custom ids, under keys made of its hash.
func (d *Door) keep(ctx context.Context, all map[string]embed.Action) error {
	for key, a := range all {
		d.mu.Lock()
		known := d.kept[key]
		d.mu.Unlock()
		if known {
			continue
		}
		value, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("keep what button %s does: %w", key, err)
		}
		_, err = d.o.KV.CreateFor(ctx, d.keepKey(key), value, keepFor)
		if errors.Is(err, store.ErrUnknown) {
			_, err = d.o.KV.Get(ctx, d.keepKey(key))
		}
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("keep what button %s does: %w", key, err)
		}
		d.mu.Lock()
		if len(d.kept) > 4096 {
			clear(d.kept)
		}
		d.kept[key] = true
		d.mu.Unlock()
	}
	return nil
}

// action returns what a custom id stands for.
func (d *Door) action(ctx context.Context, id string) (embed.Action, error) {
	a, err := embed.ParseAction(id)
	if err != nil || a.Verb != embed.Kept {
		return a, err
	}
	if store.CheckKey(d.keepKey(a.Key)) != nil {
		return a, embed.ErrForeign
	}
	have, err := d.o.KV.Get(ctx, d.keepKey(a.Key))
	if errors.Is(err, store.ErrNotFound) {
		return a, embed.ErrForeign
	}
	if err != nil {
		return a, fmt.Errorf("look up what button %s does: %w", a.Key, err)
	}
	if err := json.Unmarshal(have.Value, &a); err != nil {
		return a, fmt.Errorf("look up what button %s does: %w", a.Key, err)
	}
	return a, nil
}

// posted notes the last message in the channel of alerts, for the self-check.
func (d *Door) posted(p outbox.Place, at shownAt) {
	if d.o.Alerts == "" || !strings.HasSuffix(p.Channel, "/"+d.o.Alerts) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = at
}

// echoes remembers our own messages that the gateway has shown us, by nonce. It is safe for concurrent use.
type echoes struct {
	mu  sync.Mutex
	all map[string]string
}

func (e *echoes) note(nonce, at string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.all) > 4096 {
		clear(e.all)
	}
	e.all[nonce] = at
}

func (e *echoes) find(nonce string) (string, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at, ok := e.all[nonce]
	return at, ok
}
