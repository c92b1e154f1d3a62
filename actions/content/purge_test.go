package content_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/cache"
)

// TestPurge makes old content new in each of the ways, on a real Varnish.
func TestPurge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		words []string // ORIGIN and EDGE stand for their URLs
		want  []string
		fresh []string // paths that must be new afterwards
		old   []string // and those that must have been left alone
	}{
		{"one URL", []string{"url=ORIGIN/news/v0/seg1.ts"},
			[]string{"front: purge accepted, removed 1 object, verified fresh: 1 object as the origin has it, took "},
			[]string{"/news/v0/seg1.ts"}, []string{"/news/v0/seg2.ts"}},
		{"a path", []string{"url=/news/v0/seg1.ts", "url=/news/v0/seg2.ts"}, []string{"purge accepted for 2 of 2 URLs, removed ", "verified fresh: 2 objects"},
			[]string{"/news/v0/seg1.ts", "/news/v0/seg2.ts"}, []string{"/news/v0/seg3.ts"}},
		{"a URL as the edge has it", []string{"url=EDGE/news/v0/seg1.ts"}, []string{"verified fresh: 1 object"},
			[]string{"/news/v0/seg1.ts"}, []string{"/news/v0/seg2.ts"}},
		{"softly", []string{"url=ORIGIN/news/v0/seg1.ts", "+soft"}, []string{"front: soft purge accepted", "verified fresh: 1 object"},
			[]string{"/news/v0/seg1.ts"}, []string{"/news/v0/seg2.ts"}},
		{"a tag", []string{"tag=ch-news-v0"}, []string{"front: xkey accepted, removed 7 objects", "verified fresh: 7 objects"},
			[]string{"/news/v0/seg1.ts", "/news/v0/index.m3u8"}, []string{"/news/v1/seg1.ts", "/news/master.m3u8"}},
		{"a tag that nothing bears", []string{"tag=ch-other"}, []string{"removed 0 objects, verified unknown (no deployment here has an object that it covers"},
			nil, []string{"/news/v0/seg1.ts"}},
		{"a prefix", []string{"prefix=/news/v1/"}, []string{"front: ban accepted, number removed not told by the server, verified fresh: 7 objects"},
			[]string{"/news/v1/seg1.ts", "/news/v1/index.m3u8"}, []string{"/news/v0/seg1.ts"}},
		{"a deployment", []string{"deployment=news"}, []string{"purge accepted for 15 of 15 URLs", "verified fresh: 15 objects"},
			[]string{"/news/master.m3u8", "/news/v0/seg1.ts", "/news/v1/seg5.ts"}, nil},
	}
	r := newRig(t, 1)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // one after another: they share what the edge holds
			sub := *r
			sub.t = t
			sub.mustDo(fmt.Sprintf("r-%d", 10+i), sub.plan("cache.flush", "node=edge-1"))
			sub.origin.SetGeneration(2*i + 1)
			was := map[string]string{}
			for _, path := range append(tt.fresh, tt.old...) {
				was[path] = sub.etag(0, path)
			}
			words := make([]string, len(tt.words))
			for j, w := range tt.words {
				words[j] = strings.NewReplacer("ORIGIN", r.origin.URL, "EDGE", r.edges[0].URL).Replace(w)
			}
			s := sub.mustDo(fmt.Sprintf("r-%d", 100+i), sub.plan("cache.purge", words...))
			contains(t, "purge", s.last("edge-1"), tt.want...)
			for _, path := range tt.fresh {
				if got := sub.etag(0, path); got == was[path] {
					t.Errorf("%s after the purge = %s, as before", path, got)
				}
			}
			for _, path := range tt.old {
				if got := sub.etag(0, path); got != was[path] {
					t.Errorf("%s after the purge = %s, want it left alone at %s", path, got, was[path])
				}
			}
		})
	}
}

// etag is what a viewer gets for a path of the origin.
func (r *rig) etag(edge int, path string) string {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.edges[edge].URL+path, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Host = r.origin.Address
	resp, err := cache.NewClient().Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.Header.Get("ETag")
}

