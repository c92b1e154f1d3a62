package terminal_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/bot/door/terminal"
	"github.com/shitops/opsbot/bot/reply"
)

// incident is the card of a problem that has gone through some lines.
func incident(id, title string, live bool, lines ...string) reply.Card {
	kind := reply.Done
	if live {
		kind = reply.Progress
	}
	return reply.Card{ID: id, Kind: kind, Title: title, Lines: lines, Live: live}
}

func TestIncidentIsOneBlock(t *testing.T) {
	t.Parallel()
	v := newVT(t, 30, 20)
	p := terminal.NewPrinter(onScreen{v}, reply.Style{}, v)
	fmt.Fprintln(p, "before")
	p.Incident(incident("a", "ams-1 is WARNING", true, "61 %"))
	fmt.Fprintln(p, "between")
	p.Show(reply.Card{ID: "r-1", Kind: reply.Progress, Title: "r-1 flush", Live: true})
	p.Incident(incident("b", "ams-2 is WARNING", true, "70 %"))
	v.await("before\n~ ams-1 is WARNING\n  61 %\nbetween\n~ ams-2 is WARNING\n  70 %\n~ r-1 flush\n")
	p.Incident(incident("a", "ams-1 is WARNING", true, "61 %", "flushed by rule hit-rate"))
	v.await("before\n~ ams-1 is WARNING\n  61 %\n  flushed by rule hit-rate\nbetween\n~ ams-2 is WARNING\n  70 %\n~ r-1 flush\n")
	p.Show(reply.Card{ID: "r-1", Kind: reply.Done, Title: "r-1 flush is done"})
	p.Incident(incident("a", "ams-1 is OK again", false, "61 %", "flushed by rule hit-rate", "recovered"))
	ended := "before\n+ ams-1 is OK again\n  61 %\n  flushed by rule hit-rate\n  recovered\nbetween\n~ ams-2 is WARNING\n  70 %\n+ r-1 flush is done\n"
	v.await(ended)
	// What has ended is history. The same name again is another problem.
	p.Incident(incident("a", "ams-1 is WARNING", true, "50 %"))
	v.await(ended + "~ ams-1 is WARNING\n  50 %\n")
	p.Incident(incident("b", "ams-2 is OK again", false, "70 %", "recovered"))
	v.await(strings.Replace(ended, "~ ams-2 is WARNING\n  70 %\n", "+ ams-2 is OK again\n  70 %\n  recovered\n", 1) + "~ ams-1 is WARNING\n  50 %\n")
}

func TestIncidentThatScrolledAway(t *testing.T) {
	t.Parallel()
	v := newVT(t, 40, 10)
	p := terminal.NewPrinter(onScreen{v}, reply.Style{}, v)
	p.Incident(incident("a", "ams-1 is WARNING", true, "61 %", "diagnosed"))
	var much strings.Builder
	for i := range 9 {
		fmt.Fprintf(&much, "line %d\n", i)
	}
	fmt.Fprint(p, much.String())
	stays := "~ ams-1 is WARNING\n  61 %\n  diagnosed\n" + much.String()
	p.Incident(incident("a", "ams-1 is WARNING", true, "61 %", "diagnosed", "flushed"))
	v.await(stays + "~ ams-1 is WARNING\n  flushed\n")
	// The new block goes on as the old one did.
	p.Incident(incident("a", "ams-1 is OK again", false, "61 %", "diagnosed", "flushed", "recovered"))
	v.await(stays + "+ ams-1 is OK again\n  flushed\n  recovered\n")
}

// TestIncidentLargerThanTheScreen has a block that can never be changed in place.
func TestIncidentLargerThanTheScreen(t *testing.T) {
	t.Parallel()
	v := newVT(t, 40, 6)
	p := terminal.NewPrinter(onScreen{v}, reply.Style{}, v)
	p.Incident(incident("a", "large", true, "1", "2", "3", "4", "5", "6"))
	p.Incident(incident("a", "large", true, "1", "2", "3", "4", "5", "6", "7"))
	p.Incident(incident("a", "over", false, "1", "2", "3", "4", "5", "6", "7", "8"))
	v.await("~ large\n  1\n  2\n  3\n  4\n  5\n  6\n+ over\n  7\n  8\n")
}

