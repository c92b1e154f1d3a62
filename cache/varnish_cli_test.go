package cache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/cache"
)

// openFake opens a driver on a management port that is not Varnish's.
func openFake(t testing.TB, address, secret string, timeout time.Duration) cache.Driver {
	t.Helper()
	cfg := cache.Config{Node: "edge-1", Name: "front", Kind: cache.Varnish, URL: "http://127.0.0.1:1", AdminAddress: address}
	if secret != "" {
		cfg.Secret = func() ([]byte, error) { return []byte(secret), nil }
	}
	d, err := cache.Open(cfg, cache.Options{Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestCLILogin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, server, client string
		want                 error
	}{
		{"right secret", "s3cret\n", "s3cret\n", nil},
		{"no login asked, none configured", "", "", nil},
		{"no login asked, one configured", "", "s3cret\n", nil},
		{"wrong secret", "s3cret\n", "other\n", cache.ErrWrongSecret},
		{"newline missing", "s3cret\n", "s3cret", cache.ErrWrongSecret},
		{"none configured", "s3cret\n", "", cache.ErrWrongSecret},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, slams := range []bool{false, true} {
				f := startCLI(t, &fakeCLI{Secret: tt.server, Slams: slams})
				_, err := openFake(t, f.Address, tt.client, time.Second).Flush(t.Context(), "r-1/do/0/edge-1")
				if !errors.Is(err, tt.want) {
					t.Errorf("Flush with secret %q where the server has %q: %v, want %v", tt.client, tt.server, err, tt.want)
				}
				if err != nil && cache.Temporary(err) {
					t.Errorf("Temporary(%v) = true, want false: trying again does not help", err)
				}
			}
		})
	}
}

func TestCLISecretUnreadable(t *testing.T) {
	t.Parallel()
	f := startCLI(t, &fakeCLI{Secret: "s3cret\n"})
	want := errors.New("permission denied")
	d, err := cache.Open(cache.Config{Kind: cache.Varnish, URL: "http://127.0.0.1:1", AdminAddress: f.Address,
		Secret: func() ([]byte, error) { return nil, want }}, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if _, err := d.Flush(t.Context(), "m"); !errors.Is(err, want) {
		t.Errorf("Flush = %v, want %v", err, want)
	}
}

// TestCLIForeign holds the driver against servers that are no Varnish, or one gone mad.
func TestCLIForeign(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		banner string
		close  bool
		want   error
	}{
		{"ssh", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", false, cache.ErrNoSignature},
		{"http", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", false, cache.ErrNoSignature},
		{"redis", "-ERR unknown command 'auth'\r\n", false, cache.ErrNoSignature},
		{"smtp", "220 mail.example ESMTP Postfix\r\n", false, cache.ErrNoSignature},
		{"frame of another program", frame(200, "hello"), false, cache.ErrNoSignature},
		{"no newline at the end", "200 5       \nhelloX", false, cache.ErrNoSignature},
		{"size not a number", "200 5x      \nhello\n", false, cache.ErrNoSignature},
		{"size negative", "200 -5      \nhello\n", false, cache.ErrNoSignature},
		{"size huge", "200 99999999\nhello\n", false, cache.ErrTooLarge},
		{"challenge too short", frame(107, "short"), false, cache.ErrNoSignature},
		{"closed in the head", "200 ", true, io.ErrUnexpectedEOF},
		{"closed in the body", "200 500     \nhalf", true, io.ErrUnexpectedEOF},
		{"closed at once", "", true, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := startCLI(t, &fakeCLI{Banner: func(c net.Conn) bool {
				_, _ = io.WriteString(c, tt.banner)
				if tt.close {
					_ = c.Close()
				}
				return true
			}})
			_, err := openFake(t, f.Address, "s\n", time.Second).Flush(t.Context(), "m")
			if !errors.Is(err, tt.want) {
				t.Errorf("Flush against %q = %v, want %v", tt.banner, err, tt.want)
			}
			if want := tt.close; cache.Temporary(err) != want {
				t.Errorf("Temporary(%v) = %v, want %v", err, !want, want)
			}
			if err != nil && !strings.Contains(err.Error(), "edge-1/front") {
				t.Errorf("error %q does not name the cache", err)
			}
		})
	}
}

func TestCLIHangs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		fake *fakeCLI
	}{
		{"before the banner", &fakeCLI{Banner: func(net.Conn) bool { return true }}},
		{"at a command", &fakeCLI{Answer: func(net.Conn, int, string) bool { return true }}},
		{"in an answer", &fakeCLI{Answer: func(c net.Conn, _ int, _ string) bool { _, _ = io.WriteString(c, "200 100     \nhalf"); return true }}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := startCLI(t, tt.fake)
			start := time.Now()
			_, err := openFake(t, f.Address, "", 100*time.Millisecond).Flush(t.Context(), "m")
			if !errors.Is(err, context.DeadlineExceeded) || !cache.Temporary(err) {
				t.Errorf("Flush = %v, want a temporary %v", err, context.DeadlineExceeded)
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("Flush took %s with a timeout of 100ms", took)
			}
			if n := len(f.seen()); n > 1 {
				t.Errorf("%d commands sent to a server that hangs, want 1 at most: %q", n, f.seen())
			}
		})
	}
}

func TestCLICancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := startCLI(t, &fakeCLI{Answer: func(net.Conn, int, string) bool { cancel(); return true }})
	_, err := openFake(t, f.Address, "", time.Minute).Flush(ctx, "m")
	if !errors.Is(err, context.Canceled) || cache.Temporary(err) {
		t.Errorf("Flush = %v, want %v and not temporary", err, context.Canceled)
	}
}

// TestCLIReconnects: a kept connection that died is replaced once, unseen.
func TestCLIReconnects(t *testing.T) {
	t.Parallel()
	f := startCLI(t, &fakeCLI{Secret: "s\n"})
	d := openFake(t, f.Address, "s\n", time.Second)
	for i := range 3 {
		if _, err := d.Flush(t.Context(), fmt.Sprintf("m%d", i)); err != nil {
			t.Fatalf("Flush %d: %v", i, err)
		}
		f.dropAll()
	}
	want := []string{flushSpec("m2"), flushSpec("m1"), flushSpec("m0")}
	if diff := cmp.Diff(want, f.banList()); diff != "" {
		t.Errorf("bans (-want +got):\n%s", diff)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.logins != 3 {
		t.Errorf("%d logins, want 3", f.logins)
	}
}

func flushSpec(mark string) string {
	return "obj.status != 0 && obj.http.x-opsbot-mark != " + mark
}

// TestBanAnswerLost: the connection breaks between a ban and its answer. Whether the server acted is read from its list; it is
// never asked to act twice.
func TestBanAnswerLost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		acted    bool
		attempts int
	}{
		{"server had acted", true, 1},
		{"server had not acted", false, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var lost atomic.Bool
			f := &fakeCLI{}
			f.Answer = func(c net.Conn, _ int, command string) bool {
				spec, isBan := strings.CutPrefix(command, "ban ")
				if !isBan || lost.Swap(true) {
					return false
				}
				if tt.acted {
					f.addBan(spec)
				}
				_ = c.Close()
				return true
			}
			startCLI(t, f)
			r, err := openFake(t, f.Address, "", time.Second).Flush(t.Context(), "r-1/do/0/edge-1")
			if err != nil || r.Repeated || r.Attempts != tt.attempts {
				t.Errorf("Flush = %+v, %v; want %d attempts, not repeated", r, err, tt.attempts)
			}
			if diff := cmp.Diff([]string{flushSpec("r-1/do/0/edge-1")}, f.banList()); diff != "" {
				t.Errorf("bans (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBanAlwaysLost: a server that breaks every connection at the ban is asked twice, no more, and the error is temporary.
func TestBanAlwaysLost(t *testing.T) {
	t.Parallel()
	f := startCLI(t, &fakeCLI{Answer: func(c net.Conn, _ int, command string) bool {
		if strings.HasPrefix(command, "ban ") {
			_ = c.Close()
			return true
		}
		return false
	}})
	r, err := openFake(t, f.Address, "", time.Second).Flush(t.Context(), "m")
	if !cache.Temporary(err) || r.Attempts != 2 {
		t.Errorf("Flush = %+v, %v; want a temporary error after 2 attempts", r, err)
	}
}

func TestFlushRepeated(t *testing.T) {
	t.Parallel()
	f := startCLI(t, &fakeCLI{})
	d := openFake(t, f.Address, "", time.Second)
	for _, tt := range []struct {
		mark     string
		repeated bool
	}{
		{"r-1/do/0/edge-1", false},
		{"r-1/do/0/edge-1", true},
		{"r-1/do/0/edge-10", false}, // a longer mark is another
		{"r-1/do/0/edge", false},    // and so is a shorter one
		{"x/r-1/do/0/edge-1", false},
		{"r-1/do/0/edge-10", true},
	} {
		r, err := d.Flush(t.Context(), tt.mark)
		if err != nil || r.Repeated != tt.repeated || r.Method != "ban" {
			t.Errorf("Flush(%q) = %+v, %v; want repeated %v", tt.mark, r, err, tt.repeated)
		}
		if r.Repeated && (r.Age != 10*time.Second || r.Accepted.Since != "1000090.000000") {
			t.Errorf("Flush(%q): age %s since %s, want 10s since 1000090.000000", tt.mark, r.Age, r.Accepted.Since)
		}
	}
	if n := len(f.banList()); n != 4 {
		t.Errorf("%d bans, want 4: %q", n, f.banList())
	}
}

func TestFlushRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		status    int
		body      string
		want      error
		temporary bool
	}{
		{"child not running", 300, "Child not running", cache.ErrDown, true},
		{"communication error", 400, "CLI communication error", cache.ErrDown, true},
		{"closing", 500, "Closing CLI connection", cache.ErrDown, true},
		{"bad parameter", 106, "Wrong number of arguments", cache.ErrRefused, false},
		{"unknown command", 101, "Unknown request.", cache.ErrUnsupported, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := startCLI(t, &fakeCLI{Answer: func(c net.Conn, _ int, command string) bool {
				if strings.HasPrefix(command, "ban ") {
					say(c, tt.status, tt.body)
					return true
				}
				return false
			}})
			_, err := openFake(t, f.Address, "", time.Second).Flush(t.Context(), "m")
			if !errors.Is(err, tt.want) || cache.Temporary(err) != tt.temporary || !strings.Contains(fmt.Sprint(err), tt.body) {
				t.Errorf("Flush = %v (temporary %v), want %v with %q (temporary %v)", err, cache.Temporary(err), tt.want, tt.body, tt.temporary)
			}
		})
	}
}

func TestBadMarks(t *testing.T) {
	t.Parallel()
	f := startCLI(t, &fakeCLI{})
	d := openFake(t, f.Address, "", time.Second)
	for _, mark := range []string{"", "two words", "new\nline", `quo"te`, "back\\slash", strings.Repeat("x", 201), "ünicode", "a&&b", "#c"} {
		if _, err := d.Flush(t.Context(), mark); !errors.Is(err, cache.ErrBadMark) || cache.Temporary(err) {
			t.Errorf("Flush(%q) = %v, want %v", mark, err, cache.ErrBadMark)
		}
		if _, err := d.PurgePrefix(t.Context(), "/a/", mark); !errors.Is(err, cache.ErrBadMark) {
			t.Errorf("PurgePrefix(%q) = %v, want %v", mark, err, cache.ErrBadMark)
		}
	}
	if got := f.seen(); len(got) != 0 {
		t.Errorf("bad marks reached the server: %q", got)
	}
}

func TestPurgePrefixExpression(t *testing.T) {
	t.Parallel()
	const mark = " && obj.http.x-opsbot-mark != m"
	for _, tt := range []struct {
		prefix, want string
		err          error
	}{
		{"/news/", "obj.http.x-url ~ ^/news/" + mark, nil},
		{"http://origin.example/news/v0/", "obj.http.x-url ~ ^/news/v0/" + mark, nil},
		{"https://origin.example", "obj.http.x-url ~ ^/" + mark, nil},
		{"/a.b/c+d?e=1&f=(2)*$", "obj.http.x-url ~ ^/a[.]b/c[+]d[?]e=1&f=[(]2[)][*][$]" + mark, nil},
		{"/a[1]", "obj.http.x-url ~ ^/a[[]1[]]" + mark, nil},
		{"/caf%C3%A9", "obj.http.x-url ~ ^/caf%C3%A9" + mark, nil},
		{"news/", "", cache.ErrBadPrefix},
		{"", "", cache.ErrBadPrefix},
		{"/a b", "", cache.ErrBadPrefix},
		{`/a"b`, "", cache.ErrBadPrefix},
		{`/a\b`, "", cache.ErrBadPrefix},
		{"/a\nban obj.status ~ .", "", cache.ErrBadPrefix},
		{"/café", "", cache.ErrBadPrefix},
		{"/a#b", "", cache.ErrBadPrefix},
		{"ftp://x/y", "", cache.ErrBadPrefix},
	} {
		f := startCLI(t, &fakeCLI{})
		r, err := openFake(t, f.Address, "", time.Second).PurgePrefix(t.Context(), tt.prefix, "m")
		if !errors.Is(err, tt.err) {
			t.Errorf("PurgePrefix(%q) = %v, want %v", tt.prefix, err, tt.err)
		}
		if got := strings.Join(f.banList(), "\n"); got != tt.want || err == nil && r.Accepted.Ban != tt.want {
			t.Errorf("PurgePrefix(%q) banned %q and says %q, want %q", tt.prefix, got, r.Accepted.Ban, tt.want)
		}
	}
}

func TestTooManyBans(t *testing.T) {
	t.Parallel()
	f := &fakeCLI{}
	for i := range cache.MaxBans {
		f.bans = append(f.bans, fmt.Sprintf("obj.http.x-url ~ ^/%d", i))
	}
	startCLI(t, f)
	d := openFake(t, f.Address, "", time.Second)
	_, err := d.PurgePrefix(t.Context(), "/news/", "m")
	if !errors.Is(err, cache.ErrTooManyBans) || cache.Temporary(err) {
		t.Errorf("PurgePrefix above %d bans = %v, want %v", cache.MaxBans, err, cache.ErrTooManyBans)
	}
	if n := len(f.banList()); n != cache.MaxBans {
		t.Errorf("%d bans, want %d: the refusal added one", n, cache.MaxBans)
	}
	// A flush makes all of them moot, so it is allowed.
	if _, err := d.Flush(t.Context(), "m"); err != nil {
		t.Errorf("Flush above the limit: %v", err)
	}
}

// TestVCLWithoutSupport: what the VCL in use does not know is refused before anything is sent.
func TestVCLWithoutSupport(t *testing.T) {
	t.Parallel()
	f := startCLI(t, &fakeCLI{Answer: func(c net.Conn, _ int, command string) bool {
		if strings.HasPrefix(command, "vcl.show") {
			say(c, 200, "vcl 4.1; backend default none;")
			return true
		}
		return false
	}})
	d := openFake(t, f.Address, "", time.Second)
	if _, err := d.PurgePrefix(t.Context(), "/news/", "m"); !errors.Is(err, cache.ErrUnsupported) {
		t.Errorf("PurgePrefix = %v, want %v", err, cache.ErrUnsupported)
	}
	if _, err := d.PurgeTag(t.Context(), []string{"ch-news"}, false); !errors.Is(err, cache.ErrUnsupported) {
		t.Errorf("PurgeTag = %v, want %v", err, cache.ErrUnsupported)
	}
	if slices.ContainsFunc(f.seen(), func(c string) bool { return strings.HasPrefix(c, "ban ") }) {
		t.Errorf("a ban was sent: %q", f.seen())
	}
}

// TestCLIOneAtATime: many callers share one connection, and each gets its own answer.
func TestCLIOneAtATime(t *testing.T) {
	t.Parallel()
	f := startCLI(t, &fakeCLI{Secret: "s\n"})
	d := openFake(t, f.Address, "s\n", 5*time.Second)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			r, err := d.Flush(t.Context(), fmt.Sprintf("m%d", i))
			if err != nil || r.Accepted.Ban != flushSpec(fmt.Sprintf("m%d", i)) {
				t.Errorf("Flush(m%d) = %+v, %v", i, r, err)
			}
		})
	}
	wg.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.logins != 1 || len(f.bans) != 50 {
		t.Errorf("%d logins and %d bans, want 1 and 50", f.logins, len(f.bans))
	}
}

func TestCloseTwice(t *testing.T) {
	t.Parallel()
	f := startCLI(t, &fakeCLI{})
	d := openFake(t, f.Address, "", time.Second)
	if _, err := d.Flush(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if _, err := d.Flush(t.Context(), "n"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Flush after Close = %v, want %v", err, net.ErrClosed)
	}
}

func TestNoAdminAddress(t *testing.T) {
	t.Parallel()
	d, err := cache.Open(cache.Config{Node: "edge-1", Kind: cache.Varnish, URL: "http://127.0.0.1:1"}, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Caps(); got.Has(cache.CanFlush) || got.Has(cache.CanPurgePrefix) || got.Has(cache.CanStats) || !got.Has(cache.CanPurgeURL) {
		t.Errorf("Caps = %s", got)
	}
	_, err1 := d.Flush(t.Context(), "m")
	_, err2 := d.PurgePrefix(t.Context(), "/a", "m")
	_, err3 := d.Stats(t.Context())
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, cache.ErrUnsupported) || cache.Temporary(err) {
			t.Errorf("%v, want %v", err, cache.ErrUnsupported)
		}
	}
}
