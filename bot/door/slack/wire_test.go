package slack_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/slack"
	"github.com/shitops/opsbot/bot/reply"
	workspace "github.com/shitops/opsbot/fixtures/slack"
)

// TestUnreadableEnvelopes brings what the library cannot read: it is acknowledged, or Slack would send it for ever, and the socket lives on.
func TestUnreadableEnvelopes(t *testing.T) {
	w := newWorld(t, setup{})
	for kind, payload := range map[string]map[string]any{
		"an unknown kind": {"x": 1},
		"events_api":      {"type": "event_callback", "event": map[string]any{"type": "no_such_event"}},
		"interactive":     {"type": 7},
		"slash_commands":  {"text": []int{1}},
	} {
		if _, err := w.slack.Raw(w.ctx(), kind, payload); err != nil {
			t.Errorf("%s was not acknowledged: %v", kind, err)
		}
	}
	w.slash("U1", "still here")
	w.shows("C1", "heard: still here")
}

// TestForeignResponseURL gives an address that is not Slack's to answer to: nothing goes there.
func TestForeignResponseURL(t *testing.T) {
	handle := func(_ context.Context, _ door.Message, send func(reply.Card)) door.Exit {
		send(reply.Card{Kind: reply.Answer, Title: "secret", Private: true})
		return door.OK
	}
	both(t, setup{handle: handle}, func(t *testing.T, w *world) {
		for _, address := range []string{"http://evil.example/x", "https://hooks.slack.com.evil.example/x", "::", "file:///etc/passwd", "http://hooks.slack.com/x"} {
			payload := w.slack.SlashPayload(workspace.Slash{User: "U1", Channel: "C1", Text: "x"})
			payload["response_url"] = address
			if _, err := w.slack.Raw(w.ctx(), "slash_commands", payload); err != nil {
				t.Fatal(err)
			}
		}
		w.eventually("all answers are there", func() bool { return len(w.bots("C1")) == 5 })
		if n, _ := w.slack.Calls("chat.postEphemeral"); n != 5 {
			t.Errorf("chat.postEphemeral was called %d times, want 5: an address that is not Slack's is not used", n)
		}
	})
}

// TestRunOutsideOurChannels follows a run where the bot was not invited: its beginning and its end come through the response_url.
func TestRunOutsideOurChannels(t *testing.T) {
	handle := func(_ context.Context, _ door.Message, send func(reply.Card)) door.Exit {
		for _, title := range []string{"r-1: begins", "r-1: half", "r-1: nearly"} {
			send(reply.Card{ID: "r-1", Run: "r-1", Kind: reply.Progress, Title: title, Live: true})
			time.Sleep(100 * time.Millisecond) // so that it is not overtaken; an edit here is no edit there
		}
		send(reply.Card{ID: "r-1", Run: "r-1", Kind: reply.Done, Title: "r-1: done"})
		return door.OK
	}
	both(t, setup{handle: handle}, func(t *testing.T, w *world) {
		w.slack.Kick("C1")
		w.slash("U1", "flush")
		w.shows("C1", "r-1: done")
		if got := w.bots("C1"); len(got) != 2 || !strings.Contains(got[0].Shown, "r-1: begins") {
			t.Errorf("messages %s, want the beginning and the end", shown(got))
		}
	})
}

// TestUploadFails lets each of the three calls of an upload fail in each way: the file is there once.
func TestUploadFails(t *testing.T) {
	handle := func(_ context.Context, _ door.Message, send func(reply.Card)) door.Exit {
		table := &actions.Table{Columns: []string{"node"}}
		for i := range 3000 {
			table.Rows = append(table.Rows, []string{fmt.Sprint("edge-", i)})
		}
		send(reply.Card{ID: "r-1", Run: "r-1", Kind: reply.Answer, Title: "nodes", Table: table})
		return door.OK
	}
	faults := map[string]func(s *workspace.Server, method string){
		"error":     func(s *workspace.Server, method string) { s.Fail(method, "fatal_error", 1) },
		"throttled": func(s *workspace.Server, method string) { s.Throttle(method, 1, 1) },
		"down":      func(s *workspace.Server, method string) { s.FailStatus(method, 503, 1) },
		"lost":      func(s *workspace.Server, method string) { s.Lose(method, 1) },
	}
	for name, fault := range faults {
		for _, method := range []string{"files.getUploadURLExternal", "files.completeUploadExternal"} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setup{handle: handle})
				fault(w.slack, method)
				w.slash("U1", "list nodes")
				if _, err := w.slack.Await(w.ctx(), "C1", func(m workspace.Message) bool { return len(m.Files) > 0 }); err != nil {
					t.Fatal(err)
				}
				w.eventually("all is settled", func() bool { return w.door.Backlog() == 0 })
				files := 0
				for _, m := range w.bots("C1") {
					files += len(m.Files)
				}
				if files != 1 {
					t.Errorf("%d files, want one", files)
				}
			})
		}
	}
}

// TestDirectMessages keeps what is private in direct messages as ordinary messages, which can be edited, also when opening them fails at first.
func TestDirectMessages(t *testing.T) {
	w := newWorld(t, setup{})
	w.slack.Throttle("conversations.open", 1, 1)
	w.slack.FailStatus("conversations.open", 503, 1)
	for _, title := range []string{"take it?", "taken by anna"} {
		if err := w.door.Ring(w.ctx(), "slack:T0123/U7", reply.Card{ID: "call", Kind: reply.Question, Title: title, Private: true}); err != nil {
			t.Fatalf("Ring: %v", err)
		}
	}
	if got := w.bots("D7"); len(got) != 1 || got[0].Only != "" || len(got[0].States) != 2 {
		t.Errorf("direct messages %s, want one that was edited", shown(got))
	}
	if n, _ := w.slack.Calls("conversations.open"); n != 3 {
		t.Errorf("conversations.open was called %d times, want twice in vain and once", n)
	}
}

// TestThreadDeleted answers into a thread whose root is deleted meanwhile.
func TestThreadDeleted(t *testing.T) {
	release := make(chan struct{})
	handle := func(_ context.Context, m door.Message, send func(reply.Card)) door.Exit {
		<-release
		send(reply.Card{Kind: reply.Answer, Title: "heard: " + m.Text})
		return door.OK
	}
	w := newWorld(t, setup{handle: handle})
	top, err := w.slack.Mention(w.ctx(), workspace.Said{User: "U1", Channel: "C1", Text: "flush"})
	if err != nil {
		t.Fatal(err)
	}
	w.slack.Delete("C1", top)
	w.slack.Lose("chat.postMessage", 1)
	close(release)
	w.shows("C1", "heard: flush")
}

// TestTellNobody has no channel for alerts.
func TestTellNobody(t *testing.T) {
	w := newWorld(t, setup{options: func(o *slack.Options) { o.Alerts = "" }})
	if err := w.door.Tell(t.Context(), reply.Card{ID: "x", Title: "x"}); err != nil {
		t.Errorf("Tell = %v, want nil: nobody wants to know", err)
	}
	if n, _ := w.slack.Calls("chat.postMessage"); n != 0 {
		t.Errorf("%d messages were posted", n)
	}
	if w.door.Routes() != nil {
		t.Error("a door with a socket has routes")
	}
}
