package lab

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// StandInOptions describe a stand-in cache. Origin is required.
type StandInOptions struct {
	Origin string // host:port of the backend
	Dir    string // where the file with its secret is made; "" = the system's temporary one
	Name   string // in Cache-Status; "" = "stand-in"
}

// StandIn is a small HTTP cache in this process, for the demo on machines without Varnish. It takes PURGE, SOFTPURGE and tags over HTTP and bans over a
// management port, and answers them as Varnish does. It proves nothing about Varnish: no test of the driver may use it. Safe for concurrent use.
type StandIn struct {
	URL          string // http://host:port for viewers
	AdminAddress string // host:port of the management port
	SecretFile   string // what the management port asks for

	opt    StandInOptions
	secret []byte
	server *http.Server
	admin  net.Listener
	client *http.Client
	stop   func() error
	unbind func() bool
	wg     sync.WaitGroup
	ids    atomic.Int64

	mu       sync.Mutex
	objects  map[string]*standInObject // by host and URL
	bans     []standInBan              // newest first
	sessions map[net.Conn]bool
	hits     int
	misses   int
}

// standInObject is one stored answer.
type standInObject struct {
	url     string
	header  http.Header
	body    []byte
	fetched time.Time
	fresh   time.Duration
	stale   bool // soft-purged: served once more, then fetched anew
}

// standInBan is one line of the list of bans.
type standInBan struct {
	at   time.Time
	spec string
}

// StartStandIn starts a stand-in cache. It stops when ctx ends, or by Stop.
func StartStandIn(ctx context.Context, opt StandInOptions) (*StandIn, error) {
	dir, err := os.MkdirTemp(opt.Dir, "lab-stand-in-")
	if err != nil {
		return nil, fmt.Errorf("lab stand-in: %w", err)
	}
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // documented never to fail
	s := &StandIn{
		opt: opt, SecretFile: filepath.Join(dir, "secret"), secret: []byte(hex.EncodeToString(raw) + "\n"), objects: map[string]*standInObject{},
		sessions: map[net.Conn]bool{}, client: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second},
	}
	var lc net.ListenConfig
	viewers, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err == nil {
		if s.admin, err = lc.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			err = errors.Join(err, viewers.Close())
		}
	}
	if err == nil {
		err = os.WriteFile(s.SecretFile, s.secret, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lab stand-in: %w", err), os.RemoveAll(dir))
	}
	s.URL, s.AdminAddress = "http://"+viewers.Addr().String(), s.admin.Addr().String()
	s.server = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	s.wg.Go(func() { _ = s.server.Serve(viewers) }) // it ends with the server
	s.wg.Go(s.accept)
	s.stop = sync.OnceValue(func() error { return errors.Join(s.end(), os.RemoveAll(dir)) })
	s.unbind = context.AfterFunc(ctx, func() { _ = s.stop() }) // whoever calls Stop gets its error
	return s, nil
}

// Stop ends the stand-in and removes its directory. It may be called again.
func (s *StandIn) Stop() error {
	s.unbind()
	return s.stop()
}

func (s *StandIn) end() error {
	err := errors.Join(s.server.Close(), s.admin.Close())
	s.mu.Lock()
	for c := range s.sessions {
		_ = c.Close() // it may have ended
	}
	s.mu.Unlock()
	s.client.CloseIdleConnections()
	s.wg.Wait()
	return err
}

// Counts returns how many requests of viewers were hits and misses.
func (s *StandIn) Counts() (hits, misses int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits, s.misses
}

// BanList returns the bans, newest first, as the management port shows them.
func (s *StandIn) BanList() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	b.WriteString("Present bans:\n")
	for _, ban := range s.bans {
		fmt.Fprintf(&b, "%.6f     0 C  %s\n", float64(ban.at.UnixNano())/1e9, ban.spec)
	}
	return b.String()
}

