package cache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/lab"
)

// TestWalkSamples: the samples' URL sets are known exactly.
func TestWalkSamples(t *testing.T) {
	t.Parallel()
	origin := lab.NewOrigin(t, originOptions())
	for _, tt := range []struct {
		master                                  string
		playlists, inits, keys, segments, parts int
		live                                    bool
	}{
		{"/ts/master.m3u8", 3, 0, 0, 12, 0, false},
		{"/fmp4/master_full.m3u8", 6, 4, 0, 21, 0, false}, // all.m4s is its own init section
		{"/fmp4/master.m3u8", 4, 3, 0, 19, 0, false},
		{"/aes/index.m3u8", 1, 0, 1, 3, 0, false},
		{"/byterange/index.m3u8", 1, 1, 0, 0, 0, false},
		{"/live/index.m3u8", 1, 0, 0, 6, 0, true},
		{"/ll/index.m3u8", 1, 1, 0, 3, 6, true},
	} {
		t.Run(tt.master, func(t *testing.T) {
			t.Parallel()
			w, err := cache.Walk(t.Context(), nil, origin.URL+tt.master, cache.WalkOptions{})
			if err != nil || len(w.Problems) > 0 || len(w.Refused) > 0 || len(w.Ignored) > 0 {
				t.Fatalf("Walk = %v, problems %v, refused %v, ignored %v", err, w.Problems, w.Refused, w.Ignored)
			}
			got := fmt.Sprint(w.Count(cache.RolePlaylist), w.Count(cache.RoleInit), w.Count(cache.RoleKey), w.Count(cache.RoleSegment), w.Count(cache.RolePart))
			want := fmt.Sprint(tt.playlists, tt.inits, tt.keys, tt.segments, tt.parts)
			if got != want || len(w.Objects) != tt.playlists+tt.inits+tt.keys+tt.segments+tt.parts {
				t.Errorf("playlists, inits, keys, segments, parts = %s, want %s:\n%s", got, want, strings.Join(w.URLs(), "\n"))
			}
			if w.Live != tt.live || w.Target < 2*time.Second || w.Bytes == 0 {
				t.Errorf("live %v target %s bytes %d, want live %v", w.Live, w.Target, w.Bytes, tt.live)
			}
			report, err := cache.Prime(t.Context(), cache.Edge{URL: origin.URL}, w.Objects, cache.PrimeOptions{})
			if err != nil || report.Failed+report.Vanished+report.Skipped > 0 {
				t.Errorf("not all of them exist: %v, %v, %v", report, err, report.Offenders)
			}
		})
	}
	if n := origin.Requests("/ll/part269.2.m4s"); n != 0 {
		t.Errorf("the preload hint was fetched %d times: it may hang", n)
	}
}

