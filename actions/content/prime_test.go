package content_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/cache"
)

func TestPrime(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	p := r.plan("cache.prime", "deployment=news")
	if p.Risk != actions.Reversible || !p.Groups[0].KeepGoing {
		t.Errorf("plan = risk %s, keep going %v; want reversible and true", p.Risk, p.Groups[0].KeepGoing)
	}
	s := r.mustDo("r-1", p)
	contains(t, "prime", s.outcomes["edge-1"][0].Say, "front: primed 15 of 15 objects, 0.2 MB, origin asked for 15")
	contains(t, "second look", s.last("edge-1"), "front: verified fresh: 15 objects against the origin, 15 hit")
	if strings.Contains(s.last("edge-1"), "removed") {
		t.Errorf("a prime tells of something removed: %q", s.last("edge-1"))
	}
	contains(t, "progress", strings.Join(s.told, "\n"), "primed 1 of 15", "primed 8 of 15", "primed 15 of 15", "verified 15 of 15")

	s = r.mustDo("r-2", r.plan("cache.prime", "url=/news/v0/seg1.ts", "url=/news/v0/seg2.ts", "node=edge-1"))
	contains(t, "prime of URLs", s.outcomes["edge-1"][0].Say, "primed 2 of 2 objects", "origin asked for 0")
}

// TestPrimePart primes what is there, and tells of what is not: a missing segment, a variant that cannot be read, a foreign host.
func TestPrimePart(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.origin.SetStatus("/news/v0/seg1.ts", http.StatusNotFound)
	s := r.mustDo("r-1", r.plan("cache.prime", "deployment=news"))
	contains(t, "prime", s.outcomes["edge-1"][0].Say, "primed 14 of 15 objects", "/news/v0/seg1.ts: answered 404")
	contains(t, "second look", s.last("edge-1"), "verified unknown: 15 objects against the origin, 14 hit, 1 failed", "/news/v0/seg1.ts")

	r.origin.SetStatus("/news/v0/seg1.ts", 0)
	a := r.answer("cache.verify", "deployment=news") // the edge keeps the 404 of an object that is there again
	contains(t, "verify", strings.Join(a.Lines, "\n"), "/news/v0/seg1.ts: edge has status 404, origin ETag ")
	r.mustDo("r-9", r.plan("cache.purge", "url=/news/v0/seg1.ts"))
	r.origin.SetStatus("/news/v1/index.m3u8", http.StatusForbidden)
	s = r.mustDo("r-2", r.plan("cache.prime", "deployment=news"))
	contains(t, "prime", s.outcomes["edge-1"][0].Say, "primed 8 of 8 objects", "not walked: news: ", "/news/v1/index.m3u8: answered 403")

	r.origin.Put("/film/index.m3u8", []byte("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://169.254.169.254/latest\n#EXT-X-ENDLIST\n"), nil)
	r.world.deployments = append(r.world.deployments, actions.Deployment{Name: "film", Origin: r.origin.URL + "/film/index.m3u8"})
	s = r.mustDo("r-3", r.plan("cache.prime", "deployment=film"))
	contains(t, "prime", s.outcomes["edge-1"][0].Say, "primed 1 of 1 object", "1 object not asked, on a foreign host: 169.254.169.254")
}

func TestPrimeErrors(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.origin.Put("/loop/index.m3u8", []byte("this is no playlist"), nil)
	r.world.deployments = append(r.world.deployments,
		actions.Deployment{Name: "gone", Origin: r.origin.URL + "/gone/master.m3u8"},
		actions.Deployment{Name: "loop", Origin: r.origin.URL + "/loop/index.m3u8"},
		actions.Deployment{Name: "down", Origin: "http://127.0.0.1:1/master.m3u8"})
	tests := []struct {
		name      string
		node      string
		args      content.PrimeArgs
		want      string
		is        error
		temporary bool
	}{
		{"404", "edge-1", content.PrimeArgs{Deployments: []string{"gone"}}, "prime edge-1: nothing of gone could be read: gone: walk ", nil, false},
		{"no playlist", "edge-1", content.PrimeArgs{Deployments: []string{"loop"}}, "is the deployment's origin its master playlist?", cache.ErrNotPlaylist, false},
		{"origin down", "edge-1", content.PrimeArgs{Deployments: []string{"down"}}, "connection refused", nil, true},
		{"deployment gone since", "edge-1", content.PrimeArgs{Deployments: []string{"newz"}}, "did you mean news?", actions.ErrUnknown, false},
		{"node gone since", "edge-2", content.PrimeArgs{}, "read node edge-2 of the inventory", actions.ErrUnknown, false},
		{"all URLs fail", "edge-1", content.PrimeArgs{URLs: []string{"http://origin.example/nope.ts"}}, "edge-1/front: none of 1 object could be primed: http://origin.example/nope.ts: answered 404", nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := r.executor(content.KindPrime).Do(t.Context(), call(tt.node, tt.args))
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || actions.IsTemporary(err) != tt.temporary {
				t.Fatalf("prime %+v = %v (temporary %v), want %v, temporary %v", tt.args, err, actions.IsTemporary(err), tt.is, tt.temporary)
			}
			contains(t, "error", err.Error(), tt.want)
		})
	}
}

