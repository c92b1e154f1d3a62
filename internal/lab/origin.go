package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// OriginOptions describe an origin. The zero value serves 404 for everything until Put adds something.
type OriginOptions struct {
	Address  string    // where to listen; "" = 127.0.0.1 on a free port
	Files    fs.FS     // served below /; may be nil
	Channels []Channel // made up, without files

	PlaylistAge time.Duration // max-age of playlists; 0 = 2 s
	ObjectAge   time.Duration // max-age of everything else; 0 = 1 h
}

// Origin is an HTTP origin of HLS channels whose content has generations: a new generation changes the ETag of every object, and
// the body of those that are made up. It counts requests, and can be made slow, failing or stuck. Safe for concurrent use.
type Origin struct {
	Address string // host:port
	URL     string // http://host:port

	opt    OriginOptions
	server *http.Server
	ended  chan error // receives what Serve returned
	stop   func() error
	unbind func() bool

	mu         sync.Mutex
	generation int
	delay      time.Duration
	counts     map[string]int // GETs by path; HEADs are counted below headKey
	heads      map[string]int
	status     map[string]int // forced by path
	bodies     map[string][]byte
	headers    map[string]http.Header
	holds      map[string]*Hold
	advanced   map[string]int // live channels: segments since the start
}

// StartOrigin starts an origin. It stops when ctx ends, or by Stop.
func StartOrigin(ctx context.Context, opt OriginOptions) (*Origin, error) {
	if opt.Address == "" {
		opt.Address = "127.0.0.1:0"
	}
	if opt.PlaylistAge == 0 {
		opt.PlaylistAge = 2 * time.Second
	}
	if opt.ObjectAge == 0 {
		opt.ObjectAge = time.Hour
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", opt.Address)
	if err != nil {
		return nil, fmt.Errorf("lab origin: %w", err)
	}
	o := &Origin{Address: l.Addr().String(), opt: opt, ended: make(chan error, 1), counts: map[string]int{}, heads: map[string]int{},
		status: map[string]int{}, bodies: map[string][]byte{}, headers: map[string]http.Header{}, holds: map[string]*Hold{},
		advanced: map[string]int{}}
	o.URL = "http://" + o.Address
	o.server = &http.Server{Handler: http.HandlerFunc(o.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { o.ended <- o.server.Serve(l) }()
	o.stop = sync.OnceValue(o.shutdown)
	o.unbind = context.AfterFunc(ctx, func() { _ = o.stop() }) // whoever calls Stop gets its error
	return o, nil
}

// Stop ends the origin, cutting off requests under way, and waits for it. It may be called again.
func (o *Origin) Stop() error {
	o.unbind()
	return o.stop()
}

func (o *Origin) shutdown() error {
	o.mu.Lock()
	for _, h := range o.holds {
		h.Release()
	}
	o.mu.Unlock()
	err := o.server.Close()
	if serveErr := <-o.ended; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// SetGeneration makes all content new: the ETag of every object names the generation.
func (o *Origin) SetGeneration(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.generation = n
}

// SetDelay makes every answer wait before its first byte.
func (o *Origin) SetDelay(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.delay = d
}

// SetStatus makes the path answer with a status and no content; 0 ends that.
func (o *Origin) SetStatus(path string, status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.status[path] = status
}

// Put serves a body under a path, with more headers than usual where given. A header given as "" is left out.
func (o *Origin) Put(path string, body []byte, headers map[string]string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bodies[path] = body
	o.headers[path] = http.Header{}
	for name, value := range headers {
		o.headers[path].Set(name, value)
	}
}

// Advance moves the live channel's window by n segments.
func (o *Origin) Advance(channel string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.advanced[channel] += n
}

// Requests returns how many GETs came for the path, or for all with "".
func (o *Origin) Requests(path string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if path != "" {
		return o.counts[path]
	}
	total := 0
	for n := range maps.Values(o.counts) {
		total += n
	}
	return total
}

// ResetRequests sets all counts to zero.
func (o *Origin) ResetRequests() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.counts)
	clear(o.heads)
}

// Hold stops the answers of one path: each request is taken, its content chosen, and then it waits.
type Hold struct {
	Arrived chan struct{} // receives one value for each request that waits; holds 64
	release chan struct{}
	once    sync.Once
}

// Release lets go of all that wait, and of all that come. It may be called again.
func (h *Hold) Release() { h.once.Do(func() { close(h.release) }) }

// HoldPath makes requests for the path wait until Release: a fetch in flight for as long as a test wants.
func (o *Origin) HoldPath(path string) *Hold {
	h := &Hold{Arrived: make(chan struct{}, 64), release: make(chan struct{})}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.holds[path] = h
	return h
}
