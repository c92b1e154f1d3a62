package discord

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"
)

// openWithin is how long a connection may take to be made: dial, hello, identify, ready.
const openWithin = 30 * time.Second

// campaign holds the gateway while this process leads, so that of several replicas one alone hears each event.
func (d *Door) campaign(ctx context.Context) {
	for ctx.Err() == nil {
		d.deaf("") // another replica hears
		term, err := d.o.Leader.Campaign(ctx, "discord-"+d.o.Application, d.o.Owner)
		if err != nil {
			if ctx.Err() == nil {
				d.deaf("the election cannot be held: " + err.Error())
			}
			if !sleep(ctx, 2*time.Second) {
				return
			}
			continue
		}
		lead, stop := context.WithCancel(ctx)
		over := context.AfterFunc(ctx, stop)
		go func() { // ends with the term, which ends at the latest when it is resigned below
			<-term.Done()
			stop()
		}()
		d.lead(lead)
		stop()
		over()
		long, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		if err := term.Resign(long); err != nil {
			d.o.Log.Info("the gateway's election frees itself", "err", err)
		}
		cancel()
	}
}

// lead keeps a connection to the gateway until ctx ends.
func (d *Door) lead(ctx context.Context) {
	d.deaf("connecting to the gateway")
	var c *connection
	tries := 0
	for ctx.Err() == nil {
		if c == nil || tries >= 3 { // what cannot be resumed is begun anew
			fresh, err := d.newConnection(ctx)
			if err != nil {
				d.deaf(err.Error())
				sleep(ctx, d.backoff(&tries))
				continue
			}
			c = fresh
		}
		err := c.open(ctx)
		if err == nil {
			d.deaf("")
			tries = 0
			err = c.wait(ctx, d.o.Silence)
			c.close()
			d.o.Count("disconnected")
		}
		if ctx.Err() != nil {
			break
		}
		d.deaf("the gateway's connection ended: " + err.Error())
		if d.fatal(err) {
			c = nil
			sleep(ctx, d.o.Slow)
			continue
		}
		sleep(ctx, d.backoff(&tries))
	}
	if c != nil {
		c.close()
	}
}

func (d *Door) backoff(tries *int) time.Duration {
	*tries++
	wait := min(time.Second<<min(*tries-1, 6), time.Minute)
	if *tries == 1 {
		wait = 100 * time.Millisecond
	}
	return wait + rand.N(wait/2)
}

// fatal tells whether the gateway will not have us whatever we try, and raises the alarm
// (https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes).
func (d *Door) fatal(err error) bool {
	var closed *websocket.CloseError
	if statusOf(err) == http.StatusUnauthorized {
		d.revoked(err)
		return true
	}
	if !errors.As(err, &closed) {
		return false
	}
	switch closed.Code {
	case 4004:
		d.revoked(err)
	case 4013, 4014:
		d.alarm("Discord refuses the intents that the bot asks for", err.Error(),
			"a prefix needs the Message Content intent: switch it on in the developer portal (Bot, Privileged Gateway Intents), or remove discord: prefix")
	case 4010, 4011, 4012:
		d.alarm("Discord refuses the bot's connection", err.Error(), "this version of the bot does not fit Discord any more: look for a newer one")
	default:
		return false
	}
	return true
}

// connection is one session of the gateway, which may be connected several times.
type connection struct {
	session *discordgo.Session
	gone    chan struct{} // one token for each time the library let go of the connection

	mu   sync.Mutex
	conn net.Conn // the latest
}

// newConnection returns a session that is not open yet, with the token of now.
func (d *Door) newConnection(ctx context.Context) (*connection, error) {
	if err := d.renew(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	token := d.token
	d.mu.Unlock()
	s, err := d.rest.newSession(token)
	if err != nil {
		return nil, err
	}
	c := &connection{session: s, gone: make(chan struct{}, 1)}
	s.Identify.Intents = discordgo.IntentsGuildMessages | discordgo.IntentsDirectMessages
	if d.o.Prefix != "" {
		s.Identify.Intents |= discordgo.IntentsMessageContent
	}
	s.Dialer = &websocket.Dialer{HandshakeTimeout: 10 * time.Second, Proxy: http.ProxyFromEnvironment, NetDialContext: c.dial}
	s.AddHandler(func(_ *discordgo.Session, e *discordgo.Event) { d.event(ctx, e) })
	s.AddHandler(func(*discordgo.Session, *discordgo.Disconnect) {
		select {
		case c.gone <- struct{}{}:
		default:
		}
	})
	return c, nil
}

// dial connects and keeps the connection, so that it can be cut where the library would wait for ever.
func (c *connection) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = conn
	return conn, nil
}

