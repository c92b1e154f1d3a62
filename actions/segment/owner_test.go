package segment_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/segment"
)

// TestOwners tells whose the segments are that a request names, of what is recorded and of what is yet to be made.
func TestOwners(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := busy(t)
		defer h.stop()
		for _, tt := range []struct {
			name string
			r    actions.Request
			want []policy.Segment
		}{
			{"by name", request("segment.show", "segment=studio-a"), []policy.Segment{{Name: "studio-a", Tenant: "acme"}}},
			{"by number", request("segment.show", "segment=5001"), []policy.Segment{{Name: "5001", Tenant: "acme"}}},
			{"unknown", request("segment.delete", "segment=studio-z"), []policy.Segment{{Name: "studio-z"}}},
			{"new", request("segment.create", "segment=studio-n", "tenant=initech"), []policy.Segment{{Name: "studio-n", Tenant: "initech"}}},
			{"new, of whom is not said", request("segment.create", "segment=studio-n"), []policy.Segment{{Name: "studio-n"}}},
			{"new, of nobody", request("segment.create", "segment=studio-n", "tenant=umbrella"), []policy.Segment{{Name: "studio-n"}}},
			{"taken by another", request("segment.create", "segment=studio-a", "tenant=initech"), []policy.Segment{{Name: "studio-a", Tenant: "acme"}, {Name: "studio-a", Tenant: "initech"}}},
			{"all of a tenant", request("segment.list", "tenant=initech"), []policy.Segment{{Tenant: "initech"}}},
			{"all", request("segment.list"), nil},
			{"something else", request("node.show", "node=edge-1"), nil},
		} {
			if diff := cmp.Diff(tt.want, h.Owners(tt.r, nil)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	})
}

// TestOwnersOfAPlan: what a plan works on stays its owner's when the name has gone, or is another's by then. A step that cannot be read is of nobody.
func TestOwnersOfAPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := busy(t)
		defer h.stop()
		gone, err := h.plan(t, "segment.delete", "segment=studio-a")
		if err != nil {
			t.Fatal(err)
		}
		was := policy.Segment{Name: "studio-a", Tenant: "acme"}
		check := func(when string, want ...policy.Segment) {
			t.Helper()
			if diff := cmp.Diff(want, h.Owners(gone.Request, &gone)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		check("while it is there", was)
		must(t, h.carry(t, gone), actions.Done)
		check("when it is gone", was)
		must(t, h.do(t, "segment.create", "segment=studio-a", "tenant=initech"), actions.Done)
		check("when the name is another's", was, policy.Segment{Name: "studio-a", Tenant: "initech"})
		gone.Groups = []actions.Group{{Steps: []actions.Step{{Kind: segment.KindDrop, Args: []byte(`{"segment":7}`)}, {Kind: "node.put", Args: []byte(`{"segment":"x"}`)}}}}
		check("of a step that cannot be read", policy.Segment{}, policy.Segment{Name: "studio-a", Tenant: "initech"})
	})
}

// TestListWithinReach shows, counts and hints at what the reader may see alone.
func TestListWithinReach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := busy(t)
		defer h.stop()
		for _, tt := range []struct {
			name  string
			reach []string
			slots []string
			want  string
		}{
			{"no limit", nil, nil, "3 segments"},
			{"one tenant", []string{"acme"}, nil, "2 segments"},
			{"any named", []string{policy.Any}, nil, "3 segments"},
			{"none", []string{}, nil, "there are no segments"},
			{"by node", []string{"initech"}, []string{"node=edge-1"}, "0 of 1 segment: node edge-1"},
			{"counted among one's own", []string{"acme"}, []string{"node=edge-2"}, "1 of 2 segments: node edge-2"},
		} {
			r := request("segment.list", tt.slots...)
			r.Reach = tt.reach
			a, err := h.list(t, r)
			if err != nil || a.Title != tt.want {
				t.Errorf("%s: %q, %v; want %q", tt.name, a.Title, err, tt.want)
			}
		}
		r := request("segment.list", "tenant=initecx")
		r.Reach = []string{"acme"}
		if _, err := h.list(t, r); err == nil || strings.Contains(err.Error(), "initech") {
			t.Errorf("a slip in the name of another's tenant: %v; want no hint at it", err)
		}
	})
}

// list answers segment.list.
func (h *home) list(t *testing.T, r actions.Request) (actions.Answer, error) {
	t.Helper()
	for _, v := range h.Verbs() {
		if v.Intent == "segment.list" {
			return v.Answer(t.Context(), r, world{})
		}
	}
	t.Fatal("no verb stands behind segment.list")
	return actions.Answer{}, nil
}