// TestWalkOrder: what every viewer needs, then what most viewers play.
func TestWalkOrder(t *testing.T) {
	t.Parallel()
	origin := lab.NewOrigin(t, lab.OriginOptions{})
	for name, text := range map[string]string{
		"/c/master.m3u8": "#EXTM3U\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"a.m3u8\"\n" +
			"#EXT-X-STREAM-INF:BANDWIDTH=3000\nmid.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=9000\ntop.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nlow.m3u8\n",
		"/c/a.m3u8":   "#EXTM3U\n#EXTINF:2,\na0\n#EXTINF:2,\na1\n",
		"/c/mid.m3u8": "#EXTM3U\n#EXT-X-MAP:URI=\"mi\"\n#EXTINF:2,\nm0\n#EXTINF:2,\nm1\n",
		"/c/top.m3u8": "#EXTM3U\n#EXTINF:2,\nt0\n#EXTINF:2,\nt1\n",
		"/c/low.m3u8": "#EXTM3U\n#EXTINF:2,\nl0\n#EXTINF:2,\nl1\n",
	} {
		origin.Put(name, []byte(text), nil)
	}
	names := func(w cache.Walked) string {
		var out []string
		for _, u := range w.URLs() {
			out = append(out, path.Base(u))
		}
		return strings.Join(out, " ")
	}
	walk := func() string {
		t.Helper()
		w, err := cache.Walk(t.Context(), nil, origin.URL+"/c/master.m3u8", cache.WalkOptions{})
		if err != nil || len(w.Problems) > 0 {
			t.Fatal(err, w.Problems)
		}
		return names(w)
	}
	const lists = "master.m3u8 a.m3u8 mid.m3u8 top.m3u8 low.m3u8 k mi "
	if got, want := walk(), lists+"a1 l1 t1 m1 a0 l0 t0 m0"; got != want {
		t.Errorf("live:\n got %s\nwant %s", got, want)
	}
	for _, name := range []string{"a", "mid", "top", "low"} {
		first := name[:1]
		origin.Put("/c/"+name+".m3u8", []byte("#EXTM3U\n#EXTINF:2,\n"+first+"0\n#EXTINF:2,\n"+first+"1\n#EXT-X-ENDLIST\n"), nil)
	}
	if got, want := walk(), strings.Replace(lists, " mi ", " ", 1)+"a0 l0 t0 m0 a1 l1 t1 m1"; got != want {
		t.Errorf("on demand:\n got %s\nwant %s", got, want)
	}
}

// maze serves playlists by path, and counts what is asked for.
type maze struct {
	URL string

	mu    sync.Mutex
	asked map[string]int
}

func newMaze(t testing.TB, pages map[string]string) *maze {
	m := &maze{asked: map[string]int{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.asked[r.URL.RequestURI()]++
		m.mu.Unlock()
		page, ok := pages[r.URL.Path]
		switch to, redirect := strings.CutPrefix(page, "-> "); {
		case !ok:
			http.NotFound(w, r)
		case redirect:
			http.Redirect(w, r, strings.ReplaceAll(to, "{{host}}", r.Host), http.StatusFound)
		default:
			_, _ = w.Write([]byte("#EXTM3U\n" + strings.ReplaceAll(page, "{{host}}", r.Host)))
		}
	}))
	t.Cleanup(s.Close)
	m.URL = s.URL
	return m
}

func (m *maze) requests() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, k := range m.asked {
		n += k
	}
	return n
}

const variant = "#EXT-X-STREAM-INF:BANDWIDTH=1\n"

