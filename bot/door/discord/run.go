package discord

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/shitops/opsbot/bot/reply"
)

// state is what readiness is made of.
type state struct {
	why   string // the connection is down; "" while it is up or another replica's
	probe string // the self-check failed
	alarm string // what the other doors were told about, "" where all is well
}

// tooOld is how long a card may wait before the door says that it is behind.
const tooOld = 2 * time.Minute

// Ready implements door.Chat.
func (d *Door) Ready() error {
	d.mu.Lock()
	s := d.state
	d.mu.Unlock()
	switch {
	case s.why != "":
		return errors.New("discord hears nothing: " + s.why)
	case d.box.Denied() != nil:
		return errors.New("discord says nothing: the bot's token is refused")
	case s.probe != "":
		return errors.New("discord: " + s.probe)
	case d.rest.limits.banned():
		return errors.New("discord says nothing: too many calls were refused")
	}
	if old := d.box.Oldest(); old > tooOld {
		return fmt.Errorf("discord is behind: an answer has been waiting for %s", old.Round(time.Second))
	}
	return nil
}

// deaf sets why nothing is heard; "" means that all is well again.
func (d *Door) deaf(why string) {
	d.mu.Lock()
	before := d.state.why
	d.state.why = why
	d.mu.Unlock()
	d.healed()
	switch {
	case before == why:
	case why == "":
		d.o.Log.Info("connected to Discord")
	default:
		d.o.Log.Warn("not connected to Discord", "why", why)
	}
}

// Run implements door.Chat.
func (d *Door) Run(ctx context.Context) error {
	d.mu.Lock()
	d.running = ctx
	d.mu.Unlock()
	var wg, sender sync.WaitGroup
	out, stop := context.WithCancel(context.WithoutCancel(ctx)) // cards of what ends go out, or are kept
	defer stop()
	sender.Go(func() { d.deliver(out) })
	for range d.o.Workers {
		wg.Go(func() { d.serve(ctx) })
	}
	wg.Go(func() { d.start(ctx) })
	wg.Go(func() { d.watch(ctx) })
	<-ctx.Done()
	d.mu.Lock()
	d.running = nil
	d.mu.Unlock()
	wg.Wait()
	d.closing.Wait()
	for range cap(d.intake) { // events that are being taken in over HTTP
		d.intake <- struct{}{}
	}
	for range cap(d.intake) {
		<-d.intake
	}
	stop()
	sender.Wait()
	d.rest.client.CloseIdleConnections()
	d.deaf("stopped")
	return nil
}

// deliver runs the outbox. It ends early only where the store cannot be read; then it is tried again.
func (d *Door) deliver(ctx context.Context) {
	for {
		if err := d.box.Run(ctx); err != nil && ctx.Err() == nil {
			d.o.Log.Error("the outbox cannot begin", "err", err)
		}
		if !sleep(ctx, 2*time.Second) {
			return
		}
	}
}

// start finds out who we are, takes up what was left, registers the commands and keeps the connection.
func (d *Door) start(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	if !d.introduce(ctx) {
		return
	}
	wg.Go(func() { d.register(ctx) })
	wg.Go(func() {
		for {
			err := d.resume(ctx)
			if err == nil {
				return
			}
			d.o.Log.Error("what was left cannot be taken up yet", "err", err)
			if !sleep(ctx, 2*time.Second) {
				return
			}
		}
	})
	if d.o.Mode == HTTP {
		d.deaf("")
		return
	}
	d.campaign(ctx)
}

// introduce reads the token and asks who it belongs to, until that works.
func (d *Door) introduce(ctx context.Context) bool {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err := d.whoami(ctx)
		if err == nil {
			return true
		}
		if statusOf(err) == http.StatusUnauthorized {
			wait = d.o.Slow
			d.revoked(err)
		}
		d.deaf(err.Error())
		if !sleep(ctx, wait) {
			return false
		}
	}
}

