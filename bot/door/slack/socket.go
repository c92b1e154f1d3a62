package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/shitops/opsbot/bot/door/outbox"
)

// The bounds of the socket.
const (
	readMost    = 4 << 20 // bytes of one message from Slack
	intakeMost  = 512     // messages that are being stored at the same time
	retryMost   = 30 * time.Second
	retryDenied = 15 * time.Second // with a token that was refused
)

// listen keeps a socket open until ctx ends. The library reconnects by itself as long as Slack knows us and waits no longer than we would.
func (d *Door) listen(ctx context.Context) error {
	for failures := 0; ctx.Err() == nil; {
		up, err := d.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if up {
			failures = 0
		}
		failures++
		wait := min(d.o.Retry<<min(failures-1, 10), retryMost)
		wait += rand.N(wait/4 + 1)
		if errors.Is(err, outbox.ErrAuth) {
			d.state.refused(d.o.Now(), err)
			wait = max(wait, min(retryDenied, 15*d.o.Retry))
		} else {
			d.state.down(d.o.Now(), err)
		}
		d.o.Log.Warn("the socket ended", "err", err, "again", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

// session is one life of the library's client. Up tells whether it was ever connected.
func (d *Door) session(ctx context.Context) (up bool, err error) {
	app, err := d.o.AppToken()
	if err != nil {
		return false, fmt.Errorf("read the app's token: %w", err)
	}
	bot, err := d.o.BotToken()
	if err != nil {
		return false, fmt.Errorf("read the bot's token: %w", err)
	}
	web := slack.New(bot.Line(), slack.OptionAppLevelToken(app.Line()), slack.OptionAPIURL(d.o.APIURL), slack.OptionHTTPClient(d.http), slack.OptionLog(quiet{}))
	client := socketmode.New(web,
		socketmode.OptionPingInterval(d.o.PingWithin), socketmode.OptionReadLimit(readMost), socketmode.OptionLog(quiet{}),
		socketmode.OptionDialer(&websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: 15 * time.Second, WriteBufferSize: 32 << 10}))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { ended <- client.RunContext(ctx) })
	defer cancel() // before wg.Wait
	intake := make(chan struct{}, intakeMost)
	for {
		select {
		case e := <-client.Events:
			if err := d.heard(ctx, client, e, &up, intake, &wg); err != nil {
				return up, err
			}
		case err := <-ended:
			return up, denied(err)
		case <-ctx.Done():
			return up, ctx.Err()
		}
	}
}

// denied marks the errors after which the library gives up for good.
func denied(err error) error {
	var status slack.StatusCodeError
	switch c := code(err); {
	case c != "" && errors.Is(meaning(c), outbox.ErrAuth), errors.As(err, &status) && status.Code == http.StatusNotFound:
		return fmt.Errorf("apps.connections.open: %w: %w", err, outbox.ErrAuth)
	case err == nil:
		return errors.New("the socket was closed")
	}
	return err
}

// heard takes one event of the library. It never blocks for long: the library's reader waits behind it.
func (d *Door) heard(ctx context.Context, client *socketmode.Client, e socketmode.Event, up *bool, intake chan struct{}, wg *sync.WaitGroup) error {
	switch e.Type {
	case socketmode.EventTypeHello:
		*up = true
		d.state.up(d.o.Now())
	case socketmode.EventTypeConnecting:
		d.state.down(d.o.Now(), errors.New("connecting"))
	case socketmode.EventTypeConnectionError:
		if f, ok := e.Data.(*slack.ConnectionErrorEvent); ok {
			d.state.down(d.o.Now(), f.ErrorObj)
			if f.Backoff > d.o.Retry { // the library would wait for up to five minutes
				return f.ErrorObj
			}
		}
	case socketmode.EventTypeSlashCommand, socketmode.EventTypeInteractive, socketmode.EventTypeEventsAPI:
		if e.Request == nil {
			return nil
		}
		select {
		case intake <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		wg.Go(func() {
			defer func() { <-intake }()
			d.envelope(ctx, client, e)
		})
	case socketmode.EventTypeErrorBadMessage:
		if b, ok := e.Data.(*socketmode.ErrorBadMessage); ok {
			d.unread(ctx, client, b)
		}
	}
	return nil
}

// unread acknowledges what cannot be read, or Slack would send it for ever.
func (d *Door) unread(ctx context.Context, client *socketmode.Client, b *socketmode.ErrorBadMessage) {
	var e struct {
		ID string `json:"envelope_id"`
	}
	d.o.Count("ignored")
	d.o.Log.Warn("a message from Slack that I cannot read", "err", b.Cause)
	if json.Unmarshal(b.Message, &e) == nil && e.ID != "" {
		d.ack(ctx, client, e.ID, nil)
	}
}

// envelope stores one message and then acknowledges it.
func (d *Door) envelope(ctx context.Context, client *socketmode.Client, e socketmode.Event) {
	defer func() {
		if r := recover(); r != nil {
			d.o.Count("panic")
			d.o.Log.Error("a message from Slack broke its reader", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	var v verdict
	var err error
	slash := false
	switch data := e.Data.(type) {
	case slack.SlashCommand:
		slash = true
		v = d.slash(data)
	case slack.InteractionCallback:
		v = d.interaction(data)
	default:
		v, err = d.event(e.Request.Payload, d.in.ours)
	}
	if err != nil {
		v = ignore(err.Error())
	}
	if v.keep != nil {
		if err := d.in.accept(ctx, *v.keep); err != nil {
			d.notKept(err)
			if slash {
				d.ack(ctx, client, e.Request.EnvelopeID, cannot(err))
			}
			return // without an acknowledgement Slack sends events again, and shows people that a press failed
		}
	}
	d.ack(ctx, client, e.Request.EnvelopeID, nil)
	d.after(ctx, v)
}

// after does what follows the acknowledgement.
func (d *Door) after(ctx context.Context, v verdict) {
	switch {
	case v.form != nil:
		d.open(ctx, *v.form)
	case v.keep == nil:
		d.o.Count("ignored")
		d.o.Log.Debug("ignored", "why", v.why)
	}
}

func (d *Door) ack(ctx context.Context, client *socketmode.Client, envelope string, payload any) {
	if err := client.AckCtx(ctx, envelope, payload); err != nil && ctx.Err() == nil {
		d.o.Log.Warn("not acknowledged", "envelope", envelope, "err", err)
	}
}

func (d *Door) notKept(err error) {
	d.o.Count("refused")
	d.o.Log.Error("a message was not taken", "err", err)
}

// cannot is the acknowledgement of a slash command that was not taken.
func cannot(err error) map[string]string {
	why := "I cannot write it down at the moment"
	if errors.Is(err, errBusy) {
		why = "too much waits already"
	}
	return map[string]string{"response_type": "ephemeral", "text": "I did not take that: " + why + ". Nothing was done; say it again in a moment."}
}