// TestWalkHostile: playlists that loop, lead elsewhere, lie too deep or have no end.
func TestWalkHostile(t *testing.T) {
	t.Parallel()
	var foreign atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { foreign.Add(1) }))
	defer elsewhere.Close()
	const segment = "#EXTINF:2,\ns.ts\n#EXT-X-ENDLIST\n"
	for _, tt := range []struct {
		name     string
		pages    map[string]string
		opt      cache.WalkOptions
		err      error
		problem  error
		refused  int
		objects  int
		requests int
	}{
		{"itself", map[string]string{"/m": variant + "/m\n"}, cache.WalkOptions{}, nil, cache.ErrLoop, 0, 1, 1},
		{"two in a ring", map[string]string{"/m": variant + "/n\n", "/n": variant + "/m\n"}, cache.WalkOptions{}, nil, cache.ErrLoop, 0, 2, 2},
		{"itself with a fragment", map[string]string{"/m": variant + "/m#1\n"}, cache.WalkOptions{}, nil, cache.ErrLoop, 0, 1, 1},
		{"a diamond is no loop", map[string]string{"/m": variant + "/a\n" + variant + "/b\n" + variant + "/a\n", "/a": segment, "/b": segment},
			cache.WalkOptions{}, nil, nil, 0, 4, 3},
		{"ever new queries", map[string]string{"/m": variant + "/m?a=1\n", "/m?": ""}, cache.WalkOptions{}, nil, cache.ErrLoop, 0, 2, 2},
		{"too deep", map[string]string{"/m": variant + "/a\n", "/a": variant + "/b\n", "/b": variant + "/c\n", "/c": segment},
			cache.WalkOptions{}, nil, cache.ErrTooDeep, 0, 3, 3},
		{"redirect to itself", map[string]string{"/m": "-> /m"}, cache.WalkOptions{}, cache.ErrLoop, nil, 0, 0, 6},
		{"redirect on the same host", map[string]string{"/m": "-> /n/o", "/n/o": variant + "p\n", "/n/p": segment}, cache.WalkOptions{}, nil, nil, 0, 3, 3},
		{"redirect elsewhere", map[string]string{"/m": "-> " + elsewhere.URL + "/x"}, cache.WalkOptions{}, cache.ErrForeign, nil, 0, 0, 1},
		{"redirect to a file", map[string]string{"/m": "-> file:///etc/passwd"}, cache.WalkOptions{}, cache.ErrForeign, nil, 0, 0, 1},
		{"variant redirects elsewhere", map[string]string{"/m": variant + "/a\n", "/a": "-> http://169.254.169.254/latest/meta-data/"},
			cache.WalkOptions{}, nil, cache.ErrForeign, 0, 1, 2},
		{"variant elsewhere", map[string]string{"/m": variant + elsewhere.URL + "/v.m3u8\n" + variant + "http://169.254.169.254/\n"},
			cache.WalkOptions{}, nil, nil, 2, 1, 1},
		{"segments elsewhere", map[string]string{"/m": "#EXTINF:2,\n" + elsewhere.URL + "/1.ts\n#EXTINF:2,\n//other.example/2.ts\n#EXTINF:2,\nftp://x/3.ts\n"},
			cache.WalkOptions{}, nil, nil, 2, 1, 1},
		{"another scheme", map[string]string{"/m": "#EXTINF:2,\nhttps://{{host}}/1.ts\n"}, cache.WalkOptions{}, nil, nil, 1, 1, 1},
		{"another port", map[string]string{"/m": "#EXTINF:2,\nhttp://127.0.0.1:1/1.ts\n"}, cache.WalkOptions{}, nil, nil, 1, 1, 1},
		{"allowed host", map[string]string{"/m": "#EXTINF:2,\nhttp://CDN.example:99/1.ts\n#EXTINF:2,\nhttp://cdn.example/2.ts\n#EXTINF:2,\nhttp://cdn.example.evil/3.ts\n"},
			cache.WalkOptions{Allow: []string{"cdn.example:99"}}, nil, nil, 2, 2, 1},
		{"allowed on any default port", map[string]string{"/m": "#EXTINF:2,\nhttp://CDN.example/1.ts\n#EXTINF:2,\nhttp://cdn.example:99/2.ts\n"},
			cache.WalkOptions{Allow: []string{"cdn.example"}}, nil, nil, 1, 2, 1},
		{"too many", map[string]string{"/m": strings.Repeat("#EXTINF:2,\ns{{host}}\n", 3) + "#EXTINF:2,\na\n#EXTINF:2,\nb\n#EXTINF:2,\nc\n"},
			cache.WalkOptions{MaxURLs: 3}, cache.ErrTooLarge, nil, 0, 3, 1},
		{"too many variants", map[string]string{"/m": variant + "a\n" + variant + "b\n" + variant + "c\n"},
			cache.WalkOptions{MaxURLs: 3}, cache.ErrTooLarge, nil, 0, 1, 1},
		{"more variants than room", map[string]string{"/m": variant + "a\n" + variant + "b\n", "/a": "#EXTINF:2,\n1\n#EXTINF:2,\n2\n", "/b": segment},
			cache.WalkOptions{MaxURLs: 3}, cache.ErrTooLarge, nil, 0, 3, 3},
		{"too big", map[string]string{"/m": strings.Repeat("# filler\n", 100)}, cache.WalkOptions{MaxBytes: 500}, cache.ErrTooLarge, nil, 0, 0, 1},
		{"too big together", map[string]string{"/m": variant + "a\n" + variant + "b\n", "/a": strings.Repeat("# filler\n", 30), "/b": strings.Repeat("# filler\n", 30)},
			cache.WalkOptions{MaxBytes: 500}, cache.ErrTooLarge, nil, 0, 1, 3},
		{"variant missing", map[string]string{"/m": variant + "a\n" + variant + "b\n", "/b": segment}, cache.WalkOptions{}, nil, nil, 0, 3, 3},
		{"master missing", map[string]string{}, cache.WalkOptions{}, nil, nil, 0, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := newMaze(t, tt.pages)
			w, err := cache.Walk(t.Context(), nil, m.URL+"/m", tt.opt)
			if missing := tt.name == "master missing"; missing && err == nil || !missing && !errors.Is(err, tt.err) {
				t.Errorf("Walk = %v, want %v", err, tt.err)
			}
			if tt.problem != nil && (len(w.Problems) != 1 || !errors.Is(w.Problems[0].Err, tt.problem)) {
				t.Errorf("problems = %v, want %v", w.Problems, tt.problem)
			}
			if len(w.Refused) != tt.refused || len(w.Objects) != tt.objects || m.requests() != tt.requests {
				t.Errorf("refused %v, objects %v, %d requests; want %d, %d, %d", w.Refused, w.URLs(), m.requests(), tt.refused, tt.objects, tt.requests)
			}
		})
	}
	if n := foreign.Load(); n != 0 {
		t.Errorf("%d requests went to a host that nobody allowed", n)
	}
}

