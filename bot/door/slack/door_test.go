package slack_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/slack"
	"github.com/shitops/opsbot/bot/reply"
	workspace "github.com/shitops/opsbot/fixtures/slack"
)

// TestWaysIn says something in every way that people have, and looks what reaches the desk and where the answer stands.
func TestWaysIn(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		ctx := w.ctx()
		w.slash("U1", "help")
		w.shows("C1", "heard: help")
		top, err := w.slack.Mention(ctx, workspace.Said{User: "U2", Channel: "C1", Text: "flush edge-1"})
		if err != nil {
			t.Fatal(err)
		}
		if m := w.shows("C1", "heard: flush edge-1"); m.Thread != top {
			t.Errorf("the answer to a mention is in thread %q, want %q, below it", m.Thread, top)
		}
		reply, err := w.slack.Say(ctx, workspace.Said{User: "U3", Channel: "C1", Thread: top, Text: "and edge-2"})
		if err != nil {
			t.Fatal(err)
		}
		w.shows("C1", "heard: and edge-2")
		dm, err := w.slack.DM(ctx, "U4", "whoami")
		if err != nil {
			t.Fatal(err)
		}
		w.shows("D4", "heard: whoami")
		want := []door.Message{
			{Text: "help", As: "slack:T0123/U1", Origin: actions.Origin{Door: "slack", Channel: "T0123/C1"}},
			{Text: "flush edge-1", As: "slack:T0123/U2", Origin: actions.Origin{Door: "slack", Channel: "T0123/C1", Thread: top, Message: top}},
			{Text: "and edge-2", As: "slack:T0123/U3", Origin: actions.Origin{Door: "slack", Channel: "T0123/C1", Thread: top, Message: reply}},
			{Text: "whoami", As: "slack:T0123/U4", Origin: actions.Origin{Door: "slack", Channel: "T0123/D4", Message: dm}},
		}
		got := w.desk.messages()
		for i := range got {
			if got[i].ID == "" || got[i].At.IsZero() || got[i].Origin.Message == "" || !got[i].Patient {
				t.Errorf("message %d = %+v lacks an id, a time or its message, or is not patient", i, got[i])
			}
		}
		got[0].Origin.Message = "" // a trigger
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(door.Message{}, "ID", "At", "Patient")); diff != "" {
			t.Errorf("messages differ (-want +got):\n%s", diff)
		}
	})
}

// TestNotForUs says what must not be answered.
func TestNotForUs(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		ctx := w.ctx()
		foreign, err := w.slack.Say(ctx, workspace.Said{User: "U1", Channel: "C1", Text: "lunch?"})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []workspace.Said{
			{User: "U1", Channel: "C1", Thread: foreign, Text: "yes, in a thread that is not ours"},
			{User: "U1", Channel: "C1", Text: "<@" + workspace.BotUserID + "> said by a bot", Bot: "B1"},
			{User: workspace.BotUserID, Channel: "C1", Text: "my own words"},
			{User: "U1", Channel: "C1", Text: "<@" + workspace.BotUserID + "> edited", Subtype: "message_changed"},
			{User: "U1", Channel: "C1", Text: "<@" + workspace.BotUserID + "X> somebody else"},
			{User: "U1", Channel: "D", Text: "a bot in the direct messages", Bot: "B1"},
			{User: "USLACKBOT", Channel: "C1", Text: "<@" + workspace.BotUserID + "> hello"},
		} {
			if _, err := w.slack.Say(ctx, m); err != nil {
				t.Errorf("%q was not acknowledged: %v", m.Text, err)
			}
		}
		if _, err := w.slack.Slash(ctx, workspace.Slash{User: "U1", Channel: "C1", Command: "/deploy", Text: "x"}); err != nil {
			t.Errorf("another bot's command was not acknowledged: %v", err)
		}
		w.slash("U1", "the only one")
		w.shows("C1", "the only one")
		if got := w.desk.messages(); len(got) != 1 {
			t.Errorf("the desk got %d messages, want 1: %+v", len(got), got)
		}
		if got := w.bots("C1"); len(got) != 1 {
			t.Errorf("the bot said %s, want one answer", shown(got))
		}
	})
}

