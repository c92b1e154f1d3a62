package enrol_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/enrol"
	"github.com/shitops/opsbot/icinga"
)

// all is what the sample needs.
func all() []string {
	return []string{"edge-1", "edge-1!Cache Hit Rate", "edge-1!Stream Latency news", "edge-2", "edge-2!Cache Hit Rate", "edge-2!Cache Hit Rate back", "edge-2!Stream Latency news", "mac-1"}
}

// TestDesired: what the monitoring should hold of an inventory.
func TestDesired(t *testing.T) {
	t.Parallel()
	w := sample()
	mark := func(node string) map[string]any { return map[string]any{"managed": true, "owner": "me", "node": node} }
	want := []icinga.RuntimeObject{
		{Host: "edge-1", Templates: []string{"opsbot-node"}, Attrs: map[string]any{"address": "192.0.2.11", "vars.os": "linux", "vars.opsbot": mark("edge-1")}},
		{Host: "edge-2", Templates: []string{"opsbot-node"}, Attrs: map[string]any{"address": "192.0.2.12", "vars.os": "linux", "vars.opsbot": mark("edge-2")}},
		{Host: "mac-1", Templates: []string{"opsbot-node"}, Attrs: map[string]any{"address": "192.0.2.31", "vars.os": "macosx", "vars.opsbot": mark("mac-1")}},
		{Host: "edge-1", Service: "Cache Hit Rate", Templates: []string{"opsbot-hit-rate"}, Attrs: map[string]any{"vars.opsbot": mark("edge-1"), "vars.opsbot_node": "edge-1"}},
		{Host: "edge-1", Service: "Stream Latency news", Templates: []string{"opsbot-stream-latency"}, Attrs: map[string]any{"vars.opsbot": mark("edge-1"), "vars.opsbot_node": "edge-1",
			"vars.opsbot_edge_url": "http://192.0.2.11:6081", "vars.opsbot_origin_url": "http://origin.example/news/master.m3u8"}},
		{Host: "edge-2", Service: "Cache Hit Rate", Templates: []string{"opsbot-hit-rate"}, Attrs: map[string]any{"vars.opsbot": mark("edge-2"), "vars.opsbot_node": "edge-2",
			"vars.opsbot_cache": "front", "vars.opsbot_edge_url": "http://192.0.2.12:6081", "vars.opsbot_channel": "http://origin.example/news/master.m3u8"}},
		{Host: "edge-2", Service: "Cache Hit Rate back", Templates: []string{"opsbot-hit-rate"}, Attrs: map[string]any{"vars.opsbot": mark("edge-2"), "vars.opsbot_node": "edge-2",
			"vars.opsbot_cache": "back", "vars.opsbot_edge_url": "http://192.0.2.12:6091", "vars.opsbot_channel": "http://origin.example/news/master.m3u8"}},
		{Host: "edge-2", Service: "Stream Latency news", Templates: []string{"opsbot-stream-latency"}, Attrs: map[string]any{"vars.opsbot": mark("edge-2"), "vars.opsbot_node": "edge-2",
			"vars.opsbot_edge_url": "http://192.0.2.12:6081", "vars.opsbot_origin_url": "http://origin.example/news/master.m3u8"}},
		{Host: "mac-1", Service: "Overlay", Templates: []string{"opsbot-reported"}, Attrs: map[string]any{"vars.opsbot": mark("mac-1"), "vars.opsbot_node": "mac-1"}},
	}
	if diff := cmp.Diff(want, enrol.Desired(w.nodes, w.deployments, func(node string) bool { return node == "mac-1" }, "me")); diff != "" {
		t.Errorf("desired (-want +got):\n%s", diff)
	}
	if bare := enrol.Desired([]actions.Node{{Name: "n"}}, nil, nil, "me"); bare[0].Attrs["address"] != "n" {
		t.Errorf("a node without an address is looked for at %v", bare[0].Attrs["address"])
	}
}

