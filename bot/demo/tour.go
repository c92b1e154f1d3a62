package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// Tour plays scenes to a bot and verifies what came of them.
type Tour struct {
	World *World
	Bot   Bot
	Out   io.Writer
	Style reply.Style

	runs    map[string]string // kept by scenes
	touched map[string]bool   // intents
	n       int
	last    said // the newest answer
	pending []chan said
	bans    string // those of the edge whose hit rate falls, before that

	mu    sync.Mutex
	heard []reply.Card // from the feed, in order
	mark  int          // of heard, where the scene began

	stop       context.CancelFunc // of what goes on in the background
	background sync.WaitGroup
}

// said is what came of one line.
type said struct {
	exit  door.Exit
	cards []reply.Card
}

func (s said) text(style reply.Style) string {
	var b strings.Builder
	for _, c := range s.cards {
		if !c.Live {
			b.WriteString(reply.Text(c, style))
		}
	}
	return b.String()
}

// patience is how long one scene may take.
const patience = 40 * time.Second

// Play plays all scenes. The error says which one did not end as it must, or which intents no scene has touched.
func (t *Tour) Play(ctx context.Context, scenes []Scene) error {
	t.runs, t.touched = map[string]string{}, map[string]bool{}
	ctx, cancel := context.WithCancel(ctx)
	var listening sync.WaitGroup
	feed := t.Bot.Feed(ctx)
	listening.Go(func() { t.listen(ctx, feed) })
	defer listening.Wait()
	defer cancel()
	defer t.quiet()
	verified := 0
	for _, s := range scenes {
		if !t.possible(s) {
			continue
		}
		saw, err := t.play(ctx, s)
		if err != nil {
			return fmt.Errorf("scene %q of %s: %w", s.Say, s.As, err)
		}
		if saw != "" {
			verified++
			t.print("  checked: " + saw + "\n")
		}
	}
	t.calm()
	if missing := t.untouched(); len(missing) > 0 {
		return fmt.Errorf("no scene touches %s", strings.Join(missing, ", "))
	}
	where := "at the origin and in the monitoring"
	if t.World.Nodes != nil {
		where = "at the origin, in the monitoring and in the kernels of the nodes"
	}
	t.print(fmt.Sprintf("\nAll %d intents of the catalogue were touched, and %d effects were looked at on the caches, %s.\n", len(t.Bot.Intents()), verified, where))
	return nil
}

// possible tells whether the catalogue and the machine have what the scene needs.
func (t *Tour) possible(s Scene) bool {
	if s.On == OnNodes && t.World.Nodes == nil || s.On == OnPaper && t.World.Nodes != nil {
		return false
	}
	have := t.Bot.Intents()
	return !slices.ContainsFunc(s.Needs, func(need string) bool { return !slices.Contains(have, need) })
}

func (t *Tour) untouched() []string {
	return slices.DeleteFunc(slices.Clone(t.Bot.Intents()), func(i string) bool { return t.touched[i] })
}

// print writes to the reader; one that is gone is told by the exit of the program.
func (t *Tour) print(text string) { _, _ = io.WriteString(t.Out, text) }

func (t *Tour) play(ctx context.Context, s Scene) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if s.Tell != "" {
		t.print("\n--- " + s.Tell + "\n")
	}
	t.mu.Lock()
	t.mark = len(t.heard)
	t.mu.Unlock()
	if s.Before != nil {
		if err := s.Before(ctx, t); err != nil {
			return "", err
		}
	}
	if s.Say != "" {
		if err := t.say(ctx, s); err != nil {
			return "", err
		}
	}
	if len(s.Heard) > 0 {
		if err := t.hear(ctx, s.Heard); err != nil {
			return "", err
		}
	}
	if s.Verify == nil {
		return "", nil
	}
	return s.Verify(ctx, t)
}

// fill puts the runs that were kept into a text.
func (t *Tour) fill(text string) string {
	for name, run := range maps.All(t.runs) {
		text = strings.ReplaceAll(text, "{"+name+"}", run)
	}
	return text
}

// say brings the line of a scene to the desk and holds the answer against what is wanted.
func (t *Tour) say(ctx context.Context, s Scene) error {
	line := t.fill(s.Say)
	m := t.message(s.As, line)
	if s.Async {
		m.Yes = true
		return t.begin(ctx, s, m)
	}
	got := t.handle(ctx, m)
	if s.Exit == door.Refused || !got.asks() {
		return t.judge(s, line, got)
	}
	t.print(got.text(t.Style))
	return t.judge(s, line, t.handle(ctx, t.message(s.As, "yes")))
}

