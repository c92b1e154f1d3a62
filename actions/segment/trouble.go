package segment

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// Notice tells people how the pairs of a segment are. The same Segment and Since are the same matter: the newer replaces the older.
type Notice struct {
	Segment string // empty: of several segments, beyond those of which people were told one by one
	Since   time.Time
	Title   string
	Lines   []string
	Hint    string
	Over    bool // all is well again, or nobody can tell any more
}

// toldSegment is what people know of a segment.
type toldSegment struct {
	Name  string    `json:"name"`
	Since time.Time `json:"since"`
	Pairs []Trouble `json:"pairs"`
	Quiet bool      `json:"quiet,omitempty"` // it is one of those of which people know the number alone
}

// toldMost is of how many segments people are told one by one: beyond it the underlay is broken, not a segment.
const toldMost = 20

// take takes in what was found.
func (p *Prober) take(ctx context.Context, results []overlay.ProbeResult) {
	now := p.o.Now()
	touched := map[string]bool{}
	p.mu.Lock()
	for _, r := range results {
		k := pairKey{r.Target.VNI, hop{r.From, r.Target.Node}}
		p.hops[k.hop] = seen{r.State, now}
		t := p.bad[k]
		switch {
		case r.State == overlay.PairOK && t == nil:
			continue
		case r.State == overlay.PairOK:
			delete(p.bad, k)
		case t == nil:
			p.bad[k] = &Trouble{ProbeResult: r, Since: now, Times: 1, heard: now}
		default:
			t.ProbeResult, t.Times, t.heard = r, t.Times+1, now
		}
		touched[r.Target.Segment] = true
	}
	p.mu.Unlock()
	for _, name := range sortedKeys(touched) {
		p.settle(ctx, name, "")
	}
}

// settle compares how a segment is with what people know of it, and tells them where that differs. Why says why nobody can tell any more.
func (p *Prober) settle(ctx context.Context, name, why string) {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	list := p.troubles(func(t *Trouble) bool { return t.Target.Segment == name && t.Times >= p.o.After() })
	was, known := p.told[name]
	if known && sameTroubles(was.Pairs, list) || !known && len(list) == 0 {
		p.mu.Unlock()
		return
	}
	quiet := was.Quiet || !known && len(p.told)-p.silent >= toldMost
	delete(p.told, name)
	if len(list) > 0 {
		p.told[name] = toldSegment{Name: name, Since: cmp.Or(was.Since, list[0].Since), Pairs: list, Quiet: quiet}
	}
	before := p.silent
	p.silent = quietOf(p.told)
	beyond := p.silent
	record := slices.SortedFunc(maps.Values(p.told), func(a, b toldSegment) int { return cmp.Compare(a.Name, b.Name) })
	p.mu.Unlock()
	p.keep(ctx, record)
	if !quiet {
		p.o.Tell(ctx, p.notice(name, was, list, why))
	}
	if beyond != before {
		p.o.Tell(ctx, p.manyNotice(beyond))
	}
}

// quietOf counts the segments of which people know the number alone.
func quietOf(told map[string]toldSegment) (n int) {
	for _, t := range told {
		if t.Quiet {
			n++
		}
	}
	return n
}

// troubles returns those that fit, by segment and pair. The caller holds p.mu.
func (p *Prober) troubles(fits func(t *Trouble) bool) (list []Trouble) {
	for _, t := range p.bad {
		if fits(t) {
			list = append(list, *t)
		}
	}
	slices.SortFunc(list, func(a, b Trouble) int {
		return cmp.Or(cmp.Compare(a.Target.Segment, b.Target.Segment), cmp.Compare(a.From, b.From), cmp.Compare(a.Target.Node, b.Target.Node))
	})
	return list
}

// sameTroubles tells whether two lists say the same to people.
func sameTroubles(a, b []Trouble) bool {
	return slices.EqualFunc(a, b, func(a, b Trouble) bool { return a.String() == b.String() })
}

func (p *Prober) notice(name string, was toldSegment, list []Trouble, why string) Notice {
	if len(list) == 0 {
		n := Notice{Segment: name, Since: was.Since, Over: true, Title: "segment " + name + ": all pairs are ok again"}
		if why != "" {
			n.Title = "segment " + name + ": no pair is known to be bad any more: " + why
		}
		if d := p.o.Now().Sub(was.Since).Round(time.Second); d > 0 {
			n.Lines = []string{"it lasted " + d.String()}
		}
		return n
	}
	r, _ := p.o.Segments.opt.Store.Find(name)
	nodes := len(r.Nodes())
	v := overlay.Verdict{Segment: name, VNI: r.VNI, Pairs: nodes * (nodes - 1)}
	n := Notice{Segment: name, Since: cmp.Or(was.Since, list[0].Since), Hint: "verify segment " + name}
	for _, t := range list {
		v.Bad = append(v.Bad, t.ProbeResult)
		if len(n.Lines) < 8 {
			n.Lines = append(n.Lines, t.Line())
		}
	}
	if more := len(list) - len(n.Lines); more > 0 {
		n.Lines = append(n.Lines, fmt.Sprintf("and %d more", more))
	}
	v.OK = max(0, v.Pairs-len(v.Bad))
	n.Title = v.String()
	return n
}

