package socket

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// ErrNoBot says that nobody answers on the socket.
var ErrNoBot = errors.New("no bot answers")

// longestEvent is the most bytes of one line of an answer.
const longestEvent = 16 << 20

// Client talks to the bot behind a socket. It is safe for concurrent use.
type Client struct {
	path string
	http *http.Client
}

// Dial returns a client once somebody answers on the socket, else an error with ErrNoBot in its chain.
func Dial(ctx context.Context, path string) (*Client, error) {
	d := &net.Dialer{Timeout: 3 * time.Second}
	first, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("%w on %s: %w", ErrNoBot, path, err)
	}
	_ = first.Close() // nothing was sent
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", path) },
		DisableKeepAlives: true, // a client says one thing
	}}}, nil
}

// Say sends one line and gives every card of the answer to show, until the matter is closed. When ctx ends before, what was accepted
// goes on without its listener.
func (c *Client) Say(ctx context.Context, l Line, show func(reply.Card)) (door.Exit, error) {
	if len(l.Text) > MaxBody {
		return door.Usage, usage(fmt.Sprintf("the line has %d bytes", len(l.Text)), "say it in fewer words")
	}
	body, err := json.Marshal(l)
	if err != nil {
		return door.Usage, fmt.Errorf("encode the line: %w", err)
	}
	resp, err := c.do(ctx, http.MethodPost, "/say", body)
	switch {
	case err != nil && ctx.Err() != nil:
		return door.Temporary, lost(ctx.Err())
	case err != nil:
		return exitOf(err), err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, longestEvent)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return door.Temporary, fmt.Errorf("read the answer of the bot: %w", err)
		}
		if e.Card != nil {
			show(*e.Card)
		}
		if e.Exit != nil {
			return *e.Exit, nil
		}
	}
	err = lines.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return door.Temporary, lost(err)
}

// lost tells that the end of an answer was not heard.
func lost(err error) *Problem {
	return &Problem{
		Text: fmt.Sprintf("the bot stopped answering: %v", err), Hint: `what was accepted goes on: see opsbot say "list runs"`, Exit: door.Temporary,
	}
}

// Complete returns what a line could go on with.
func (c *Client) Complete(ctx context.Context, line string) ([]string, error) {
	var out []string
	err := c.get(ctx, "/complete?line="+url.QueryEscape(line), &out)
	return out, err
}

// Health returns what the rooms of the bot say about themselves.
func (c *Client) Health(ctx context.Context) (Health, error) {
	var h Health
	err := c.get(ctx, "/health", &h)
	return h, err
}

// Reload lets the bot read its configuration again. An error means that it keeps the old one.
func (c *Client) Reload(ctx context.Context) error {
	resp, err := c.do(ctx, http.MethodPost, "/reload", nil)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Enrol makes a one-time code for the agent of a node and returns the line to type there.
func (c *Client) Enrol(ctx context.Context, node string) (string, error) {
	resp, err := c.do(ctx, http.MethodPost, "/enrol?node="+url.QueryEscape(node), nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var line string
	if err := json.NewDecoder(io.LimitReader(resp.Body, longestEvent)).Decode(&line); err != nil {
		return "", fmt.Errorf("read the code: %w", err)
	}
	return line, nil
}

// Config returns the configuration that the bot runs with, as it was read.
func (c *Client) Config(ctx context.Context) ([]byte, error) {
	resp, err := c.do(ctx, http.MethodGet, "/config", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, longestEvent))
}

// Review returns what people said since a time and the bot did not understand at once, the most frequent first.
func (c *Client) Review(ctx context.Context, since time.Time) ([]Misread, error) {
	resp, err := c.do(ctx, http.MethodGet, "/review?since="+url.QueryEscape(since.UTC().Format(time.RFC3339)), nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var out []Misread
	if err := json.NewDecoder(io.LimitReader(resp.Body, longestReview)).Decode(&out); err != nil {
		return nil, fmt.Errorf("read the review: %w", err)
	}
	return out, nil
}

// longestReview bounds a review, in bytes.
const longestReview = 64 << 20

// Export writes an export of the bot's store to w. Without an error it is complete.
func (c *Client) Export(ctx context.Context, w io.Writer) error {
	resp, err := c.do(ctx, http.MethodPost, "/export", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("receive the export: %w", err)
	}
	switch end := resp.Trailer.Get(trailer); {
	case end == "complete":
		return nil
	case end == "":
		return errors.New("receive the export: it broke off")
	default:
		return fmt.Errorf("export: %s", strings.TrimPrefix(end, "failed: "))
	}
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	resp, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, longestEvent)).Decode(into); err != nil {
		return fmt.Errorf("read the answer of the bot to %s: %w", path, err)
	}
	return nil
}

// do returns the answer to a request, or its Problem. The health of a bot that is not ready is an answer, too.
func (c *Client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://opsbot"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, fmt.Errorf("ask the bot on %s: %w", c.path, err)
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusServiceUnavailable && path == "/health" {
		return resp, nil
	}
	defer resp.Body.Close()
	p := &Problem{}
	if err := json.NewDecoder(io.LimitReader(resp.Body, MaxBody)).Decode(p); err != nil || p.Text == "" {
		p = &Problem{Text: fmt.Sprintf("the bot on %s answered %s to %s %s", c.path, resp.Status, method, path), Exit: door.Failure}
	}
	return nil, p
}

func exitOf(err error) door.Exit {
	var p *Problem
	if errors.As(err, &p) {
		return p.Exit
	}
	return door.Temporary
}
