package segment_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/overlay"
)

// busy is a home with studio-a (5001, edge-1 and edge-2), studio-b (5002, edge-1) and an empty one, of another tenant.
func busy(t *testing.T) *home {
	t.Helper()
	h := newHome(t, memory(), newFleet()).serve(t, "bot")
	must(t, h.do(t, "segment.create", "segment=studio-a", "tenant=acme", "vni=5001", "node=edge-1", "node=edge-2"), actions.Done)
	must(t, h.do(t, "segment.create", "segment=studio-b", "tenant=acme", "vni=5002", "node=edge-1"), actions.Done)
	must(t, h.do(t, "segment.create", "segment=lonely", "tenant=initech", "vni=9001"), actions.Done)
	return h
}

// TestRefused names what is in the way, before anything is written.
func TestRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := busy(t)
		defer h.stop()
		h.fleet.change("edge-3", func(a *agent) {
			a.look.Foreign = []overlay.Foreign{{Name: "flannel.1", Kind: "vxlan", VNI: 5001, Port: 4789}}
		})
		h.fleet.change("edge-4", func(a *agent) { a.look.VTEP = netip.MustParseAddr("192.0.2.1") })
		h.fleet.change("edge-5", func(a *agent) { a.look.Connected = false })
		h.fleet.change("edge-6", func(a *agent) { a.look.Underlay = 1300 })
		h.fleet.change("edge-7", func(a *agent) { a.look.VTEP = netip.MustParseAddr("2001:db8::7") })
		h.fleet.change("edge-8", func(a *agent) { a.look.VTEP = netip.Addr{} })
		for _, tt := range []struct{ say, want string }{
			{"segment.create segment=studio-a tenant=acme", "there is a segment studio-a already: VNI 5001 of tenant acme, made by anna"},
			{"segment.create segment=Studio tenant=acme", "want 1 to 63 of a-z, 0-9"},
			{"segment.create segment=new", "for which tenant? known: acme, initech"},
			{"segment.create segment=new tenant=umbrella", "no tenant is called"},
			{"segment.create segment=new tenant=acme vni=5001", "VNI 5001: already taken by segment studio-a"},
			{"segment.create segment=new tenant=acme vni=9002", "leased to another (initech)"},
			{"segment.create segment=new tenant=acme vni=100", "the VNI is reserved (1-4095 are refused by some systems)"},
			{"segment.create segment=new tenant=acme vni=16777215", "all ones is a wildcard"},
			{"segment.create segment=new tenant=acme node=edge-99", "no node is called edge-99"},
			{"segment.create segment=new tenant=acme node=Old.Edge", "such a node cannot hold segments"},
			{"segment.create segment=new tenant=acme node=edge-5", "the agent of edge-5 is not connected"},
			{"segment.create segment=new tenant=acme node=edge-6", "an underlay of 1300 leaves 1250, and IPv6 needs 1280"},
			{"segment.create segment=new tenant=acme node=edge-8", "has no address for tunnels"},
			{"segment.create segment=new tenant=acme node=edge-9", "no agent is enrolled there"},
			{"segment.create segment=new tenant=acme node=edge-1 node=edge-4", "node edge-1 has it too; give one of them another address"},
			{"segment.attach segment=studio-a node=edge-3", "the foreign device flannel.1 has it; remove it by hand on edge-3"},
			{"segment.attach segment=studio-a node=edge-4", "vtep conflict: node edge-4 has VTEP 192.0.2.1, but node edge-1 has it too"},
			{"segment.attach segment=studio-a node=edge-7", "of the other family"},
			{"segment.attach segment=studio-a node=edge-1", "nothing to do: edge-1 is in studio-a already"},
			{"segment.attach segment=studio-c node=edge-1", "did you mean studio-"},
			{"segment.detach segment=studio-b node=edge-2", "nothing to do: edge-2 is not in studio-b"},
			{"segment.delete segment=9999", "no segment is called"},
			{"segment.delete", "which segment?"},
		} {
			words := strings.Fields(tt.say)
			_, err := h.plan(t, words[0], words[1:]...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.say, err, tt.want)
			}
		}
		if got := len(h.store.Segments()); got != 3 {
			t.Errorf("planning has made segments: %d", got)
		}
	})
}

// TestPlan reads as a person would be shown it.
func TestPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := busy(t)
		defer h.stop()
		h.fleet.change("edge-3", func(a *agent) { a.look.Underlay = 1400 })
		for _, tt := range []struct{ say, want string }{
			{"segment.create segment=new tenant=acme node=edge-1 node=edge-3", `create segment new of tenant acme with a free VNI on edge-1, edge-3
make the name new of tenant acme
take a free VNI
take a free IPv4 prefix
on edge-1, edge-3, all at once:
  look whether each node can be reached, and what is in the way there
keep segment new with MTU 1350 and edge-1, edge-3 in it
on edge-1, edge-3, all at once:
  bring each node to it, and read it back there`},
			{"segment.attach segment=studio-a node=edge-3", `attach edge-3 to segment studio-a (VNI 5001)
on edge-3:
  look whether edge-3 can be reached, and what is in the way there
on edge-1, edge-2, all at once:
  look whether each node can be reached, and what is in the way there
keep that edge-3 is in studio-a
on edge-1, edge-2, all at once:
  bring each node to it, and read it back there
on edge-3:
  bring edge-3 to it, and read it back there
note: the MTU of studio-a changes from 1450 to 1350 on all of its nodes`},
			{"segment.delete segment=lonely", `delete segment lonely: VNI 9001 of tenant initech
note that VNI 9001 was deleted on purpose
delete the name lonely
give 100.99.41.0/24 back
give VNI 9001 back; it rests for 10m0s`},
		} {
			words := strings.Fields(tt.say)
			p, err := h.plan(t, words[0], words[1:]...)
			if err != nil {
				t.Fatalf("%s: %v", tt.say, err)
			}
			if diff := cmp.Diff(tt.want, strings.Join(append([]string{p.Say}, p.Lines()...), "\n")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.say, diff)
			}
		}
	})
}

