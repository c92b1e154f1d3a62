package socket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/reply"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a door.Desk made of a func, which keeps what it was asked.
type desk struct {
	handle func(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit
	mu     sync.Mutex
	heard  []door.Message
}

func (d *desk) Handle(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit {
	d.mu.Lock()
	d.heard = append(d.heard, m)
	d.mu.Unlock()
	return d.handle(ctx, m, send)
}

func (d *desk) Complete(line string) []string { return []string{line + "-1", line + "-2"} }

func (d *desk) messages() []door.Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.heard
}

func echo(_ context.Context, m door.Message, send func(reply.Card)) door.Exit {
	send(reply.Card{ID: "run/r-1", Kind: reply.Progress, Title: "heard " + m.Text, Live: true})
	send(reply.Card{ID: "run/r-1", Kind: reply.Done, Title: "did " + m.Text, Run: "r-1"})
	return door.Partly
}

// serve starts a server in a temp dir and a client to it.
func serve(t *testing.T, o socket.Options) (*socket.Server, *socket.Client) {
	t.Helper()
	if o.Path == "" {
		o.Path = filepath.Join(t.TempDir(), "run", "opsbot.sock")
	}
	if o.Desk == nil {
		o.Desk = &desk{handle: echo}
	}
	s, err := socket.Start(t.Context(), o)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("Stop: %v", err)
		}
	})
	c, err := socket.Dial(t.Context(), o.Path)
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	return s, c
}

func TestSay(t *testing.T) {
	t.Parallel()
	d := &desk{handle: echo}
	_, c := serve(t, socket.Options{Desk: d})
	var got []reply.Card
	exit, err := c.Say(t.Context(), socket.Line{Text: "flush \x1b[2J edge-1", Yes: true, Thread: "t1", ID: "id-1"}, func(c reply.Card) { got = append(got, c) })
	if err != nil || exit != door.Partly {
		t.Fatalf("Say = %d, %v, want %d", exit, err, door.Partly)
	}
	want := []reply.Card{
		{ID: "run/r-1", Kind: reply.Progress, Title: "heard flush \x1b[2J edge-1", Live: true},
		{ID: "run/r-1", Kind: reply.Done, Title: "did flush \x1b[2J edge-1", Run: "r-1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cards of Say differ (-want +got):\n%s", diff)
	}
	me := socket.Current()
	m := d.messages()[0]
	m.At = time.Time{}
	wantMessage := door.Message{
		ID: "say/" + me + "/id-1", Text: "flush \x1b[2J edge-1", As: me, Yes: true,
		Origin: actions.Origin{Door: "say", Channel: me, Thread: me + "/t1", Message: "id-1"},
	}
	if diff := cmp.Diff(wantMessage, m); diff != "" {
		t.Errorf("message to the desk differs (-want +got):\n%s", diff)
	}
}

func TestSayMakesUpAnID(t *testing.T) {
	t.Parallel()
	d := &desk{handle: echo}
	_, c := serve(t, socket.Options{Desk: d})
	for range 2 {
		if _, err := c.Say(t.Context(), socket.Line{Text: "x"}, func(reply.Card) {}); err != nil {
			t.Fatal(err)
		}
	}
	m := d.messages()
	if m[0].ID == m[1].ID || m[0].Origin.Message == "" {
		t.Errorf("two lines without an id got %q and %q, want two ids", m[0].ID, m[1].ID)
	}
	if m[0].At.IsZero() || m[0].Patient {
		t.Errorf("message %+v, want a time and no patience", m[0])
	}
}

func TestSayRefusesWhatIsNoLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		given socket.Line
		want  string
	}{
		{"over limits.line", socket.Line{Text: strings.Repeat("é", 2001)}, "the line has 2001 characters; a line may have 2000"},
		{"a megabyte", socket.Line{Text: strings.Repeat("x", 1<<20)}, "the request has more than 1048576 bytes; a line may have 2000 characters"},
		{"two megabytes", socket.Line{Text: strings.Repeat("x", 2<<20)}, "the line has 2097152 bytes; say it in fewer words"},
		{"control characters, six bytes each", socket.Line{Text: strings.Repeat("\x01", 1<<20)}, "the request has more than 1048576 bytes"},
		{"a strange thread", socket.Line{Text: "x", Thread: "a/../b"}, `the thread "a/../b" is not one; use up to 64 letters`},
		{"a strange id", socket.Line{Text: "x", ID: strings.Repeat("i", 65)}, "is not one"},
	}
	d := &desk{handle: echo}
	_, c := serve(t, socket.Options{Desk: d})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			exit, err := c.Say(t.Context(), tt.given, func(c reply.Card) { t.Errorf("got a card: %+v", c) })
			if exit != door.Usage || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Say(%d bytes, thread %q, id %q) = %d, %v, want exit 2 and %q", len(tt.given.Text), tt.given.Thread, tt.given.ID, exit, err, tt.want)
			}
		})
	}
	if m := d.messages(); len(m) != 0 {
		t.Errorf("the desk heard %d messages, want none", len(m))
	}
	if exit, err := c.Say(t.Context(), socket.Line{Text: strings.Repeat("é", 2000)}, func(reply.Card) {}); err != nil || exit != door.Partly {
		t.Errorf("Say of 2000 characters = %d, %v, want it taken", exit, err)
	}
}