func TestSubjectErrors(t *testing.T) {
	t.Parallel()
	w := &world{nodes: []actions.Node{node("edge-1", actions.Cache{Name: "front", Kind: "varnish", URL: "http://127.0.0.1:1"})},
		deployments: []actions.Deployment{{Name: "news", Origin: "http://a.example/news/master.m3u8"}}}
	c := newContent(t, content.Options{World: w})
	for _, tt := range []struct {
		words []string
		want  string
	}{
		{nil, "which deployment, or which URLs?"},
		{[]string{"deployment=news", "url=/news/a.ts"}, "a deployment or URLs, not both"},
		{[]string{"deployment=newz"}, "did you mean news?"},
		{[]string{"url=ftp://a/b"}, "bad URL"},
	} {
		_, err := verb(t, c, "cache.prime").Plan(t.Context(), request("cache.prime", tt.words...), w)
		contains(t, fmt.Sprintf("cache.prime %q", tt.words), fmt.Sprint(err), tt.want)
		_, err = verb(t, c, "cache.verify").Answer(t.Context(), request("cache.verify", tt.words...), w)
		contains(t, fmt.Sprintf("cache.verify %q", tt.words), fmt.Sprint(err), tt.want)
	}
}

// TestVerifyAnswer looks before, between and after.
func TestVerifyAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.age()
	a := r.answer("cache.verify", "deployment=news")
	if !a.Bad || len(a.Table.Rows) != 2 {
		t.Fatalf("answer on old content = %+v, want bad, a row for each node", a)
	}
	contains(t, "title", a.Title, "news on 2 nodes: not as it should be")
	contains(t, "row", strings.Join(a.Table.Rows[0], " "), "edge-1 front stale 15 0 0 15 0")
	contains(t, "lines", strings.Join(a.Lines, "\n"), "edge-2/front: "+r.origin.URL, "edge has ETag")
	contains(t, "hint", a.Hint, "purge news")

	r.mustDo("r-1", r.plan("cache.flush", "node=edge-1"))
	if err := r.edges[1].Halt(); err != nil {
		t.Fatal(err)
	}
	a = r.answer("cache.verify", "deployment=news")
	contains(t, "row", strings.Join(a.Table.Rows[0], " "), "edge-1 front fresh 15 15 0 0 0")
	if !a.Bad {
		t.Error("a dead node is not bad")
	}
	a = r.answer("cache.verify", "deployment=news", "node=edge-1")
	if a.Bad || a.Title != "news on edge-1: as the origin has it" {
		t.Errorf("answer on new content = bad %v, %q", a.Bad, a.Title)
	}
	if _, err := json.Marshal(a.Data); err != nil {
		t.Errorf("data cannot be sent: %v", err)
	}
}