// TestPass makes what is missing, changes what differs, repairs what others did to it, and writes nothing when all is well.
func TestPass(t *testing.T) {
	t.Parallel()
	w, m := sample(), newMonitoring()
	h := newHome(t, w, m)
	if r := h.pass(t); len(r.Created) != 8 || !r.Well() || r.String() != "8 objects, 8 made" {
		t.Errorf("the first pass: %+v", r)
	}
	if diff := cmp.Diff(all(), m.names()); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	m.drain()
	for name, change := range map[string]struct {
		edit func()
		want []string
	}{
		"nothing":                 {func() {}, nil},
		"deleted behind our back": {func() { delete(m.objects, "edge-1!Cache Hit Rate") }, []string{"create edge-1!Cache Hit Rate"}},
		"moved":                   {func() { w.nodes[0].Address = "192.0.2.99" }, []string{"modify edge-1"}},
		"another's hand":          {func() { m.objects["mac-1"].Vars["os"] = "windows" }, []string{"modify mac-1"}},
		"others add beside":       {func() { m.objects["mac-1"].Vars["rack"] = "7" }, nil},
		"counters on the node":    {func() { w.nodes[1].Caches[1].StatsDir = "/x" }, []string{"modify edge-2!Cache Hit Rate back"}},
	} {
		change.edit()
		r := h.pass(t)
		if diff := cmp.Diff(change.want, m.drain()); diff != "" || !r.Well() {
			t.Errorf("%s: %+v, writes (-want +got):\n%s", name, r, diff)
		}
		if h.pass(t); m.drain() != nil {
			t.Errorf("%s: the pass after it writes again", name)
		}
	}
	if m.objects["edge-2!Cache Hit Rate back"].Vars["opsbot_channel"] != nil {
		t.Error("a variable that is not wanted any more stays")
	}
}

// TestForeign: what is somebody else's is left alone, whatever its name, and told once.
func TestForeign(t *testing.T) {
	t.Parallel()
	w, m := sample(), newMonitoring()
	m.foreign("edge-1", "")                // a host in somebody's files
	m.foreign("edge-2!Cache Hit Rate", "") // a service by somebody's rule
	m.foreign("mac-1", "another-bot")      // the neighbour's
	m.foreign("old!Cache Hit Rate", "")    // of no interest
	m.foreign("old-2", "another-bot")      // nor is this
	h := newHome(t, w, m)
	for range 2 {
		r := h.pass(t)
		if len(r.Foreign) != 5 || !r.Well() {
			t.Errorf("foreign %q", r.Foreign)
		}
	}
	for _, write := range m.drain() {
		if !strings.HasPrefix(write, "create edge-2") || write == "create edge-2!Cache Hit Rate" {
			t.Errorf("wrote %s", write)
		}
	}
	if len(h.told) != 1 || !strings.Contains(h.told[0].Title, "not mine") {
		t.Errorf("told %+v, want it once", h.told)
	}
}

// TestSpoilt: a name that Icinga2 refuses keeps nothing else from being made, and is tried again after a reload alone.
func TestSpoilt(t *testing.T) {
	t.Parallel()
	w, m := sample(), newMonitoring()
	m.refuse = "edge-2"
	h := newHome(t, w, m)
	r := h.pass(t)
	if len(r.Created) != 4 || len(r.Spoilt) != 1 || r.Well() {
		t.Errorf("made %q, spoilt %q", r.Created, r.Spoilt)
	}
	m.drain()
	if h.pass(t); m.drain() != nil {
		t.Error("a spoilt name is tried again")
	}
	m.refuse = ""
	m.reload()
	if r := h.pass(t); len(r.Created) != 4 || !r.Well() {
		t.Errorf("after the reload: %+v", r)
	}
	if len(h.told) != 1 || !strings.Contains(h.told[0].Hint, "reload Icinga2") {
		t.Errorf("told %+v", h.told)
	}
}

// TestTemplates: without the kit nothing is tried, which would spoil the names.
func TestTemplates(t *testing.T) {
	t.Parallel()
	w, m := sample(), newMonitoring()
	m.templates[true] = []string{enrol.TemplateHitRate}
	h := newHome(t, w, m)
	r := h.pass(t)
	if len(r.Created) != 6 || !cmp.Equal(r.Missing, []string{enrol.TemplateLatency}) || len(m.spoilt) != 0 {
		t.Errorf("made %q, missing %q, spoilt %v", r.Created, r.Missing, m.spoilt)
	}
	m.templates[true] = append(m.templates[true], enrol.TemplateLatency)
	m.reload()
	if r := h.pass(t); len(r.Created) != 2 || !r.Well() {
		t.Errorf("with the kit: %+v", r)
	}
	m = newMonitoring()
	m.templates = map[bool][]string{}
	h = newHome(t, w, m)
	if r := h.pass(t); r.Writes() != 0 || len(r.Missing) != 3 || !strings.Contains(h.told[0].Hint, "icinga-kit") {
		t.Errorf("without any: %+v, told %+v", r, h.told)
	}
	m = newMonitoring()
	m.templates[false] = nil
	if r := newHome(t, w, m).pass(t); r.Writes() != 0 || len(m.spoilt) != 0 {
		t.Errorf("without the host's: %+v", r)
	}
}

