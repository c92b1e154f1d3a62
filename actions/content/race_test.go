package content_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/internal/lab"
	"pgregory.net/rapid"
)

// TestFlushFetchInFlight is why a flush is done twice: a fetch that began before the first one brings the old answer, which is stored after
// it. The second flush removes that too.
func TestFlushFetchInFlight(t *testing.T) {
	t.Parallel()
	const path = "/news/v0/seg1.ts"
	r := newRig(t, 1)
	p := r.plan("cache.flush", "node=edge-1")
	hold := r.origin.HoldPath(path)
	seen := make(chan string)
	go func() { seen <- r.etag(0, path) }()
	<-hold.Arrived // the origin has chosen what it will answer
	r.origin.SetGeneration(1)

	s := &story{outcomes: map[string][]actions.Outcome{}, errs: map[string]error{}}
	// look at nothing, since a look would wait for the held object too
	r.step(s, "r-1", 0, "edge-1", actions.Step{Kind: content.KindFlush, Args: actions.Encode(content.FlushArgs{Pass: 2})}, 1)
	hold.Release()
	old := <-seen
	if got := r.etag(0, path); got != old {
		t.Fatalf("after the first flush %s is %s, want the old %s: the race that this test is about did not happen", path, got, old)
	}
	for i, step := range p.Groups[0].Steps[1:] {
		r.step(s, "r-1", i+1, "edge-1", step, 1)
	}
	if err := s.errs["edge-1"]; err != nil {
		t.Fatal(err)
	}
	if got := r.etag(0, path); got == old {
		t.Errorf("after the second flush %s is still %s", path, got)
	}
	contains(t, "proof", s.last("edge-1"), "verified fresh: 15 objects")
}

// TestFlushLive flushes under a live channel whose window moves between the priming and the look: the edge keeps the old playlist for its
// two seconds, which is no fault. A live playlist that never becomes the origin's is one.
func TestFlushLive(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0)
	r.origin = lab.NewOrigin(t, lab.OriginOptions{Channels: []lab.Channel{{Name: "live", Live: true, Segments: 4}}})
	r.edges = []*lab.Varnish{lab.NewVarnish(t, lab.VarnishOptions{Origin: r.origin.Address})}
	r.world.nodes = []actions.Node{node("edge-1", front(r.edges[0]))}
	r.world.deployments = []actions.Deployment{{Name: "live", Origin: r.origin.URL + "/live/master.m3u8"}}
	p := r.plan("cache.flush", "node=edge-1")
	s := &story{outcomes: map[string][]actions.Outcome{}, errs: map[string]error{}}
	for i, step := range p.Groups[0].Steps {
		if step.Kind == content.KindVerify {
			r.origin.Advance("live", 1)
		}
		r.step(s, "r-1", i, "edge-1", step, 1)
	}
	if err := s.errs["edge-1"]; err != nil {
		t.Fatal(err)
	}
	contains(t, "proof", s.last("edge-1"), "verified fresh: 6 objects against the origin")

	r.origin.Put("/live/v0/index.m3u8", []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nseg1.ts\n"), map[string]string{"Cache-Control": "max-age=3600"})
	r.mustDo("r-2", r.plan("cache.flush", "node=edge-1"))
	r.origin.Put("/live/v0/index.m3u8", []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nseg2.ts\n"), nil)
	a := r.answer("cache.verify", "deployment=live")
	if !a.Bad {
		t.Errorf("a playlist that the edge keeps for an hour is %q, want it stale", a.Title)
	}
	contains(t, "lines", strings.Join(a.Lines, "\n"), "/live/v0/index.m3u8: edge has ETag")
}

// TestNotCacheable tells objects that the origin forbids to keep from misses.
func TestNotCacheable(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.origin.Put("/news/v0/seg1.ts", []byte("secret"), map[string]string{"Cache-Control": "no-store"})
	s := r.mustDo("r-1", r.plan("cache.prime", "deployment=news"))
	contains(t, "second look", s.last("edge-1"), "verified fresh: 15 objects against the origin, 14 hit, 1 not cacheable by design")
}

// TestForeignVCL: a Varnish whose VCL knows no PURGE passes it to the origin, whose 200 proves nothing; one that forbids it says so.
func TestForeignVCL(t *testing.T) {
	t.Parallel()
	const backend = "vcl 4.1; backend default { .host = \"{{host}}\"; .port = \"{{port}}\"; }\n"
	tests := []struct {
		name, vcl, intent string
		words             []string
		want              []string
	}{
		{"passed to the origin", backend, "cache.purge", []string{"url=/news/v0/seg1.ts"}, []string{"answered, but not as the cache"}},
		{"forbidden", backend + `sub vcl_recv { if (req.method == "PURGE") { return (synth(405, "Not allowed")); } }`, "cache.purge",
			[]string{"url=/news/v0/seg1.ts"}, []string{"answered 405 Not allowed", "check the acl in its VCL, and that it lists the bot's address"}},
		{"no tags", backend + `sub vcl_recv { if (req.method == "PURGE") { return (purge); } }`, "cache.purge",
			[]string{"tag=ch-news"}, []string{"nothing else was done instead"}},
		{"no URL in the object", backend, "cache.purge", []string{"prefix=/news/"}, []string{"does not keep the URL in the object", "nothing else was done instead"}},
	}
	origin := lab.NewOrigin(t, lab.OriginOptions{Channels: []lab.Channel{{Name: "news"}}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			edge := lab.NewVarnish(t, lab.VarnishOptions{Origin: origin.Address, VCL: tt.vcl})
			w := &world{nodes: []actions.Node{node("edge-1", front(edge))}, deployments: []actions.Deployment{{Name: "news", Origin: origin.URL + "/news/master.m3u8"}}}
			r := &rig{t: t, origin: origin, edges: []*lab.Varnish{edge}, world: w, c: newContent(t, content.Options{World: w})}
			err := r.carryOut("r-1", r.plan(tt.intent, tt.words...), 1).errs["edge-1"]
			if err == nil || actions.IsTemporary(err) {
				t.Fatalf("%s %q = %v, want a permanent error", tt.intent, tt.words, err)
			}
			contains(t, "error", err.Error(), append(tt.want, "edge-1/front: ")...)
		})
	}
}

