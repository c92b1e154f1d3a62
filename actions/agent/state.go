package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// ErrUnchanged may be returned by Edit.Change to say that nothing is to be changed.
var ErrUnchanged = errors.New("nothing to change")

// ErrHeld says that a change would take too much from a node at once, and wants a person's yes.
var ErrHeld = errors.New("waits for a yes")

// Edit changes what a node must hold.
type Edit struct {
	// Change alters d, which nobody else holds. It is called again when somebody else was faster, and must not look at anything it changed before.
	// Node, Incarnation and Generation are set by the gate.
	Change func(d *overlay.Desired) error
	// Yes says that a person has agreed to whatever is removed; the node will not ask again.
	Yes bool
	By  string // the step or person
}

// Desired returns what a node must hold; one that was never told anything must hold nothing, in generation 0.
func (g *Gate) Desired(ctx context.Context, id string) (overlay.Desired, error) {
	s, _, err := g.readState(ctx, id)
	return s.Desired, err
}

func (g *Gate) readState(ctx context.Context, id string) (State, uint64, error) {
	entry, err := g.desired.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return State{Desired: overlay.Desired{Node: id, Incarnation: g.o.Incarnation}}, 0, nil
	}
	if err != nil {
		return State{}, 0, fmt.Errorf("read the desired state of %s: %w", id, err)
	}
	s, err := decodeState(entry)
	return s, entry.Revision, err
}

// decodeState reads a record of the bucket desired: packed, since a value holds 1 MiB.
func decodeState(e store.Entry) (State, error) {
	var s State
	if err := unpack(e.Value, &s); err != nil {
		return s, fmt.Errorf("read the desired state of %s: %w", e.Key, err)
	}
	if s.Desired.Node != e.Key {
		return s, fmt.Errorf("read the desired state of %s: it is of %q", e.Key, s.Desired.Node)
	}
	return s, nil
}

// edits is how often Edit tries when others are faster.
const edits = 20

// Edit changes what a node must hold by compare-and-set and returns it. The node is told by itself; Settle waits until it has done it. A change
// that contradicts itself or takes too much at once (ErrHeld) is refused before anything is written. A change to what is there already
// makes no new generation, unless the node says that it holds a later one: that is overruled.
func (g *Gate) Edit(ctx context.Context, id string, e Edit) (overlay.Desired, error) {
	if err := CheckID(id); err != nil {
		return overlay.Desired{}, err
	}
	var last error
	for range edits {
		was, revision, err := g.readState(ctx, id)
		if err != nil {
			return overlay.Desired{}, err
		}
		next, err := g.edited(was, e, revision)
		if errors.Is(err, ErrUnchanged) {
			return was.Desired, nil
		}
		if err != nil {
			return overlay.Desired{}, err
		}
		value, err := pack(next)
		if err != nil {
			return overlay.Desired{}, err
		}
		if revision == 0 {
			_, err = store.CreateSure(ctx, g.desired, id, value)
		} else {
			_, err = store.UpdateSure(ctx, g.desired, id, value, revision)
		}
		if err == nil {
			return next.Desired, nil
		}
		if last = err; !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	return overlay.Desired{}, fmt.Errorf("change the desired state of %s: %w", id, last)
}

// edited is the state after a change.
func (g *Gate) edited(was State, e Edit, revision uint64) (State, error) {
	before, err := json.Marshal(was.Desired)
	if err != nil {
		return State{}, fmt.Errorf("change the desired state of %s: %w", was.Desired.Node, err)
	}
	next := was
	next.Desired = overlay.Desired{}
	if err := json.Unmarshal(before, &next.Desired); err != nil { // a copy that shares nothing
		return State{}, fmt.Errorf("change the desired state of %s: %w", was.Desired.Node, err)
	}
	if err := e.Change(&next.Desired); err != nil {
		return State{}, err
	}
	d := &next.Desired
	d.Node, d.Incarnation, d.Generation = was.Desired.Node, was.Desired.Incarnation, was.Desired.Generation
	after, err := json.Marshal(d)
	if err != nil {
		return State{}, fmt.Errorf("change the desired state of %s: %w", d.Node, err)
	}
	if revision != 0 && string(after) == string(before) && (!e.Yes || was.Yes >= d.Generation) && g.reported(d.Node) <= d.Generation {
		return State{}, ErrUnchanged
	}
	d.Incarnation = g.o.Incarnation
	d.Generation = max(was.Desired.Generation, g.reported(d.Node)) + 1
	next.By = e.By
	if e.Yes {
		next.Yes = d.Generation
	}
	if err := d.Check(); err != nil {
		return State{}, err
	}
	if held, why := brake(was.Desired, *d); held && !e.Yes {
		return State{}, fmt.Errorf("%w: %s", ErrHeld, why)
	}
	return next, nil
}

// brake tells whether a change takes too much from a node that holds what it must.
func brake(was, next overlay.Desired) (bool, string) {
	return overlay.Diff(next, overlay.Observed{Node: was.Node, Objects: was.Objects()}).Brake()
}

// reported is the highest generation of this incarnation that the node has told of: the next one must be higher, even where the store has
// lost some. What no bot can have come to is a lie, and counts for nothing: one more would begin at 0 again.
func (g *Gate) reported(id string) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, ok := g.nodes[id]
	if !ok || n.report.Incarnation != g.o.Incarnation || n.report.Generation > mostGenerations {
		return 0
	}
	return n.report.Generation
}

// mostGenerations is more than any node is ever told: a thousand a second for 30,000 years.
const mostGenerations = 1 << 50

// node returns the record of a node, made when needed. The caller holds g.mu.
func (g *Gate) node(id string) *node {
	n, ok := g.nodes[id]
	if !ok {
		n = &node{waiting: map[chan struct{}]bool{}}
		g.nodes[id] = n
	}
	return n
}

