package cache

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// LiveOptions bound a look at a live playlist. The zero value works.
type LiveOptions struct {
	OriginURL string        // of the playlist at the origin, where it is not the one given; "" = that one
	Allow     []string      // other hosts that the playlists may name, as in WalkOptions
	Gap       time.Duration // between the two requests for the playlist; 0 = 100 ms
	Newest    int           // how many of the newest segments are asked for; 0 = 3
	Timeout   time.Duration // of one request; 0 = 5 s
	NoOrigin  bool          // look at the edge alone
}

// Live is what a viewer of a channel finds at one moment, through the edge and at the origin.
type Live struct {
	URL    string // of the media playlist, as the origin names it
	Edge   LiveSide
	Origin LiveSide // the zero value where the origin was not asked
}

// LiveSide is a media playlist as one side has it.
type LiveSide struct {
	At      time.Time // when the answer began; zero = not asked
	Err     error     // why there is no playlist
	Status  int       // of the answer; 0 = none
	TTFB    time.Duration
	Lookup  Lookup
	Age     time.Duration // as the answer says; 0 = fresh, or not told
	Skew    time.Duration // how much our clock is ahead of the server's; within a second it is nothing
	List    Playlist
	Newest  string        // URL of the newest segment
	Segment time.Duration // time to its first byte; 0 = not asked
	Found   Lookup        // whether the edge had it
	Asked   int           // segments that were asked for
	Missing []string      // those of them that are listed and not there
	Failed  error         // what else went wrong with them
}

// Told tells whether this side gave a playlist.
func (s LiveSide) Told() bool { return s.Err == nil && !s.At.IsZero() }

// LookLive reads the playlist at rawURL, a master or a media playlist, through the edge and from the origin, and asks both for the newest segments.
//
// Of a master it takes the first variant that both sides have. The playlist is asked for twice, a moment apart, and the second answer counts: the
// first one may be a copy that a cache with grace still had for the first who came. One that is old even so is asked for up to two times more, after
// two and four gaps. Segments are asked for by their first byte only.
//
// What went wrong is in the sides; the error is that of a URL that cannot be asked for, or ctx's.
func LookLive(ctx context.Context, e Edge, o Origin, rawURL string, opt LiveOptions) (Live, error) {
	opt.Gap, opt.Timeout, opt.Newest = orDefault(opt.Gap, 100*time.Millisecond), orDefault(opt.Timeout, 5*time.Second), orDefault(opt.Newest, 3)
	sides, err := viewers(e, o, rawURL, opt)
	if err != nil {
		return Live{}, fmt.Errorf("look at a stream: %w", err)
	}
	if err := together(ctx, sides, (*viewer).open); err != nil {
		return Live{}, err
	}
	agree(sides)
	if err := pause(ctx, opt.Gap); err != nil {
		return Live{}, err
	}
	if err := together(ctx, sides, (*viewer).look); err != nil {
		return Live{}, err
	}
	if err := together(ctx, sides, (*viewer).segments); err != nil {
		return Live{}, err
	}
	live := Live{URL: sides[0].media().String(), Edge: sides[0].LiveSide}
	if len(sides) > 1 {
		live.Origin = sides[1].LiveSide
	}
	return live, nil
}

// viewers returns the edge's and, where it is asked for, the origin's.
func viewers(e Edge, o Origin, rawURL string, opt LiveOptions) ([]*viewer, error) {
	at, err := parseObjectURL(rawURL)
	if err == nil && at.Host == "" && e.URL == "" {
		err = fmt.Errorf("%w %s: a path alone, and no edge to ask for it", ErrBadURL, clip(rawURL))
	}
	if err != nil {
		return nil, err
	}
	sides := []*viewer{{edge: unredirected(e), opt: opt, first: at}}
	if opt.NoOrigin {
		return sides, nil
	}
	if opt.OriginURL != "" {
		if at, err = parseObjectURL(opt.OriginURL); err != nil {
			return nil, err
		}
	}
	if at.Host == "" && o.URL == "" {
		return nil, fmt.Errorf("%w %s: a path alone, and no origin to ask for it", ErrBadURL, clip(rawURL))
	}
	return append(sides, &viewer{edge: unredirected(o.edge()), opt: opt, first: at}), nil
}

func unredirected(e Edge) Edge {
	c := *e.client()
	c.CheckRedirect = noRedirect // a cache or an origin that redirects is told of
	e.Client = &c
	return e
}