// asks tells whether a yes is asked for.
func (s said) asks() bool {
	return s.exit == door.Refused && len(s.cards) > 0 && s.cards[len(s.cards)-1].Kind == reply.Question
}

// message is a line as a door brings it, and is shown.
func (t *Tour) message(as, line string) door.Message {
	t.print(as + "> " + line + "\n")
	t.n++
	return door.Message{
		ID: fmt.Sprintf("demo-%d", t.n), Text: line, As: "unix:" + as, At: time.Now(), Patient: true, Origin: actions.Origin{Door: "demo", Channel: "demo", Thread: as},
	}
}

func (t *Tour) handle(ctx context.Context, m door.Message) said {
	got := said{}
	got.exit = t.Bot.Desk().Handle(ctx, m, func(c reply.Card) { got.cards = append(got.cards, c) })
	return got
}

// begin says a line and returns as soon as its run is there.
func (t *Tour) begin(ctx context.Context, s Scene, m door.Message) error {
	run, done := make(chan string, 1), make(chan said, 1)
	long := context.WithoutCancel(ctx)
	go func() {
		got := said{}
		got.exit = t.Bot.Desk().Handle(long, m, func(c reply.Card) {
			got.cards = append(got.cards, c)
			if c.Run != "" {
				select {
				case run <- c.Run:
				default: // it is known
				}
			}
		})
		done <- got
	}()
	select {
	case id := <-run:
		t.runs[s.Keep] = id
		t.touch(m.Text)
		t.print("  (" + id + " is under way)\n")
		t.pending = append(t.pending, done)
		return nil
	case got := <-done:
		return fmt.Errorf("it ended with %d at once:\n%s", got.exit, got.text(t.Style))
	case <-ctx.Done():
		return errors.New("it made no run")
	}
}

// quiet ends what goes on in the background.
func (t *Tour) quiet() {
	if t.stop != nil {
		t.stop()
	}
	t.background.Wait()
	t.stop = nil
}

// calm waits until all that was begun has ended.
func (t *Tour) calm() {
	for _, done := range t.pending {
		<-done
	}
	t.pending = nil
}

func (t *Tour) touch(line string) {
	for _, i := range t.Bot.Understand(line) {
		t.touched[i] = true
	}
}

func (t *Tour) judge(s Scene, line string, got said) error {
	text := got.text(t.Style)
	t.print(text)
	t.last = got
	if got.exit != s.Exit {
		return fmt.Errorf("it ended with %d, want %d", got.exit, s.Exit)
	}
	plain := got.text(reply.Style{})
	for _, w := range s.Want {
		if w = t.fill(w); !strings.Contains(plain, w) {
			return fmt.Errorf("the answer lacks %q", w)
		}
	}
	if s.Keep != "" {
		i := slices.IndexFunc(got.cards, func(c reply.Card) bool { return c.Run != "" })
		if i < 0 {
			return errors.New("the answer names no run")
		}
		t.runs[s.Keep] = got.cards[i].Run
	}
	t.touch(line)
	return nil
}

func (t *Tour) listen(ctx context.Context, feed <-chan reply.Card) {
	for {
		select {
		case <-ctx.Done():
			return
		case c, ok := <-feed:
			if !ok {
				return
			}
			t.mu.Lock()
			t.heard = append(t.heard, c)
			t.mu.Unlock()
		}
	}
}

// hear waits until the feed of this scene holds the words, and shows the card.
func (t *Tour) hear(ctx context.Context, words []string) error {
	for {
		t.mu.Lock()
		news := slices.Clone(t.heard[t.mark:])
		t.mu.Unlock()
		for _, c := range news {
			plain := reply.Text(c, reply.Style{})
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(plain, w) }) {
				t.print("everybody hears:\n" + reply.Text(c, t.Style))
				return nil
			}
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("nobody heard %q; heard was:\n%s", words, texts(news))
		}
	}
}

// texts renders the newest state of each card.
func texts(cards []reply.Card) string {
	var b strings.Builder
	for i, c := range cards {
		if !slices.ContainsFunc(cards[i+1:], func(later reply.Card) bool { return c.ID != "" && later.ID == c.ID }) {
			b.WriteString(reply.Text(c, reply.Style{}))
		}
	}
	return b.String()
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// until waits until a look finds what it looks for.
func until(ctx context.Context, what string, look func() (bool, error)) error {
	for {
		ok, err := look()
		if err != nil {
			return fmt.Errorf("look for %s: %w", what, err)
		}
		if ok {
			return nil
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return fmt.Errorf("%s never came", what)
		}
	}
}
