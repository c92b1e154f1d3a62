package cache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/cache"
)

// fleet plays n Varnish nodes on one loopback port: which of them a connection is for, its Host tells. Node i hangs where i%100 is 1,
// resets where it is 2, answers 200 without a signature where it is 3, and lies (purges nothing) where it is 4.
type fleet struct {
	n       int
	client  *http.Client
	release chan struct{}
}

const fleetOrigin = "http://origin.example"

func newFleet(t testing.TB, n int) *fleet {
	f := &fleet{n: n, release: make(chan struct{})}
	s := httptest.NewServer(f)
	f.client = cache.NewClient()
	tr := f.client.Transport.(*http.Transport)
	dialer := tr.DialContext
	tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer(ctx, network, s.Listener.Addr().String())
	}
	t.Cleanup(func() {
		close(f.release)
		f.client.CloseIdleConnections()
		s.CloseClientConnections()
		s.Close()
	})
	return f
}

func nodeKind(i int) string {
	switch i % 100 {
	case 1:
		return "hangs"
	case 2:
		return "resets"
	case 3:
		return "unsigned"
	case 4:
		return "lies"
	}
	return "sound"
}

func (f *fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, etag := "sound", `"new"`
	var i int
	if n, _ := fmt.Sscanf(r.Header.Get("X-Node"), "%d", &i); n == 1 {
		kind = nodeKind(i)
	}
	switch kind {
	case "hangs":
		select {
		case <-f.release:
		case <-r.Context().Done():
		}
		return
	case "resets":
		panic(http.ErrAbortHandler)
	case "lies":
		etag = `"old"`
	}
	w.Header().Set("ETag", etag)
	w.Header().Set("X-Varnish", "1 2")
	if r.Method != "PURGE" {
		return
	}
	if kind == "unsigned" {
		w.WriteHeader(http.StatusOK)
		return
	}
	// net/http writes the reason phrase of its own choice, so these words are written by hand.
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	for {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 Purged 1 objects\r\nServer: Varnish\r\nX-Varnish: 3\r\nContent-Length: 0\r\n\r\n")
		req, err := http.ReadRequest(rw.Reader)
		if err != nil {
			return
		}
		for req.Method == http.MethodHead {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nETag: "+etag+"\r\nX-Varnish: 1 2\r\nContent-Length: 0\r\n\r\n")
			if req, err = http.ReadRequest(rw.Reader); err != nil {
				return
			}
		}
	}
}

// drivers opens the nodes. Those that hang are given up soon, the others have all the time that a busy machine takes.
func (f *fleet) drivers(t testing.TB) []cache.Driver {
	t.Helper()
	out := make([]cache.Driver, f.n)
	for i := range out {
		timeout := time.Minute
		if nodeKind(i) == "hangs" {
			timeout = 200 * time.Millisecond
		}
		tagged := &http.Client{Transport: header{"X-Node", fmt.Sprint(i), f.client.Transport}, CheckRedirect: f.client.CheckRedirect}
		d, err := cache.Open(cache.Config{Node: fmt.Sprintf("edge-%d", i), Kind: cache.Varnish, URL: fmt.Sprintf("http://edge-%d.example", i),
			Settle: 10 * time.Millisecond}, cache.Options{Client: tagged, Timeout: timeout})
		if err != nil {
			t.Fatal(err)
		}
		out[i] = d
	}
	return out
}

// each calls do for every driver, width at a time, as a run does.
func each(drivers []cache.Driver, width int, do func(i int, d cache.Driver)) {
	var wg sync.WaitGroup
	free := make(chan struct{}, width)
	for i, d := range drivers {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			do(i, d)
		})
	}
	wg.Wait()
}

// TestFleet purges one URL on 1,000 nodes, 40 of which are broken in four ways: every node has its own, right verdict, and none
// keeps another from being asked.
func TestFleet(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1000)
	drivers := f.drivers(t)
	origin := cache.Origin{Client: f.client}
	results := make([]cache.URLResult, len(drivers))
	start := time.Now()
	each(drivers, 64, func(i int, d cache.Driver) {
		out, err := cache.PurgeProved(t.Context(), d, []string{fleetOrigin + "/news/a.ts"}, cache.ProofOptions{Origin: origin, Timeout: time.Minute})
		if err != nil {
			t.Errorf("edge-%d: %v", i, err)
		}
		results[i] = out[0]
	})
	t.Logf("1,000 nodes purged twice and verified in %s", time.Since(start))
	count := map[string]int{}
	for i, r := range results {
		kind := nodeKind(i)
		count[kind]++
		ok := false
		switch kind {
		case "sound":
			ok = r.Err == nil && r.Result.Verified == cache.Fresh && r.Result.Attempts == 2
		case "hangs":
			ok = errors.Is(r.Err, context.DeadlineExceeded) && cache.Temporary(r.Err)
		case "resets":
			ok = r.Err != nil && cache.Temporary(r.Err)
		case "unsigned":
			ok = errors.Is(r.Err, cache.ErrNoSignature) && !cache.Temporary(r.Err) && r.Result.Attempts == 1
		case "lies":
			ok = errors.Is(r.Err, cache.ErrStale) && r.Result.Verified == cache.Stale
		}
		if !ok {
			t.Errorf("edge-%d, which %s: %+v, %v", i, kind, r.Result, r.Err)
		}
		if r.Err != nil && !strings.Contains(r.Err.Error(), fmt.Sprintf("on edge-%d:", i)) {
			t.Errorf("error does not name the node: %v", r.Err)
		}
	}
	if count["sound"] != 960 {
		t.Errorf("%v, want 960 sound", count)
	}
}
