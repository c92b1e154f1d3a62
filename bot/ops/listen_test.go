package ops_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/ops"
)

func said(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestListenByGroups(t *testing.T) {
	t.Parallel()
	routes := map[string]http.Handler{"hooks": said("hooks"), "viewers": said("viewers"), "console": said("console"), "ops": said("ops")}
	s, err := ops.Listen(t.Context(), ops.Network{Routes: routes, Listeners: []ops.Listener{
		{Address: "127.0.0.1:0", Groups: []string{"hooks", "viewers", "console"}},
		{Address: "127.0.0.1:0", Groups: []string{"ops", "ops"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	public, private := s.Addr("hooks"), s.Addr("ops")
	if public == private || public != s.Addr("viewers") || s.Addr("agents") != "" {
		t.Errorf("addresses: hooks %q, viewers %q, ops %q, agents %q", public, s.Addr("viewers"), private, s.Addr("agents"))
	}
	tests := []struct {
		addr, path string
		status     int
		want       string
	}{
		{public, "/slack/events", 200, "hooks"},
		{public, "/icinga/notifications", 200, "hooks"},
		{public, "/profiles/x", 200, "viewers"},
		{public, "/console", 200, "console"},
		{public, "/console/runs", 200, "console"},
		{public, "/metrics", 404, ""},
		{public, "/debug/pprof/", 404, ""},
		{private, "/metrics", 200, "ops"},
		{private, "/debug/pprof/heap", 200, "ops"},
		{private, "/slack/events", 404, ""},
	}
	for _, tt := range tests {
		if status, body := fetch(t, "http://"+tt.addr+tt.path); status != tt.status || tt.want != "" && body != tt.want {
			t.Errorf("GET %s of %s = %d %q, want %d %q", tt.path, tt.addr, status, body, tt.status, tt.want)
		}
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", public); err == nil {
		_ = c.Close()
		t.Errorf("%s still listens after Stop", public)
	}
}

func TestListenOpensAllOrNone(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	routes := map[string]http.Handler{"ops": said("ops"), "agents": said("agents")}
	tests := []struct {
		name   string
		second ops.Listener
		want   string
	}{
		{"an address that is taken", ops.Listener{Address: taken.Addr().String(), Groups: []string{"ops"}}, "address already in use"},
		{"an address that is none", ops.Listener{Address: "nowhere", Groups: []string{"ops"}}, "missing port"},
		{"a group that is not there", ops.Listener{Address: "127.0.0.1:0", Groups: []string{"hooks"}}, `no route group "hooks" here (there are: agents, ops)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := ops.Listen(t.Context(), ops.Network{Listeners: []ops.Listener{{Address: first, Groups: []string{"ops"}}, tt.second}, Routes: routes})
			if err == nil {
				_ = s.Stop(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Listen(%+v) = %v, want %q", tt.second, err, tt.want)
			}
			c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", first)
			if err == nil {
				_ = c.Close()
				t.Errorf("the first address %s still listens", first)
			}
		})
	}
}

// TestStopWaits has a request under way: Stop waits for it, and cuts it off when its own time is up.
func TestStopWaits(t *testing.T) {
	t.Parallel()
	begun, free := make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-free
		_, _ = io.WriteString(w, "at last")
	})
	s, err := ops.Listen(t.Context(), ops.Network{Listeners: []ops.Listener{{Address: "127.0.0.1:0", Groups: []string{"ops"}}}, Routes: map[string]http.Handler{"ops": slow}})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		_, body := fetch(t, "http://"+s.Addr("ops")+"/livez")
		got <- body
	}()
	<-begun
	stopped := make(chan error)
	go func() { stopped <- s.Stop(t.Context()) }()
	close(free)
	if body := <-got; body != "at last" {
		t.Errorf("the request under way got %q", body)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Stop: %v", err)
	}
}

func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	begun, free := make(chan struct{}), make(chan struct{})
	deaf := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(begun); <-free })
	s, err := ops.Listen(t.Context(), ops.Network{Listeners: []ops.Listener{{Address: "127.0.0.1:0", Groups: []string{"ops"}}}, Routes: map[string]http.Handler{"ops": deaf}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Addr("ops"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop over a deaf handler = %v, want deadline exceeded", err)
	}
	close(free)
}
