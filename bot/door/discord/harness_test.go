package discord_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions/store"
	storefake "github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/discord"
	"github.com/shitops/opsbot/bot/reply"
	fake "github.com/shitops/opsbot/fixtures/discord"
	"github.com/shitops/opsbot/internal/secret"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil { // the tests wait more than they work: closing a gateway alone takes the library a second
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// The world of the tests: one server with two channels, the second for alerts, and two people.
const (
	application = "1001"
	guild       = "500"
	channel     = "555"
	alerts      = "777"
	anna        = "42"
	ben         = "43"
)

// desk plays the bot's desk: it says what the text asks it to.
type desk struct {
	mu    sync.Mutex
	heard []door.Message
	hold  chan struct{} // "wait" waits for it
	boom  bool
}

func (d *desk) Handle(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit {
	d.mu.Lock()
	d.heard = append(d.heard, m)
	boom := d.boom
	d.mu.Unlock()
	verb, rest, _ := strings.Cut(m.Text, " ")
	switch {
	case boom:
		panic("a bug")
	case m.Token != "":
		send(reply.Card{ID: "question/" + m.Token, Kind: reply.Question, Private: true, Title: "answered: " + m.Text + " by " + m.As})
		send(reply.Card{ID: "r-" + m.Token, Kind: reply.Done, Title: "done as " + m.Text, Run: "r-" + m.Token})
	case verb == "echo":
		send(reply.Card{Kind: reply.Answer, Title: rest})
	case verb == "secret":
		send(reply.Card{Kind: reply.Answer, Title: rest, Private: true})
	case verb == "ask":
		send(reply.Card{ID: "question/" + rest, Kind: reply.Question, Title: "do it?", Token: rest, Choices: []string{"yes", "no"}, Live: true, Private: true})
	case verb == "pick":
		var choices []string
		for n := range 30 {
			choices = append(choices, fmt.Sprintf("edge-%d", n))
		}
		send(reply.Card{ID: "question/" + rest, Kind: reply.Question, Title: "which node?", Token: rest, Choices: choices, Live: true, Private: true})
	case verb == "slot":
		send(reply.Card{ID: "question/" + rest, Kind: reply.Question, Title: "which node?", Token: rest, Live: true, Private: true})
	case verb == "run":
		for n := range 50 {
			send(reply.Card{ID: rest, Kind: reply.Progress, Title: fmt.Sprintf("%s: step %d", rest, n), Run: rest, Live: true})
		}
		send(reply.Card{ID: rest, Kind: reply.Done, Title: rest + ": done", Run: rest, Buttons: []reply.Button{{Label: "Undo", Say: "echo undo " + rest}}})
	case verb == "wait":
		select {
		case <-d.hold:
			send(reply.Card{ID: "r-wait", Kind: reply.Done, Title: "waited"})
		case <-ctx.Done():
		}
	case verb == "steps":
		c := reply.Card{ID: "r-steps", Kind: reply.Progress, Title: "begun", Run: "r-steps", Live: true, Private: rest == "privately"}
		send(c)
		select {
		case <-d.hold:
			c.Kind, c.Title, c.Live = reply.Done, "ended", false
			send(c)
		case <-ctx.Done():
		}
	case verb == "mute":
	default:
		send(reply.Card{Kind: reply.Refused, Title: "I do not know " + m.Text})
	}
	return door.OK
}

func (d *desk) Complete(line string) []string {
	if strings.HasSuffix(line, " ") {
		return []string{"edge-1", "edge-2"}
	}
	return []string{"flush", "help"}
}

func (d *desk) messages() []door.Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]door.Message(nil), d.heard...)
}

// times tells how often a text was heard.
func (d *desk) times(text string) int {
	n := 0
	for _, m := range d.messages() {
		if m.Text == text {
			n++
		}
	}
	return n
}

// bench is a door, its desk and the platform that it talks to.
type bench struct {
	t      testing.TB
	s      *fake.Server
	desk   *desk
	disk   *storefake.Disk
	store  *storefake.Handle
	door   *discord.Door
	token  string
	alarms []reply.Card
	counts map[string]int
	mu     sync.Mutex
	stop   func()
	route  *httptest.Server
	set    func(*discord.Options)
	inject func(storefake.Op) storefake.Fault
	// impatient does not wait until the door is ready.
	impatient bool
}

// gatewayPath is where a client asks for the socket.
var gatewayPath = regexp.MustCompile(`^/gateway$|^/ws/`)

func newDisk() *storefake.Disk { return storefake.New() }

func storeOptions() storefake.Options { return storefake.Options{} }

// transports runs a test over both.
func transports(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Parallel()
	for _, mode := range []discord.Mode{discord.Gateway, discord.HTTP} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			test(t, open(t, mode, nil, nil))
		})
	}
}

// open starts a platform and a door that is connected to it.
func open(t testing.TB, mode discord.Mode, platform func(*fake.Options), set func(*discord.Options)) *bench {
	t.Helper()
	o := fake.Options{
		Token: "t0ken", Application: application, Guilds: map[string][]string{guild: {channel, alerts}}, Heartbeat: 500 * time.Millisecond,
		Limits: fake.Limits{Channel: 50, ChannelWindow: time.Second, Webhook: 50, Global: 1000},
	}
	if platform != nil {
		platform(&o)
	}
	b := &bench{t: t, s: fake.New(o), desk: &desk{hold: make(chan struct{})}, disk: storefake.New(), token: "t0ken", counts: map[string]int{}, set: set}
	t.Cleanup(b.s.Close)
	b.start(mode)
	t.Cleanup(func() {
		b.stop()
		if v := b.s.Violations(); len(v) > 0 {
			t.Errorf("the platform complains: %s", strings.Join(v, "\n"))
		}
	})
	return b
}