// together lets all sides do the same thing at once, so that their answers can be compared.
func together(ctx context.Context, sides []*viewer, do func(*viewer, context.Context)) error {
	var g errgroup.Group
	for _, s := range sides {
		g.Go(func() error { do(s, ctx); return nil })
	}
	_ = g.Wait() // what went wrong is in the sides
	return ctx.Err()
}

// viewer looks at one side.
type viewer struct {
	LiveSide
	edge     Edge
	opt      LiveOptions
	first    *url.URL // what was named
	variants []Ref    // of the master, the first variant first; none = first is a media playlist
	chosen   *url.URL // of the variants; nil = none
	defines  map[string]string
}

func (v *viewer) media() *url.URL {
	if v.chosen != nil {
		return v.chosen
	}
	return v.first
}

// open reads what was named, for the first time. If it is a master its variants are known then.
func (v *viewer) open(ctx context.Context) {
	list, err := v.read(ctx, v.first, nil)
	if v.Err = err; err != nil || !list.Master {
		return
	}
	v.defines = list.Defines
	for _, ref := range list.Refs {
		if ref.Role == RolePlaylist && !ref.Optional && v.may(ref.URL) {
			v.variants = append(v.variants, ref)
		}
	}
	if len(v.variants) == 0 {
		v.Err = fmt.Errorf("%w: the master at %s lists no variant that may be asked for", ErrNotPlaylist, shown(v.first.String()))
		return
	}
	slices.SortStableFunc(v.variants, func(a, b Ref) int { return rankOf(a) - rankOf(b) })
	v.chosen = v.variants[0].URL
}

// rankOf puts variants of pictures and sound before audio, subtitles and I-frames, which have no bandwidth or are asked for by few.
func rankOf(r Ref) int {
	if r.Bandwidth > 0 {
		return 0
	}
	return 1
}

// agree makes both sides look at the same variant: the first of the edge's that the origin has, too. Where a side has no master it is the other's.
func agree(sides []*viewer) {
	if len(sides) < 2 {
		return
	}
	edge, origin := sides[0], sides[1]
	if edge.chosen == nil && origin.chosen != nil {
		edge.chosen = origin.beside(origin.chosen, edge)
		return
	}
	if edge.chosen == nil {
		return
	}
	for _, ref := range edge.variants {
		at := edge.beside(ref.URL, origin)
		if slices.ContainsFunc(origin.variants, func(o Ref) bool { return o.URL.String() == at.String() }) {
			edge.chosen, origin.chosen = ref.URL, at
			return
		}
	}
	origin.chosen = edge.beside(edge.chosen, origin)
}

// beside returns what the other side calls an object of this one: its URL lies as far from the playlist that was named.
func (v *viewer) beside(u *url.URL, other *viewer) *url.URL {
	folder := v.first.Path[:strings.LastIndexByte(v.first.Path, '/')+1]
	rest, ok := strings.CutPrefix(u.Path, folder)
	if u.Host != v.first.Host || u.Scheme != v.first.Scheme || !ok {
		return u
	}
	return other.first.ResolveReference(&url.URL{Path: "./" + rest, RawQuery: u.RawQuery})
}

// look reads the media playlist. With a master it is asked for twice here: nobody has asked for the variant yet.
func (v *viewer) look(ctx context.Context) {
	if v.chosen != nil {
		if _, v.Err = v.read(ctx, v.chosen, v.defines); v.Err != nil || pause(ctx, v.opt.Gap) != nil {
			return
		}
	}
	for again := 1; ; again++ {
		v.List, v.Err = v.read(ctx, v.media(), v.defines)
		// Perhaps what is on its way takes longer: a copy that is truly kept for too long will still be there.
		if v.Err != nil || !v.kept() || again > 2 || pause(ctx, v.opt.Gap<<again) != nil {
			break
		}
	}
	if v.Err == nil && v.List.Master {
		v.Err = fmt.Errorf("%w: %s is a master where a media playlist was expected", ErrNotPlaylist, shown(v.media().String()))
	}
}

// kept tells whether the answer lay in a cache for longer than a segment lasts: by its lifetime, or because a viewer who comes alone gets what
// grace allows while a fresh copy is fetched.
func (v *viewer) kept() bool {
	return !v.List.Ended && v.List.Target > 0 && v.Age > v.List.Target && v.TTFB < v.opt.Timeout/4
}

