package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/slack"
	"github.com/shitops/opsbot/bot/reply"
	workspace "github.com/shitops/opsbot/fixtures/slack"
)

func modeOf(name string) slack.Mode { return slack.Mode(name) }

// mrkdwn is the text of a message that Slack reads markup in.
func mrkdwn(m workspace.Message) string {
	var out strings.Builder
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			if v["type"] == "mrkdwn" {
				out.WriteString(fmt.Sprint(v["text"], "\n"))
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	var blocks any
	if json.Unmarshal(m.Blocks, &blocks) == nil {
		walk(blocks)
	}
	return out.String() + m.Text
}

// TestSameEventThreeTimes brings an event three times, once after a restart and once ten minutes later by the clock: one message to the desk.
func TestSameEventThreeTimes(t *testing.T) {
	var late atomic.Int64
	both(t, setup{options: func(o *slack.Options) { o.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) } }}, func(t *testing.T, w *world) {
		payload := w.slack.EventPayload(workspace.Said{User: "U1", Channel: "C1", Text: "<@" + workspace.BotUserID + "> flush edge-1"})
		for range 2 {
			if err := w.slack.Event(w.ctx(), payload); err != nil {
				t.Fatal(err)
			}
		}
		w.shows("C1", "heard: flush edge-1")
		w.eventually("it is marked as done", func() bool { return w.count("twice") == 1 && w.pending() == 0 })
		w.crash()
		late.Store(int64(10 * time.Minute))
		w.start()
		if err := w.slack.Event(w.ctx(), payload); err != nil {
			t.Fatal(err)
		}
		w.eventually("the third is known", func() bool { return w.count("twice") == 2 })
		if got := w.desk.messages(); len(got) != 1 {
			t.Errorf("the desk got %d messages, want 1", len(got))
		}
		if got := w.bots("C1"); len(got) != 1 {
			t.Errorf("answers %s, want one", shown(got))
		}
	})
}

// pending returns how many messages are not written down as handled.
func (w *world) pending() int {
	kv := w.st.Bucket(store.Dedupe)
	entries, err := kv.List(context.Background(), "inbox.")
	notes, bad := kv.List(context.Background(), "handled.")
	if err != nil || bad != nil {
		return -1
	}
	done := map[string]bool{}
	for _, n := range notes {
		var keys []string
		if json.Unmarshal(n.Value, &keys) != nil {
			return -1
		}
		for _, k := range keys {
			done[k] = true
		}
	}
	n := 0
	for _, e := range entries {
		if !done[e.Key] {
			n++
		}
	}
	return n
}

// TestCrashWhileHandling loses the process while the desk is at work: the next one hands the same message to the desk, and one answer is shown.
func TestCrashWhileHandling(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		var mu sync.Mutex
		tries := 0
		begun := make(chan struct{})
		w.desk.mu.Lock()
		w.desk.handle = func(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit {
			mu.Lock()
			tries++
			first := tries == 1
			mu.Unlock()
			send(reply.Card{Kind: reply.Answer, Title: "working on " + m.Text})
			if first {
				close(begun)
				<-ctx.Done()
				return door.Interrupted
			}
			send(reply.Card{Kind: reply.Done, Title: "did " + m.Text})
			return door.OK
		}
		w.desk.mu.Unlock()
		w.slash("U1", "flush")
		<-begun
		w.shows("C1", "working on flush")
		w.crash()
		w.start()
		w.shows("C1", "did flush")
		w.eventually("it is marked as done", func() bool { return w.pending() == 0 })
		got := w.desk.messages()
		if len(got) != 2 || got[0].ID != got[1].ID || !got[0].At.Equal(got[1].At) {
			t.Errorf("the desk got %+v, want the same message twice", got)
		}
		if n := len(w.bots("C1")); n != 2 {
			t.Errorf("answers %s, want each once", shown(w.bots("C1")))
		}
	})
}

// TestStoreDown gives commands while nothing can be written: nothing is done, and the person hears so.
func TestStoreDown(t *testing.T) {
	var down atomic.Bool
	fault := func(op fake.Op) fake.Fault {
		if down.Load() && op.Name == "kv.create" {
			return fake.Unavailable
		}
		return fake.None
	}
	both(t, setup{store: fault, place: workspace.Options{Retries: []time.Duration{0, 50 * time.Millisecond, time.Second}}}, func(t *testing.T, w *world) {
		down.Store(true)
		defer down.Store(false)
		a, err := w.slack.Slash(w.ctx(), workspace.Slash{User: "U1", Channel: "C1", Text: "flush"})
		if err != nil || !strings.Contains(string(a.Payload), "I did not take that") {
			t.Errorf("the acknowledgement is %s, %v, want one that says that nothing was done", a.Payload, err)
		}
	})
	if down.Load() {
		t.Error("the store is still down")
	}
}

// TestRetryAfterDeploy sends an event while the bot is away: one of Slack's retries is the only delivery, and it is answered.
func TestRetryAfterDeploy(t *testing.T) {
	retries := workspace.Options{Retries: []time.Duration{0, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}}
	w := newWorld(t, setup{place: retries})
	w.crash()
	w.eventually("the socket is gone", func() bool { return w.slack.Sockets() == 0 })
	sent := make(chan error, 1)
	go func() {
		_, err := w.slack.Mention(context.Background(), workspace.Said{User: "U1", Channel: "C1", Text: "flush"})
		sent <- err
	}()
	time.Sleep(50 * time.Millisecond) // the first try finds nobody; a longer pause would do as well
	w.start()
	w.shows("C1", "heard: flush")
	if err := <-sent; err != nil {
		t.Errorf("the event was given up: %v", err)
	}
	if got := w.desk.messages(); len(got) != 1 {
		t.Errorf("the desk got %d messages, want 1", len(got))
	}
}

// TestBusy refuses what cannot be handled in time, in words.
func TestBusy(t *testing.T) {
	release := make(chan struct{})
	handle := func(context.Context, door.Message, func(reply.Card)) door.Exit { <-release; return door.OK }
	w := newWorld(t, setup{handle: handle, options: func(o *slack.Options) { o.Workers, o.Waiting = 1, 3 }})
	var refused error
	for i := range 5 {
		a, err := w.slack.Slash(w.ctx(), workspace.Slash{User: "U1", Channel: "C1", Text: fmt.Sprint("say ", i)})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(a.Payload), "too much waits") {
			refused = errors.Join(refused, errors.New("refused"))
		}
	}
	close(release)
	if refused == nil || strings.Count(refused.Error(), "refused") != 2 {
		t.Errorf("refused: %v, want the last two of five", refused)
	}
	w.eventually("three reached the desk", func() bool { return len(w.desk.messages()) == 3 })
}

// TestInboxVanishes lets the records of what was done end by themselves.
func TestInboxVanishes(t *testing.T) {
	w := newWorld(t, setup{options: func(o *slack.Options) { o.Remember = 2 * time.Second }})
	w.slash("U1", "x")
	w.shows("C1", "heard: x")
	w.eventually("nothing of it is left", func() bool {
		entries, err := w.st.Bucket(store.Dedupe).List(t.Context(), "inbox.")
		return err == nil && len(entries) == 0
	})
}