func TestWalkProblems(t *testing.T) {
	t.Parallel()
	m := newMaze(t, map[string]string{
		"/m":   variant + "gone.m3u8\n" + variant + "good.m3u8\n#EXT-X-RENDITION-REPORT:URI=\"none.m3u8\"\n#EXT-X-RENDITION-REPORT:URI=\"err\"\n",
		"/err": "-> https://{{host}}/", "/good.m3u8": "#EXTINF:2,\n1.ts\n",
	})
	w, err := cache.Walk(t.Context(), nil, m.URL+"/m", cache.WalkOptions{})
	if err != nil || len(w.Problems) != 2 {
		t.Fatalf("Walk = %v, problems %v; want the variant that is gone and the report that leads elsewhere", err, w.Problems)
	}
	var status *cache.StatusError
	if !errors.As(w.Problems[0].Err, &status) || status.Status != 404 || w.Problems[0].String() != m.URL+"/gone.m3u8: answered 404 Not Found" {
		t.Errorf("problem = %s", w.Problems[0])
	}
	if got := w.URLs(); len(got) != 3 || !slices.Contains(got, m.URL+"/1.ts") {
		t.Errorf("objects = %v, want master, good.m3u8 and 1.ts", got)
	}
}

func TestWalkBadMaster(t *testing.T) {
	t.Parallel()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello")) }))
	defer page.Close()
	for _, tt := range []struct {
		url       string
		want      error
		temporary bool
	}{
		{"", cache.ErrBadURL, false},
		{"/news/master.m3u8", cache.ErrBadURL, false},
		{"file:///etc/passwd", cache.ErrBadURL, false},
		{"gopher://x/", cache.ErrBadURL, false},
		{page.URL, cache.ErrNotPlaylist, false},
		{"http://127.0.0.1:1/m.m3u8", nil, true},
	} {
		_, err := cache.Walk(t.Context(), nil, tt.url, cache.WalkOptions{})
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || cache.Temporary(err) != tt.temporary {
			t.Errorf("Walk(%q) = %v (temporary %v), want %v (temporary %v)", tt.url, err, cache.Temporary(err), tt.want, tt.temporary)
		}
	}
}

