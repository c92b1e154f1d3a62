package node_test

import (
	"slices"
	"testing"

	"github.com/shitops/opsbot/actions/node"
)

// TestShowPairs: what is not well between a node and others in segments makes the node not well.
func TestShowPairs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		pairs []string
		bad   bool
	}{
		{"well", nil, false},
		{"not well", []string{"segment s1: mac-1 → edge-2 is down, since 2026-03-04 05:06:07 UTC"}, true},
	} {
		opts := node.Options{Pairs: func(name string) []string {
			if name != "mac-1" {
				t.Errorf("asked about %q", name)
			}
			return tt.pairs
		}}
		a, err := answer(t, opts, sample(), "node.show", map[string][]string{"node": {"mac-1"}})
		if err != nil || a.Bad != tt.bad || len(tt.pairs) > 0 && !slices.Contains(a.Lines, tt.pairs[0]) {
			t.Errorf("%s: node.show = %v, bad %v, %q", tt.name, err, a.Bad, a.Lines)
		}
	}
}