// TestPurgeOldPlaylist purges along the edge's own copy of a playlist too: it names segments that the origin's names no more.
func TestPurgeOldPlaylist(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.origin.Put("/film/index.m3u8", []byte("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nold.ts\n#EXT-X-ENDLIST\n"), nil)
	r.origin.Put("/film/old.ts", []byte("old"), nil)
	r.world.deployments = append(r.world.deployments, actions.Deployment{Name: "film", Origin: r.origin.URL + "/film/index.m3u8"})
	r.mustDo("r-0", r.plan("cache.prime", "deployment=film"))
	r.origin.Put("/film/index.m3u8", []byte("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nnew.ts\n#EXT-X-ENDLIST\n"), nil)
	r.origin.Put("/film/new.ts", []byte("new"), nil)
	r.origin.Put("/film/old.ts", []byte("changed"), nil)
	s := r.mustDo("r-1", r.plan("cache.purge", "deployment=film"))
	contains(t, "purge", s.last("edge-1"), "purge accepted for 3 of 3 URLs, removed ", "verified fresh: 3 objects")
}

// TestPurgeFleet purges two nodes of which one is dead: each is told, and the dead one keeps nothing from being done.
func TestPurgeFleet(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.age()
	p := r.plan("cache.purge", "deployment=news")
	if g := p.Groups[0]; g.Width != 0 || !g.KeepGoing || len(g.Nodes) != 2 {
		t.Errorf("group = %d nodes, width %d, keep going %v; want both at once, whatever fails", len(g.Nodes), g.Width, g.KeepGoing)
	}
	if err := r.edges[0].Halt(); err != nil {
		t.Fatal(err)
	}
	s := r.carryOut("r-2", p, 1)
	err := s.errs["edge-1"]
	if !actions.IsTemporary(err) {
		t.Errorf("purge of a dead node = %v, want a temporary error", err)
	}
	contains(t, "dead node", fmt.Sprint(err), "edge-1/front: "+r.edges[0].URL+" cannot be reached: 15 of 15 URLs failed, the first: ", "is varnishd running there?")
	contains(t, "other node", s.last("edge-2"), "purge accepted for 15 of 15 URLs", "verified fresh")
}

// TestPurgeRepeated purges a prefix twice under one key.
func TestPurgeRepeated(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.age()
	s := r.carryOut("r-3", r.plan("cache.purge", "prefix=/news/"), 2)
	if err := s.errs["edge-1"]; err != nil {
		t.Fatal(err)
	}
	contains(t, "purge", s.last("edge-1"), "ban accepted", "verified fresh: 8 objects")
	if got := r.bans(0, "r-3/do/0/edge-1/2"); got != 1 {
		t.Errorf("second bans = %d, want 1", got)
	}
}

// TestPurgeErrors: a server that is not the cache, one that hangs, one that resets.
func TestPurgeErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		url       string
		want      []string
		is        error
		temporary bool
	}{
		{"200 without signature", unsigned(t), []string{"edge-1/front: ", " answered, but not as the cache: ", "check that caches[].url is the cache itself"}, cache.ErrNoSignature, false},
		{"hangs", "http://" + hanging(t), []string{"edge-1/front: ", "did not answer in time"}, nil, true},
		{"resets", "http://" + resetting(t), []string{"edge-1/front: ", "cannot be reached"}, nil, true},
		{"nobody there", "http://127.0.0.1:1", []string{"http://127.0.0.1:1 cannot be reached", "is varnishd running there?"}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := &world{nodes: []actions.Node{node("edge-1", actions.Cache{Name: "front", Kind: "varnish", URL: tt.url, Settle: settle})}}
			c := newContent(t, content.Options{World: w, Open: shortOpen})
			_, err := c.Executors()[content.KindPurge].Do(t.Context(), call("edge-1", content.PurgeArgs{URLs: []string{"http://origin.example/a.ts"}}))
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || actions.IsTemporary(err) != tt.temporary {
				t.Fatalf("purge = %v (temporary %v), want %v, temporary %v", err, actions.IsTemporary(err), tt.is, tt.temporary)
			}
			contains(t, "purge", err.Error(), tt.want...)
		})
	}
}

// TestPurgeForeignURL purges a URL whose host is no deployment's origin, and asks that host nothing.
func TestPurgeForeignURL(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	foreign := unsigned(t)
	got, err := r.executor(content.KindPurge).Do(t.Context(), call("edge-1", content.PurgeArgs{URLs: []string{foreign + "/a.ts"}}))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, "purge", got.Say, "purge accepted", "verified unknown", "is no deployment's origin, so it was not asked")
	var p content.Purged
	if err := json.Unmarshal(got.Data, &p); err != nil || p.Caches[0].Verified != cache.Unknown || p.Caches[0].Accepted != 1 {
		t.Errorf("data = %+v, %v; want accepted and not verified", p, err)
	}
}