func TestIncidentWithoutAScreen(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := terminal.NewPrinter(&out, reply.Style{}, nil)
	p.Incident(incident("a", "ams-1 is WARNING", true, "61 %"))
	p.Incident(incident("a", "ams-1 is WARNING", true, "61 %", "flushed"))
	p.Incident(incident("a", "ams-1 is OK again", false, "61 %", "flushed", "recovered"))
	p.Incident(incident("", "news", false, "x"))
	p.Incident(incident("a", "ams-1 is WARNING", true, "50 %"))
	want := "~ ams-1 is WARNING\n  61 %\n~ ams-1 is WARNING\n  flushed\n+ ams-1 is OK again\n  recovered\n+ news\n  x\n~ ams-1 is WARNING\n  50 %\n"
	if out.String() != want {
		t.Errorf("it printed\n%s\nwant\n%s", &out, want)
	}
}

// TestIncidentsWhileTyping has incidents come and change while a line is typed, entered and answered, with a run that lives below them.
func TestIncidentsWhileTyping(t *testing.T) {
	t.Parallel()
	steps := make(chan reply.Card)
	d := &desk{talks: map[string]func(context.Context, func(reply.Card)){
		"flush edge-1": func(_ context.Context, send func(reply.Card)) {
			for c := range steps {
				send(c)
			}
		},
	}}
	feed := make(chan reply.Card)
	s := startFed(t, d, feed)
	s.await("opsbot>\n")
	s.typeKeys("who")
	s.await("opsbot> who\n")
	feed <- incident("a", "ams-1 is WARNING", true, "61 %")
	s.await("~ ams-1 is WARNING\n  61 %\nopsbot> who\n")
	s.typeKeys("ami\r")
	s.await("~ ams-1 is WARNING\n  61 %\nopsbot> whoami\nheard whoami\nopsbot>\n")
	s.typeKeys("flush edge-1\r")
	steps <- run(true, "flushing")
	s.await("~ ams-1 is WARNING\n  61 %\nopsbot> whoami\nheard whoami\nopsbot> flush edge-1\n~ r-1 flush edge-1\n  flushing\nopsbot>\n")
	s.typeKeys("x\x1b[Dy") // the cursor stands between the two
	s.await("~ ams-1 is WARNING\n  61 %\nopsbot> whoami\nheard whoami\nopsbot> flush edge-1\n~ r-1 flush edge-1\n  flushing\nopsbot> yx\n")
	feed <- incident("a", "ams-1 is WARNING", true, "61 %", "flushed by anna")
	s.typeKeys("z")
	s.await("~ ams-1 is WARNING\n  61 %\n  flushed by anna\nopsbot> whoami\nheard whoami\nopsbot> flush edge-1\n~ r-1 flush edge-1\n  flushing\nopsbot> yzx\n")
	steps <- run(false)
	close(steps)
	feed <- incident("a", "ams-1 is OK again", false, "61 %", "flushed by anna", "recovered")
	s.await("+ ams-1 is OK again\n  61 %\n  flushed by anna\n  recovered\nopsbot> whoami\nheard whoami\nopsbot> flush edge-1\n+ r-1 flush edge-1\nopsbot> yzx\n")
	close(feed)
	s.typeKeys("\r")
	s.await("+ ams-1 is OK again\n  61 %\n  flushed by anna\n  recovered\nopsbot> whoami\nheard whoami\nopsbot> flush edge-1\n+ r-1 flush edge-1\nopsbot> yzx\nheard yzx\nopsbot>\n")
	s.typeKeys("\x04")
	s.ends(t)
}

// startFed is start on a screen of 40 by 24, with a feed.
func startFed(t *testing.T, d *desk, feed <-chan reply.Card) *session {
	t.Helper()
	v := newVT(t, 40, 24)
	ctx, cancel := context.WithCancel(t.Context())
	s := &session{vt: v, desk: d, done: make(chan error, 1), stop: cancel}
	go func() {
		s.done <- terminal.Run(ctx, terminal.Options{
			Desk: d, As: "unix:anna", Screen: v, Printer: terminal.NewPrinter(v, reply.Style{}, v), Session: "s1", Feed: feed,
		})
	}()
	t.Cleanup(func() { cancel(); v.Wake() })
	return s
}