func TestWalkHangs(t *testing.T) {
	t.Parallel()
	origin := lab.NewOrigin(t, originOptions())
	hold := origin.HoldPath("/news/v1/index.m3u8")
	defer hold.Release()
	w, err := cache.Walk(t.Context(), nil, origin.URL+"/news/master.m3u8", cache.WalkOptions{Timeout: 100 * time.Millisecond})
	if err != nil || len(w.Problems) != 1 || !errors.Is(w.Problems[0].Err, context.DeadlineExceeded) || len(w.Objects) != 12 {
		t.Errorf("Walk with one playlist that hangs = %d objects, %v, %v; want the rest", len(w.Objects), w.Problems, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cache.Walk(ctx, nil, origin.URL+"/news/master.m3u8", cache.WalkOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Walk with a context that is done = %v, want %v", err, context.Canceled)
	}
}

// TestWalkVia: the origin's name need not resolve here, when the playlists come through an edge.
func TestWalkVia(t *testing.T) {
	t.Parallel()
	w := shared(t)
	d := w.driver(t, func(c *cache.Config) { c.Host = "" })
	edge := d.Edge()
	walked, err := cache.Walk(t.Context(), nil, "http://origin.invalid/news/master.m3u8", cache.WalkOptions{Via: &edge})
	if err != nil || len(walked.Objects) != 23 || walked.Objects[0].URL != "http://origin.invalid/news/master.m3u8" {
		t.Fatalf("Walk = %d objects, %v", len(walked.Objects), err)
	}
	for _, o := range walked.Objects {
		if !strings.HasPrefix(o.URL, "http://origin.invalid/news/") {
			t.Errorf("object %s is not named as the origin names it", o.URL)
		}
	}
	// What the walk fetched is cached under the origin's name.
	if _, l := get(t, d, "http://origin.invalid/news/v0/index.m3u8"); l != cache.LookupHit {
		t.Errorf("playlist is a %q after the walk, want a hit", l)
	}
	m := newMaze(t, map[string]string{"/m": "-> http://{{host}}/n", "/n": "#EXTINF:2,\n1.ts\n", "/back": "-> /n"})
	for _, start := range []string{"/m", "/back"} {
		walked, err = cache.Walk(t.Context(), nil, "http://origin.invalid"+start, cache.WalkOptions{Via: &cache.Edge{URL: m.URL}})
		if err != nil || len(walked.Objects) != 2 || walked.Objects[1].URL != "http://origin.invalid/1.ts" {
			t.Errorf("Walk through an edge that redirects = %v, %v", walked.URLs(), err)
		}
	}
}

// TestWalkLiveMoves: what vanished between walk and prime is no failure; what vanished from a channel that ended is.
func TestWalkLiveMoves(t *testing.T) {
	t.Parallel()
	origin := lab.NewOrigin(t, originOptions())
	walk := func(master string) cache.Walked {
		w, err := cache.Walk(t.Context(), nil, origin.URL+master, cache.WalkOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	live := walk("/sport/master.m3u8")
	origin.Advance("sport", 2)
	r, err := cache.Prime(t.Context(), cache.Edge{URL: origin.URL}, live.Objects, cache.PrimeOptions{})
	if err != nil || !r.OK() || r.Vanished != 4 || len(r.Offenders) != 0 {
		t.Errorf("Prime of a live channel that moved by 2 segments = %v, %v, %v; want 4 vanished", r, err, r.Offenders)
	}
	ended := walk("/news/master.m3u8")
	origin.SetStatus("/news/v0/seg3.ts", http.StatusNotFound)
	r, err = cache.Prime(t.Context(), cache.Edge{URL: origin.URL}, ended.Objects, cache.PrimeOptions{})
	if err != nil || r.OK() || r.Failed != 1 || !strings.HasSuffix(r.Offenders[0].URL, "seg3.ts") {
		t.Errorf("Prime of a channel with a hole = %v, %v, %v; want one failure", r, err, r.Offenders)
	}
	if diff := cmp.Diff(live.URLs()[:3], walk("/sport/master.m3u8").URLs()[:3]); diff != "" {
		t.Errorf("playlists moved:\n%s", diff)
	}
}
