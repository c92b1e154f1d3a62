package content_test

import (
	"errors"
	"testing"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/cache"
)

// TestSeveral: of two caches that fail both are told, and the step is tried again only when that can help both.
func TestSeveral(t *testing.T) {
	t.Parallel()
	dead := actions.Cache{Name: "dead", Kind: "varnish", URL: "http://127.0.0.1:1", Settle: settle}
	dead2 := actions.Cache{Name: "dead2", Kind: "varnish", URL: "http://127.0.0.1:1", Settle: settle}
	foreign := actions.Cache{Name: "foreign", Kind: "varnish", URL: unsigned(t), Settle: settle}
	tests := []struct {
		name      string
		caches    []actions.Cache
		want      []string
		is        error
		temporary bool
	}{
		{"both passing", []actions.Cache{dead, dead2}, []string{"edge-1/dead: ", "; edge-1/dead2: "}, nil, true},
		{"one permanent", []actions.Cache{dead, foreign}, []string{"edge-1/dead: ", "; edge-1/foreign: "}, cache.ErrNoSignature, false},
		{"the other way round", []actions.Cache{foreign, dead}, []string{"edge-1/foreign: ", "; edge-1/dead: "}, cache.ErrNoSignature, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := &world{nodes: []actions.Node{node("edge-1", tt.caches...)}}
			c := newContent(t, content.Options{World: w, Open: shortOpen})
			_, err := c.Executors()[content.KindPurge].Do(t.Context(), call("edge-1", content.PurgeArgs{URLs: []string{"http://origin.example/a.ts"}}))
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || actions.IsTemporary(err) != tt.temporary {
				t.Fatalf("purge = %v (temporary %v), want %v, temporary %v", err, actions.IsTemporary(err), tt.is, tt.temporary)
			}
			contains(t, "purge", err.Error(), tt.want...)
		})
	}
}