// TestSwallowed: what a reload has swallowed is missed when it is read back, and made by the next pass.
func TestSwallowed(t *testing.T) {
	t.Parallel()
	m := newMonitoring()
	m.swallow = true
	h := newHome(t, &world{nodes: []actions.Node{{Name: "a"}, {Name: "b"}}}, m)
	if r := h.pass(t); len(r.Failed) != 2 || r.Well() {
		t.Errorf("failed %q", r.Failed)
	}
	m.swallow = false
	m.reload()
	if r := h.pass(t); len(r.Created) != 2 || !r.Well() {
		t.Errorf("the pass after it: %+v", r)
	}
}

// TestBrake: a removal of many waits for a yes, which is for these names and no others.
func TestBrake(t *testing.T) {
	t.Parallel()
	w, m := &world{}, newMonitoring()
	for i := range 60 {
		w.nodes = append(w.nodes, actions.Node{Name: fmt.Sprintf("n%02d", i)})
	}
	h := newHome(t, w, m)
	h.pass(t)
	for _, tt := range []struct{ keep, braked int }{{59, 0}, {49, 0}, {38, 11}, {0, 49}} {
		w.edit(func(w *world) { w.nodes = w.nodes[:tt.keep] })
		if r := h.pass(t); len(r.Braked) != tt.braked || (tt.braked > 0) == r.Well() {
			t.Errorf("%d left: %d wait, removed %d", tt.keep, len(r.Braked), len(r.Removed))
		}
	}
	if last := h.told[len(h.told)-1]; len(h.told) != 2 || !strings.Contains(last.Title, "49 of the objects") || !strings.Contains(last.Hint, "prune monitoring") {
		t.Errorf("told %+v", h.told)
	}
	m.foreign("strange", "another-bot")
	p, err := h.Verbs()[0].Plan(t.Context(), actions.Request{Intent: "monitoring.prune"}, w)
	if err != nil || p.Risk != actions.Destructive || len(p.Notes) != 21 || !strings.Contains(p.Say, "forget 49 of 49 objects") {
		t.Fatalf("%q, notes %d, %v", p.Say, len(p.Notes), err)
	}
	w.edit(func(w *world) { w.nodes = []actions.Node{{Name: "n07"}} }) // it is back meanwhile
	for range 2 {
		if r := h.perform(t, p); !strings.Contains(r.Say, "has forgotten") {
			t.Errorf("said %q", r.Say)
		}
	}
	if diff := cmp.Diff([]string{"n07", "strange"}, m.names()); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if _, err := h.Verbs()[0].Plan(t.Context(), actions.Request{}, w); err == nil || !strings.Contains(err.Error(), "nothing to prune") {
		t.Errorf("once more: %v", err)
	}
}

// TestOverlay: the service about segments comes and goes with them, also where all of them go at once, and is known as ours only while it is.
func TestOverlay(t *testing.T) {
	t.Parallel()
	m, in := newMonitoring(), map[string]bool{"edge-1": true, "edge-2": true, "mac-1": true}
	m.templates[true] = append(m.templates[true], enrol.TemplateTold)
	m.foreign("edge-2!Overlay", "")
	h := newHome(t, sample(), m, func(o *enrol.Options) { o.Overlay = func(node string) bool { return in[node] } })
	holds := func(when string, want map[string]bool) {
		t.Helper()
		for node, want := range want {
			if got := h.Holds(node, enrol.Overlay); got != want {
				t.Errorf("%s: Holds(%s) = %v, want %v", when, node, got, want)
			}
		}
	}
	holds("before the first pass", map[string]bool{"edge-1": false})
	if r := h.pass(t); len(r.Created) != 10 || len(r.Foreign) != 1 || !r.Well() {
		t.Errorf("the first pass: %s, %q, foreign %q", r, r.Created, r.Foreign)
	}
	holds("after it", map[string]bool{"edge-1": true, "edge-2": false, "mac-1": true, "edge-9": false})
	if r := h.pass(t); r.Writes() != 0 {
		t.Errorf("the second pass wrote: %s", r)
	}
	clear(in)
	if r := h.pass(t); len(r.Removed) != 2 || len(r.Braked) != 0 || !r.Well() {
		t.Errorf("without segments: removed %q, braked %q", r.Removed, r.Braked)
	}
	holds("without segments", map[string]bool{"edge-1": false, "mac-1": false})
	in["edge-1"] = true
	h.pass(t)
	h.world.edit(func(w *world) { w.nodes, w.deployments = nil, nil })
	clear(in)
	if r := h.pass(t); len(r.Braked) != 8 || len(r.Removed) != 1 {
		t.Errorf("all nodes are gone: removed %q, braked %q, want the service about segments alone to go", r.Removed, r.Braked)
	}
}

