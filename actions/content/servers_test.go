package content_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/cache"
)

// call is one act on a node under the key r-1/do/0/NODE.
func call(node string, args any) run.Call {
	return run.Call{Run: "r-1", Node: node, Key: "r-1/do/0/" + node, Attempt: 1, Args: actions.Encode(args)}
}

// shortOpen opens drivers that do not wait long for a server that hangs.
func shortOpen(n actions.Node, c actions.Cache) (cache.Driver, error) {
	cfg := cache.Config{Node: n.Name, Name: c.Name, Kind: cache.Kind(c.Kind), URL: c.URL, AdminAddress: c.AdminAddress,
		SecretFile: c.AdminSecretFile, StatsDir: c.StatsDir, Settle: c.Settle}
	if c.AdminSecretFile != "" {
		cfg.Secret = func() ([]byte, error) { return os.ReadFile(c.AdminSecretFile) }
	}
	return cache.Open(cfg, cache.Options{Timeout: 300 * time.Millisecond})
}

// hanging is the address of a server that takes connections and says nothing.
func hanging(t *testing.T) string { return listener(t, func(net.Conn) {}) }

// resetting is the address of a server that takes connections and resets them.
func resetting(t *testing.T) string {
	return listener(t, func(c net.Conn) {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	})
}

func listener(t *testing.T, each func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var conns []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
			each(c)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return l.Addr().String()
}

// unsigned is a server that says 200 to everything, as an origin does to which a foreign cache passes a PURGE on.
func unsigned(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	t.Cleanup(s.Close)
	return s.URL
}

// stubborn is a server that signs every PURGE as Varnish does, and serves an old copy all the same.
func stubborn(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "PURGE" {
			w.Header().Set("ETag", `"old"`)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack() // net/http has no reason phrases of one's own
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.1 200 Purged\r\nServer: Varnish\r\nX-Varnish: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
		_ = conn.Close()
	}))
	t.Cleanup(s.Close)
	return s.URL
}