func (c *connection) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.Close() // it is dead to us, whatever it says
	}
}

// open connects: it resumes where the session was open before, else it identifies.
func (c *connection) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	stop := context.AfterFunc(ctx, c.cut)
	defer stop()
	for len(c.gone) > 0 {
		<-c.gone
	}
	if err := c.session.Open(); err != nil {
		return fmt.Errorf("open the gateway: %w", err)
	}
	return nil
}

// wait returns when the connection has ended, or when the gateway has not answered heartbeats for too long.
func (c *connection) wait(ctx context.Context, silence time.Duration) error {
	tick := time.NewTicker(max(silence/8, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.gone:
			return errors.New("closed by Discord or by the network")
		case <-tick.C:
			c.session.RLock()
			quiet := time.Since(c.session.LastHeartbeatAck)
			c.session.RUnlock()
			if quiet > silence {
				return fmt.Errorf("no answer to a heartbeat for %s", quiet.Round(time.Second))
			}
		}
	}
}

// close lets go of the connection in a way that lets the session be resumed.
func (c *connection) close() {
	_ = c.session.CloseWithCode(websocket.CloseServiceRestart) // nobody is there to hear of it
	c.cut()
}

// event takes one event of the gateway. It runs in the library's reader: what takes long is done elsewhere, but where too much is under way the
// reader waits, and Discord with it.
func (d *Door) event(ctx context.Context, e *discordgo.Event) {
	if e.Type != "INTERACTION_CREATE" && e.Type != "MESSAGE_CREATE" {
		return
	}
	select {
	case d.intake <- struct{}{}:
	case <-ctx.Done():
		return
	}
	body := append([]byte(nil), e.RawData...)
	kind := e.Type
	go func() {
		defer func() { <-d.intake }()
		defer d.survive(kind)
		if kind == "MESSAGE_CREATE" {
			d.takeMessage(ctx, body)
			return
		}
		d.takeInteraction(ctx, body)
	}()
}

// survive keeps a bug in taking an event in from ending the program.
func (d *Door) survive(what string) {
	if bug := recover(); bug != nil {
		d.o.Count("panic")
		d.o.Log.Error("taking in an event failed", "event", what, "panic", fmt.Sprint(bug))
	}
}

func (d *Door) takeMessage(ctx context.Context, body []byte) {
	w, err := d.hear(ctx, body)
	switch {
	case err != nil:
		d.o.Log.Error("a message is lost", "err", err)
	case w != nil:
		d.o.Count("message")
		d.enqueue(ctx, *w)
	}
}

// respondWithin is what is left of Discord's three seconds for the answer, with those that storing may take.
const respondWithin = 2500 * time.Millisecond

func (d *Door) takeInteraction(ctx context.Context, body []byte) {
	began := time.Now()
	i, a, err := d.take(ctx, body)
	if err != nil {
		d.o.Count("foreign")
		d.o.Log.Warn("an event of the gateway is no interaction for this bot", "err", err)
		return
	}
	soon, cancel := context.WithDeadline(ctx, began.Add(respondWithin))
	defer cancel()
	err = d.rest.patient(soon, http.MethodPost, "interactions/"+i.ID+"/"+i.Token+"/callback", a.response, nil)
	switch {
	case err == nil, codeOf(err) == codeAcknowledged:
		d.o.Count("interaction")
	default:
		d.o.Count("unacknowledged")
		d.o.Log.Warn("an interaction is not acknowledged", "interaction", i.ID, "took", time.Since(began), "err", err)
	}
	if a.work != nil {
		d.enqueue(ctx, *a.work)
	}
}