func TestPurgePlanErrors(t *testing.T) {
	t.Parallel()
	full := actions.Cache{Name: "front", Kind: "varnish", URL: "http://127.0.0.1:1", AdminAddress: "127.0.0.1:2"}
	noAdmin := actions.Cache{Name: "front", Kind: "varnish", URL: "http://127.0.0.1:3"}
	w := &world{nodes: []actions.Node{node("edge-1", full), node("edge-2", noAdmin)},
		deployments: []actions.Deployment{{Name: "news", Origin: "http://a.example/news/master.m3u8"}, {Name: "sport", Origin: "http://b.example/sport/master.m3u8"}}}
	many := make([]string, 201)
	for i := range many {
		many[i] = fmt.Sprintf("url=http://a.example/%d.ts", i)
	}
	c := newContent(t, content.Options{World: w})
	tests := []struct {
		name  string
		words []string
		want  string
		is    error
	}{
		{"nothing", nil, "purge what?", nil},
		{"two things", []string{"tag=a", "prefix=/b"}, "purge what? one of", nil},
		{"mistyped deployment", []string{"deployment=newz"}, `no deployment is called "newz"; did you mean news?`, actions.ErrUnknown},
		{"mistyped node", []string{"url=/news/a.ts", "node=egde-1"}, "did you mean edge-1?", actions.ErrUnknown},
		{"no URL", []string{"url=news/a.ts", "node=edge-1"}, "want http://host/path", cache.ErrBadURL},
		{"other scheme", []string{"url=file:///etc/passwd", "node=edge-1"}, "want http://host/path", cache.ErrBadURL},
		{"control character", []string{"url=http://a/\x01", "node=edge-1"}, "holds a blank or a control character; percent-encode it", cache.ErrBadURL},
		{"blank in the query", []string{"url=http://a/x?b c", "node=edge-1"}, "percent-encode it", cache.ErrBadURL},
		{"whose path", []string{"url=/film/a.ts", "node=edge-1"}, "2 origins could have it; say the whole URL, such as http://a.example/film/a.ts", cache.ErrBadURL},
		{"too many URLs", many, "201 URLs are more than one command may name", nil},
		{"prefix of a host", []string{"prefix=http://a.example/", "node=edge-1"}, "to remove everything say: flush", nil},
		{"relative prefix", []string{"prefix=news", "node=edge-1"}, "want /path or http://host/path", cache.ErrBadPrefix},
		{"soft prefix", []string{"prefix=/news/", "node=edge-1", "+soft"}, "a soft purge of a prefix", cache.ErrUnsupported},
		{"one cannot", []string{"prefix=/news/"}, "edge-2/front: not supported by this cache: everything below /news/", cache.ErrUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := verb(t, c, "cache.purge").Plan(t.Context(), request("cache.purge", tt.words...), w)
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) {
				t.Fatalf("Plan(%q) = %v, want %v", tt.words, err, tt.is)
			}
			contains(t, "error", err.Error(), tt.want)
		})
	}
}

func TestPurgePlan(t *testing.T) {
	t.Parallel()
	full := actions.Cache{Name: "front", Kind: "varnish", URL: "http://127.0.0.1:1", AdminAddress: "127.0.0.1:2"}
	w := &world{nodes: []actions.Node{node("edge-1", full), node("edge-2", full), node("mac-1")},
		deployments: []actions.Deployment{{Name: "news", Origin: "http://a.example/news/master.m3u8", Nodes: []string{"edge-2"}}}}
	c := newContent(t, content.Options{World: w})
	tests := []struct {
		name  string
		words []string
		want  []string
		args  content.PurgeArgs
	}{
		{"a URL goes to all nodes with caches", []string{"url=http://user:pw@a.example/news/a.ts?q=1#frag"}, []string{
			"on edge-1, edge-2, all at once:",
			"  purge http://a.example/news/a.ts?q=1 on each node, wait for fetches in flight, purge again, compare with the origin",
			"note: edge-1: varnish front at http://127.0.0.1:1; serves no deployment",
			"note: edge-2: varnish front at http://127.0.0.1:1; serves news",
		}, content.PurgeArgs{URLs: []string{"http://a.example/news/a.ts?q=1"}}},
		{"a deployment to its own", []string{"deployment=news", "+soft"}, []string{
			"on edge-2:",
			"  softly purge every URL of news's playlists on edge-2, wait for fetches in flight, purge again, compare with the origin",
			"note: edge-2: varnish front at http://127.0.0.1:1; serves news",
			"note: purged URL by URL along the playlists: what no playlist names any more stays; a tag or a prefix removes that too",
		}, content.PurgeArgs{Deployment: "news", Soft: true}},
		{"a prefix with a host", []string{"prefix=https://a.example/news/v0?x", "node=edge-1"}, []string{
			"on edge-1:",
			"  purge everything below /news/v0?x on edge-1, wait for fetches in flight, purge again, compare with the origin",
			"note: edge-1: varnish front at http://127.0.0.1:1; serves no deployment",
			"note: the prefix is looked for under every host, not only a.example",
		}, content.PurgeArgs{Prefix: "/news/v0?x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := verb(t, c, "cache.purge").Plan(t.Context(), request("cache.purge", tt.words...), w)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, p.Lines()); diff != "" {
				t.Errorf("plan of %q (-want +got):\n%s", tt.words, diff)
			}
			var args content.PurgeArgs
			if err := json.Unmarshal(p.Groups[0].Steps[0].Args, &args); err != nil {
				t.Fatal(err)
			}
			args.Seen = ""
			if diff := cmp.Diff(tt.args, args); diff != "" {
				t.Errorf("arguments of %q (-want +got):\n%s", tt.words, diff)
			}
			if p.Risk != actions.Disruptive {
				t.Errorf("risk = %s, want disruptive", p.Risk)
			}
		})
	}
}

