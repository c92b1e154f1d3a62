package overlay

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"
)

// ProbeState is what probes between two nodes inside a segment found.
type ProbeState string

// States of a pair, from good to bad.
const (
	PairOK        ProbeState = "ok"         // answers come back at the segment's full MTU
	PairMTU       ProbeState = "mtu"        // small frames pass, full ones vanish
	PairOneWay    ProbeState = "one-way"    // we hear the peer, it does not hear us or cannot answer
	PairWrongNode ProbeState = "wrong node" // another node answers at the peer's VTEP
	PairWrongVNI  ProbeState = "wrong vni"  // the answer came out of another segment
	PairDown      ProbeState = "down"       // nothing comes back
)

// ProbeTarget is a peer to be probed within a segment.
type ProbeTarget struct {
	Segment string     `json:"segment"`
	VNI     VNI        `json:"vni"`
	Node    string     `json:"node"` // who is to answer
	VTEP    netip.Addr `json:"vtep"`
	MTU     int        `json:"mtu"` // of the segment
}

// ProbeResult is what came of probing one peer from one node.
type ProbeResult struct {
	Target   ProbeTarget   `json:"target"`
	From     string        `json:"from"`
	State    ProbeState    `json:"state"`
	RTT      time.Duration `json:"rtt,omitempty"`
	Answered string        `json:"answered,omitempty"` // the node that answered
	Passes   int           `json:"passes,omitempty"`   // largest IP packet that came through, bytes
	Hop      int           `json:"hop,omitempty"`      // MTU of the hidden hop on the underlay that this means
	At       time.Time     `json:"at"`
}

// String gives the result as chat shows it: "edge-3 → edge-7 passes only 1350 (a hop of 1400)".
func (r ProbeResult) String() string {
	pair := r.From + " → " + r.Target.Node
	switch r.State {
	case PairMTU:
		return fmt.Sprintf("%s passes only %d of %d (a hop of %d)", pair, r.Passes, r.Target.MTU, r.Hop)
	case PairWrongNode:
		return fmt.Sprintf("%s: %s answers at %s (one VTEP, two nodes)", pair, r.Answered, r.Target.VTEP)
	case PairOneWay:
		return pair + " is one-way: its probes arrive here, ours are not answered"
	}
	return pair + " is " + string(r.State)
}

// Verdict sums up the pairs of one segment.
type Verdict struct {
	Segment string        `json:"segment"`
	VNI     VNI           `json:"vni"`
	Pairs   int           `json:"pairs"`
	OK      int           `json:"ok"`
	Bad     []ProbeResult `json:"bad,omitempty"`
}

// Judge sums up results, a verdict a segment, in order of first appearance.
func Judge(results []ProbeResult) (list []Verdict) {
	at := map[VNI]int{}
	for _, r := range results {
		i, ok := at[r.Target.VNI]
		if !ok {
			i = len(list)
			at[r.Target.VNI] = i
			list = append(list, Verdict{Segment: r.Target.Segment, VNI: r.Target.VNI})
		}
		list[i].Pairs++
		if r.State == PairOK {
			list[i].OK++
		} else {
			list[i].Bad = append(list[i].Bad, r)
		}
	}
	return list
}

// String gives the verdict as chat shows it: "segment live: 39/40 pairs ok, edge-3 → edge-7 passes only 1350 of 1450 (a hop of 1400)".
func (v Verdict) String() string {
	text := fmt.Sprintf("segment %s: %d/%d pairs ok", cmp.Or(v.Segment, fmt.Sprint(v.VNI)), v.OK, v.Pairs)
	for i, r := range v.Bad {
		if i == 3 && len(v.Bad) > 4 {
			return fmt.Sprintf("%s, and %d more", text, len(v.Bad)-i)
		}
		text += ", " + r.String()
	}
	return text
}

// Targets are the peers that a node shares a segment with, one a peer: the node pair is what the underlay can break. With every, all
// segments of each pair are probed.
func (d Desired) Targets(every bool) (list []ProbeTarget) {
	seen := map[netip.Addr]bool{}
	for _, s := range d.Segments {
		names := map[netip.Addr]string{}
		for _, m := range s.Remote {
			names[m.VTEP] = m.Node
		}
		for _, r := range s.Remotes {
			if every || !seen[r] {
				seen[r] = true
				list = append(list, ProbeTarget{Segment: s.Name, VNI: s.VNI, Node: names[r], VTEP: r, MTU: s.MTU})
			}
		}
	}
	return list
}
