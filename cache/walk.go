package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// WalkOptions bound a walk. The zero value works.
type WalkOptions struct {
	Via   *Edge    // fetch playlists through this edge; nil = from the hosts that the URLs name
	Allow []string // other hosts that playlists may name ("cdn.example", "cdn.example:8080"); none = the master's origin alone

	MaxDepth int           // playlists below playlists, the master being 1; 0 = 3
	MaxURLs  int           // objects in all; 0 = 20,000
	MaxBytes int64         // of all playlists together; 0 = 64 MiB
	Conns    int           // playlists fetched at a time; 0 = 8
	Timeout  time.Duration // of one playlist; 0 = 10 s
	NoParts  bool          // leave out low-latency parts
}

// Walked is what a channel consists of at the moment of the walk.
type Walked struct {
	// Objects are the URLs in the order in which to prime them: playlists, init sections and keys, then segments of the
	// lowest and the top variant before the others; of a live channel from the newest back, else from the first on.
	Objects []Object
	// Problems are the parts of the channel that could not be walked; the rest is in Objects all the same.
	Problems []Problem
	// Refused are URLs on hosts that are neither the master's nor allowed. None of them was asked.
	Refused []string
	// Ignored are URIs that cannot be fetched over HTTP (skd: keys and the like).
	Ignored []string
	Live    bool          // at least one playlist has no end
	Target  time.Duration // the longest target duration
	Bytes   int64         // of playlists read
}

// Problem is a playlist that could not be used.
type Problem struct {
	URL string
	Err error
}

// String says "URL: error".
func (p Problem) String() string { return shown(p.URL) + ": " + p.Err.Error() }

// Sample picks n objects spread over the channel, the master first.
func (w Walked) Sample(n int) []Object { return Sample(w.Objects, n) }

// URLs returns the objects' URLs.
func (w Walked) URLs() []string {
	out := make([]string, len(w.Objects))
	for i, o := range w.Objects {
		out[i] = o.URL
	}
	return out
}

// Count returns how many objects have the role.
func (w Walked) Count(role Role) int {
	n := 0
	for _, o := range w.Objects {
		if o.Role == role {
			n++
		}
	}
	return n
}

// Walk reads the playlist at masterURL (a master or a media playlist) and every playlist below it, and lists all that a viewer may
// ask for: variants, audio, subtitles, I-frames, init sections, keys, segments, parts. Byte ranges of one file are one object.
//
// It goes only to the master's origin (scheme, host, port) and to allowed hosts, redirects included. A playlist that refers to
// itself, lies too deep, cannot be fetched or is none is a Problem; only a master that cannot be used is an error, and limits that
// are exceeded ([ErrTooLarge]), which return what was found so far.
func Walk(ctx context.Context, client *http.Client, masterURL string, opt WalkOptions) (Walked, error) {
	master, err := parseObjectURL(masterURL)
	if err == nil && master.Host == "" {
		err = fmt.Errorf("%w %s: want http://host/path", ErrBadURL, clip(masterURL))
	}
	if err != nil {
		return Walked{}, fmt.Errorf("walk: %w", err)
	}
	w := newWalker(client, master, opt)
	level := []*listing{{url: master}}
	for depth := 1; len(level) > 0; depth++ {
		if err := w.fetchAll(ctx, level); err != nil {
			return w.result(), fmt.Errorf("walk %s: %w", shown(masterURL), err)
		}
		if depth == 1 && level[0].err != nil {
			return w.result(), fmt.Errorf("walk %s: %w", shown(masterURL), level[0].err)
		}
		level, err = w.descend(level, depth)
		if err != nil {
			return w.result(), fmt.Errorf("walk %s: %w", shown(masterURL), err)
		}
	}
	return w.result(), nil
}

// listing is one playlist on the way.
type listing struct {
	url       *url.URL
	parent    *listing
	bandwidth int64
	optional  bool

	size    int64
	content Playlist
	err     error
}

// under reports whether u is this playlist or one that led to it.
func (l *listing) under(u string) bool {
	for ; l != nil; l = l.parent {
		if l.url.String() == u {
			return true
		}
	}
	return false
}

type walker struct {
	edge   Edge // where playlists are fetched
	origin *url.URL
	opt    WalkOptions
	seen   map[string]bool // playlists
	found  map[string]bool // all objects
	media  []mediaObject
	parts  map[string]int // where in media each part is
	out    Walked
}

func newWalker(client *http.Client, master *url.URL, opt WalkOptions) *walker {
	opt.MaxDepth = orDefault(opt.MaxDepth, 3)
	opt.MaxURLs = orDefault(opt.MaxURLs, 20_000)
	opt.MaxBytes = orDefault(opt.MaxBytes, 64<<20)
	opt.Conns = orDefault(opt.Conns, 8)
	opt.Timeout = orDefault(opt.Timeout, 10*time.Second)
	w := &walker{origin: master, opt: opt, seen: map[string]bool{master.String(): true}, found: map[string]bool{}, parts: map[string]int{}}
	if opt.Via != nil {
		w.edge = *opt.Via
	}
	if client != nil {
		w.edge.Client = client
	}
	follow := *w.edge.client()
	follow.CheckRedirect = noRedirect // fetch follows them itself, looking at each
	w.edge.Client = &follow
	return w
}

func orDefault[T int | int64 | time.Duration | float64](v, fallback T) T {
	if v <= 0 {
		return fallback
	}
	return v
}

func (w *walker) allowed(u *url.URL) bool { return allows(w.origin, w.opt.Allow, u) }