// start starts a door as a new process would, over what the store holds.
func (b *bench) start(mode discord.Mode) {
	b.t.Helper()
	b.store = b.disk.Open(storefake.Options{Inject: func(op storefake.Op) storefake.Fault {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.inject == nil || op.Bucket != store.Dedupe {
			return storefake.None
		}
		return b.inject(op)
	}})
	o := discord.Options{
		Application: application, Mode: mode, PublicKey: b.s.PublicKey(), Guilds: []string{guild}, Alerts: alerts, Base: b.s.URL,
		Desk: b.desk, KV: b.store.Bucket(store.Dedupe), Leader: b.store.Leader(), Owner: "test", Log: slog.New(slog.DiscardHandler),
		Token: func() (secret.Secret, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return secret.New([]byte(b.token)), nil
		},
		Alarm:    func(c reply.Card) { b.mu.Lock(); defer b.mu.Unlock(); b.alarms = append(b.alarms, c) },
		Count:    func(what string) { b.mu.Lock(); defer b.mu.Unlock(); b.counts[what]++ },
		Private:  func(text string) bool { return !strings.HasPrefix(text, "echo") && !strings.HasPrefix(text, "run") },
		Commands: []discord.Command{{Name: "cache.flush", Help: "empty a cache", Slots: []discord.Slot{{Name: "node", Kind: "node", List: true, Required: true}, {Name: "dry-run", Switch: true}}}, {Name: "help", Help: "what I can do"}},
		Workers:  64, Check: 400 * time.Millisecond, Silence: 3 * time.Second, Slow: 100 * time.Millisecond,
	}
	if b.set != nil {
		b.set(&o)
	}
	d, err := discord.New(o)
	if err != nil {
		b.t.Fatalf("New: %v", err)
	}
	b.door = d
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	mux := http.NewServeMux()
	for pattern, h := range d.Routes() {
		mux.Handle(pattern, h)
	}
	b.route = httptest.NewServer(mux)
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("Run: %v", err)
		}
		b.route.Close()
		_ = b.store.Close(context.Background())
	})
	if b.impatient {
		return
	}
	b.ready()
	if mode == discord.HTTP {
		if err := b.s.UseEndpoint(b.ctx(), b.route.URL+"/discord/interactions"); err != nil {
			b.t.Fatal(err)
		}
	}
}

// crash ends the door without a goodbye: its store stops in the middle.
func (b *bench) crash() {
	b.store.Kill()
	b.stop()
}

// faulty lets the store go wrong from now on.
func (b *bench) faulty(inject func(storefake.Op) storefake.Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inject = inject
}

// ready waits until the door is ready and its commands are registered.
func (b *bench) ready() {
	b.t.Helper()
	b.until("the door is ready", func() bool { return b.door.Ready() == nil && len(b.s.Commands()) > 0 && b.connected() })
}

func (b *bench) connected() bool {
	live, _, _ := b.s.Connected()
	return live > 0 || b.door.Routes() != nil && len(b.door.Routes()) > 0
}

func (b *bench) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	b.t.Cleanup(cancel)
	return ctx
}

func (b *bench) until(what string, done func() bool) {
	b.t.Helper()
	if err := b.s.Until(b.ctx(), done); err != nil {
		b.t.Fatalf("waiting until %s: %v; ready: %v; violations: %v", what, err, b.door.Ready(), b.s.Violations())
	}
}

func (b *bench) count(what string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts[what]
}

func (b *bench) alarmed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.alarms)
}

// slash gives a command and waits for its acknowledgement.
func (b *bench) slash(person, where, text string) *fake.Interaction {
	b.t.Helper()
	i, err := b.s.Slash(person, where, "opsbot", map[string]any{"text": text})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := i.Acked(b.ctx()); err != nil {
		b.t.Fatalf("/opsbot text:%s: %v", text, err)
	}
	return i
}

// sees waits until a person sees a message of the bot with the word in a channel.
func (b *bench) sees(person, where, word string) fake.Message {
	b.t.Helper()
	m, err := b.s.Await(b.ctx(), person, where, func(m fake.Message) bool { return !m.Loading && strings.Contains(m.Text(), word) })
	if err != nil {
		var all []string
		for _, m := range b.s.Seen(person, where) {
			all = append(all, m.Text())
		}
		b.t.Fatalf("%s does not see %q in channel %q, but %q; calls: %v", person, word, where, all, b.s.Calls("", ""))
	}
	return m
}

// click presses a button and waits for the acknowledgement.
func (b *bench) click(person string, m fake.Message, label string) *fake.Interaction {
	b.t.Helper()
	i, err := b.s.Click(person, m.ID, label)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := i.Acked(b.ctx()); err != nil {
		b.t.Fatalf("click on %s: %v", label, err)
	}
	return i
}