// TestAnswers tells what there is.
func TestAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := busy(t)
		defer h.stop()
		h.fleet.broken[[2]string{"edge-1", "edge-2"}] = overlay.ProbeResult{State: overlay.PairMTU, Passes: 1350, Hop: 1400}
		for _, tt := range []struct {
			say, want string
			bad       bool
		}{
			{"segment.list", "3 segments\nlonely 9001 initech 100.99.41.0/24 1450 -\nstudio-a 5001 acme 100.83.137.0/24 1450 edge-1, edge-2\nstudio-b 5002 acme 100.83.138.0/24 1450 edge-1", false},
			{"segment.list tenant=initech", "1 of 3 segments: tenant initech\nlonely 9001 initech 100.99.41.0/24 1450 -", false},
			{"segment.list node=edge-2", "1 of 3 segments: node edge-2\nstudio-a 5001 acme 100.83.137.0/24 1450 edge-1, edge-2", false},
			{"segment.show segment=lonely", "nobody is in it", false},
			{"segment.show segment=vni", "no segment is called", false},
			{"segment.list tenant=umbrella", "no tenant is called", false},
			{"segment.verify segment=lonely", "segment lonely has 0 nodes: there is no pair to verify", false},
			{"segment.verify segment=5001", "segment studio-a: 1/2 pairs ok, edge-1 → edge-2 passes only 1350 of 1450 (a hop of 1400)\nVNI 5001, MTU 1450, 2 nodes\nlargest packet that passes everywhere: 1350\nedge-1 edge-2 mtu 1350 -", true},
		} {
			words := strings.Fields(tt.say)
			a, err := h.answer(t, words[0], words[1:]...)
			got := []string{a.Title}
			got = append(got, a.Lines...)
			if a.Table != nil {
				for _, r := range a.Table.Rows {
					got = append(got, strings.Join(r, " "))
				}
			}
			text := strings.Join(got, "\n")
			if err != nil {
				text = err.Error()
			}
			if !strings.Contains(text, tt.want) || a.Bad != tt.bad {
				t.Errorf("%s: %s\n(bad: %v), want %s", tt.say, text, a.Bad, tt.want)
			}
		}
	})
}

// TestVerify finds one address on two nodes, silence, and answers about something else.
func TestVerify(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := busy(t)
		defer h.stop()
		must(t, h.do(t, "segment.attach", "segment=studio-a", "node=edge-3", "node=edge-4"), actions.Done)
		h.fleet.broken[[2]string{"edge-1", "edge-2"}] = overlay.ProbeResult{State: overlay.PairWrongNode, Answered: "edge-8"}
		h.fleet.broken[[2]string{"edge-2", "edge-3"}] = overlay.ProbeResult{State: "lost"}
		h.fleet.change("edge-4", func(a *agent) { a.look.Connected = false })
		a, err := h.answer(t, "segment.verify", "segment=studio-a")
		want := []string{
			"segment studio-a: 7/9 pairs ok, edge-1 → edge-2: edge-8 answers at 192.0.2.2 (one VTEP, two nodes), edge-2 → edge-3 is down",
			"VNI 5001, MTU 1450, 4 nodes", "edge-4 did not probe: no answer",
			"192.0.2.2 is the tunnel address of both edge-2 and edge-8: give one of them another",
		}
		if diff := cmp.Diff(want, append([]string{a.Title}, a.Lines...)); diff != "" || !a.Bad || err != nil {
			t.Errorf("bad: %v, %v (-want +got):\n%s", a.Bad, err, diff)
		}
		if v := a.Data.(segment.Verified); v.OK != 7 || v.Silent["edge-4"] != "no answer" {
			t.Errorf("data: %+v", v)
		}
	})
}

// TestNoFleet: without agents there are segments on paper, and a clear word about the rest.
func TestNoFleet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t, memory(), nil, func(o *segment.Options) { o.Fleet, o.Tenants = nil, nil }).serve(t, "bot")
		defer h.stop()
		must(t, h.do(t, "segment.create", "segment=paper"), actions.Done)
		if have, ok := h.store.Find("paper"); !ok || have.Tenant != "default" {
			t.Errorf("paper: %v, tenant %s", ok, have.Tenant)
		}
		if _, err := h.plan(t, "segment.attach", "segment=paper", "node=edge-1"); !errors.Is(err, segment.ErrNoAgent) {
			t.Errorf("attach without agents: %v", err)
		}
	})
}