// raw sends a request as foreign programs would.
func raw(t *testing.T, path, method, url, body string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://opsbot"+url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestRawRequests(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, socket.Options{})
	tests := []struct {
		name, method, url, body string
		status                  int
		want                    string
	}{
		{"the stream", "POST", "/say", `{"text":"hi \u009b"}`, 200, `{"card":{"id":"run/r-1","kind":"progress","title":"heard hi \u009b","live":true}}` + "\n" +
			`{"card":{"id":"run/r-1","kind":"done","title":"did hi \u009b","run":"r-1"}}` + "\n" + `{"exit":3}` + "\n"},
		{"no JSON", "POST", "/say", `flush edge-1`, 400, `"exit":2`},
		{"nothing", "POST", "/say", ``, 400, `send {\"text\":\"...\"}`},
		{"an unknown key", "POST", "/say", `{"text":"x","as":"unix:root"}`, 400, `unknown field \"as\"`},
		{"two objects", "POST", "/say", `{"text":"x"}{"text":"y"}`, 400, "more behind the object"},
		{"wrong method", "GET", "/say", ``, 405, ""},
		{"wrong path", "GET", "/nothing", ``, 404, ""},
		{"a reload that is not offered", "POST", "/reload", ``, 404, "this bot has no /reload"},
		{"a health that is not offered", "GET", "/health", ``, 404, "does not tell"},
		{"completion", "GET", "/complete?line=edge", ``, 200, `["edge-1","edge-2"]`},
		{"completion of too much", "GET", "/complete?line=" + strings.Repeat("x", 2001), ``, 200, `["-1","-2"]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, text := raw(t, s.Path(), tt.method, tt.url, tt.body)
			if status != tt.status || !strings.Contains(text, tt.want) {
				t.Errorf("%s %s %s = %d %s, want %d with %s", tt.method, tt.url, tt.body, status, text, tt.status, tt.want)
			}
		})
	}
}

func TestReaderGoesAway(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	d := &desk{handle: func(ctx context.Context, _ door.Message, send func(reply.Card)) door.Exit {
		send(reply.Card{Title: "accepted", Live: true})
		<-ctx.Done()
		send(reply.Card{Title: "nobody reads this"})
		ended <- ctx.Err()
		return door.OK
	}}
	_, c := serve(t, socket.Options{Desk: d})
	ctx, cancel := context.WithCancel(t.Context())
	exit, err := c.Say(ctx, socket.Line{Text: "flush edge-1"}, func(reply.Card) { cancel() })
	var p *socket.Problem
	if exit != door.Temporary || !errors.As(err, &p) || !strings.Contains(err.Error(), "what was accepted goes on") {
		t.Errorf("Say after going away = %d, %v, want exit 75 and a word about the run", exit, err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("context of the desk ended with %v, want context canceled", err)
	}
}

func TestStopEndsListening(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	d := &desk{handle: func(ctx context.Context, _ door.Message, send func(reply.Card)) door.Exit {
		close(begun)
		<-ctx.Done()
		send(reply.Card{Kind: reply.Progress, Title: "the bot stops; r-1 goes on when it is back"})
		return door.Temporary
	}}
	s, c := serve(t, socket.Options{Desk: d})
	type result struct {
		cards []string
		exit  door.Exit
		err   error
	}
	got := make(chan result)
	go func() {
		var r result
		r.exit, r.err = c.Say(t.Context(), socket.Line{Text: "flush edge-1"}, func(c reply.Card) { r.cards = append(r.cards, c.Title) })
		got <- r
	}()
	<-begun
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("Stop: %v", err)
	}
	r := <-got
	if r.err != nil || r.exit != door.Temporary || len(r.cards) != 1 {
		t.Errorf("Say over a stop = %+v, want the last card and exit 75", r)
	}
	if _, err := os.Lstat(s.Path()); !os.IsNotExist(err) {
		t.Errorf("socket after Stop: %v, want it gone", err)
	}
	if _, err := socket.Dial(t.Context(), s.Path()); !errors.Is(err, socket.ErrNoBot) {
		t.Errorf("Dial after Stop = %v, want ErrNoBot", err)
	}
}

// TestStopIsBounded has a desk that does not listen to its context.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	begun, free := make(chan struct{}), make(chan struct{})
	d := &desk{handle: func(context.Context, door.Message, func(reply.Card)) door.Exit {
		close(begun)
		<-free
		return door.OK
	}}
	path := filepath.Join(t.TempDir(), "s")
	s, err := socket.Start(t.Context(), socket.Options{Path: path, Desk: d})
	if err != nil {
		t.Fatal(err)
	}
	c, err := socket.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := c.Say(t.Context(), socket.Line{Text: "x"}, func(reply.Card) {})
		done <- err
	}()
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop with a deaf desk = %v, want deadline exceeded", err)
	}
	if err := <-done; err == nil {
		t.Error("Say over a hard stop returned no error")
	}
	close(free)
}

func TestAdministration(t *testing.T) {
	t.Parallel()
	var reloaded []string
	_, c := serve(t, socket.Options{
		Health: func(context.Context) socket.Health {
			return socket.Health{Votes: []socket.Vote{{Name: "store", OK: true}, {Name: "icinga", Why: "no route"}}}
		},
		Reload: func(_ context.Context, p socket.Peer) error {
			reloaded = append(reloaded, p.Identity())
			if len(reloaded) > 1 {
				return fmt.Errorf("%w: no role of %s grants reload", socket.ErrRefused, p.Identity())
			}
			return nil
		},
		Config: func(context.Context, socket.Peer) ([]byte, error) { return []byte("data_dir: /x\n"), nil },
	})
	h, err := c.Health(t.Context())
	want := socket.Health{Votes: []socket.Vote{{Name: "store", OK: true}, {Name: "icinga", Why: "no route"}}}
	if err != nil || cmp.Diff(want, h) != "" {
		t.Errorf("Health = %+v, %v, want %+v", h, err, want)
	}
	if err := c.Reload(t.Context()); err != nil {
		t.Errorf("Reload: %v", err)
	}
	var p *socket.Problem
	if err := c.Reload(t.Context()); !errors.As(err, &p) || p.Exit != door.Refused || !strings.Contains(p.Text, "no role of") {
		t.Errorf("second Reload = %v, want exit 4 and the reason", err)
	}
	if diff := cmp.Diff([]string{socket.Current(), socket.Current()}, reloaded); diff != "" {
		t.Errorf("callers of Reload differ (-want +got):\n%s", diff)
	}
	if text, err := c.Config(t.Context()); err != nil || string(text) != "data_dir: /x\n" {
		t.Errorf("Config = %q, %v", text, err)
	}
	if words, err := c.Complete(t.Context(), "show edge"); err != nil || len(words) != 2 || words[0] != "show edge-1" {
		t.Errorf("Complete = %v, %v", words, err)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		export func(w io.Writer) error
		text   string
		want   string // of the error
	}{
		{"complete", func(w io.Writer) error { _, err := io.WriteString(w, "one\ntwo\n"); return err }, "one\ntwo\n", ""},
		{"empty", func(io.Writer) error { return nil }, "", ""},
		{"refused", func(io.Writer) error { return fmt.Errorf("%w: no role", socket.ErrRefused) }, "", "export: not allowed: no role"},
		{"failed at once", func(io.Writer) error { return errors.New("store closed") }, "", "export: store closed"},
		{"failed in the middle", func(w io.Writer) error {
			_, err := io.WriteString(w, "one\n")
			return errors.Join(err, errors.New("store closed"))
		}, "one\n", "export: store closed"},
		{"broke off", func(w io.Writer) error {
			_, _ = io.WriteString(w, "one\n")
			panic(http.ErrAbortHandler)
		}, "one\n", "receive the export: unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, socket.Options{Export: func(_ context.Context, _ socket.Peer, w io.Writer) error { return tt.export(w) }})
			var out strings.Builder
			err := c.Export(t.Context(), &out)
			if out.String() != tt.text || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Export = %q, %v, want %q, %q", out.String(), err, tt.text, tt.want)
			}
		})
	}
}
