package segment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/overlay"
)

// Verified is what segment.verify found, for programs.
type Verified struct {
	overlay.Verdict
	Silent map[string]string `json:"silent,omitempty"` // nodes whose agents did not probe, and why
}

// verify answers segment.verify: it lets the agent of every node probe all the others inside of the segment.
func (s *Segments) verify(ctx context.Context, r actions.Request, _ actions.World) (actions.Answer, error) {
	have, err := s.find(r.One("segment"))
	if err != nil {
		return actions.Answer{}, err
	}
	nodes := have.Nodes()
	if len(nodes) < 2 {
		return actions.Answer{Title: fmt.Sprintf("segment %s has %s: there is no pair to verify", have.Name, actions.Counted(len(nodes), "node")), Hint: "attach <node> to " + have.Name}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.opt.Patience)
	defer cancel()
	results, silent := s.probe(ctx, have)
	v := Verified{Verdict: overlay.Verdict{Segment: have.Name, VNI: have.VNI}, Silent: silent}
	if all := overlay.Judge(results); len(all) > 0 {
		v.Verdict = all[0]
	}
	return told(have, v), nil
}

// probers bounds how many agents probe at once.
const probers = 32

// probe lets every node of a segment probe the others.
func (s *Segments) probe(ctx context.Context, have Record) ([]overlay.ProbeResult, map[string]string) {
	nodes := have.Nodes()
	results, errs := make([][]overlay.ProbeResult, len(nodes)), make([]error, len(nodes))
	slots := make(chan struct{}, probers)
	var wg sync.WaitGroup
	for i, node := range nodes {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i], errs[i] = s.probeFrom(ctx, have, node)
		})
	}
	wg.Wait()
	silent := map[string]string{}
	for i, err := range errs {
		if err != nil {
			silent[nodes[i]] = err.Error()
		}
	}
	return slices.Concat(results...), silent
}

// probeFrom lets one node probe the others, each once, when nobody else lets it probe.
func (s *Segments) probeFrom(ctx context.Context, have Record, node string) ([]overlay.ProbeResult, error) {
	d := overlay.Desired{Node: node, Segments: []overlay.NodeSegment{nodeSegment(have, node)}}
	if err := s.turns.wait(ctx, node); err != nil {
		return nil, fmt.Errorf("%s is probing already: %w", node, err)
	}
	defer s.turns.done(node)
	return s.probeTargets(ctx, node, d.Targets(true))
}

// probeTargets lets one node probe targets. What comes back for another pair or another segment is none of the answer.
func (s *Segments) probeTargets(ctx context.Context, node string, targets []overlay.ProbeTarget) ([]overlay.ProbeResult, error) {
	if s.opt.Fleet == nil {
		return nil, ErrNoAgent
	}
	got, err := s.opt.Fleet.Probe(ctx, node, targets)
	if err != nil {
		return nil, err
	}
	var out []overlay.ProbeResult
	for _, t := range targets {
		i := slices.IndexFunc(got, func(r overlay.ProbeResult) bool { return r.Target.VNI == t.VNI && r.Target.VTEP == t.VTEP })
		if i < 0 {
			out = append(out, overlay.ProbeResult{Target: t, From: node, State: overlay.PairDown})
			continue
		}
		got[i].Target, got[i].From = t, node
		out = append(out, got[i])
	}
	return out, nil
}

// told says what was found.
func told(have Record, v Verified) actions.Answer {
	a := actions.Answer{Title: v.String(), Data: v, Bad: len(v.Bad) > 0 || len(v.Silent) > 0}
	if v.Pairs == 0 {
		a.Title = "segment " + have.Name + ": no pair could be probed"
	}
	a.Lines = append(a.Lines, fmt.Sprintf("VNI %d, MTU %d, %s", have.VNI, have.MTU, actions.Counted(len(have.Nodes()), "node")))
	for _, n := range have.Nodes() {
		if why, ok := v.Silent[n]; ok {
			a.Lines = append(a.Lines, n+" did not probe: "+why)
		}
	}
	if twins := twinsOf(v.Bad); twins != "" {
		a.Lines = append(a.Lines, twins)
	}
	if least := passesOf(v.Bad); least > 0 {
		a.Lines = append(a.Lines, fmt.Sprintf("largest packet that passes everywhere: %d", least))
	}
	if len(v.Bad) > 0 {
		a.Table = &actions.Table{Columns: []string{"FROM", "TO", "STATE", "PASSES", "ROUND TRIP"}}
		for _, r := range v.Bad {
			a.Table.Rows = append(a.Table.Rows, []string{r.From, r.Target.Node, string(r.State), count(r.Passes), orDash(strings.TrimPrefix(r.RTT.String(), "0s"))})
		}
	}
	return a
}

func count(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// twinsOf names the VTEPs at which another node answers than the one that should.
func twinsOf(bad []overlay.ProbeResult) string {
	var out []string
	for _, r := range bad {
		if r.State == overlay.PairWrongNode {
			out = append(out, fmt.Sprintf("%s is the tunnel address of both %s and %s: give one of them another", r.Target.VTEP, r.Target.Node, r.Answered))
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), "; ")
}

// passesOf is the least of what passes between pairs whose MTU is too small, or 0.
func passesOf(bad []overlay.ProbeResult) int {
	least := 0
	for _, r := range bad {
		if r.State == overlay.PairMTU && r.Passes > 0 && (least == 0 || r.Passes < least) {
			least = r.Passes
		}
	}
	return least
}
