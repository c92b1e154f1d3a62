package agent

import (
	"context"
	"encoding/json"
	"fmt"
)

// hear takes what came on the agent's subject. Only what a trusted key signed for this node counts, whoever sent it.
func (a *Agent) hear(ctx context.Context, data []byte) {
	if a.follow(data) {
		return
	}
	a.mu.Lock()
	keys, id := a.id.Keys, a.id.Node
	a.mu.Unlock()
	var o order
	if err := keys.open(data, kindOrder, &o); err != nil {
		a.o.Log.Warn("push not believed", "err", err)
		return
	}
	switch {
	case o.Node != id:
		a.o.Log.Warn("push for another node", "node", o.Node)
	case o.Oldest > a.o.protocol:
		a.refuse(o.State, fmt.Sprintf("the bot speaks version %d, this agent %d: install the bot's version", o.Protocol, a.o.protocol))
	case o.State != nil:
		a.take(*o.State, data)
	case o.Call != nil:
		a.begin(ctx, *o.Call)
	case o.Token != "":
		a.renewed(o)
	}
}

// begin acts on a call in the background, unless the agent is being stopped: the bot then asks the next one.
func (a *Agent) begin(ctx context.Context, o Order) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.stopping {
		a.working.Go(func() { a.act(ctx, o) })
	}
}

// follow takes a new set of keys, signed by a key of the set before. It tells whether data was one.
func (a *Agent) follow(data []byte) bool {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil || e.Kind != kindKeys {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	next := a.id.Keys.follow([][]byte{data})
	if next.Serial == a.id.Keys.Serial {
		return true
	}
	was := a.id
	a.id.Keys = next
	if err := a.disk.saveIdentity(a.id); err != nil {
		a.id = was
		a.o.Log.Error("new keys not kept", "err", err)
	}
	return true
}

// renewed keeps a new token, for the next connection.
func (a *Agent) renewed(o order) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.id.Token = o.Token
	if o.Trust != nil {
		a.id.Trust = *o.Trust
	}
	if err := a.disk.saveIdentity(a.id); err != nil {
		a.o.Log.Error("new token not kept", "err", err)
	}
}

// take makes a state the one that the node must hold, unless it is older than what it has. It is on the disk before anything is done about it.
func (a *Agent) take(s State, envelope []byte) {
	own := a.state()
	d, has := s.Desired, own.Desired
	switch {
	case d.Node != a.Node():
		a.refuse(&s, fmt.Sprintf("it is the state of %.63q", d.Node))
		return
	case has.Generation == 0:
	case d.Incarnation == has.Incarnation && d.Generation < has.Generation, newer(has.Incarnation, d.Incarnation):
		a.o.Log.Info("older state not taken", "generation", d.Generation, "incarnation", d.Incarnation, "own", has.Generation)
		a.report1()
		return
	case d.Incarnation != has.Incarnation && !newer(d.Incarnation, has.Incarnation):
		a.refuse(&s, fmt.Sprintf("it is of store %.40s, and this node belongs to %.40s: enrol it anew if that is meant", d.Incarnation, has.Incarnation))
		return
	}
	if err := d.Check(); err != nil {
		a.refuse(&s, err.Error())
		return
	}
	if err := a.disk.saveState(envelope); err != nil {
		a.refuse(&s, err.Error())
		return
	}
	a.mu.Lock()
	a.want = s
	a.report.Refused, a.report.RefusedGen = "", 0
	a.mu.Unlock()
	a.Wake()
}

// refuse tells the bot that a state is not taken.
func (a *Agent) refuse(s *State, why string) {
	a.o.Log.Warn("state not taken", "why", why)
	if s == nil {
		return
	}
	a.mu.Lock()
	a.report.Refused, a.report.RefusedGen = clip(why), s.Desired.Generation
	a.mu.Unlock()
	a.report1()
}

// report1 lets the bot hear the report of now.
func (a *Agent) report1() {
	select {
	case a.told <- struct{}{}:
	default:
	}
}

// clip bounds a sentence in a report.
func clip(s string) string {
	if len(s) > 400 {
		return s[:397] + "..."
	}
	return s
}
