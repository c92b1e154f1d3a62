package segment_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/segment"
)

// TestFile: a segment of the configuration file is made without the nodes that are away, which come in when they are there; chat does not change
// it, and one that vanishes from the file stays until a person deletes it.
func TestFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		filed := map[string]segment.Filed{"studio-a": {Name: "studio-a", Tenant: "acme", VNI: 5001, Nodes: []string{"edge-1", "edge-2", "edge-9"}}}
		h := newHome(t, memory(), newFleet(), func(o *segment.Options) {
			o.File = func(name string) (segment.Filed, bool) { f, ok := filed[name]; return f, ok }
		}).serve(t, "bot")
		defer h.stop()
		missing := func(f segment.Filed) (actions.Plan, bool, error) {
			return h.Missing(t.Context(), actions.Request{Intent: "segment.create", Actor: actions.Actor{Kind: actions.System, Name: "file"}}, world{}, f)
		}
		h.fleet.change("edge-2", func(a *agent) { a.look.Connected = false })
		p, ok, err := missing(filed["studio-a"])
		if err != nil || !ok {
			t.Fatalf("plan of a segment that is not there: %v, %v", ok, err)
		}
		must(t, h.carry(t, p), actions.Done)
		if _, ok, err := missing(filed["studio-a"]); ok || err != nil {
			t.Errorf("while edge-2 is away: %v, %v", ok, err)
		}
		h.fleet.change("edge-2", func(a *agent) { a.look.Connected = true })
		if p, ok, err = missing(filed["studio-a"]); err != nil || !ok || p.Say != "attach edge-2 to segment studio-a, as the configuration file says" {
			t.Fatalf("when edge-2 is there: %q, %v, %v", p.Say, ok, err)
		}
		must(t, h.carry(t, p), actions.Done)
		for _, tt := range []struct{ say, want string }{
			{"segment.delete segment=studio-a", "is in the configuration file, which alone decides"},
			{"segment.attach segment=studio-a node=edge-3", "is in the configuration file, which alone decides"},
			{"segment.detach segment=studio-a node=edge-1", "the configuration file says that edge-1 is in segment studio-a"},
			{"segment.create segment=studio-a tenant=acme", "which makes it by itself"},
		} {
			words := strings.Fields(tt.say)
			if _, err := h.plan(t, words[0], words[1:]...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.say, err, tt.want)
			}
		}
		if _, _, err := missing(segment.Filed{Name: "studio-a", Tenant: "initech", VNI: 5009}); err == nil || !strings.Contains(err.Error(), "it has VNI 5001, and the file says 5009; it is of tenant acme, and the file says initech") {
			t.Errorf("another VNI in the file: %v", err)
		}
		filed["studio-a"] = segment.Filed{Name: "studio-a", Nodes: []string{"edge-1"}}
		if a, err := h.answer(t, "segment.show", "segment=studio-a"); err != nil || !strings.Contains(a.Lines[0], "it does not name edge-2, who stay") {
			t.Errorf("a node that vanished from the file: %q, %v", a.Lines, err)
		}
		must(t, h.do(t, "segment.detach", "segment=studio-a", "node=edge-2"), actions.Done)
		delete(filed, "studio-a")
		if a, err := h.answer(t, "segment.list"); err != nil || a.Table.Rows[0][0] != "studio-a (orphaned)" {
			t.Errorf("a segment that vanished from the file: %v, %v", a.Table, err)
		}
		must(t, h.do(t, "segment.delete", "segment=studio-a"), actions.Done)
		must(t, h.do(t, "segment.create", "segment=studio-b", "tenant=acme"), actions.Done)
		if _, _, err := missing(segment.Filed{Name: "studio-b"}); err == nil || !strings.Contains(err.Error(), "it was made by anna in chat") {
			t.Errorf("one that was made in chat: %v", err)
		}
		if _, _, err := missing(segment.Filed{Name: "studio-c"}); err == nil || !strings.Contains(err.Error(), "for which tenant?") {
			t.Errorf("one of nobody: %v", err)
		}
	})
}
