package slack_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/door/slack"
	"github.com/shitops/opsbot/bot/reply"
	workspace "github.com/shitops/opsbot/fixtures/slack"
	"github.com/shitops/opsbot/internal/secret"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

// desk notes what it is given. The zero value answers every message with its text.
type desk struct {
	mu     sync.Mutex
	got    []door.Message
	handle func(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit
}

func (d *desk) Handle(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit {
	d.mu.Lock()
	d.got = append(d.got, m)
	handle := d.handle
	d.mu.Unlock()
	if handle != nil {
		return handle(ctx, m, send)
	}
	send(reply.Card{Kind: reply.Answer, Title: "heard: " + m.Text})
	return door.OK
}

func (d *desk) Complete(string) []string { return nil }

func (d *desk) messages() []door.Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.got)
}

// setup is what a test may change.
type setup struct {
	mode    slack.Mode
	options func(*slack.Options)
	place   workspace.Options
	handle  func(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit
	real    bool // keep Slack's own rates
	store   func(fake.Op) fake.Fault
}

// world is a workspace, a store and one process of the door at a time.
type world struct {
	t     *testing.T
	set   setup
	slack *workspace.Server
	desk  *desk
	disk  *fake.Disk
	st    store.Store
	door  *slack.Door
	http  *httptest.Server
	stop  func()

	mu     sync.Mutex
	counts map[string]int
	alarms []reply.Card
	log    strings.Builder
	app    string // tokens, when they are not those of the workspace
	bot    string
}

// both runs a test in both modes.
func both(t *testing.T, s setup, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, mode := range []slack.Mode{slack.Socket, slack.HTTP} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			s := s
			s.mode = mode
			test(t, newWorld(t, s))
		})
	}
}

func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	if s.mode == "" {
		s.mode = slack.Socket
	}
	if !s.real {
		l := &s.place.Limits
		l.PostsPerSecond, l.PostBurst, l.EditsPerMinute, l.ReadsPerMinute = 1000, 1000, 100_000, 100_000
	}
	if s.place.PingEvery == 0 {
		s.place.PingEvery = 100 * time.Millisecond
	}
	w := &world{t: t, set: s, slack: workspace.New(s.place), desk: &desk{handle: s.handle}, disk: fake.New(), counts: map[string]int{}}
	if s.mode == slack.HTTP {
		w.http = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			d := w.door
			w.mu.Unlock()
			mux := http.NewServeMux()
			for pattern, h := range d.Routes() {
				mux.Handle(pattern, h)
			}
			mux.ServeHTTP(rw, r)
		}))
		w.slack.PostTo(w.http.URL)
	}
	t.Cleanup(func() {
		w.stop()
		if w.http != nil {
			w.http.Close()
		}
		w.slack.Close()
		if t.Failed() {
			t.Logf("log:\n%s", w.logged())
		}
	})
	w.start()
	return w
}

func (w *world) token(given *string, now func() string) func() (secret.Secret, error) {
	return func() (secret.Secret, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if *given != "" {
			return secret.New([]byte(*given)), nil
		}
		return secret.New([]byte(now() + "\n")), nil
	}
}

// start begins a process on the store of the one before, and waits until it is ready.
func (w *world) start() {
	w.t.Helper()
	w.startUnready()
	w.ready()
}

func (w *world) startUnready() {
	w.t.Helper()
	st := w.disk.Open(fake.Options{Inject: w.set.store})
	w.st = st
	o := slack.Options{
		Workspace: "T0123", Mode: w.set.mode, AppToken: w.token(&w.app, w.slack.AppToken), BotToken: w.token(&w.bot, w.slack.BotToken),
		SigningSecrets: []func() (secret.Secret, error){
			func() (secret.Secret, error) { return secret.New([]byte("another secret, the new one")), nil },
			func() (secret.Secret, error) { return secret.New([]byte(w.slack.SigningSecret())), nil },
		},
		Alerts: "C2", Desk: w.desk, KV: st.Bucket(store.Dedupe), APIURL: w.slack.URL(), Retry: 20 * time.Millisecond, PingWithin: 2 * time.Second,
		Log: slog.New(slog.NewTextHandler(logTo{w}, nil)),
		Count: func(what string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.counts[what]++
		},
		Alarm: func(c reply.Card) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.alarms = append(w.alarms, c)
		},
	}
	if !w.set.real {
		o.Pace = slack.Pace{PostEvery: time.Millisecond, EditEvery: 20 * time.Millisecond, Edits: outbox.Rate{PerMinute: 90_000, Burst: 100}}
	}
	if w.set.options != nil {
		w.set.options(&o)
	}
	d, err := slack.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.door = d
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := d.Run(ctx); err != nil && !errors.Is(err, store.ErrClosed) {
			w.t.Errorf("Run: %v", err)
		}
	})
	w.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
}

// logTo writes to the world's log, which a failing test shows.
type logTo struct{ w *world }

func (l logTo) Write(p []byte) (int, error) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.w.log.Write(p)
}

func (w *world) logged() string { w.mu.Lock(); defer w.mu.Unlock(); return w.log.String() }

// crash ends the process so that it writes nothing any more.
func (w *world) crash() {
	w.st.(*fake.Handle).Kill()
	w.stop()
}

func (w *world) ready() {
	w.t.Helper()
	w.eventually("the door is ready", func() bool { return w.door.Ready() == nil })
}

// eventually waits, with a bound that is never met when all is well.
func (w *world) eventually(what string, is func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			w.t.Fatalf("still not: %s (ready: %v)", what, w.door.Ready())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	w.t.Cleanup(cancel)
	return ctx
}

func (w *world) slash(user, text string) {
	w.t.Helper()
	if _, err := w.slack.Slash(w.ctx(), workspace.Slash{User: user, Channel: "C1", Text: text}); err != nil {
		w.t.Errorf("slash %q by %s: %v", text, user, err)
	}
}

// shows waits for a message with the text.
func (w *world) shows(channel, text string) workspace.Message {
	w.t.Helper()
	m, err := w.slack.Await(w.ctx(), channel, workspace.Shows(text))
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *world) click(user string, m workspace.Message, label string) {
	w.t.Helper()
	if err := w.slack.Click(w.ctx(), workspace.Press{User: user, Channel: m.Channel, TS: m.TS, Label: label}); err != nil {
		w.t.Errorf("click %q by %s: %v", label, user, err)
	}
}

func (w *world) count(what string) int { w.mu.Lock(); defer w.mu.Unlock(); return w.counts[what] }

// bots returns the bot's messages in a channel, without that of the pulse.
func (w *world) bots(channel string) []workspace.Message {
	return slices.DeleteFunc(w.slack.Messages(channel), func(m workspace.Message) bool {
		return !m.Bot || strings.HasPrefix(m.Text, "OpsBot hears and speaks")
	})
}

func shown(messages []workspace.Message) string {
	var out []string
	for _, m := range messages {
		out = append(out, fmt.Sprintf("%q", m.Shown))
	}
	return strings.Join(out, ", ")
}