// manyNotice is about the segments of which people know the number alone. The caller holds p.telling, or nobody tells yet.
func (p *Prober) manyNotice(beyond int) Notice {
	if p.storm.IsZero() {
		p.storm = p.o.Now()
	}
	n := Notice{Since: p.storm, Over: beyond == 0, Title: "no further segments have bad pairs"}
	if beyond == 0 {
		p.storm = time.Time{}
		return n
	}
	n.Title, n.Hint = fmt.Sprintf("%d more segments have bad pairs: look at the underlay first", beyond), "status"
	return n
}

// Line tells the trouble and since when it is so.
func (t Trouble) Line() string {
	return t.String() + ", since " + t.Since.UTC().Format("2006-01-02 15:04:05 MST")
}

// Troubles returns the pairs that are not well in a segment, or at a node, or anywhere, as far as people are told of them. Empty names fit all.
func (p *Prober) Troubles(segment, node string) []Trouble {
	p.mu.Lock()
	defer p.mu.Unlock()
	after := p.o.After()
	return p.troubles(func(t *Trouble) bool {
		return t.Times >= after && (segment == "" || t.Target.Segment == segment) && (node == "" || t.From == node || t.Target.Node == node)
	})
}

// Bad returns all pairs that were not well when they were last probed, also those of which people are not told yet.
func (p *Prober) Bad() []Trouble {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.troubles(func(*Trouble) bool { return true })
}

// Unknown is the state of a pair that was not probed, or whose agents are away.
const Unknown overlay.ProbeState = "unknown"

// States counts the pairs of a segment by the state of their newest probe: that in this segment where it was bad, else that of the two nodes in
// whatever segment they share. A pair that was never probed is [Unknown].
func (p *Prober) States(r Record) map[overlay.ProbeState]int {
	nodes, out := r.Nodes(), map[overlay.ProbeState]int{}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, from := range nodes {
		for _, to := range nodes {
			if from != to {
				out[p.state(pairKey{r.VNI, hop{from, to}})]++
			}
		}
	}
	return out
}

// state is the newest known of a pair. That the same nodes do not reach each other in another segment says nothing about this one.
func (p *Prober) state(k pairKey) overlay.ProbeState {
	if t := p.bad[k]; t != nil {
		return t.State
	}
	if s, ok := p.hops[k.hop]; ok && s.state == overlay.PairOK {
		return overlay.PairOK
	}
	return Unknown
}

// toldKey is where it is kept of which pairs people were told.
const toldKey = "probe.told"

// keep writes what people were told, so that after a restart they are told its end.
func (p *Prober) keep(ctx context.Context, told []toldSegment) {
	if p.o.KV == nil {
		return
	}
	value, err := json.Marshal(told)
	if err == nil {
		err = p.write(ctx, value)
	}
	if err != nil && ctx.Err() == nil {
		p.o.Log.Warn("it is not remembered of which pairs people were told", "err", err)
	}
}

func (p *Prober) write(ctx context.Context, value []byte) error {
	for range editTries {
		e, err := p.o.KV.Get(ctx, toldKey)
		switch {
		case errors.Is(err, store.ErrNotFound):
			_, err = store.CreateSure(ctx, p.o.KV, toldKey, value)
		case err == nil:
			_, err = store.UpdateSure(ctx, p.o.KV, toldKey, value, e.Revision)
		}
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("write %s: others change it without a pause", toldKey)
}

// recall takes up what people were told before a restart: those pairs are probed first, and what they are told is over when they are well.
func (p *Prober) recall(ctx context.Context) error {
	if p.o.KV == nil {
		return nil
	}
	e, err := p.o.KV.Get(ctx, toldKey)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	var told []toldSegment
	if err == nil {
		err = json.Unmarshal(e.Value, &told)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", toldKey, err)
	}
	p.mu.Lock()
	for _, s := range told {
		p.told[s.Name] = s
		for _, t := range s.Pairs {
			t.heard = p.o.Now()
			p.bad[pairKey{t.Target.VNI, hop{t.From, t.Target.Node}}] = &t
		}
	}
	p.silent = quietOf(p.told)
	beyond := p.silent
	p.mu.Unlock()
	for _, s := range told {
		if !s.Quiet {
			p.o.Tell(ctx, p.notice(s.Name, s, s.Pairs, ""))
		}
	}
	if beyond > 0 {
		p.o.Tell(ctx, p.manyNotice(beyond))
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// saying are the lines of troubles, at most so many.
func saying(list []Trouble, most int) []string {
	var out []string
	for i, t := range list {
		if i == most && len(list) > most+1 {
			return append(out, fmt.Sprintf("and %d more pairs", len(list)-i))
		}
		out = append(out, "segment "+t.Target.Segment+": "+t.Line())
	}
	return out
}

// About are sentences about what is not well in a segment, or at a node; none where all is well. Empty names fit all.
func (p *Prober) About(segment, node string) []string {
	lines := saying(p.Troubles(segment, node), 5)
	if segment != "" {
		for i, l := range lines {
			lines[i] = "probed: " + strings.TrimPrefix(l, "segment "+segment+": ")
		}
	}
	return lines
}