// allows tells whether u is at the origin (scheme, host, port), or on an allowed host.
func allows(origin *url.URL, allow []string, u *url.URL) bool {
	if u.Scheme == origin.Scheme && u.Host == origin.Host {
		return true
	}
	return slices.ContainsFunc(allow, func(a string) bool {
		return strings.EqualFold(a, u.Host) || u.Port() == "" && strings.EqualFold(a, u.Hostname())
	})
}

func (w *walker) fetchAll(ctx context.Context, level []*listing) error {
	if err := fan(ctx, len(level), w.opt.Conns, func(i int) { w.fetch(ctx, level[i]) }); err != nil {
		return err
	}
	for _, l := range level {
		w.out.Bytes += l.size
	}
	if w.out.Bytes > w.opt.MaxBytes {
		return fmt.Errorf("%w: playlists of %d bytes, limit %d", ErrTooLarge, w.out.Bytes, w.opt.MaxBytes)
	}
	return nil
}

// fetch reads one playlist, following up to five redirects to where the walk may go.
func (w *walker) fetch(ctx context.Context, l *listing) {
	ctx, cancel := context.WithTimeout(ctx, w.opt.Timeout)
	defer cancel()
	at := l.url
	for range 6 {
		body, next, err := w.get(ctx, at)
		l.size += int64(len(body))
		if err != nil {
			l.err = err
			return
		}
		if next == nil {
			l.content, l.err = ScanPlaylist(body, at, l.imports())
			return
		}
		if !w.allowed(next) {
			l.err = fmt.Errorf("redirect to %s: %w", shown(next.String()), ErrForeign)
			return
		}
		at = next
	}
	l.err = fmt.Errorf("%w: more than five redirects", ErrLoop)
}

func (l *listing) imports() map[string]string {
	if l.parent == nil {
		return nil
	}
	return l.parent.content.Defines
}

// get returns a body, or where the answer redirects to.
func (w *walker) get(ctx context.Context, at *url.URL) ([]byte, *url.URL, error) {
	req, err := w.edge.request(ctx, http.MethodGet, at.String())
	if err != nil {
		return nil, nil, err
	}
	resp, err := w.edge.do(req)
	if err != nil {
		return nil, nil, err
	}
	defer drain(resp)
	if location := resp.Header.Get("Location"); resp.StatusCode/100 == 3 && location != "" {
		next, err := at.Parse(location)
		if err != nil {
			return nil, nil, fmt.Errorf("redirect to %s: %w", clip(location), ErrBadURL)
		}
		if w.edge.URL != "" && next.Host == req.URL.Host { // an edge that names itself means the origin
			next.Scheme, next.Host = at.Scheme, at.Host
		}
		next.Fragment, next.User = "", nil
		return nil, next, nil
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, &StatusError{Status: resp.StatusCode, Reason: http.StatusText(resp.StatusCode)}
	}
	limit := min(w.opt.MaxBytes, playlistMax)
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("%w: playlist above %d bytes", ErrTooLarge, limit)
	}
	return body, nil, causeOf(ctx, err)
}

// descend takes in what one level of playlists lists, and returns the playlists of the next.
func (w *walker) descend(level []*listing, depth int) ([]*listing, error) {
	var next []*listing
	for _, l := range level {
		if l.err != nil {
			if !l.optional || !vanished(l.err) {
				w.problem(l.url, l.err)
			}
			continue
		}
		if !w.add(Object{URL: l.url.String(), Role: RolePlaylist, Live: !l.content.Master && !l.content.Ended}) {
			return nil, w.full()
		}
		w.out.Ignored = append(w.out.Ignored, l.content.Ignored...)
		w.out.Target = max(w.out.Target, l.content.Target)
		w.out.Live = w.out.Live || !l.content.Master && !l.content.Ended
		below, err := w.follow(l, depth)
		if err != nil {
			return nil, err
		}
		next = append(next, below...)
	}
	return next, nil
}

func (w *walker) follow(l *listing, depth int) ([]*listing, error) {
	var below []*listing
	last := lastSegment(l.content.Refs)
	for _, ref := range l.content.Refs {
		u := ref.URL.String()
		switch {
		case !w.allowed(ref.URL):
			w.refuse(u)
		case ref.Role != RolePlaylist:
			if !w.keep(l, ref, last) {
				return nil, w.full()
			}
		case l.under(u):
			w.problem(ref.URL, fmt.Errorf("%w: named by %s", ErrLoop, shown(l.url.String())))
		case w.seen[u]:
		case depth >= w.opt.MaxDepth:
			w.problem(ref.URL, fmt.Errorf("%w: below %s, limit %d", ErrTooDeep, shown(l.url.String()), w.opt.MaxDepth))
		case len(w.seen) >= w.opt.MaxURLs:
			return nil, w.full()
		default:
			w.seen[u] = true
			below = append(below, &listing{url: ref.URL, parent: l, bandwidth: ref.Bandwidth, optional: ref.Optional})
		}
	}
	return below, nil
}

func (w *walker) full() error {
	return fmt.Errorf("%w: more than %d URLs", ErrTooLarge, w.opt.MaxURLs)
}

func (w *walker) add(o Object) bool {
	if w.found[o.URL] {
		return true
	}
	if len(w.found) >= w.opt.MaxURLs {
		return false
	}
	w.found[o.URL] = true
	w.out.Objects = append(w.out.Objects, o)
	return true
}

func (w *walker) problem(u *url.URL, err error) {
	w.out.Problems = append(w.out.Problems, Problem{URL: u.String(), Err: err})
}

func (w *walker) refuse(u string) {
	if !slices.Contains(w.out.Refused, u) {
		w.out.Refused = append(w.out.Refused, u)
	}
}

// vanished: a live object that the server no longer has is no failure.
func vanished(err error) bool {
	status, ok := errors.AsType[*StatusError](err)
	return ok && (status.Status == http.StatusNotFound || status.Status == http.StatusGone)
}