func (s *StandIn) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Varnish", strconv.FormatInt(s.ids.Add(2)+32768, 10))
	switch r.Method {
	case "PURGE", "SOFTPURGE":
		s.purge(w, r)
	case http.MethodGet, http.MethodHead:
		s.view(w, r)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// purge answers with a reason phrase as Varnish does, which net/http offers no way to write.
func (s *StandIn) purge(w http.ResponseWriter, r *http.Request) {
	n := s.remove(r)
	word, status := "Purged", http.StatusOK
	if r.Method == "SOFTPURGE" {
		word = "Soft purged"
	}
	reason := fmt.Sprintf("%s %d objects", word, n)
	if r.Method == "SOFTPURGE" && n == 0 && r.Header.Get("xkey-purge") == "" {
		reason, status = "Not in cache", http.StatusNotFound
	}
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return // HTTP/1.1 always is one
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		return // the client is gone
	}
	defer func() { _ = conn.Close() }() // nothing is lost with it
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nServer: Varnish\r\nX-Varnish: %s\r\nX-Lab: stand-in\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		status, reason, w.Header().Get("X-Varnish"))
}

func (s *StandIn) remove(r *http.Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, tags := 0, strings.Fields(r.Header.Get("xkey-purge"))
	for key, o := range s.objects {
		if len(tags) == 0 && key != keyOf(r) || len(tags) > 0 && !tagged(o.header, tags) {
			continue
		}
		n++
		if r.Method == "SOFTPURGE" {
			o.stale = true
		} else {
			delete(s.objects, key)
		}
	}
	return n
}

func keyOf(r *http.Request) string { return r.Host + r.URL.RequestURI() }

func tagged(h http.Header, tags []string) bool {
	for have := range strings.FieldsSeq(h.Get("Xkey")) {
		if slices.Contains(tags, have) {
			return true
		}
	}
	return false
}

// view serves one viewer.
func (s *StandIn) view(w http.ResponseWriter, r *http.Request) {
	o, hit, err := s.find(r)
	if err != nil {
		http.Error(w, "503 Backend fetch failed", http.StatusServiceUnavailable)
		return
	}
	h := w.Header()
	for name, values := range o.header {
		if name != "Xkey" {
			h[name] = values
		}
	}
	age := int(time.Since(o.fetched).Seconds())
	h.Set("Age", strconv.Itoa(age))
	h.Set("X-Lab", "stand-in")
	h.Set("Via", "1.1 varnish (stand-in)")
	if name := or(s.opt.Name, "stand-in"); hit {
		h.Set("Cache-Status", fmt.Sprintf("%s; hit; ttl=%d", name, int(o.fresh.Seconds())-age))
		h.Set("X-Varnish", h.Get("X-Varnish")+" 32770")
	} else {
		h.Set("Cache-Status", name+"; fwd=miss")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(o.body))
}

// find returns what is stored, or fetches it. Two viewers of one missing object fetch it twice.
func (s *StandIn) find(r *http.Request) (*standInObject, bool, error) {
	key := keyOf(r)
	s.mu.Lock()
	o := s.objects[key]
	if o != nil && !o.stale && time.Since(o.fetched) < o.fresh {
		s.hits++
		s.mu.Unlock()
		return o, true, nil
	}
	s.misses++
	soft := o != nil && o.stale && time.Since(o.fetched) < o.fresh
	s.mu.Unlock()
	next, err := s.fetch(r)
	if err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if next.fresh > 0 {
		s.objects[key] = next
	}
	if soft {
		return o, true, nil
	}
	return next, false, nil
}

func (s *StandIn) fetch(r *http.Request) (*standInObject, error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+s.opt.Origin+r.URL.RequestURI(), nil)
	if err != nil {
		return nil, err
	}
	req.Host = r.Host
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the origin answers %s", resp.Status)
	}
	for _, name := range []string{"Content-Length", "Date", "Connection"} {
		resp.Header.Del(name)
	}
	o := &standInObject{url: r.URL.RequestURI(), header: resp.Header, body: body, fetched: time.Now()}
	if m := maxAge.FindStringSubmatch(resp.Header.Get("Cache-Control")); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			o.fresh = time.Duration(n) * time.Second
		}
	}
	return o, nil
}

var maxAge = regexp.MustCompile(`max-age=(\d{1,8})`)
