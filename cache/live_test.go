package cache_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/lab"
)

func TestScanPlaylistClock(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		d, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return d.UTC()
	}
	const pdt = "#EXT-X-PROGRAM-DATE-TIME:2026-11-24T12:00:00Z\n"
	for _, tt := range []struct {
		name, text string
		segments   int
		length     time.Duration
		date       time.Time
		breaks     uint64
	}{
		{"nothing", "", 0, 0, time.Time{}, 0},
		{"no dates", "#EXTINF:2.5,\na\n#EXTINF:4\nb\n", 2, 6500 * time.Millisecond, time.Time{}, 0},
		{"a date at the first", pdt + "#EXTINF:2,\na\n#EXTINF:2,title, with a comma\nb\n", 2, 4 * time.Second, at("2026-11-24T12:00:04Z"), 0},
		{"a date in the middle", "#EXTINF:2,\na\n" + pdt + "#EXTINF:2,\nb\n#EXTINF:3,\nc\n", 3, 7 * time.Second, at("2026-11-24T12:00:05Z"), 0},
		{"the last date counts", pdt + "#EXTINF:2,\na\n#EXT-X-PROGRAM-DATE-TIME:2026-11-24T13:00:00.250Z\n#EXTINF:2,\nb\n", 2, 4 * time.Second, at("2026-11-24T13:00:02.25Z"), 0},
		{"a zone", "#EXT-X-PROGRAM-DATE-TIME:2026-11-24T12:00:00.5+02:00\n#EXTINF:2,\na\n", 1, 2 * time.Second, at("2026-11-24T10:00:02.5Z"), 0},
		{"a zone without a colon", "#EXT-X-PROGRAM-DATE-TIME:2026-11-24T12:00:00+0530\n#EXTINF:2,\na\n", 1, 2 * time.Second, at("2026-11-24T06:30:02Z"), 0},
		{"a zone of hours", "#EXT-X-PROGRAM-DATE-TIME:2026-11-24T12:00:00-01\n#EXTINF:2,\na\n", 1, 2 * time.Second, at("2026-11-24T13:00:02Z"), 0},
		{"no zone", "#EXT-X-PROGRAM-DATE-TIME: 2026-11-24T12:00:00 \n#EXTINF:2,\na\n", 1, 2 * time.Second, at("2026-11-24T12:00:02Z"), 0},
		{"no date", "#EXT-X-PROGRAM-DATE-TIME:yesterday\n#EXTINF:2,\na\n", 1, 2 * time.Second, time.Time{}, 0},
		{"a date long ago", "#EXT-X-PROGRAM-DATE-TIME:0001-01-01T00:00:00Z\n#EXTINF:2,\na\n", 1, 2 * time.Second, time.Time{}, 0},
		{"gaps count", pdt + "#EXTINF:2,\n#EXT-X-GAP\na\n#EXTINF:2,\nb\n", 2, 4 * time.Second, at("2026-11-24T12:00:04Z"), 0},
		{"breaks", "#EXT-X-DISCONTINUITY-SEQUENCE:7\n#EXTINF:2,\na\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\nb\n", 2, 4 * time.Second, time.Time{}, 8},
		{"parts of a segment that is there", pdt + "#EXT-X-PART:DURATION=1,URI=\"p\"\n#EXT-X-PART:DURATION=1,URI=\"q\"\n#EXTINF:2,\na\n", 1, 2 * time.Second, at("2026-11-24T12:00:02Z"), 0},
		{"parts of the next one", pdt + "#EXTINF:2,\na\n#EXT-X-PART:DURATION=0.5,URI=\"p\"\n#EXT-X-PART:DURATION=0.33,URI=\"q\"\n", 1, 2830 * time.Millisecond, at("2026-11-24T12:00:02.83Z"), 0},
		{"durations that are none", pdt + "#EXTINF:-2,\na\n#EXTINF:x,\nb\n#EXTINF:1e300,\nc\n", 3, 0, at("2026-11-24T12:00:00Z"), 0},
		{"durations beyond all bounds", strings.Repeat("#EXTINF:1000000,\na\n", 1000), 1000, 10 * 365 * 24 * time.Hour, time.Time{}, 0},
	} {
		p := scan(t, "#EXTM3U\n"+tt.text, "http://o/", nil)
		if p.Segments != tt.segments || p.Length != tt.length || !p.Date.Equal(tt.date) || p.Breaks != tt.breaks {
			t.Errorf("%s: %q has %d segments of %s, to %v, %d breaks; want %d, %s, %v, %d", tt.name, tt.text, p.Segments, p.Length, p.Date, p.Breaks,
				tt.segments, tt.length, tt.date, tt.breaks)
		}
	}
}

