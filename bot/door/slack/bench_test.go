package slack_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/slack"
	"github.com/shitops/opsbot/bot/reply"
	workspace "github.com/shitops/opsbot/fixtures/slack"
	"github.com/shitops/opsbot/internal/secret"
)

// TestAckOverRealStore gives commands over the embedded store, which syncs every write, by 100 people at once. Every one must be acknowledged in
// Slack's three seconds, or the workspace says so; the bar of 100 ms for 99 of 100 is BenchmarkAck's, on a machine that does nothing else.
func TestAckOverRealStore(t *testing.T) {
	for _, mode := range []slack.Mode{slack.Socket, slack.HTTP} {
		t.Run(string(mode), func(t *testing.T) {
			took := acks(t, mode, 3, 0)
			t.Logf("%d slash commands by 100 people: p50 %s, p99 %s, most %s", len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
		})
	}
}

// BenchmarkAck reports the percentiles of the acknowledgements of 100 people at once, in milliseconds: people who give a command a second, and people
// who never pause, which is as fast as the store can sync.
func BenchmarkAck(b *testing.B) {
	for _, mode := range []slack.Mode{slack.Socket, slack.HTTP} {
		for name, pause := range map[string]time.Duration{"busy": time.Second, "flood": 0} {
			b.Run(string(mode)+"/"+name, func(b *testing.B) {
				for b.Loop() {
					took := acks(b, mode, 10, pause)
					b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
					b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
				}
			})
		}
	}
}

// acks lets 100 people give commands at once, each the given number one after the other with pauses between, and returns how long the acknowledgements took, sorted.
func acks(t testing.TB, mode slack.Mode, each int, pause time.Duration) []time.Duration {
	st, err := store.Open(store.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := workspace.New(workspace.Options{Limits: workspace.Limits{PostsPerSecond: 1e6, PostBurst: 1e6, EditsPerMinute: 1e6, ReadsPerMinute: 1e6}})
	read := func(get func() string) func() (secret.Secret, error) {
		return func() (secret.Secret, error) { return secret.New([]byte(get())), nil }
	}
	quiet := &desk{handle: func(context.Context, door.Message, func(reply.Card)) door.Exit { return door.OK }}
	d, err := slack.New(slack.Options{
		Workspace: "T0123", Mode: mode, AppToken: read(s.AppToken), BotToken: read(s.BotToken),
		SigningSecrets: []func() (secret.Secret, error){read(s.SigningSecret)}, Desk: quiet, KV: st.Bucket(store.Dedupe), APIURL: s.URL(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := d.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	end := func() {
		cancel()
		wg.Wait()
		s.Close()
		if err := st.Close(context.Background()); err != nil {
			t.Errorf("close the store: %v", err)
		}
	}
	defer end()
	if mode == slack.HTTP {
		mux := http.NewServeMux()
		for pattern, h := range d.Routes() {
			mux.Handle(pattern, h)
		}
		hooks := httptest.NewServer(mux)
		defer hooks.Close()
		s.PostTo(hooks.URL)
	}
	for d.Ready() != nil {
		time.Sleep(time.Millisecond)
	}
	return burst(t, s, each, pause)
}

func burst(t testing.TB, s *workspace.Server, each int, pause time.Duration) []time.Duration {
	var mu sync.Mutex
	var took []time.Duration
	var people sync.WaitGroup
	for i := range 100 {
		people.Go(func() {
			for k := range each {
				time.Sleep(time.Duration(rand.Int64N(int64(2*pause) + 1)))
				a, err := s.Slash(context.Background(), workspace.Slash{User: "U1", Channel: "C1", Text: fmt.Sprint("say ", i, " ", k)})
				if err != nil {
					t.Errorf("command %d of %d: %v", k, i, err)
					return
				}
				mu.Lock()
				took = append(took, a.Took)
				mu.Unlock()
			}
		})
	}
	people.Wait()
	if len(took) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	slices.Sort(took)
	return took
}