func TestLoadtest(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	p := r.plan("cache.loadtest", "deployment=news", "duration=1s", "rate=300")
	if p.Risk != actions.Disruptive || p.Groups[0].Width != 1 {
		t.Errorf("plan = risk %s, width %d; want disruptive, one node after another", p.Risk, p.Groups[0].Width)
	}
	contains(t, "plan", p.Say, "load-test news on edge-1 for 1s at 300 requests/s")
	timed, ok := r.executor(content.KindLoadtest).(run.Timed)
	if !ok {
		t.Fatal("the executor of load tests has no time limit of its own")
	}
	if got := timed.Timeout(run.Call{Args: p.Groups[0].Steps[0].Args}); got < time.Minute {
		t.Errorf("time limit = %s, want room for walking the playlists", got)
	}
	s := r.mustDo("r-1", p)
	contains(t, "load test", s.last("edge-1"), " requests in 1s, hit ratio ", " % (client), ", " % (varnishstat), TTFB of hits p50 ", " p95 ", " p99 ", ", of misses p50 ")
	contains(t, "progress", strings.Join(s.told, "\n"), "1s of 1s, ")
	var l content.Loaded
	if err := json.Unmarshal(s.outcomes["edge-1"][0].Data, &l); err != nil {
		t.Fatal(err)
	}
	if rep := l.Caches[0].Report; rep.Requests < 20 || rep.Hits == 0 || rep.Misses == 0 || rep.Misses > newsObjects || rep.Errors != 0 || rep.Server == nil {
		t.Errorf("report = %+v, want requests, hits, up to 15 misses, the server's numbers and no errors", rep)
	}

	r.world.nodes[0].Caches[0].StatsDir = ""
	s = r.mustDo("r-2", r.plan("cache.loadtest", "deployment=news", "duration=1s"))
	contains(t, "load test", s.last("edge-1"), "hit ratio 100.0 % (client), client side only")
}

func TestLoadtestErrors(t *testing.T) {
	t.Parallel()
	w := &world{nodes: []actions.Node{node("edge-1", actions.Cache{Name: "front", Kind: "varnish", URL: "http://127.0.0.1:1"})},
		deployments: []actions.Deployment{{Name: "news", Origin: "http://127.0.0.1:1/news/master.m3u8"}}}
	c := newContent(t, content.Options{World: w})
	for _, tt := range []struct {
		words []string
		want  string
	}{
		{nil, "load-test which deployment?"},
		{[]string{"deployment=nwes"}, "did you mean news?"},
		{[]string{"deployment=news", "rate=fast"}, `rate "fast": want requests per second`},
		{[]string{"deployment=news", "rate=NaN"}, "want 1 to 20000 requests per second"},
		{[]string{"deployment=news", "rate=0"}, "want 1 to 20000"},
		{[]string{"deployment=news", "rate=1e9"}, "want 1 to 20000"},
		{[]string{"deployment=news", "duration=11m"}, "duration 11m0s: want 1s to 10m0s"},
		{[]string{"deployment=news", "duration=1ms"}, "want 1s to 10m0s"},
	} {
		_, err := verb(t, c, "cache.loadtest").Plan(t.Context(), request("cache.loadtest", tt.words...), w)
		contains(t, fmt.Sprintf("cache.loadtest %q", tt.words), fmt.Sprint(err), tt.want)
	}
}

// TestLoadtestAllFail is no measurement but an error, worth another try.
func TestLoadtestAllFail(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	if err := r.edges[0].Halt(); err != nil {
		t.Fatal(err)
	}
	err := r.carryOut("r-1", r.plan("cache.loadtest", "deployment=news", "duration=1s", "rate=20"), 1).errs["edge-1"]
	if !actions.IsTemporary(err) {
		t.Fatalf("load test of a dead cache = %v, want a temporary error", err)
	}
	contains(t, "error", err.Error(), "edge-1/front: all ", " requests failed: ", "connection refused")
}

// TestVerifyAnswerSamples says how much of a big deployment it looked at.
func TestVerifyAnswerSamples(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.mustDo("r-1", r.plan("cache.prime", "deployment=news"))
	for i := range 63 {
		r.world.nodes = append(r.world.nodes, node(fmt.Sprintf("copy-%d", i), r.world.nodes[0].Caches...))
	}
	a := r.answer("cache.verify", "deployment=news")
	if a.Bad || len(a.Table.Rows) != 64 {
		t.Errorf("answer = bad %v, %d rows; want 64 good ones", a.Bad, len(a.Table.Rows))
	}
	contains(t, "lines", strings.Join(a.Lines, "\n"), "looked at 8 of 15 objects, spread evenly")
	contains(t, "title", a.Title, "news on 64 nodes: as the origin has it")
}

// TestVerifyAnswerInTime answers although a cache hangs.
func TestVerifyAnswerInTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0)
	r.world.nodes = []actions.Node{node("edge-1", actions.Cache{Name: "front", Kind: "varnish", URL: "http://" + hanging(t)})}
	r.c = newContent(t, content.Options{World: r.world, Patience: 300 * time.Millisecond})
	a := r.answer("cache.verify", "deployment=news")
	if !a.Bad {
		t.Errorf("answer of a hanging cache = %q, want bad", a.Title)
	}
	contains(t, "lines", strings.Join(a.Lines, "\n"), "edge-1/front: ", "did not answer in time: not done within 300ms")
}
