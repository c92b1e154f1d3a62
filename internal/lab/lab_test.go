package lab_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/internal/lab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// get returns status, body and headers of one answer.
func get(t testing.TB, method, url string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

func TestVarnish(t *testing.T) {
	t.Parallel()
	origin := lab.NewOrigin(t, lab.OriginOptions{Files: fstest.MapFS{"a/b.txt": {Data: []byte("hello")}}})
	dir := t.TempDir()
	v := lab.NewVarnish(t, lab.VarnishOptions{Origin: origin.Address, Dir: dir, Name: "edge-1", Secret: []byte("s3cret\n")})
	ctx := t.Context()

	for i, want := range []string{"edge-1; fwd=miss", "edge-1; hit"} {
		status, body, h := get(t, "GET", v.URL+"/a/b.txt")
		if status != 200 || body != "hello" || !strings.HasPrefix(h.Get("Cache-Status"), want) {
			t.Errorf("GET %d = %d %q %v, want a %q", i, status, body, h, want)
		}
		if h.Get("x-url") != "" || h.Get("xkey") != "" {
			t.Errorf("viewers see %v", h)
		}
	}
	if secret, err := os.ReadFile(v.SecretFile); err != nil || string(secret) != "s3cret\n" {
		t.Errorf("secret file: %q, %v", secret, err)
	}

	before, err := v.Child(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.KillChild(ctx); err != nil {
		t.Fatal(err)
	}
	if after, err := v.Child(ctx); err != nil || after == before {
		t.Errorf("worker %d after the kill of %d: %v", after, before, err)
	}
	if err := v.StopChild(ctx); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", strings.TrimPrefix(v.URL, "http://")); err == nil {
		_ = conn.Close()
		t.Error("viewers' port accepts connections while the worker is stopped")
	}

	url, admin := v.URL, v.AdminAddress
	for range 2 { // halting what is halted is no error
		if err := v.Halt(); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if v.URL != url || v.AdminAddress != admin {
		t.Errorf("after the restart at %s and %s, was at %s and %s", v.URL, v.AdminAddress, url, admin)
	}
	if err := v.Start(ctx); err == nil {
		t.Error("a second start of a running varnishd succeeded")
	}

	for range 2 {
		if err := v.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := v.Start(ctx); err == nil {
		t.Error("start after Stop succeeded")
	}
}

// TestVarnishEndsWithContext: whoever forgets Stop leaves nothing behind either.
func TestVarnishEndsWithContext(t *testing.T) {
	t.Parallel()
	lab.Need(t, "varnishd", "varnishadm", "cc")
	origin := lab.NewOrigin(t, lab.OriginOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir := t.TempDir()
	v, err := lab.StartVarnish(ctx, lab.VarnishOptions{Origin: origin.Address, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := v.Stop(); err != nil { // waits for the stop under way
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestVarnishBad(t *testing.T) {
	t.Parallel()
	lab.Need(t, "varnishd", "varnishadm", "cc")
	for _, tt := range []struct {
		name string
		opt  lab.VarnishOptions
		says string
	}{
		{"no origin", lab.VarnishOptions{}, "origin"},
		{"VCL with an error", lab.VarnishOptions{Origin: "127.0.0.1:1", VCL: "vcl 4.1; sub vcl_recv { nonsense }"}, "nonsense"},
		{"unknown parameter", lab.VarnishOptions{Origin: "127.0.0.1:1", Params: []string{"nosuch=1"}}, "nosuch"},
	} {
		tt.opt.Dir = t.TempDir()
		v, err := lab.StartVarnish(t.Context(), tt.opt)
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: StartVarnish = %v, want %q named", tt.name, err, tt.says)
		}
		if v != nil {
			_ = v.Stop()
		}
		if left, err := filepath.Glob(filepath.Join(tt.opt.Dir, "*")); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v, %v", tt.name, left, err)
		}
	}
}

// TestParallel: many at once find ports of their own.
func TestParallel(t *testing.T) {
	t.Parallel()
	lab.Need(t, "varnishd", "varnishadm", "cc")
	origin := lab.NewOrigin(t, lab.OriginOptions{})
	origin.Put("/x", []byte("x"), nil)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			v, err := lab.StartVarnish(t.Context(), lab.VarnishOptions{Origin: origin.Address})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() {
				if err := v.Stop(); err != nil {
					t.Error(err)
				}
			}()
			if status, body, _ := get(t, "GET", v.URL+"/x"); status != 200 || body != "x" {
				t.Errorf("GET = %d %q", status, body)
			}
		})
	}
	wg.Wait()
}

func TestMissing(t *testing.T) {
	t.Parallel()
	if err := lab.Missing("sh"); err != nil {
		t.Error(err)
	}
	err := lab.Missing("sh", "no-such-program-1", "no-such-program-2")
	if !errors.Is(err, lab.ErrMissing) || err.Error() != "not installed: no-such-program-1, no-such-program-2" {
		t.Errorf("Missing = %v", err)
	}
}

// recorder takes the place of a test that would be skipped or failed.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Skip(args ...any)          { r.said = "skip " + fmt.Sprint(args...) }
func (r *recorder) Fatalf(f string, a ...any) { r.said = "fail " + fmt.Sprintf(f, a...) }

func TestNeed(t *testing.T) {
	for _, tt := range []struct{ env, program, want string }{
		{"", "sh", ""},
		{"", "no-such-program", "skip not installed: no-such-program"},
		{"0", "no-such-program", "skip not installed: no-such-program"},
		{"1", "no-such-program", "fail not installed: no-such-program, and OPSBOT_REQUIRE_REAL=1 forbids to skip"},
		{"1", "sh", ""},
	} {
		t.Setenv(lab.RequireReal, tt.env)
		r := &recorder{TB: t}
		if lab.Need(r, tt.program); r.said != tt.want {
			t.Errorf("Need(%s) with %s=%q: %q, want %q", tt.program, lab.RequireReal, tt.env, r.said, tt.want)
		}
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	o := lab.NewOrigin(t, lab.OriginOptions{
		Files:    fstest.MapFS{"f/a.ts": {Data: []byte("0123456789")}, "f/index.m3u8": {Data: []byte("#EXTM3U\n")}},
		Channels: []lab.Channel{{Name: "news", Variants: 2, Segments: 3, Bytes: 100}, {Name: "live", Segments: 3, Live: true}},
	})
	o.Put("/p", []byte("put"), map[string]string{"ETag": "", "X-Extra": "1"})
	for _, tt := range []struct {
		path         string
		status, size int
		header, want string
	}{
		{"/f/a.ts", 200, 10, "Content-Type", "video/mp2t"},
		{"/f/a.ts", 200, 10, "Cache-Control", "max-age=3600"},
		{"/f/index.m3u8", 200, 8, "Cache-Control", "max-age=2"},
		{"/f/", 404, 0, "", ""},
		{"/f/../f/a.ts", 200, 10, "", ""},
		{"/../../etc/passwd", 404, 0, "", ""},
		{"/none", 404, 0, "", ""},
		{"/p", 200, 3, "ETag", ""},
		{"/p", 200, 3, "X-Extra", "1"},
		{"/news/master.m3u8", 200, -1, "Xkey", "ch-news"},
		{"/news/v1/index.m3u8", 200, -1, "Xkey", "ch-news ch-news-v1"},
		{"/news/v1/seg2.ts", 200, 100, "Content-Type", "video/mp2t"},
		{"/news/v1/seg3.ts", 404, 0, "", ""},
		{"/news/v2/index.m3u8", 404, 0, "", ""},
		{"/news/v1/seg02.ts", 404, 0, "", ""},
		{"/news/v-1/seg0.ts", 404, 0, "", ""},
		{"/news/x", 404, 0, "", ""},
	} {
		status, body, h := get(t, "GET", o.URL+tt.path)
		if status != tt.status || tt.size >= 0 && len(body) != tt.size || tt.header != "" && h.Get(tt.header) != tt.want {
			t.Errorf("GET %s = %d, %d bytes, %v; want %d, %d bytes, %s: %s", tt.path, status, len(body), h, tt.status, tt.size, tt.header, tt.want)
		}
	}
	if n := o.Requests("/f/a.ts"); n != 2 {
		t.Errorf("%d requests for /f/a.ts, want 2", n)
	}
}

func TestOriginGenerations(t *testing.T) {
	t.Parallel()
	o := lab.NewOrigin(t, lab.OriginOptions{Files: fstest.MapFS{"f/a.ts": {Data: []byte("x")}}, Channels: []lab.Channel{{Name: "live", Segments: 2, Live: true}}})
	_, body0, h0 := get(t, "GET", o.URL+"/live/v0/seg1.ts")
	_, _, f0 := get(t, "HEAD", o.URL+"/f/a.ts")
	o.SetGeneration(1)
	_, body1, h1 := get(t, "GET", o.URL+"/live/v0/seg1.ts")
	_, _, f1 := get(t, "HEAD", o.URL+"/f/a.ts")
	if body0 == body1 || h0.Get("ETag") == h1.Get("ETag") || f0.Get("ETag") == f1.Get("ETag") || f1.Get("ETag") == "" {
		t.Errorf("another generation: ETags %s %s and %s %s", h0.Get("ETag"), h1.Get("ETag"), f0.Get("ETag"), f1.Get("ETag"))
	}
	o.Advance("live", 1)
	for path, want := range map[string]int{"/live/v0/seg0.ts": 404, "/live/v0/seg1.ts": 200, "/live/v0/seg2.ts": 200, "/live/v0/seg3.ts": 404} {
		if status, _, _ := get(t, "GET", o.URL+path); status != want {
			t.Errorf("GET %s after the window moved = %d, want %d", path, status, want)
		}
	}
	if _, list, _ := get(t, "GET", o.URL+"/live/v0/index.m3u8"); !strings.Contains(list, "MEDIA-SEQUENCE:1\n") || strings.Contains(list, "ENDLIST") {
		t.Errorf("live playlist:\n%s", list)
	}
	o.SetStatus("/f/a.ts", 503)
	if status, _, _ := get(t, "GET", o.URL+"/f/a.ts"); status != 503 {
		t.Errorf("status = %d, want 503", status)
	}
	o.SetStatus("/f/a.ts", 0)
	o.ResetRequests()
	if status, _, _ := get(t, "GET", o.URL+"/f/a.ts"); status != 200 || o.Requests("") != 1 {
		t.Errorf("status = %d, %d requests", status, o.Requests(""))
	}
}

// TestOriginHolds: a request that waits carries what was true when it came.
func TestOriginHolds(t *testing.T) {
	t.Parallel()
	o := lab.NewOrigin(t, lab.OriginOptions{})
	o.Put("/a", []byte("old"), nil)
	hold := o.HoldPath("/a")
	got := make(chan string)
	go func() {
		_, body, _ := get(t, "GET", o.URL+"/a")
		got <- body
	}()
	<-hold.Arrived
	o.Put("/a", []byte("new"), nil)
	hold.Release()
	hold.Release()
	if body := <-got; body != "old" {
		t.Errorf("held answer = %q, want old", body)
	}
	if _, body, _ := get(t, "GET", o.URL+"/a"); body != "new" {
		t.Errorf("next answer = %q, want new", body)
	}
	o.SetDelay(30 * time.Millisecond)
	start := time.Now()
	get(t, "GET", o.URL+"/a")
	if took := time.Since(start); took < 30*time.Millisecond {
		t.Errorf("delayed answer after %s", took)
	}
}

func TestOriginStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	o, err := lab.StartOrigin(ctx, lab.OriginOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o.Put("/mark", []byte("mark of this origin"), nil)
	if _, err := lab.StartOrigin(ctx, lab.OriginOptions{Address: o.Address}); err == nil {
		t.Error("two origins on one address")
	}
	cancel()
	for range 2 {
		if err := o.Stop(); err != nil {
			t.Error(err)
		}
	}
	if resp, err := http.Get("http://" + o.Address + "/mark"); err == nil { // by now the port may be somebody else's
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(body) == "mark of this origin" {
			t.Error("the origin still answers")
		}
	}
	if o, err = lab.StartOrigin(ctx, lab.OriginOptions{}); err == nil { // a context that was done before
		err = o.Stop()
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("origin under a context that is done: %v", err)
	}
}