// TestPurgeDeadOrigin purges what needs no playlist; a deployment, whose URLs nobody can tell, is worth another try.
func TestPurgeDeadOrigin(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	url := r.origin.URL + "/news/v0/seg1.ts"
	r.mustDo("r-0", r.plan("cache.prime", "url="+url))
	if err := r.origin.Stop(); err != nil {
		t.Fatal(err)
	}
	s := r.mustDo("r-1", r.plan("cache.purge", "url="+url))
	contains(t, "URL", s.last("edge-1"), "purge accepted, removed 1 object, verified unknown (", "connection refused")
	s = r.mustDo("r-2", r.plan("cache.purge", "tag=ch-news-v0"))
	contains(t, "tag", s.last("edge-1"), "xkey accepted, removed 0 objects, verified unknown", "; not walked: news: walk ")
	err := r.carryOut("r-3", r.plan("cache.purge", "deployment=news"), 1).errs["edge-1"]
	if !actions.IsTemporary(err) || !strings.Contains(err.Error(), "nothing of news could be read") {
		t.Errorf("purge of a deployment with a dead origin = %v, want a temporary error", err)
	}
}

// TestPurgeSomeFail purges what can be purged, and says how many could not.
func TestPurgeSomeFail(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	good, bad := r.origin.URL+"/news/v0/seg1.ts", "ftp://origin.example/a.ts"
	r.mustDo("r-0", r.plan("cache.prime", "url="+good))
	r.origin.SetGeneration(1)
	_, err := r.executor(content.KindPurge).Do(t.Context(), call("edge-1", content.PurgeArgs{URLs: []string{good, bad}}))
	if !errors.Is(err, cache.ErrBadURL) {
		t.Fatalf("purge of a good and a bad URL = %v, want %v", err, cache.ErrBadURL)
	}
	contains(t, "error", err.Error(), "edge-1/front: 1 of 2 URLs failed, the first: ", bad)
	if got, want := r.etag(0, "/news/v0/seg1.ts"), `"1-`; !strings.HasPrefix(got, want) {
		t.Errorf("the good URL is %s, want it purged and fetched anew: %s", got, want)
	}
}

// TestPurgeStillStale: accepted is not verified. A purge that the server signs and that changes nothing is no success.
func TestPurgeStillStale(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0)
	r.world.nodes = []actions.Node{node("edge-1", actions.Cache{Name: "front", Kind: "varnish", URL: stubborn(t), Settle: settle})}
	for _, words := range [][]string{{"url=" + r.origin.URL + "/news/v0/seg1.ts"}, {"deployment=news"}} {
		err := r.carryOut("r-1", r.plan("cache.purge", words...), 1).errs["edge-1"]
		if words[0] == "deployment=news" {
			contains(t, "deployment", fmt.Sprint(err), "15 of 15 URLs failed, the first: ")
		}
		if !errors.Is(err, cache.ErrStale) || !actions.IsTemporary(err) {
			t.Fatalf("purge %q that changes nothing = %v, want %v, worth another try", words, err, cache.ErrStale)
		}
		contains(t, "error", err.Error(), "edge-1/front: ", "edge has ETag ", "old", "let settle (caches[].settle) be longer than the origin's slowest answer")
	}
}