// TestSmallBrake: of a few objects, more than a quarter waits, too.
func TestSmallBrake(t *testing.T) {
	t.Parallel()
	w, m := sample(), newMonitoring()
	h := newHome(t, w, m)
	h.pass(t)
	w.edit(func(w *world) { w.deployments = nil })
	if r := h.pass(t); len(r.Removed) != 2 || len(r.Braked) != 0 {
		t.Errorf("2 of 8: removed %q, braked %q", r.Removed, r.Braked)
	}
	w.edit(func(w *world) { w.nodes = w.nodes[:1] })
	if r := h.pass(t); len(r.Removed) != 0 || len(r.Braked) != 4 {
		t.Errorf("4 of 6: removed %q, braked %q", r.Removed, r.Braked)
	}
}

// TestAway: while Icinga2 is away a pass ends at once, and the report says why; what was off stays off.
func TestAway(t *testing.T) {
	t.Parallel()
	m := newMonitoring()
	m.away = errors.Join(icinga.ErrUnavailable, errors.New("connection refused"))
	h := newHome(t, sample(), m)
	if r, err := h.Pass(t.Context()); err == nil || !strings.Contains(r.String(), "connection refused") || h.Last().Well() {
		t.Errorf("away: %v, %q", err, r)
	}
	h.on = false
	if _, err := h.Pass(t.Context()); err == nil || !strings.Contains(err.Error(), "icinga.register is off") || len(m.drain()) != 0 {
		t.Errorf("off: %v", err)
	}
	if newHome(t, sample(), nil, func(o *enrol.Options) { o.Icinga = nil }).On() {
		t.Error("without an Icinga2 it is on")
	}
}

// TestRun: the loop makes what is missing at once, looks after reloads, and heals by itself.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, m := sample(), newMonitoring()
		h := newHome(t, w, m)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- h.Run(ctx) }()
		synctest.Wait()
		if diff := cmp.Diff(all(), m.names()); diff != "" {
			t.Errorf("at once (-want +got):\n%s", diff)
		}
		lose := func(name string) { m.mu.Lock(); delete(m.objects, name); m.mu.Unlock() }
		healed := func(after time.Duration, name string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if !slices.Contains(m.names(), name) {
				t.Errorf("after %s %s is not there", after, name)
			}
		}
		lose("mac-1")
		healed(time.Minute+time.Second, "mac-1")
		m.reload()
		lose("mac-1")
		healed(11*time.Second, "mac-1")
		w.edit(func(w *world) { w.nodes = append(w.nodes, actions.Node{Name: "new"}) })
		h.Kick()
		healed(0, "new")
		m.drain()
		time.Sleep(time.Hour)
		if writes := m.drain(); writes != nil {
			t.Errorf("in a quiet hour it wrote %q", writes)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestHeld: nothing is registered while nothing may act by itself.
func TestHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitoring()
		var held atomic.Bool
		held.Store(true)
		h := newHome(t, sample(), m, func(o *enrol.Options) { o.Held = func(context.Context) (bool, error) { return held.Load(), nil } })
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = h.Run(ctx) }()
		time.Sleep(time.Hour)
		if len(m.names()) != 0 {
			t.Errorf("made %q", m.names())
		}
		held.Store(false)
		time.Sleep(2 * time.Minute)
		if len(m.names()) != 8 {
			t.Errorf("then made %q", m.names())
		}
		stop()
		synctest.Wait()
	})
}

// TestConverges: from whatever is there, two passes lead to what is wanted, and the third writes nothing; what is not ours stays as it is.
func TestConverges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w, m := sample(), newMonitoring()
		h := newHome(t, w, m)
		for _, name := range all() {
			switch rapid.IntRange(0, 5).Draw(rt, name) {
			case 0:
				m.foreign(name, "")
			case 1:
				m.foreign(name, "another-bot")
			case 2: // ours, of an older inventory
				o := icinga.Owned{Owner: "opsbot", Templates: []string{"old"}, Vars: map[string]any{"opsbot": map[string]any{"managed": true, "owner": "opsbot"}}}
				o.Host, o.Service, _ = strings.Cut(name, "!")
				if _, hosted := m.objects[o.Host]; hosted || o.Service == "" {
					m.objects[name] = o
				}
			}
		}
		others := map[string]string{}
		for name, o := range m.objects {
			if o.Owner != "opsbot" {
				others[name] = o.Owner
			}
		}
		for range 2 {
			if _, err := h.Pass(context.Background()); err != nil {
				rt.Fatal(err)
			}
		}
		m.drain()
		if r, err := h.Pass(context.Background()); err != nil || m.drain() != nil || !r.Well() {
			rt.Fatalf("the third pass: %+v, %v", r, err)
		}
		for name, owner := range others {
			if got, there := m.objects[name]; !there || got.Owner != owner {
				rt.Fatalf("%s of %q is %+v now", name, owner, got)
			}
		}
	})
}
