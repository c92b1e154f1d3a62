package segment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/internal/near"
	"github.com/shitops/opsbot/overlay"
)

// Options are what the verbs need. Store and Allocator are required.
type Options struct {
	Store     *Store
	Allocator *Allocator
	Prefixes  Prefixes
	Fleet     Fleet                  // nil = no node has an agent
	Draining  func(node string) bool // nil = none is
	Tenants   func() []string        // of the configuration file; nil = none
	Region    string                 // whose blocks of VNIs are taken; empty is fine
	Patience  time.Duration          // for all probes of a verification; 0 means 20 s
	// File returns a segment as the configuration file defines it; nil = it defines none. What it defines, chat does not change.
	File func(name string) (Filed, bool)
	Now  func() time.Time // nil = time.Now
	// Strays tells which nodes hold a VNI that nobody gave them, and wait for a yes to let it go; nil = nobody knows.
	Strays func(v overlay.VNI) []string
	// Probed tells what probing in the background found to be not well in a segment; nil = nobody probes.
	Probed func(segment string) []string
}

// Segments makes plans about segments, carries out their steps and answers about them. Safe for concurrent use.
type Segments struct {
	opt   Options
	turns turns // of nodes that are let probe
}

// New returns the verbs' home.
func New(o Options) (*Segments, error) {
	if o.Store == nil || o.Allocator == nil {
		return nil, errors.New("segments: Store and Allocator are required")
	}
	if o.Prefixes.KV == nil {
		o.Prefixes.KV = o.Store.opt.VNIs
	}
	if o.Draining == nil {
		o.Draining = func(string) bool { return false }
	}
	if o.Tenants == nil {
		o.Tenants = func() []string { return nil }
	}
	if o.File == nil {
		o.File = func(string) (Filed, bool) { return Filed{}, false }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Strays == nil {
		o.Strays = func(overlay.VNI) []string { return nil }
	}
	if o.Probed == nil {
		o.Probed = func(string) []string { return nil }
	}
	o.Patience = cmp.Or(o.Patience, 20*time.Second)
	return &Segments{opt: o}, nil
}

// Verbs returns what stands behind the intents segment.*.
func (s *Segments) Verbs() []actions.Verb {
	return []actions.Verb{
		{Intent: "segment.list", Risk: actions.Read, Answer: s.list},
		{Intent: "segment.show", Risk: actions.Read, Answer: s.show},
		{Intent: "segment.verify", Risk: actions.Read, Answer: s.verify},
		{Intent: "segment.create", Risk: actions.Reversible, Plan: s.planCreate},
		{Intent: "segment.attach", Risk: actions.Disruptive, Plan: s.planAttach},
		{Intent: "segment.detach", Risk: actions.Disruptive, Plan: s.planDetach},
		{Intent: "segment.delete", Risk: actions.Destructive, Plan: s.planDelete},
	}
}

// Executors returns the executors by the kind of their steps.
func (s *Segments) Executors() map[string]run.Executor {
	return map[string]run.Executor{
		KindName: namer{s}, KindVNI: numberer{s}, KindNet: netter{s}, KindFill: filler{s},
		KindJoin: joiner{s}, KindLeave: leaver{s}, KindGone: goner{s}, KindDrop: dropper{s}, KindRelease: releaser{s}, KindNetRelease: netReleaser{s},
		KindMove: mover{s}, KindReady: readier{s}, KindPut: putter{s},
	}
}

// find returns the segment called name, or with that VNI; an unknown one is an error that offers the nearest.
func (s *Segments) find(name string) (Record, error) {
	if r, ok := s.opt.Store.Find(name); ok {
		return r, nil
	}
	if name == "" {
		return Record{}, errors.New("which segment? say: list segments")
	}
	var known []string
	for _, r := range s.opt.Store.Segments() {
		known = append(known, r.Name)
	}
	return Record{}, fmt.Errorf("%w: no segment is called %q; %s", actions.ErrUnknown, name, near.Hint(name, known))
}

// nodesOf returns the nodes of a request as the inventory has them, each once.
func nodesOf(ctx context.Context, r actions.Request, w actions.World) ([]actions.Node, error) {
	var out []actions.Node
	for _, name := range r.All("node") {
		n, err := w.Node(ctx, name)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(o actions.Node) bool { return o.Name == n.Name }) {
			out = append(out, n)
		}
	}
	return out, nil
}

// conflictError tells all conflicts at once.
func conflictError(list []overlay.Conflict) error {
	if len(list) == 0 {
		return nil
	}
	lines := make([]string, len(list))
	for i, c := range list {
		lines[i] = c.String()
	}
	return fmt.Errorf("nothing was changed: %s", strings.Join(lines, "; "))
}

// markOf is the same for Do and Undo of one step.
func markOf(c run.Call) string { return fmt.Sprintf("%s/%d", c.Run, c.Step) }