// media is a live playlist whose segments lie beside it.
func media(sequence, segments int, more string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:%d\n", sequence)
	for i := range segments {
		fmt.Fprintf(&b, "#EXTINF:6,\nseg%d.ts\n", sequence+i)
	}
	return b.String() + more
}

// server answers by path, each time with the next answer that is left for the path, and counts.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string][]http.HandlerFunc
	asked   []string // "Host path range"
}

func newServer(t *testing.T, answers map[string][]http.HandlerFunc) *server {
	t.Helper()
	s := &server{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, strings.TrimSpace(r.Host+" "+r.URL.Path+" "+r.Header.Get("Range")))
		left := s.answers[r.URL.Path]
		if len(left) > 1 {
			s.answers[r.URL.Path] = left[1:]
		}
		s.mu.Unlock()
		if len(left) == 0 {
			http.NotFound(w, r)
			return
		}
		left[0](w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, a := range s.asked {
		if strings.Fields(a)[1] == path {
			n++
		}
	}
	return n
}

// says is an answer with headers "Name: value".
func says(body string, headers ...string) []http.HandlerFunc {
	return []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		_, _ = w.Write([]byte(body))
	}}
}

func status(code int) []http.HandlerFunc {
	return []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }}
}

func hangs(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// stream are the answers of a media playlist and its segments.
func stream(folder, playlist string, segments ...string) map[string][]http.HandlerFunc {
	out := map[string][]http.HandlerFunc{folder + "index.m3u8": says(playlist)}
	for _, s := range segments {
		out[folder+s] = says(strings.Repeat("x", 4096), "X-Cache-Status: HIT")
	}
	return out
}

// aged is a playlist that a cache has had for some seconds.
func aged(sequence, seconds int) []http.HandlerFunc {
	return says(media(sequence, 4, ""), fmt.Sprintf("Age: %d", seconds))
}

func merged(all ...map[string][]http.HandlerFunc) map[string][]http.HandlerFunc {
	out := map[string][]http.HandlerFunc{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

func look(t *testing.T, e cache.Edge, rawURL string, opt cache.LiveOptions) cache.Live {
	t.Helper()
	e.Client = cache.NewClient()
	t.Cleanup(e.Client.CloseIdleConnections)
	if opt.Gap == 0 {
		opt.Gap = time.Millisecond
	}
	live, err := cache.LookLive(t.Context(), e, cache.Origin{Client: e.Client}, rawURL, opt)
	if err != nil {
		t.Fatalf("LookLive(%s) = %v", rawURL, err)
	}
	return live
}

// brief is what of a side does not depend on the clock.
func brief(s cache.LiveSide) string {
	if s.At.IsZero() {
		return "not asked"
	}
	if s.Err != nil {
		return "fails: " + s.Err.Error()
	}
	out := fmt.Sprintf("%d+%d, %d asked, newest %s", s.List.Sequence, s.List.Segments, s.Asked, s.Newest[strings.LastIndexByte(s.Newest, '/')+1:])
	if len(s.Missing) > 0 {
		out += fmt.Sprintf(", %d missing", len(s.Missing))
	}
	if s.Failed != nil {
		out += ", failed"
	}
	return out
}

func TestLookLive(t *testing.T) {
	t.Parallel()
	const master = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"audio/index.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhigh/index.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/index.m3u8\n"
	high := stream("/tv/high/", media(10, 4, ""), "seg11.ts", "seg12.ts", "seg13.ts")
	low := stream("/tv/low/", media(20, 4, ""), "seg21.ts", "seg22.ts", "seg23.ts")
	plain := stream("/tv/", media(10, 4, ""), "seg11.ts", "seg12.ts", "seg13.ts")
	for _, tt := range []struct {
		name         string
		edge, origin map[string][]http.HandlerFunc
		path         string
		want         [2]string // edge, origin
	}{
		{"a media playlist", plain, plain, "/tv/index.m3u8", [2]string{"10+4, 3 asked, newest seg13.ts", "10+4, 3 asked, newest seg13.ts"}},
		{"the second answer counts", merged(plain, map[string][]http.HandlerFunc{"/tv/index.m3u8": append(says(media(8, 4, "")), says(media(10, 4, ""))...)}), plain, "/tv/index.m3u8",
			[2]string{"10+4, 3 asked, newest seg13.ts", "10+4, 3 asked, newest seg13.ts"}},
		{"a master", merged(high, map[string][]http.HandlerFunc{"/tv/master.m3u8": says(master)}), merged(high, low, map[string][]http.HandlerFunc{"/tv/master.m3u8": says(master)}), "/tv/master.m3u8",
			[2]string{"10+4, 3 asked, newest seg13.ts", "10+4, 3 asked, newest seg13.ts"}},
		{"a master of which the origin has the second alone", merged(high, low, map[string][]http.HandlerFunc{"/tv/master.m3u8": says(master)}),
			merged(low, map[string][]http.HandlerFunc{"/tv/master.m3u8": says("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/index.m3u8\n")}), "/tv/master.m3u8",
			[2]string{"20+4, 3 asked, newest seg23.ts", "20+4, 3 asked, newest seg23.ts"}},
		{"a master that the origin has no more", merged(high, map[string][]http.HandlerFunc{"/tv/master.m3u8": says(master)}), high, "/tv/master.m3u8",
			[2]string{"10+4, 3 asked, newest seg13.ts", "10+4, 3 asked, newest seg13.ts"}},
		{"a master that the edge has not", high, merged(high, map[string][]http.HandlerFunc{"/tv/master.m3u8": says(master)}), "/tv/master.m3u8",
			[2]string{"10+4, 3 asked, newest seg13.ts", "10+4, 3 asked, newest seg13.ts"}},
		{"a master of nothing", map[string][]http.HandlerFunc{"/tv/master.m3u8": says("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://elsewhere.example/x.m3u8\n")}, plain, "/tv/master.m3u8",
			[2]string{"fails: not a playlist", "fails: answered 404"}},
		{"a master in a master", map[string][]http.HandlerFunc{"/tv/master.m3u8": says(master), "/tv/high/index.m3u8": says(master)}, high, "/tv/master.m3u8",
			[2]string{"fails: not a playlist", "10+4, 3 asked, newest seg13.ts"}},
		{"segments are missing", stream("/tv/", media(10, 4, ""), "seg11.ts"), plain, "/tv/index.m3u8", [2]string{"10+4, 3 asked, newest seg13.ts, 2 missing", "10+4, 3 asked, newest seg13.ts"}},
		{"a segment fails", merged(plain, map[string][]http.HandlerFunc{"/tv/seg12.ts": status(503)}), plain, "/tv/index.m3u8",
			[2]string{"10+4, 3 asked, newest seg13.ts, failed", "10+4, 3 asked, newest seg13.ts"}},
		{"an empty segment", merged(plain, map[string][]http.HandlerFunc{"/tv/seg12.ts": status(416)}), plain, "/tv/index.m3u8",
			[2]string{"10+4, 3 asked, newest seg13.ts", "10+4, 3 asked, newest seg13.ts"}},
		{"segments elsewhere are not asked for", map[string][]http.HandlerFunc{"/tv/index.m3u8": says("#EXTM3U\n#EXTINF:6,\nhttp://elsewhere.example/x.ts\n")}, plain, "/tv/index.m3u8",
			[2]string{"0+1, 0 asked, newest ", "10+4, 3 asked, newest seg13.ts"}},
		{"old copies, and then a new one", merged(plain, map[string][]http.HandlerFunc{"/tv/index.m3u8": append(append(aged(8, 60), aged(8, 60)...), aged(10, 0)...)}), plain, "/tv/index.m3u8",
			[2]string{"10+4, 3 asked, newest seg13.ts", "10+4, 3 asked, newest seg13.ts"}},
		{"old copies for ever", merged(plain, map[string][]http.HandlerFunc{"/tv/index.m3u8": aged(9, 60)}), plain, "/tv/index.m3u8",
			[2]string{"9+4, 3 asked, newest seg12.ts, 1 missing", "10+4, 3 asked, newest seg13.ts"}},
		{"nothing listed", stream("/tv/", "#EXTM3U\n"), plain, "/tv/index.m3u8", [2]string{"0+0, 0 asked, newest ", "10+4, 3 asked, newest seg13.ts"}},
		{"the edge fails", map[string][]http.HandlerFunc{"/tv/index.m3u8": status(503)}, plain, "/tv/index.m3u8", [2]string{"fails: answered 503", "10+4, 3 asked, newest seg13.ts"}},
		{"the edge failed once", merged(plain, map[string][]http.HandlerFunc{"/tv/index.m3u8": append(status(503), says(media(10, 4, ""))...)}), plain, "/tv/index.m3u8",
			[2]string{"10+4, 3 asked, newest seg13.ts", "10+4, 3 asked, newest seg13.ts"}},
		{"the edge redirects", map[string][]http.HandlerFunc{"/tv/index.m3u8": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }}}, plain, "/tv/index.m3u8",
			[2]string{"fails: answered 302", "10+4, 3 asked, newest seg13.ts"}},
		{"the edge hangs", map[string][]http.HandlerFunc{"/tv/index.m3u8": {hangs}}, plain, "/tv/index.m3u8", [2]string{"fails: context deadline exceeded", "10+4, 3 asked, newest seg13.ts"}},
		{"the origin says something else", plain, map[string][]http.HandlerFunc{"/tv/index.m3u8": says("<html>")}, "/tv/index.m3u8", [2]string{"10+4, 3 asked, newest seg13.ts", "fails: not a playlist"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			edge, origin := newServer(t, tt.edge), newServer(t, tt.origin)
			live := look(t, cache.Edge{URL: edge.URL}, origin.URL+tt.path, cache.LiveOptions{Timeout: 500 * time.Millisecond})
			for i, side := range []cache.LiveSide{live.Edge, live.Origin} {
				if got := brief(side); !strings.HasPrefix(got, tt.want[i]) {
					t.Errorf("side %d: got %s, want %s", i, got, tt.want[i])
				}
			}
			for _, a := range edge.asked {
				if host := strings.Fields(a)[0]; "http://"+host != origin.URL {
					t.Errorf("the edge was asked %q, want the origin's name %s", a, origin.URL)
				}
			}
		})
	}
}

// TestLookLiveByTwoNames has a playlist whose path at the edge is another one than at the origin.
func TestLookLiveByTwoNames(t *testing.T) {
	t.Parallel()
	const master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv0/index.m3u8?t=1\n"
	edge := newServer(t, merged(stream("/live/tv/v0/", media(10, 4, ""), "seg11.ts", "seg12.ts", "seg13.ts"), map[string][]http.HandlerFunc{"/live/tv/master.m3u8": says(master)}))
	origin := newServer(t, merged(stream("/tv/v0/", media(11, 4, ""), "seg12.ts", "seg13.ts", "seg14.ts"), map[string][]http.HandlerFunc{"/tv/master.m3u8": says(master)}))
	live := look(t, cache.Edge{Host: "tv.example"}, edge.URL+"/live/tv/master.m3u8", cache.LiveOptions{OriginURL: origin.URL + "/tv/master.m3u8"})
	got := []string{live.URL, brief(live.Edge), brief(live.Origin)}
	want := []string{edge.URL + "/live/tv/v0/index.m3u8?t=1", "10+4, 3 asked, newest seg13.ts", "11+4, 3 asked, newest seg14.ts"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := slices.IndexFunc(edge.asked, func(a string) bool { return !strings.HasPrefix(a, "tv.example ") }); n >= 0 {
		t.Errorf("the edge was asked %q, want the name of --host", edge.asked[n])
	}
	live = look(t, cache.Edge{}, edge.URL+"/live/tv/master.m3u8", cache.LiveOptions{NoOrigin: true, Newest: 1})
	if got := []string{brief(live.Edge), brief(live.Origin)}; got[0] != "10+4, 1 asked, newest seg13.ts" || got[1] != "not asked" || live.Origin.Told() {
		t.Errorf("without an origin: %q", got)
	}
}

// TestLookLiveReadsHeaders compares what a side says of itself, and how it is asked.
func TestLookLiveReadsHeaders(t *testing.T) {
	t.Parallel()
	date := func(ago time.Duration) string { return "Date: " + time.Now().Add(-ago).UTC().Format(http.TimeFormat) }
	for _, tt := range []struct {
		name    string
		headers []string
		lookup  cache.Lookup
		age     time.Duration
		skew    time.Duration // to within two seconds
	}{
		{"fresh from the origin", []string{date(0)}, cache.LookupUnknown, 0, 0},
		{"kept for a while", []string{date(30 * time.Second), "Age: 30", "X-Cache: HIT"}, cache.LookupHit, 30 * time.Second, 0},
		{"a miss", []string{date(0), "X-Cache: MISS"}, cache.LookupMiss, 0, 0},
		{"a clock that is behind", []string{date(time.Minute)}, cache.LookupUnknown, 0, time.Minute},
		{"a clock that is ahead", []string{date(-time.Minute)}, cache.LookupUnknown, 0, -time.Minute},
		{"an age that is none", []string{date(0), "Age: -5"}, cache.LookupUnknown, 0, 0},
		{"an age beyond all bounds", []string{date(0), "Age: 99999999999999999999"}, cache.LookupUnknown, 0, 0},
		{"a date that is none", []string{"Date: today"}, cache.LookupUnknown, 0, 0},
	} {
		answers := stream("/", media(1, 3, ""), "seg1.ts", "seg2.ts", "seg3.ts")
		answers["/index.m3u8"] = says(media(1, 3, ""), tt.headers...)
		s := newServer(t, answers)
		side := look(t, cache.Edge{}, s.URL+"/index.m3u8", cache.LiveOptions{NoOrigin: true}).Edge
		if off := side.Skew - tt.skew; side.Lookup != tt.lookup || side.Age != tt.age || off.Abs() > 2*time.Second {
			t.Errorf("%s: %q: lookup %q, age %s, skew %s; want %q, %s, %s", tt.name, tt.headers, side.Lookup, side.Age, side.Skew, tt.lookup, tt.age, tt.skew)
		}
		if side.TTFB <= 0 || side.Segment <= 0 || side.Found != cache.LookupHit || side.Status != http.StatusOK {
			t.Errorf("%s: first bytes after %s and %s, a segment was %q, status %d", tt.name, side.TTFB, side.Segment, side.Found, side.Status)
		}
		if n := s.requests("/index.m3u8"); n != 2 && (n != 4 || tt.age < 6*time.Second) || !strings.HasSuffix(s.asked[len(s.asked)-1], "bytes=0-1023") {
			t.Errorf("%s: it was asked %q, want the playlist twice, four times where it is old, and first bytes", tt.name, s.asked)
		}
	}
}

func TestLookLiveRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url string
		opt cache.LiveOptions
	}{
		{"", cache.LiveOptions{}}, {"ftp://x/y", cache.LiveOptions{}}, {"/only/a/path.m3u8", cache.LiveOptions{}}, {"http://[::1", cache.LiveOptions{}},
		{"http://x/y", cache.LiveOptions{OriginURL: "ftp://x/y"}}, {"http://x/y", cache.LiveOptions{OriginURL: "/a/path"}},
	} {
		if live, err := cache.LookLive(t.Context(), cache.Edge{}, cache.Origin{}, tt.url, tt.opt); !errors.Is(err, cache.ErrBadURL) {
			t.Errorf("LookLive(%q, %+v) = %+v, %v; want %v", tt.url, tt.opt, live, err, cache.ErrBadURL)
		}
	}
	s := newServer(t, map[string][]http.HandlerFunc{"/index.m3u8": {hangs}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := cache.LookLive(ctx, cache.Edge{}, cache.Origin{}, s.URL+"/index.m3u8", cache.LiveOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("LookLive without time = %v, want that its time is over", err)
	}
}

// TestLookLiveThroughVarnish moves a stream behind a real Varnish, which keeps what it should not: an old playlist, and an error.
func TestLookLiveThroughVarnish(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{VCL: `
		vcl 4.1;
		backend default { .host = "{{host}}"; .port = "{{port}}"; }
		sub vcl_backend_response { set beresp.grace = 1h; if (beresp.status == 404) { set beresp.ttl = 1m; } }`})
	put := func(sequence int, age time.Duration, header string) {
		list := media(sequence, 4, "")
		start := time.Now().Add(-age - 24*time.Second).UTC().Format("2006-01-02T15:04:05.000Z")
		list = strings.Replace(list, "#EXTINF", "#EXT-X-PROGRAM-DATE-TIME:"+start+"\n#EXTINF", 1)
		w.origin.Put("/tv/index.m3u8", []byte(list), map[string]string{"Cache-Control": header})
		for i := range 4 {
			w.origin.Put(fmt.Sprintf("/tv/seg%d.ts", sequence+i), make([]byte, 8<<10), nil)
		}
	}
	at := w.origin.URL + "/tv/index.m3u8"
	edge := cache.Edge{URL: w.edge.URL, Kind: cache.Varnish}
	put(100, time.Second, "max-age=60")
	live := look(t, edge, at, cache.LiveOptions{})
	if live.Edge.List.Sequence != 100 || live.Origin.List.Sequence != 100 || live.Edge.Lookup != cache.LookupHit || live.Edge.Found == cache.LookupUnknown {
		t.Errorf("at first: %+v", live)
	}
	if age := live.Edge.At.Sub(live.Edge.List.Date); age < time.Second || age > 20*time.Second {
		t.Errorf("the live edge is %s old, want a second and what a busy machine adds", age)
	}
	put(105, time.Second, "max-age=60")
	live = look(t, edge, at, cache.LiveOptions{})
	if live.Edge.List.Sequence != 100 || live.Origin.List.Sequence != 105 {
		t.Errorf("the edge is at %d, the origin at %d; want 100, kept, and 105", live.Edge.List.Sequence, live.Origin.List.Sequence)
	}
	if lag := live.Origin.List.Date.Sub(live.Edge.List.Date); lag < 0 {
		t.Errorf("the edge is ahead of the origin by %s", -lag)
	}

	// A segment is asked for before it is there: the edge keeps the 404.
	w.origin.Put("/fresh/index.m3u8", []byte(media(5, 1, "")), nil)
	fresh := w.origin.URL + "/fresh/index.m3u8"
	if live = look(t, edge, fresh, cache.LiveOptions{}); len(live.Edge.Missing) != 1 || len(live.Origin.Missing) != 1 {
		t.Errorf("nobody has the segment: %d missing at the edge, %d at the origin", len(live.Edge.Missing), len(live.Origin.Missing))
	}
	w.origin.Put("/fresh/seg5.ts", []byte("x"), nil)
	if live = look(t, edge, fresh, cache.LiveOptions{}); len(live.Edge.Missing) != 1 || len(live.Origin.Missing) != 0 {
		t.Errorf("the origin has the segment: %d missing at the edge, %d at the origin; want 1, 0", len(live.Edge.Missing), len(live.Origin.Missing))
	}

	if err := w.edge.Halt(); err != nil {
		t.Fatal(err)
	}
	if live = look(t, edge, at, cache.LiveOptions{}); live.Edge.Told() || live.Edge.Err == nil || !live.Origin.Told() {
		t.Errorf("without a Varnish: %v at the edge, %v at the origin", live.Edge.Err, live.Origin.Err)
	}
}

// TestLookLiveThroughGrace: who comes alone gets what grace allows, and what was fetched for the next one is what counts, however long that takes.
func TestLookLiveThroughGrace(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{VCL: `
		vcl 4.1;
		backend default { .host = "{{host}}"; .port = "{{port}}"; }
		sub vcl_backend_response { set beresp.grace = 1h; }`})
	edge := cache.Edge{URL: w.edge.URL, Kind: cache.Varnish}
	put := func(n int) {
		list := strings.Replace(media(n, 1, ""), "DURATION:6", "DURATION:1", 1)
		w.origin.Put("/grace/index.m3u8", []byte(list), map[string]string{"Cache-Control": "max-age=0"})
		w.origin.Put(fmt.Sprintf("/grace/seg%d.ts", n), []byte("x"), nil)
	}
	at := w.origin.URL + "/grace/index.m3u8"
	put(1)
	look(t, edge, at, cache.LiveOptions{})
	put(2)
	w.origin.SetDelay(300 * time.Millisecond)
	// Its copy must be older than a segment lasts; Varnish tells that in whole seconds.
	c := cache.NewClient()
	defer c.CloseIdleConnections()
	for deadline := time.Now().Add(30 * time.Second); ; {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, w.edge.URL+"/age", nil)
		if err != nil || time.Now().After(deadline) {
			t.Fatal("it does not age", err)
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.Header.Get("Age") >= "3" {
			break
		}
	}
	live := look(t, edge, at, cache.LiveOptions{Gap: 100 * time.Millisecond})
	if live.Edge.List.Sequence != 2 {
		t.Errorf("the edge is at %d (age %s), want 2: what it had was what grace allows", live.Edge.List.Sequence, live.Edge.Age)
	}
}

