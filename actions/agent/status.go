package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// Health is how a node stands to what it must hold.
type Health string

// The healths of a node.
const (
	NotEnrolled Health = "not enrolled" // it has no agent
	Offline     Health = "offline"      // its agent has not been heard of for a while
	TooOld      Health = "too old"      // its agent does not understand this bot
	Ahead       Health = "ahead"        // it holds a state that this bot never gave: of another store, or it lies
	Behind      Health = "behind"       // it has not taken the newest state yet
	Failing     Health = "failing"      // it cannot hold what it must
	Held        Health = "held"         // it would lose so much that it waits for a yes
	Repairing   Health = "repairing"    // something differs and is being put right
	OK          Health = "ok"           // it holds what it must, as read back
)

// silence is how long an agent may say nothing: it reports each minute.
const silence = 90 * time.Second

// Status is what the gate knows of a node.
type Status struct {
	Node        string
	Health      Health
	Why         string // a sentence for people, unless Health is OK
	Enrolled    Enrolled
	Incarnation string // of the newest state
	Generation  uint64 // of the newest state; 0 when the node was never told anything
	Report      Report // the latest; Generation there is what the node took
	Seen        time.Time
}

// Statuses returns what is known of all nodes, by name.
func (g *Gate) Statuses() []Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]Status, 0, len(g.nodes))
	for id, n := range g.nodes {
		all = append(all, g.status(id, n))
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Node, b.Node) })
	return all
}

// Status returns what is known of one node.
func (g *Gate) Status(id string) Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, ok := g.nodes[id]
	if !ok {
		return Status{Node: id, Health: NotEnrolled, Why: id + " has no agent"}
	}
	return g.status(id, n)
}

// status judges a node. The caller holds g.mu.
func (g *Gate) status(id string, n *node) Status {
	s := Status{Node: id, Enrolled: n.enrolled, Incarnation: n.incarnation, Generation: n.generation, Report: n.report, Seen: n.seen}
	s.Health, s.Why = judge(s, n, g.o.Now())
	return s
}

// judge says how a node stands.
func judge(s Status, n *node, now time.Time) (Health, string) {
	r := s.Report
	switch {
	case s.Enrolled.NKey == "":
		return NotEnrolled, s.Node + " has no agent"
	case r.Leaving:
		return Offline, fmt.Sprintf("the agent of %s was stopped at %s", s.Node, clock(s.Seen))
	case !n.connected || now.Sub(s.Seen) > silence:
		return Offline, fmt.Sprintf("the agent of %s was last heard of at %s", s.Node, clock(s.Seen))
	case r.Protocol < oldest:
		return TooOld, fmt.Sprintf("the agent of %s speaks version %d, this bot %d and %d: install %s", s.Node, r.Protocol, oldest, Protocol, "the bot's version")
	case n.fault != "":
		return Ahead, n.fault
	case r.Refused != "":
		return Failing, fmt.Sprintf("%s did not take its newest state: %s", s.Node, r.Refused)
	case r.Generation != s.Generation || r.Incarnation != s.Incarnation && s.Generation != 0:
		return Behind, fmt.Sprintf("%s holds generation %d, the newest is %d", s.Node, r.Generation, s.Generation)
	case len(r.Failed) > 0 || len(r.Blocked) > 0:
		return Failing, s.Node + ": " + strings.Join(slices.Concat(r.Failed, r.Blocked), "; ")
	case r.Held != "":
		return Held, r.Held
	case !r.Converged:
		return Repairing, fmt.Sprintf("%s has %d changes to do", s.Node, r.Open)
	}
	return OK, ""
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "no time"
	}
	return t.UTC().Format("15:04:05 MST")
}

// Wait returns when ok says yes of a node's status, or ctx ends; the status is the last one either way.
func (g *Gate) Wait(ctx context.Context, id string, ok func(Status) bool) (Status, error) {
	wake := make(chan struct{}, 1)
	g.mu.Lock()
	n := g.node(id)
	n.waiting[wake] = true
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(n.waiting, wake)
	}()
	for {
		s := g.Status(id)
		if ok(s) {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, fmt.Errorf("wait for %s: %w", id, context.Cause(ctx))
		case <-wake:
		}
	}
}