// TestOverheard lets people talk among themselves in a thread that we are in: nonsense is not answered, a command is.
func TestOverheard(t *testing.T) {
	handle := func(_ context.Context, m door.Message, send func(reply.Card)) door.Exit {
		if strings.HasPrefix(m.Text, "flush") {
			send(reply.Card{Kind: reply.Done, Title: "did " + m.Text})
			return door.OK
		}
		if strings.HasPrefix(m.Text, "forbidden") {
			send(reply.Card{Kind: reply.Refused, Title: "not you: " + m.Text})
			return door.Refused
		}
		send(reply.Card{Kind: reply.Refused, Title: "what is: " + m.Text})
		return door.Usage
	}
	both(t, setup{handle: handle}, func(t *testing.T, w *world) {
		ctx := w.ctx()
		top, err := w.slack.Mention(ctx, workspace.Said{User: "U1", Channel: "C1", Text: "nonsense"})
		if err != nil {
			t.Fatal(err)
		}
		w.shows("C1", "what is: nonsense")
		for _, text := range []string{"thanks!", "ask <@U2> about it", "forbidden fruit", "flush edge-1"} {
			if _, err := w.slack.Say(ctx, workspace.Said{User: "U1", Channel: "C1", Thread: top, Text: text}); err != nil {
				t.Fatal(err)
			}
		}
		w.shows("C1", "not you: forbidden fruit")
		w.shows("C1", "did flush edge-1")
		w.eventually("four messages reached the desk", func() bool { return len(w.desk.messages()) == 4 })
		if got := w.bots("C1"); len(got) != 3 {
			t.Errorf("the bot said %s, want three answers: thanks are for nobody", shown(got))
		}
	})
}

// TestThreadAfterRestart goes on in a thread that an earlier process was in.
func TestThreadAfterRestart(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		top, err := w.slack.Mention(w.ctx(), workspace.Said{User: "U1", Channel: "C1", Text: "one"})
		if err != nil {
			t.Fatal(err)
		}
		w.shows("C1", "heard: one")
		w.crash()
		w.start()
		if _, err := w.slack.Say(w.ctx(), workspace.Said{User: "U1", Channel: "C1", Thread: top, Text: "two"}); err != nil {
			t.Fatal(err)
		}
		w.shows("C1", "heard: two")
		answer := w.shows("C1", "heard: one")
		if _, err := w.slack.Say(w.ctx(), workspace.Said{User: "U1", Channel: "C1", Thread: answer.TS, Text: "under yours"}); err != nil {
			t.Fatal(err)
		}
		w.shows("C1", "heard: under yours")
	})
}

// TestOneLivingMessage lets a run go on: one message, edited in place, whose end is shown.
func TestOneLivingMessage(t *testing.T) {
	handle := func(_ context.Context, _ door.Message, send func(reply.Card)) door.Exit {
		for i := range 50 {
			send(reply.Card{ID: "r-1", Run: "r-1", Kind: reply.Progress, Title: fmt.Sprintf("r-1: step %d", i), Live: true})
		}
		send(reply.Card{ID: "r-1", Run: "r-1", Kind: reply.Done, Title: "r-1: done", Lines: []string{"✓ edge-1"}, Hint: `"undo r-1" takes it back`})
		send(reply.Card{ID: "r-1.more", Under: "r-1", Kind: reply.Answer, Title: "a detail"})
		return door.OK
	}
	both(t, setup{handle: handle}, func(t *testing.T, w *world) {
		w.slash("U1", "flush edge-1")
		m := w.shows("C1", "r-1: done")
		if d := w.shows("C1", "a detail"); d.Thread != m.TS {
			t.Errorf("the detail is in thread %q, want %q", d.Thread, m.TS)
		}
		if got := w.bots("C1"); len(got) != 2 || len(got[0].Edits) > 5 {
			t.Errorf("messages %s with %d edits, want one living message with at most 5 edits, and the detail", shown(got), len(got[0].Edits))
		}
		if strings.Contains(m.Shown, "<") {
			t.Errorf("what is shown holds markup: %q", m.Shown)
		}
	})
}

