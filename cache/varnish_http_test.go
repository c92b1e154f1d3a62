package cache_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/cache"
)

// raw is an HTTP server that answers each request with bytes of our choosing; "" hangs, "RST" resets the connection.
func raw(t testing.TB, answer func(r *http.Request) string) string {
	t.Helper()
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := answer(r)
		if text == "" {
			select {
			case <-release:
			case <-r.Context().Done():
			}
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		if text == "RST" {
			_ = conn.(*net.TCPConn).SetLinger(0)
			return
		}
		_, _ = io.WriteString(conn, text)
	}))
	t.Cleanup(func() {
		close(release)
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

func purged(status, headers string) string {
	return "HTTP/1.1 " + status + "\r\n" + headers + "Connection: close\r\nContent-Length: 0\r\n\r\n"
}

func openURL(t testing.TB, url string, timeout time.Duration) cache.Driver {
	t.Helper()
	client := cache.NewClient()
	d, err := cache.Open(cache.Config{Node: "edge-1", Name: "front", Kind: cache.Varnish, URL: url}, cache.Options{Client: client, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return d
}

// TestPurgeSignature: a 200 proves nothing. Only Varnish's own words do.
func TestPurgeSignature(t *testing.T) {
	t.Parallel()
	const ours = "Server: Varnish\r\nX-Varnish: 595926\r\n"
	for _, tt := range []struct {
		name, answer string
		want         error
		temporary    bool
		removed      *int64
	}{
		{"return (purge)", purged("200 Purged", ours), nil, false, nil},
		{"counting VCL", purged("200 Purged 4 objects", ours), nil, false, new(int64(4))},
		{"one object", purged("200 Purged 1 object", ours), nil, false, new(int64(1))},
		{"soft", purged("200 Soft purged 2 objects", ours), nil, false, new(int64(2))},
		{"not in cache", purged("404 Not in cache", ours), nil, false, new(int64(0))},
		{"piped to an origin that says 200", purged("200 OK", "Server: nginx\r\n"), cache.ErrNoSignature, false, nil},
		{"origin says Purged", purged("200 Purged", "Server: nginx\r\n"), cache.ErrNoSignature, false, nil},
		{"no X-Varnish", purged("200 Purged", "Server: Varnish\r\n"), cache.ErrNoSignature, false, nil},
		{"passed to a shield that purged", purged("200 Purged", ours+"Via: 1.1 varnish (Varnish/7.1)\r\n"), cache.ErrNoSignature, false, nil},
		{"another reason", purged("200 OK", ours), cache.ErrNoSignature, false, nil},
		{"204", purged("204 No Content", ours), cache.ErrNoSignature, false, nil},
		{"404 of the origin", purged("404 Not Found", "Server: nginx\r\n"), cache.ErrNoSignature, false, nil},
		{"redirect", purged("302 Found", "Location: http://127.0.0.1:1/\r\n"), cache.ErrNoSignature, false, nil},
		{"our ACL", purged("405 Not allowed", ours), cache.ErrRefused, false, nil},
		{"403", purged("403 Forbidden", "Server: nginx\r\n"), cache.ErrRefused, false, nil},
		{"501", purged("501 Not Implemented", "Server: nginx\r\n"), cache.ErrNoSignature, false, nil},
		{"503", purged("503 Backend fetch failed", ours), nil, true, nil},
		{"429", purged("429 Too Many Requests", ""), nil, true, nil},
		{"reset", "RST", nil, true, nil},
		{"not HTTP", "+OK\r\n", nil, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := openURL(t, raw(t, func(*http.Request) string { return tt.answer }), 5*time.Second)
			r, err := d.Purge(t.Context(), "http://origin.example/a.ts", false)
			fails := tt.want != nil || tt.temporary || tt.answer == "+OK\r\n"
			if (err != nil) != fails || tt.want != nil && !errors.Is(err, tt.want) || cache.Temporary(err) != tt.temporary {
				t.Errorf("Purge answered %q = %v (temporary %v), want %v (temporary %v)", tt.answer, err, cache.Temporary(err), tt.want, tt.temporary)
			}
			if diff := cmp.Diff(tt.removed, r.Removed); diff != "" {
				t.Errorf("Purge answered %q: removed (-want +got):\n%s", tt.answer, diff)
			}
			if want := map[bool]int{true: 2, false: 1}[tt.temporary]; r.Attempts != want {
				t.Errorf("Purge answered %q: %d attempts, want %d", tt.answer, r.Attempts, want)
			}
		})
	}
}

func TestPurgeHangs(t *testing.T) {
	t.Parallel()
	d := openURL(t, raw(t, func(*http.Request) string { return "" }), 50*time.Millisecond)
	r, err := d.Purge(t.Context(), "/a.ts", false)
	if !errors.Is(err, context.DeadlineExceeded) || !cache.Temporary(err) || r.Attempts != 1 {
		t.Errorf("Purge of a server that hangs = %+v, %v; want one attempt and a temporary %v", r, err, context.DeadlineExceeded)
	}
}

func TestPurgeRefusedConnection(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = openURL(t, "http://"+address, time.Second).Purge(t.Context(), "/a.ts", false)
	if !cache.Temporary(err) || !strings.Contains(fmt.Sprint(err), "purge /a.ts on edge-1/front") {
		t.Errorf("Purge of a closed port = %v, want a temporary error that names what was tried where", err)
	}
}

// TestPurgeRecovers: a node that fails once is asked once more.
func TestPurgeRecovers(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	d := openURL(t, raw(t, func(*http.Request) string {
		if n.Add(1) == 1 {
			return purged("503 Service Unavailable", "")
		}
		return purged("200 Purged", "Server: Varnish\r\nX-Varnish: 1\r\n")
	}), time.Second)
	r, err := d.Purge(t.Context(), "/a.ts", false)
	if err != nil || r.Attempts != 2 {
		t.Errorf("Purge = %+v, %v; want success at the second attempt", r, err)
	}
}

// TestPurgeRequest shows what goes over the wire.
func TestPurgeRequest(t *testing.T) {
	t.Parallel()
	type seen struct{ Method, Host, URI, Tags string }
	for _, tt := range []struct {
		name string
		host string
		act  func(context.Context, cache.Driver) error
		want seen
	}{
		{"origin's URL", "", func(ctx context.Context, d cache.Driver) error {
			_, err := d.Purge(ctx, "http://origin.example:8080/news/a%20b.ts?token=1#t=10", false)
			return err
		}, seen{"PURGE", "origin.example:8080", "/news/a%20b.ts?token=1", ""}},
		{"configured host", "tv.example", func(ctx context.Context, d cache.Driver) error {
			_, err := d.Purge(ctx, "http://origin.example/news/a.ts", true)
			return err
		}, seen{"SOFTPURGE", "tv.example", "/news/a.ts", ""}},
		{"user and password are not sent", "", func(ctx context.Context, d cache.Driver) error {
			_, err := d.Purge(ctx, "https://anna:pw@origin.example", false)
			return err
		}, seen{"PURGE", "origin.example", "/", ""}},
		{"tags", "tv.example", func(ctx context.Context, d cache.Driver) error {
			_, err := d.PurgeTag(ctx, []string{"ch-news", "ch-sport"}, false)
			return err
		}, seen{"PURGE", "tv.example", "/", "ch-news ch-sport"}},
	} {
		var got seen
		url := raw(t, func(r *http.Request) string {
			if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
				t.Errorf("%s: credentials were sent: %v", tt.name, r.Header)
			}
			got = seen{r.Method, r.Host, r.RequestURI, r.Header.Get("xkey-purge")}
			return purged("200 Purged 3 objects", "Server: Varnish\r\nX-Varnish: 1\r\n")
		})
		d, err := cache.Open(cache.Config{Kind: cache.Varnish, URL: url, Host: tt.host}, cache.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := tt.act(t.Context(), d); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: request (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestPurgeBadInput(t *testing.T) {
	t.Parallel()
	d := openURL(t, raw(t, func(r *http.Request) string {
		t.Errorf("bad input reached the server: %s %s", r.Method, r.RequestURI)
		return purged("200 Purged", "")
	}), time.Second)
	for _, url := range []string{"", "a.ts", "ftp://x/a.ts", "http:///a.ts", "http://[::1/a", "/a\nb", "http://x/%zz", "mailto:a@b", "//host/a.ts", "file:///etc/passwd"} {
		if _, err := d.Purge(t.Context(), url, false); !errors.Is(err, cache.ErrBadURL) || cache.Temporary(err) {
			t.Errorf("Purge(%q) = %v, want %v", url, err, cache.ErrBadURL)
		}
	}
	for _, tags := range [][]string{nil, {}, {""}, {"two words"}, {"a,b"}, {"a\r\nX: y"}, {"ok", "schön"}, {strings.Repeat("x", 251)}} {
		if _, err := d.PurgeTag(t.Context(), tags, false); !errors.Is(err, cache.ErrBadTag) {
			t.Errorf("PurgeTag(%q) = %v, want %v", tags, err, cache.ErrBadTag)
		}
	}
}

func TestPurgeTagWithoutCount(t *testing.T) {
	t.Parallel()
	d := openURL(t, raw(t, func(*http.Request) string {
		return purged("200 Purged", "Server: Varnish\r\nX-Varnish: 1\r\n")
	}), time.Second)
	if _, err := d.PurgeTag(t.Context(), []string{"ch-news"}, false); !errors.Is(err, cache.ErrUnsupported) {
		t.Errorf("PurgeTag answered without a count = %v, want %v: the URL / was purged instead", err, cache.ErrUnsupported)
	}
}

// TestCapturedAnswers holds the driver against what a real Varnish answered, byte by byte.
func TestCapturedAnswers(t *testing.T) {
	t.Parallel()
	want := map[string]struct {
		method  string
		err     error
		removed *int64
	}{
		"PURGE one URL": {"PURGE", nil, nil},
		"PURGE a URL that is not cached: same answer": {"PURGE", nil, nil},
		"PURGE refused by the ACL in VCL":             {"PURGE", cache.ErrRefused, nil},
		"SOFTPURGE of an uncached URL":                {"SOFTPURGE", nil, new(int64(0))},
	}
	answers := captured(t, "../fixtures/cache/varnish-http.txt")
	for name, w := range want {
		answer, ok := answers[name]
		if !ok {
			t.Fatalf("no capture %q", name)
		}
		d := openURL(t, raw(t, func(*http.Request) string { return answer }), time.Second)
		r, err := d.Purge(t.Context(), "/text/cap", w.method == "SOFTPURGE")
		if !errors.Is(err, w.err) || cmp.Diff(w.removed, r.Removed) != "" {
			t.Errorf("%s: Purge = %+v, %v; want %v", name, r, err, w.err)
		}
	}
	tagged := answers["xkey PURGE by tag (VCL with vmod-xkey)"]
	r, err := openURL(t, raw(t, func(*http.Request) string { return tagged }), time.Second).PurgeTag(t.Context(), []string{"ch-text"}, false)
	if err != nil || cmp.Diff(new(int64(4)), r.Removed) != "" || r.Accepted.ID != "167939" || r.Accepted.Reason != "Purged 4 objects" {
		t.Errorf("PurgeTag = %+v, %v; want 4 removed", r, err)
	}
	for name, want := range map[string]cache.Lookup{"GET (miss)": cache.LookupMiss, "GET (hit)": cache.LookupHit} {
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answers[name])), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := cache.LookupOf(resp.Header); got != want {
			t.Errorf("%s: LookupOf = %q, want %q", name, got, want)
		}
	}
}

// captured reads "## name / --- request / --- response" and returns the responses.
func captured(t testing.TB, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for part := range bytes.SplitSeq(text, []byte("\n## ")) {
		name, rest, _ := strings.Cut(string(part), "\n")
		_, response, ok := strings.Cut(rest, "--- response\n")
		if !ok {
			continue
		}
		out[strings.TrimPrefix(name, "## ")] = response
	}
	return out
}