// hearReport takes what an agent tells about its node, and pushes the newest state to one that holds another.
func (g *Gate) hearReport(id string, data []byte) {
	var r Report
	if err := json.Unmarshal(data, &r); err != nil || len(data) > MaxReport {
		g.o.Log.Warn("report not understood", "node", id, "bytes", len(data), "err", err)
		return
	}
	if r.Node != id {
		g.o.Log.Warn("report of another node", "node", id, "says", fmt.Sprintf("%.80q", r.Node))
		return
	}
	r.Failed, r.Blocked = r.Failed[:min(len(r.Failed), most)], r.Blocked[:min(len(r.Blocked), most)]
	g.mu.Lock()
	n := g.node(id)
	if n.enrolled.NKey == "" { // revoked a moment ago
		g.mu.Unlock()
		return
	}
	changed := !n.report.same(r)
	n.report, n.seen, n.connected = r, g.o.Now().UTC(), true
	n.fault = faultOf(r, n)
	behind := !r.Leaving && n.fault == "" && n.generation != 0 && r.Protocol >= oldest && (r.Generation != n.generation || r.Incarnation != n.incarnation)
	keys, fresh := r.Keys, n.generation == 0 && !r.Leaving
	status := g.status(id, n)
	g.wake(n)
	if changed && !n.dirty {
		n.dirty = true
		select {
		case g.keep <- id:
		default:
			n.dirty = false // the next report tries again
		}
	}
	g.mu.Unlock()
	if changed && g.o.Changed != nil {
		g.o.Changed(status)
	}
	g.bringUp(id, keys, behind)
	if fresh && g.o.VTEP != nil {
		g.introduce(id)
	}
}

// introduce tells a new agent the address of its node.
func (g *Gate) introduce(id string) {
	vtep := g.o.VTEP(id)
	ctx, cancel := context.WithTimeout(context.Background(), joinTime)
	defer cancel()
	if !vtep.IsValid() || g.observing(ctx) {
		return
	}
	if _, err := g.Edit(ctx, id, Edit{By: "enrolment", Change: func(d *overlay.Desired) error {
		if d.VTEP.IsValid() {
			return ErrUnchanged
		}
		d.VTEP = vtep
		return nil
	}}); err != nil {
		g.o.Log.Warn("new agent not told its address", "node", id, "err", err)
	}
}

// faultOf says what a report claims that cannot be so.
func faultOf(r Report, n *node) string {
	switch {
	case r.Generation == 0:
		return ""
	case r.Incarnation == n.incarnation && r.Generation > n.generation:
		return fmt.Sprintf("%s says it holds generation %d, and the newest that was given is %d: this bot's store lost some, or the agent lies; the next change overrules it", r.Node, r.Generation, n.generation)
	case newer(r.Incarnation, n.incarnation) && n.incarnation != "":
		return fmt.Sprintf("%s says it holds a state of incarnation %.40s, and this bot's store is in %s: it belongs to another bot, or the agent lies", r.Node, r.Incarnation, n.incarnation)
	}
	return ""
}

// wake lets those that wait look again. The caller holds g.mu.
func (g *Gate) wake(n *node) {
	for w := range n.waiting {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// bringUp tells an agent what it has missed.
func (g *Gate) bringUp(id string, keys uint64, behind bool) {
	g.ringMu.Lock()
	old := keys < g.ring.Serial
	g.ringMu.Unlock()
	if old {
		g.sayKeys(id)
	}
	if !behind {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), joinTime)
	defer cancel()
	s, revision, err := g.readState(ctx, id)
	if err != nil {
		g.o.Log.Warn("agent not brought up to date", "node", id, "err", err)
		return
	}
	if revision != 0 {
		g.push(ctx, s)
	}
}

// writers is how many reports are stored at once: a stream syncs one after the other, so few are enough.
const writers = 4

// write stores reports that tell something new, until ctx ends.
func (g *Gate) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-g.keep:
			if err := g.writeOne(ctx, id); err != nil && ctx.Err() == nil {
				g.o.Log.Warn("report not stored", "node", id, "err", err)
			}
		}
	}
}

func (g *Gate) writeOne(ctx context.Context, id string) error {
	g.mu.Lock()
	n := g.node(id)
	n.dirty = false
	r := n.report
	g.mu.Unlock()
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	entry, err := g.observed.Get(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		_, err = g.observed.Create(ctx, id, value)
	case err == nil:
		_, err = g.observed.Update(ctx, id, value, entry.Revision)
	}
	return err
}

// noteObserved remembers the last report from before the start.
func (g *Gate) noteObserved(_ context.Context, e store.Entry) {
	var r Report
	if err := json.Unmarshal(e.Value, &r); err != nil || r.Node != e.Key {
		g.o.Log.Error("report left out", "key", e.Key, "err", err)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.node(e.Key)
	n.report, n.seen = r, e.At
}