// TestDeliverTellRing brings cards that nobody is waiting for.
func TestDeliverTellRing(t *testing.T) {
	w := newWorld(t, setup{})
	ctx := w.ctx()
	at := actions.Origin{Door: "slack", Channel: "T0123/C1"}
	card := reply.Card{ID: "r-9", Run: "r-9", Kind: reply.Done, Title: "r-9: done"}
	for range 2 {
		if err := w.door.Deliver(ctx, at, card); err != nil {
			t.Fatalf("Deliver: %v", err)
		}
	}
	w.shows("C1", "r-9: done")
	w.crash()
	w.start()
	if err := w.door.Deliver(ctx, at, card); err != nil {
		t.Fatalf("Deliver after a restart: %v", err)
	}
	incident := reply.Card{
		ID: "edge-1!ping", Kind: reply.Failed, Title: "edge-1 is down", Live: true,
		Buttons: []reply.Button{{Label: "Acknowledge", Say: "ack edge-1", Look: reply.Primary}},
	}
	if err := w.door.Tell(ctx, incident); err != nil {
		t.Fatalf("Tell: %v", err)
	}
	if err := w.door.Tell(ctx, reply.Card{ID: "n1", Under: incident.ID, Kind: reply.Answer, Title: "anna was called"}); err != nil {
		t.Fatalf("Tell: %v", err)
	}
	root := w.shows("C2", "edge-1 is down")
	if note := w.shows("C2", "anna was called"); note.Thread != root.TS {
		t.Errorf("the note is in thread %q, want that of the incident %q", note.Thread, root.TS)
	}
	w.click("U5", root, "Acknowledge")
	if m := w.shows("C2", "heard: ack edge-1"); m.Thread != root.TS {
		t.Errorf("the answer to the press is in thread %q, want that of the incident %q", m.Thread, root.TS)
	}
	if got := w.desk.messages(); len(got) != 1 || got[0].Text != "ack edge-1" || got[0].As != "slack:T0123/U5" || got[0].Token != "" {
		t.Errorf("the press reached the desk as %+v", got)
	}
	if err := w.door.Ring(ctx, "slack:T0123/U6", reply.Card{ID: "call-1", Kind: reply.Question, Title: "edge-1 is down, take it?"}); err != nil {
		t.Fatalf("Ring: %v", err)
	}
	if got := w.bots("D6"); len(got) != 1 || !strings.Contains(got[0].Shown, "take it?") {
		t.Errorf("the direct messages after Ring are %s, want the call: Ring returns once it is taken", shown(got))
	}
	if got := w.bots("C1"); len(got) != 1 {
		t.Errorf("the card that was delivered three times is there as %s, want once", shown(got))
	}
	for as, want := range map[string]string{"slack:T9/U1": "no member", "unix:anna": "no member", "slack:T0123/U999": "gone"} {
		if err := w.door.Ring(ctx, as, reply.Card{Title: "x"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Ring(%s) = %v, want an error with %q", as, err, want)
		}
	}
	for _, o := range []actions.Origin{{Door: "discord", Channel: "1/2"}, {Door: "slack", Channel: "T9/C1"}, {Door: "slack", Channel: "T0123/"}} {
		if err := w.door.Deliver(ctx, o, card); err == nil {
			t.Errorf("Deliver(%+v) = nil, want an error", o)
		}
	}
	if !w.door.Holds(at) || w.door.Holds(actions.Origin{Door: "slack", Channel: "T01234/C1"}) || w.door.Name() != "slack/T0123" {
		t.Errorf("the door %s holds the wrong places", w.door.Name())
	}
}

// TestLongOutput answers with more than a message holds.
func TestLongOutput(t *testing.T) {
	handle := func(_ context.Context, m door.Message, send func(reply.Card)) door.Exit {
		table := &actions.Table{Columns: []string{"node", "state"}}
		for i := range 2000 {
			table.Rows = append(table.Rows, []string{fmt.Sprintf("edge-%d", i), "well & <fine>"})
		}
		send(reply.Card{Kind: reply.Answer, Title: "2000 nodes", Table: table, Private: m.Text == "secretly"})
		return door.OK
	}
	both(t, setup{handle: handle}, func(t *testing.T, w *world) {
		w.slash("U1", "list nodes")
		m := w.shows("C1", "2000 nodes")
		f, err := w.slack.Await(w.ctx(), "C1", func(m workspace.Message) bool { return len(m.Files) > 0 })
		if err != nil {
			t.Fatal(err)
		}
		if f.Thread != m.TS || !strings.Contains(string(f.Files[0].Content), "edge-1999") {
			t.Errorf("the file is in thread %q with %d bytes, want all of it in %q", f.Thread, f.Files[0].Size, m.TS)
		}
		w.slash("U1", "secretly")
		d, err := w.slack.Await(w.ctx(), "D1", func(m workspace.Message) bool { return len(m.Files) > 0 })
		if err != nil || !strings.Contains(string(d.Files[0].Content), "edge-1999") {
			t.Errorf("the file of a private answer is not in the direct messages: %v", err)
		}
		w.eventually("two answers and one file are in the channel", func() bool { return len(w.bots("C1")) == 3 && w.door.Backlog() == 0 })
	})
}

// TestPrivate shows a private card to who asked alone, and everything else to everybody.
func TestPrivate(t *testing.T) {
	handle := func(_ context.Context, m door.Message, send func(reply.Card)) door.Exit {
		send(reply.Card{Kind: reply.Answer, Title: "secret for " + m.As, Private: true})
		send(reply.Card{Kind: reply.Done, Title: "public"})
		return door.OK
	}
	both(t, setup{handle: handle}, func(t *testing.T, w *world) {
		for range 4 { // more than five uses of one response_url are not needed, but several are
			w.slash("U1", "x")
		}
		if _, err := w.slack.Mention(w.ctx(), workspace.Said{User: "U1", Channel: "C1", Text: "in a thread"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.slack.DM(w.ctx(), "U1", "alone"); err != nil {
			t.Fatal(err)
		}
		w.eventually("twelve answers", func() bool { return len(w.bots("")) == 12 })
		for _, m := range w.bots("") {
			secret := strings.Contains(m.Shown, "secret")
			if m.Channel == "D1" && m.Only != "" || m.Channel != "D1" && secret != (m.Only == "U1") {
				t.Errorf("in %s %q is shown to %q alone", m.Channel, m.Shown, m.Only)
			}
			if m.Hidden || m.Unfurls {
				t.Errorf("in %s %q is hidden in a thread (%v), or unfurls (%v)", m.Channel, m.Shown, m.Hidden, m.Unfurls)
			}
		}
	})
}

// TestResponseURLEnds answers privately more often than a response_url may be used.
func TestResponseURLEnds(t *testing.T) {
	handle := func(_ context.Context, _ door.Message, send func(reply.Card)) door.Exit {
		for i := range 9 {
			send(reply.Card{Kind: reply.Answer, Title: fmt.Sprint("secret ", i), Private: true})
		}
		return door.OK
	}
	w := newWorld(t, setup{handle: handle})
	w.slash("U1", "x")
	w.eventually("nine answers", func() bool { return len(w.bots("C1")) == 9 })
	for i, m := range w.bots("C1") {
		if m.Only != "U1" || !strings.Contains(m.Shown, fmt.Sprint("secret ", i)) {
			t.Errorf("answer %d is %q, shown to %q", i, m.Shown, m.Only)
		}
	}
	if n, _ := w.slack.Calls("response_url"); n != 5 {
		t.Errorf("the response_url was used %d times, want 5", n)
	}
	if n, _ := w.slack.Calls("chat.postEphemeral"); n != 4 {
		t.Errorf("chat.postEphemeral was called %d times, want 4", n)
	}
}

// TestNotInChannel gives a command where the bot was not invited: the answer comes through the response_url.
func TestNotInChannel(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		w.slack.Kick("C1")
		w.slash("U1", "help")
		if m := w.shows("C1", "heard: help"); m.Only != "" {
			t.Errorf("the answer is shown to %q alone, want to everybody", m.Only)
		}
	})
}

// TestChannelGone loses the channel while a run goes on: its end is told to who asked.
func TestChannelGone(t *testing.T) {
	for _, mode := range []slack.Mode{slack.Socket, slack.HTTP} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{})
			w := newWorld(t, setup{mode: mode, handle: func(ctx context.Context, _ door.Message, send func(reply.Card)) door.Exit {
				send(reply.Card{ID: "r-1", Kind: reply.Progress, Title: "r-1: begins", Live: true})
				select {
				case <-gone:
				case <-ctx.Done():
				}
				send(reply.Card{ID: "r-1", Kind: reply.Done, Title: "r-1: done"})
				return door.OK
			}})
			w.slash("U1", "flush")
			w.shows("C1", "r-1: begins")
			w.slack.Archive("C1")
			close(gone)
			m := w.shows("D1", "r-1: done")
			if !strings.Contains(m.Shown, "T0123/C1") {
				t.Errorf("the answer in the direct messages is %q, want it to name the channel it belongs to", m.Shown)
			}
		})
	}
}

