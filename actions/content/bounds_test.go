package content_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/actions/run"
)

// TestHugeChannel keeps outcomes, words and runbooks small, whatever a channel holds: a hundred broken variants, names of a kilobyte, and
// more objects than a person wants to read.
func TestHugeChannel(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	var master, media strings.Builder
	master.WriteString("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nindex.m3u8\n")
	long := strings.Repeat("ü", 600)
	for i := range 100 {
		fmt.Fprintf(&master, "#EXT-X-STREAM-INF:BANDWIDTH=%d\nbroken%d.m3u8?%s\n", i+2, i, long)
	}
	media.WriteString("#EXTM3U\n#EXT-X-TARGETDURATION:2\n")
	for i := range 100 {
		fmt.Fprintf(&media, "#EXTINF:2,\nmissing%d-%s.ts\n", i, long)
	}
	media.WriteString("#EXTINF:2,\nhere.ts\n#EXT-X-ENDLIST\n")
	r.origin.Put("/huge/master.m3u8", []byte(master.String()), nil)
	r.origin.Put("/huge/index.m3u8", []byte(media.String()), nil)
	r.origin.Put("/huge/here.ts", []byte("here"), nil)
	r.world.deployments = []actions.Deployment{{Name: "huge", Origin: r.origin.URL + "/huge/master.m3u8"}}
	s := r.mustDo("r-1", r.plan("cache.flush", "node=edge-1"))
	for _, o := range s.outcomes["edge-1"] {
		if len(o.Data) > run.MaxData/4 || len(o.Say) > 2000 {
			t.Errorf("step %d says %d bytes and keeps %d; want at most 2000 and %d", o.Step, len(o.Say), len(o.Data), run.MaxData/4)
		}
	}
	contains(t, "prime", s.outcomes["edge-1"][3].Say, "primed 3 of 103 objects", "not walked: huge: ", "(and 10 more)")
	contains(t, "proof", s.last("edge-1"), "verified unknown: 103 objects against the origin, 3 hit, 100 failed")
	lines, err := r.executor(content.KindPrime).(run.Handbook).ByHand(t.Context(), call("edge-1", content.PrimeArgs{}))
	if err != nil || len(lines) > 60 {
		t.Fatalf("runbook of %d lines, %v; want at most 60", len(lines), err)
	}
	contains(t, "runbook", strings.Join(lines, "\n"), "# and 63 more URLs of the same playlists")
	a := r.answer("cache.verify", "deployment=huge")
	if !a.Bad || len(a.Lines) > 20 {
		t.Errorf("answer = bad %v, %d lines; want bad, at most 20", a.Bad, len(a.Lines))
	}
}

// TestLoop: a playlist that names itself, and one that leads elsewhere, end the walk and are told.
func TestLoop(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	elsewhere := unsigned(t)
	r.origin.Put("/loop/master.m3u8", []byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmaster.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\n"+elsewhere+"/x.m3u8\n"), nil)
	r.world.deployments = []actions.Deployment{{Name: "loop", Origin: r.origin.URL + "/loop/master.m3u8"}}
	s := r.mustDo("r-1", r.plan("cache.prime", "deployment=loop"))
	contains(t, "prime", s.outcomes["edge-1"][0].Say, "primed 1 of 1 object", "playlist refers to itself", "(and 1 more)")
	contains(t, "second look", s.last("edge-1"), "verified fresh: 1 object")
}

// TestCutOffChannel primes the rest of a channel when one deployment of the node cannot be read at all.
func TestCutOffChannel(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.world.deployments = append(r.world.deployments, actions.Deployment{Name: "gone", Origin: r.origin.URL + "/gone/master.m3u8"})
	r.origin.SetStatus("/gone/master.m3u8", http.StatusNotFound)
	s := r.mustDo("r-1", r.plan("cache.flush", "node=edge-1"))
	contains(t, "prime", s.outcomes["edge-1"][3].Say, "primed 15 of 15 objects", "not walked: gone: walk ")
	contains(t, "proof", s.last("edge-1"), "verified fresh: 15 objects", "not walked: gone: ")
}