// load reads what is known from before.
func (g *Gate) load(ctx context.Context) error {
	for _, part := range []struct {
		kv     store.KV
		prefix string
		note   func(context.Context, store.Entry)
	}{
		{g.observed, "", g.noteObserved}, {g.inventory, enrolledPrefix, g.noteEnrolled}, {g.desired, "", g.noteGeneration},
	} {
		entries, err := part.kv.List(ctx, part.prefix)
		if err != nil {
			return fmt.Errorf("read what is known of agents: %w", err)
		}
		for _, e := range entries {
			part.note(ctx, e)
		}
	}
	return nil
}

// follow hands on every change of a part of a bucket, until ctx ends.
func (g *Gate) follow(ctx context.Context, what string, kv store.KV, prefix string, note func(context.Context, store.Entry)) {
	for wait := 50 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 10*time.Second) {
		watch, stop := context.WithCancel(ctx)
		entries, err := kv.Watch(watch, prefix)
		if err == nil {
			for e := range entries {
				if e.Key != "" {
					note(ctx, e)
				}
			}
		}
		stop()
		if ctx.Err() != nil {
			return
		}
		g.o.Log.Warn("not followed, trying again", "what", what, "err", err, "wait", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (g *Gate) noteEnrolled(_ context.Context, e store.Entry) {
	id := e.Key[len(enrolledPrefix):]
	var who Enrolled
	if !e.Deleted {
		if err := json.Unmarshal(e.Value, &who); err != nil || who.Node != id {
			g.o.Log.Error("enrolled agent left out", "key", e.Key, "err", err)
			return
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.node(id)
	n.enrolled = who
	g.wake(n)
}

// noteGeneration remembers what is the newest state of a node.
func (g *Gate) noteGeneration(_ context.Context, e store.Entry) { g.noteState(e) }

// noteState does the same and returns the state, unless there is none.
func (g *Gate) noteState(e store.Entry) (State, bool) {
	if e.Deleted {
		g.mu.Lock()
		defer g.mu.Unlock()
		n := g.node(e.Key)
		n.incarnation, n.generation, n.revision = "", 0, e.Revision
		g.wake(n)
		return State{}, false
	}
	s, err := decodeState(e)
	if err != nil {
		g.o.Log.Error("desired state left out", "key", e.Key, "err", err)
		return s, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.node(e.Key)
	n.incarnation, n.generation, n.revision = s.Desired.Incarnation, s.Desired.Generation, e.Revision
	n.fault = faultOf(n.report, n)
	g.wake(n)
	return s, true
}

// noteDesired pushes what has changed.
func (g *Gate) noteDesired(ctx context.Context, e store.Entry) {
	if s, ok := g.noteState(e); ok {
		g.push(ctx, s)
	}
}

// push tells an agent what its node must hold, unless nothing may be changed yet. It may be missed: the agent's next report shows that.
func (g *Gate) push(ctx context.Context, s State) {
	if !g.observing(ctx) {
		g.say(s.Desired.Node, order{State: &s})
	}
}

// observing tells whether nothing may be changed yet.
func (g *Gate) observing(ctx context.Context) bool {
	if g.o.Observing == nil {
		return false
	}
	observing, err := g.o.Observing(ctx)
	return err != nil || observing
}

// say signs an order and sends it to an agent.
func (g *Gate) say(id string, o order) {
	o.Protocol, o.Oldest, o.Node, o.At = Protocol, oldest, id, g.o.Now().UTC()
	g.ringMu.Lock()
	key := g.ring.signing()
	g.ringMu.Unlock()
	data, err := seal(key, kindOrder, o)
	if err == nil && len(data) > maxOrder {
		err = fmt.Errorf("%d bytes, at most %d: %w", len(data), maxOrder, errTooLarge)
	}
	if err == nil {
		err = g.mouth.Publish(subjectPush+id, data)
	}
	if err != nil {
		g.o.Log.Error("agent not told", "node", id, "err", err)
	}
}

// sayKeys sends an agent the history of key sets, so that it can follow.
func (g *Gate) sayKeys(id string) {
	g.ringMu.Lock()
	history := g.ring.History
	g.ringMu.Unlock()
	for _, entry := range history {
		if err := g.mouth.Publish(subjectPush+id, entry); err != nil {
			g.o.Log.Error("agent not told the keys", "node", id, "err", err)
		}
	}
}

// RotateKeys makes a new key that signs states. Connected agents are told at once, others when they come back; the former key stays trusted
// until the next rotation. After a theft rotate twice.
func (g *Gate) RotateKeys() error {
	g.ringMu.Lock()
	err := g.ring.rotate()
	if err == nil {
		g.reseal()
	}
	g.ringMu.Unlock()
	if err != nil {
		return err
	}
	g.mu.Lock()
	var all []string
	for id, n := range g.nodes {
		if n.enrolled.NKey != "" {
			all = append(all, id)
		}
	}
	g.mu.Unlock()
	for _, id := range all {
		g.sayKeys(id)
	}
	return nil
}

// sweepOnce ends the connections of newcomers that are older than age.
func (g *Gate) sweepOnce(age time.Duration) {
	list, err := g.server.Connz(&server.ConnzOptions{Account: g.accounts.enID, Limit: 2 * newcomers})
	if err != nil {
		g.o.Log.Warn("newcomers not looked at", "err", err)
		return
	}
	for _, c := range list.Conns {
		if c.Kind == "Client" && c.Type == "nats" && c.NameTag != "opsbot" && time.Since(c.Start) > age {
			if err := g.server.DisconnectClientByID(c.Cid); err != nil {
				g.o.Log.Debug("newcomer gone already", "err", err)
			}
		}
	}
}