// TestAtOnce does many steps on one cache at the same time: nothing is mixed up.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.age()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			path := fmt.Sprintf("/news/v%d/seg%d.ts", i%2, i/2)
			args := content.PurgeArgs{URLs: []string{r.origin.URL + path}}
			got, err := r.executor(content.KindPurge).Do(t.Context(), call("edge-1", args))
			if err != nil || !strings.Contains(got.Say, "removed 1 object, verified fresh: 1 object") {
				t.Errorf("purge of %s = %q, %v", path, got.Say, err)
			}
		})
	}
	wg.Wait()
}

// TestOriginThatFails: an origin that answers 503 is told as what it is, and worth another try.
func TestOriginThatFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.origin.SetStatus("/news/master.m3u8", http.StatusServiceUnavailable)
	err := r.carryOut("r-1", r.plan("cache.flush", "node=edge-1"), 1).errs["edge-1"]
	if !actions.IsTemporary(err) {
		t.Fatalf("flush before a failing origin = %v, want a temporary refusal", err)
	}
	contains(t, "error", err.Error(), "edge-1: not flushed, since no origin answers", "answered 503", "purge by URL or tag does not need the origin")
	if got := r.bans(0, "r-1"); got != 0 {
		t.Errorf("bans = %d, want 0", got)
	}
	r.origin.SetStatus("/news/master.m3u8", http.StatusNotFound) // an origin that is up: a flush is no harm
	s := r.carryOut("r-2", r.plan("cache.flush", "node=edge-1"), 1)
	contains(t, "flush", s.outcomes["edge-1"][0].Say, "ban accepted", "nothing was looked at (news: walk ", "answered 404 Not Found)")
	contains(t, "prime", fmt.Sprint(s.errs["edge-1"]), "prime edge-1: nothing of news could be read")
}

// TestPlanTouchesWhatWasNamed holds for all selections: a plan touches the named nodes that have caches, each once, in the order said, and
// is the same plan when it is made again.
func TestPlanTouchesWhatWasNamed(t *testing.T) {
	t.Parallel()
	w := &world{deployments: []actions.Deployment{{Name: "news", Origin: "http://origin.example/news/master.m3u8"}}}
	for i := range 12 {
		n := node(fmt.Sprintf("edge-%d", i))
		if i%3 != 0 {
			n.Caches = []actions.Cache{{Name: "front", Kind: "varnish", URL: "http://192.0.2.1:80", AdminAddress: "192.0.2.1:6082"}}
		}
		w.nodes = append(w.nodes, n)
	}
	c := newContent(t, content.Options{World: w})
	flush := verb(t, c, "cache.flush").Plan
	rapid.Check(t, func(rt *rapid.T) {
		var words, want []string
		seen := map[int]bool{}
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, 11), 1, 20).Draw(rt, "nodes") {
			words = append(words, fmt.Sprintf("node=edge-%d", i))
			if i%3 != 0 && !seen[i] {
				want = append(want, fmt.Sprintf("edge-%d", i))
				seen[i] = true
			}
		}
		p, err := flush(t.Context(), request("cache.flush", words...), w)
		if len(want) == 0 {
			if err == nil {
				rt.Errorf("plan of %q = %v, want an error: none has a cache", words, p.Targets())
			}
			return
		}
		if err != nil || strings.Join(p.Targets(), " ") != strings.Join(want, " ") {
			rt.Fatalf("plan of %q touches %q, %v; want %q", words, p.Targets(), err, want)
		}
		again, err := flush(t.Context(), request("cache.flush", words...), w)
		if err != nil || again.Hash() != p.Hash() {
			rt.Errorf("plan of %q made again = another hash, %v", words, err)
		}
	})
}
