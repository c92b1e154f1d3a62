package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// ask says a line to the bot without showing it.
func (t *Tour) ask(ctx context.Context, as, line string) string {
	t.n++
	got := said{}
	got.exit = t.Bot.Desk().Handle(ctx, door.Message{
		ID: fmt.Sprintf("demo-%d", t.n), Text: line, As: "unix:" + as, At: time.Now(), Origin: actions.Origin{Door: "demo", Channel: "demo", Thread: "look"},
	}, func(c reply.Card) { got.cards = append(got.cards, c) })
	return got.text(reply.Style{})
}

// settled waits until a run is in a state.
func settled(run, state string) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		id := t.fill(run)
		err := until(ctx, id+" "+state, func() (bool, error) { return strings.Contains(t.ask(ctx, "vik", "show "+id), state), nil })
		return id + " is " + state, err
	}
}

// asked verifies that the origin was asked for between lowest and highest objects since it was reset.
func asked(lowest, highest int) func(context.Context, *Tour) (string, error) {
	return func(_ context.Context, t *Tour) (string, error) {
		n := t.World.Origin.Requests("")
		if n < lowest || n > highest {
			return "", fmt.Errorf("the origin was asked %d times, want %d to %d", n, lowest, highest)
		}
		return fmt.Sprintf("the origin was asked %d times", n), nil
	}
}

func forget(_ context.Context, t *Tour) error {
	t.World.Origin.ResetRequests()
	return nil
}

// breakOrigin lets the origin fail for one object.
func breakOrigin(status int) func(context.Context, *Tour) error {
	return func(_ context.Context, t *Tour) error {
		t.World.Origin.SetStatus("/"+channel+"/master.m3u8", status)
		t.World.Origin.ResetRequests()
		return nil
	}
}

func runScenes() []Scene {
	return []Scene{
		{Tell: "Runs are kept, and can be steered", Before: forget, As: "anna", Say: "loadtest news on edge-2 for 1s at 60/s", Want: []string{"p99"}, Verify: asked(0, 40)},
		{As: "anna", Say: "loadtest news on edge-2 for 2m at 5/s", Async: true, Keep: "long"},
		{As: "ben", Say: "cancel {long}", Verify: settled("{long}", "cancelled")},
		{Tell: "The origin fails, and recovers", Before: breakOrigin(503), As: "anna", Say: "prime news on edge-1", Exit: door.Failure, Keep: "prime"},
		{Before: breakOrigin(0), As: "anna", Say: "retry {prime}", Verify: both(asked(1, 100), serves("edge-1", true))},
		{As: "vik", Say: "runs", Want: []string{"{flush}", "{long}", "{prime}"}},
		{As: "anna", Say: "undo {flush}", Exit: door.Failure, Want: []string{"{flush}"}},
	}
}