// read fetches one playlist and notes how it came.
func (v *viewer) read(ctx context.Context, at *url.URL, imports map[string]string) (Playlist, error) {
	body, err := v.fetch(ctx, at, func(resp *http.Response) ([]byte, error) {
		body, err := io.ReadAll(io.LimitReader(resp.Body, playlistMax+1))
		if err == nil && len(body) > playlistMax {
			err = fmt.Errorf("%w: playlist above %d bytes", ErrTooLarge, playlistMax)
		}
		return body, err
	})
	if err != nil {
		return Playlist{}, err
	}
	return ScanPlaylist(body, at, imports)
}

func (v *viewer) fetch(ctx context.Context, at *url.URL, read func(*http.Response) ([]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, v.opt.Timeout)
	defer cancel()
	req, err := v.edge.request(ctx, http.MethodGet, at.String())
	if err != nil {
		return nil, err
	}
	start := time.Now()
	v.At, v.Status = start, 0
	resp, err := v.edge.do(req)
	if err != nil {
		return nil, err
	}
	defer drain(resp)
	v.At = time.Now()
	v.TTFB, v.Status, v.Lookup = v.At.Sub(start), resp.StatusCode, v.edge.Lookup(resp.Header)
	v.Age, v.Skew = ageOf(resp.Header), skewOf(resp.Header, start, v.At)
	if resp.StatusCode != http.StatusOK {
		return nil, &StatusError{Status: resp.StatusCode, Reason: http.StatusText(resp.StatusCode)}
	}
	body, err := read(resp)
	return body, causeOf(ctx, err)
}

// segments asks for the newest segments, all at once. A part or a gap is none.
func (v *viewer) segments(ctx context.Context) {
	if !v.Told() {
		return
	}
	var newest []*url.URL
	for _, ref := range slices.Backward(v.List.Refs) {
		if ref.Role == RoleSegment && v.may(ref.URL) && len(newest) < v.opt.Newest {
			newest = append(newest, ref.URL)
		}
	}
	took, lookups, errs := make([]time.Duration, len(newest)), make([]Lookup, len(newest)), make([]error, len(newest))
	_ = fan(ctx, len(newest), len(newest), func(i int) { took[i], lookups[i], errs[i] = v.firstByte(ctx, newest[i]) }) // together tells of its end
	if v.Asked = len(newest); v.Asked == 0 {
		return
	}
	v.Newest, v.Segment, v.Found = newest[0].String(), took[0], lookups[0]
	for i, err := range errs {
		switch {
		case err == nil:
		case vanished(err):
			v.Missing = append(v.Missing, shown(newest[i].String()))
		case v.Failed == nil:
			v.Failed = fmt.Errorf("%s: %w", shown(newest[i].String()), err)
		}
	}
}

// firstByte asks for the beginning of an object. A cache fetches the whole of it all the same, as for any viewer.
func (v *viewer) firstByte(ctx context.Context, at *url.URL) (time.Duration, Lookup, error) {
	ctx, cancel := context.WithTimeout(ctx, v.opt.Timeout)
	defer cancel()
	req, err := v.edge.request(ctx, http.MethodGet, at.String())
	if err != nil {
		return 0, LookupUnknown, err
	}
	req.Header.Set("Range", "bytes=0-1023")
	start := time.Now()
	resp, err := v.edge.do(req)
	took := time.Since(start)
	if err != nil {
		return took, LookupUnknown, err
	}
	defer drain(resp)
	if resp.StatusCode/100 != 2 && resp.StatusCode != http.StatusRequestedRangeNotSatisfiable { // an empty one has no first byte
		return took, LookupUnknown, &StatusError{Status: resp.StatusCode, Reason: http.StatusText(resp.StatusCode)}
	}
	return took, v.edge.Lookup(resp.Header), nil
}

// may tells whether a URL is on the host that was named, or on one that is allowed.
func (v *viewer) may(u *url.URL) bool {
	return allows(v.first, v.opt.Allow, u)
}

func ageOf(h http.Header) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(h.Get("Age")))
	if err != nil || n < 0 || n > 1<<30 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// skewOf is how far the Date of an answer is from the time in which it was made, to the next second; a cached answer bears the Date of the time when
// it was stored, and its Age tells how long ago that is.
func skewOf(h http.Header, sent, came time.Time) time.Duration {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	date = date.Add(ageOf(h))
	switch latest := date.Add(time.Second + ageError(h)); { // Date and Age are whole seconds, rounded down
	case came.Before(date):
		return came.Sub(date)
	case sent.After(latest):
		return sent.Sub(latest)
	}
	return 0
}

func ageError(h http.Header) time.Duration {
	if h.Get("Age") != "" {
		return time.Second
	}
	return 0
}