// whoami reads the token anew and learns our own id.
func (d *Door) whoami(ctx context.Context) error {
	if err := d.renew(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	var me author
	if err := d.rest.patient(ctx, http.MethodGet, "users/@me", nil, &me); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.self = me.ID
	return nil
}

func (d *Door) selfID() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.self
}

// renew reads the token, which may have been replaced.
func (d *Door) renew() error {
	s, err := d.o.Token()
	if err != nil {
		return fmt.Errorf("read the bot's token: %w", err)
	}
	if s.Line() == "" {
		return errors.New("read the bot's token: it is empty")
	}
	d.mu.Lock()
	fresh := d.token != s.Line()
	d.token, d.renewed = s.Line(), d.o.Now()
	d.mu.Unlock()
	if !fresh {
		return nil
	}
	return d.rest.use(s.Line())
}

// denied notes that a call was refused; the token is read again, at most every few seconds.
func (d *Door) denied() {
	d.mu.Lock()
	soon := d.o.Now().Sub(d.renewed) < 5*time.Second
	d.mu.Unlock()
	if soon {
		return
	}
	if err := d.renew(); err != nil {
		d.o.Log.Error("the token is refused and cannot be read again", "err", err)
	}
}

// revoked raises the alarm about a token that Discord refuses.
func (d *Door) revoked(err error) {
	d.alarm("Discord refuses the bot's token", err.Error(),
		"make a new token in the developer portal (Bot, Reset Token) and write it into the token's file: it is read again by itself")
}

// alarm tells the other doors what is wrong here, once until it is well again.
func (d *Door) alarm(title, why, hint string) {
	d.mu.Lock()
	again := d.state.alarm == title
	d.state.alarm = title
	d.mu.Unlock()
	if again {
		return
	}
	d.o.Count("alarm")
	d.o.Log.Error("alarm", "what", title, "why", why)
	d.o.Alarm(reply.Card{ID: "discord/" + d.o.Application, Kind: reply.Error, Title: title, Lines: []string{why}, Hint: hint})
}

// healed takes the alarm back once the door hears, its self-check passes and no post was refused last.
func (d *Door) healed() {
	denied := d.box.Denied() != nil
	d.mu.Lock()
	well := !denied && d.state.alarm != "" && d.state.why == "" && d.state.probe == ""
	if well {
		d.state.alarm = ""
	}
	d.mu.Unlock()
	if well {
		d.o.Alarm(reply.Card{ID: "discord/" + d.o.Application, Kind: reply.Done, Title: "Discord is heard again"})
	}
}

// watch checks now and then that the token works, and that what was posted can be read back.
func (d *Door) watch(ctx context.Context) {
	for sleep(ctx, d.o.Check) {
		if d.rest.current() == nil {
			continue
		}
		err := d.probe(ctx)
		if ctx.Err() != nil {
			return
		}
		why := ""
		if err != nil {
			why = "self-check: " + err.Error()
		}
		d.mu.Lock()
		d.state.probe = why
		d.mu.Unlock()
		if statusOf(err) == http.StatusUnauthorized {
			d.denied()
			d.revoked(err)
		}
		d.healed()
	}
}

// probe reads back what the door needs to see: itself, its channel and the last message it posted there.
func (d *Door) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := d.rest.patient(ctx, http.MethodGet, "users/@me", nil, nil); err != nil {
		return err
	}
	if d.o.Alerts == "" {
		return nil
	}
	d.mu.Lock()
	last := d.last
	d.mu.Unlock()
	if last.id == "" {
		return d.rest.patient(ctx, http.MethodGet, "channels/"+d.o.Alerts, nil, nil)
	}
	err := d.rest.patient(ctx, http.MethodGet, "channels/"+last.channel+"/messages/"+last.id, nil, nil)
	if codeOf(err) == codeUnknownMessage { // somebody deleted it: that says nothing about us
		return d.rest.patient(ctx, http.MethodGet, "channels/"+d.o.Alerts, nil, nil)
	}
	return err
}