// TestIncidentsWithoutAPrompt ends with its lines, whatever the feed does.
func TestIncidentsWithoutAPrompt(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	feed := make(chan reply.Card, 1)
	feed <- incident("a", "ams-1 is WARNING", true)
	lines := &afterFeed{feed: feed, text: strings.NewReader("whoami\n")}
	p := terminal.NewPrinter(&out, reply.Style{}, nil)
	if err := terminal.Run(t.Context(), terminal.Options{Desk: &desk{}, As: "unix:anna", Lines: lines, Printer: p, Feed: feed}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "~ ams-1 is WARNING\n") || !strings.Contains(got, "heard whoami\n") {
		t.Errorf("it printed %q, want the incident and the answer", got)
	}
}

// afterFeed gives its lines when the feed was taken.
type afterFeed struct {
	feed chan reply.Card
	text *strings.Reader
}

func (a *afterFeed) Read(b []byte) (int, error) {
	if a.text.Len() > 0 {
		a.feed <- incident("", "news", false) // there is room when the first was taken
	}
	return a.text.Read(b)
}

// TestIncidentsOnAnyScreen holds a screen that is high enough against a plain list: every block stands where it first came, as it was last told,
// until it has ended, and nothing else ever moves. On a low screen the newest version of each must be there as well, and what is above the screen
// must be as it was.
func TestIncidentsOnAnyScreen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		width := rapid.IntRange(24, 60).Draw(r, "width")
		high := newVT(t, width, 400)
		low := newVT(t, width, rapid.IntRange(5, 14).Draw(r, "height"))
		tall, short := terminal.NewPrinter(onScreen{high}, reply.Style{}, high), terminal.NewPrinter(onScreen{low}, reply.Style{}, low)
		style := reply.Style{Width: width}
		type block struct{ id, text string }
		var blocks []block
		lines := map[string][]string{}
		for n := range rapid.IntRange(0, 30).Draw(r, "events") {
			scrolled := slices.Clone(strings.Split(low.text(), "\n")[:low.top])
			if rapid.IntRange(0, 2).Draw(r, "what") == 0 {
				text := rapid.StringMatching(`([a-z]{1,9} ){0,9}[a-z]`).Draw(r, "text")
				fmt.Fprintln(tall, text)
				fmt.Fprintln(short, text)
				blocks = append(blocks, block{text: text + "\n"})
			} else {
				id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "id")
				lines[id] = append(slices.Clone(lines[id]), fmt.Sprintf("line %d", n))
				c := incident(id, fmt.Sprintf("%s at %d", id, n), rapid.IntRange(0, 3).Draw(r, "live") > 0, lines[id]...)
				tall.Incident(c)
				short.Incident(c)
				if text := low.text(); !strings.Contains(text, c.Title+"\n") || !strings.Contains(text, fmt.Sprintf("line %d\n", n)) {
					r.Fatalf("the low screen shows\n%s\nwant %q in it", text, c.Title)
				}
				i := slices.IndexFunc(blocks, func(b block) bool { return b.id == id })
				if i < 0 {
					blocks, i = append(blocks, block{id: id}), len(blocks)
				}
				blocks[i].text = reply.Text(c, style)
				if !c.Live {
					blocks[i].id = ""
					delete(lines, id)
				}
			}
			if now := strings.Split(low.text(), "\n"); !slices.Equal(now[:len(scrolled)], scrolled) {
				r.Fatalf("above the low screen stands\n%s\nwant\n%s", strings.Join(now[:len(scrolled)], "\n"), strings.Join(scrolled, "\n"))
			}
		}
		var want strings.Builder
		for _, b := range blocks {
			want.WriteString(wrapped(b.text, width))
		}
		if got := high.text(); got != strings.TrimRight(want.String(), "\n")+"\n" {
			r.Errorf("the screen shows\n%s\nwant\n%s", got, want.String())
		}
	})
}

// wrapped breaks lines as a screen does.
func wrapped(text string, width int) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		for len(line) > width {
			b.WriteString(strings.TrimRight(line[:width], " ") + "\n")
			line = line[width:]
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