func TestPeek(t *testing.T) {
	t.Parallel()
	w := shared(t)
	edge := cache.Edge{Node: "edge-1", URL: w.edge.URL, Kind: cache.Varnish, Host: "peek.example", Client: cache.NewClient()}
	t.Cleanup(edge.Client.CloseIdleConnections)
	var urls []string
	for i := range 6 {
		urls = append(urls, fmt.Sprintf("%s/news/v0/seg%d.ts", w.origin.URL, i))
	}
	w.origin.Put("/peek/private.ts", []byte("x"), map[string]string{"Cache-Control": "no-store"})
	objects := cache.Objects(append(urls, urls[0], w.origin.URL+"/peek/private.ts", w.origin.URL+"/peek/absent.ts")...)
	objects = append(objects, cache.Object{URL: w.origin.URL + "/peek/gone.ts", Live: true})
	if _, err := cache.Prime(t.Context(), edge, cache.Objects(urls[:4]...), cache.PrimeOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := cache.Peek(t.Context(), edge, objects, cache.PeekOptions{})
	if err != nil || r.Total != 9 || r.Hit != 4 || r.Miss != 2 || r.Uncacheable != 1 || r.Failed != 1 || r.Vanished != 1 || len(r.Offenders) != 3 {
		t.Errorf("Peek = %+v, %v; want 4 hit, 2 miss, 1 not cacheable, 1 failed, 1 vanished", r, err)
	}
	if r, err = cache.Peek(t.Context(), edge, objects, cache.PeekOptions{Conns: 2}); err != nil || r.Hit != 6 || r.Miss != 0 {
		t.Errorf("Peek again = %+v, %v; want that looking has filled the cache", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := cache.Peek(ctx, edge, objects, cache.PeekOptions{}); !errors.Is(err, context.Canceled) || r.Skipped != 9 {
		t.Errorf("Peek without time = %+v, %v; want everything skipped", r, err)
	}
	// A server that tells nothing.
	s := newServer(t, map[string][]http.HandlerFunc{"/a.ts": says("x"), "/b.ts": {hangs}})
	silent := cache.Edge{URL: s.URL, Client: edge.Client}
	r, err = cache.Peek(t.Context(), silent, cache.Objects("http://o.example/a.ts", "http://o.example/b.ts", "ftp://o.example/c"), cache.PeekOptions{Timeout: 200 * time.Millisecond})
	if err != nil || r.Untold != 1 || r.Failed != 2 {
		t.Errorf("Peek of who tells nothing = %+v, %v; want 1 untold, 2 failed", r, err)
	}
	if _, err := url.Parse(r.Offenders[0].URL); err != nil {
		t.Error(err)
	}
}