func TestDeletedUnderUs(t *testing.T) {
	var w *world
	handle := func(_ context.Context, _ door.Message, send func(reply.Card)) door.Exit {
		send(reply.Card{ID: "r-1", Kind: reply.Progress, Title: "r-1: begins", Live: true})
		m := w.shows("C1", "r-1: begins")
		w.slack.Delete("C1", m.TS)
		send(reply.Card{ID: "r-1", Kind: reply.Done, Title: "r-1: done"})
		return door.OK
	}
	w = newWorld(t, setup{handle: func(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit {
		return handle(ctx, m, send)
	}})
	w.slash("U1", "flush")
	w.shows("C1", "r-1: done")
	if got := w.bots("C1"); len(got) != 1 {
		t.Errorf("messages %s, want the one that was posted anew", shown(got))
	}
}

// TestPanic costs one message, and the person hears of it.
func TestPanic(t *testing.T) {
	handle := func(_ context.Context, m door.Message, send func(reply.Card)) door.Exit {
		if m.Text == "bad" {
			panic("a bug")
		}
		send(reply.Card{Kind: reply.Answer, Title: "fine"})
		return door.OK
	}
	both(t, setup{handle: handle}, func(t *testing.T, w *world) {
		w.slash("U1", "bad")
		w.shows("C1", "something broke")
		w.slash("U1", "good")
		w.shows("C1", "fine")
		if w.count("panic") != 1 {
			t.Errorf("%d panics were counted, want 1", w.count("panic"))
		}
	})
}

// TestSlowOneBlocksNobody lets one message take long: others are answered meanwhile.
func TestSlowOneBlocksNobody(t *testing.T) {
	release := make(chan struct{})
	handle := func(_ context.Context, m door.Message, send func(reply.Card)) door.Exit {
		if m.Text == "slow" {
			<-release
		}
		send(reply.Card{Kind: reply.Answer, Title: "did " + m.Text})
		return door.OK
	}
	w := newWorld(t, setup{handle: handle})
	w.slash("U1", "slow")
	begin := time.Now()
	w.slash("U1", "quick")
	w.shows("C1", "did quick")
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("the quick one took %s", d)
	}
	close(release)
	w.shows("C1", "did slow")
}
