package cache

import (
	"bytes"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Limits of one playlist. A day of 2 s segments with a date each is about 6 MiB.
const (
	playlistMax = 16 << 20 // bytes
	definesMax  = 1000     // variables
)

// Playlist is what the scanner found in one M3U8 (RFC 8216bis): the URLs, and as little else as priming and checking need.
type Playlist struct {
	Master   bool          // it lists playlists, not segments
	Ended    bool          // it has EXT-X-ENDLIST: nothing will be added
	Target   time.Duration // EXT-X-TARGETDURATION
	Sequence uint64        // EXT-X-MEDIA-SEQUENCE
	Segments int           // listed, gaps included: the newest is number Sequence+Segments-1
	Length   time.Duration // of all segments and the parts behind them
	// Date is the end of the newest segment or part, in the clock of who made the stream; zero where no EXT-X-PROGRAM-DATE-TIME tells.
	Date    time.Time
	Breaks  uint64   // discontinuities since the stream began, as far as the playlist tells
	Refs    []Ref    // in the order of the file, repetitions included
	Ignored []string // URIs that cannot be fetched over HTTP, such as skd: keys, and those that do not parse
	Defines map[string]string
}

// Ref is one reference to another resource.
type Ref struct {
	URL       *url.URL // absolute, without fragment
	Role      Role
	Bandwidth int64 // of a variant; 0 elsewhere
	Optional  bool  // need not exist: EXT-X-RENDITION-REPORT
	Segment   int   // of segments and parts: number of the segment it belongs to, from 0
}

// ScanPlaylist reads a playlist that was fetched from base. imports are the variables of the master, for EXT-X-DEFINE:IMPORT.
//
// It is tolerant: unknown tags, missing commas, CRLF, a byte order mark and blank lines are no errors. EXT-X-PRELOAD-HINT is never
// returned, since fetching it may block, and neither are gaps. Only a body that does not begin with #EXTM3U is refused
// ([ErrNotPlaylist]), or one above 16 MiB ([ErrTooLarge]).
func ScanPlaylist(body []byte, base *url.URL, imports map[string]string) (Playlist, error) {
	if len(body) > playlistMax {
		return Playlist{}, fmt.Errorf("%w: playlist of %d bytes", ErrTooLarge, len(body))
	}
	body = bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\ufeff")), " \t\r\n")
	if !bytes.HasPrefix(body, []byte("#EXTM3U")) {
		return Playlist{}, fmt.Errorf("%w: it begins with %s", ErrNotPlaylist, clip(string(body[:min(len(body), 40)])))
	}
	s := scanner{base: base, imports: imports, Playlist: Playlist{Defines: map[string]string{}}}
	for line := range bytes.Lines(body) {
		s.line(strings.TrimSpace(string(line)))
	}
	s.lengthen(s.parts)
	return s.Playlist, nil
}

type scanner struct {
	Playlist
	base      *url.URL
	imports   map[string]string
	variant   bool  // the next URI line is a variant
	bandwidth int64 // of it
	segment   bool  // the next URI line is a segment
	gap       bool  // and does not exist

	duration time.Duration // of the next segment
	parts    time.Duration // of those behind the last segment
}

func (s *scanner) line(line string) {
	switch {
	case line == "":
	case strings.HasPrefix(line, "#EXT"):
		name, value, _ := strings.Cut(line[1:], ":")
		s.tag(name, value)
	case line[0] != '#':
		s.uriLine(line)
	}
}

// uriLine takes a line that is no tag for what the tags before it announced; without any, its ending decides.
func (s *scanner) uriLine(line string) {
	switch {
	case s.variant || !s.segment && (s.Master || roleOf(line) == RolePlaylist):
		s.Master = true
		s.add(line, Ref{Role: RolePlaylist, Bandwidth: s.bandwidth})
	case s.gap:
		s.ended()
	default:
		s.add(line, Ref{Role: RoleSegment, Segment: s.Segments})
		s.ended()
	}
	s.variant, s.segment, s.gap, s.bandwidth = false, false, false, 0
}

// ended counts a segment, which takes the place of its parts.
func (s *scanner) ended() {
	s.Segments++
	s.lengthen(s.duration)
	s.duration, s.parts = 0, 0
}

// longest bounds what durations add up to.
const longest = 10 * 365 * 24 * time.Hour

func (s *scanner) lengthen(d time.Duration) {
	d = min(d, longest-s.Length)
	s.Length += d
	if !s.Date.IsZero() {
		s.Date = s.Date.Add(d)
	}
}

func (s *scanner) tag(name, value string) {
	if s.clock(name, value) {
		return
	}
	switch name {
	case "EXT-X-GAP":
		s.gap = true
	case "EXT-X-ENDLIST":
		s.Ended = true
	case "EXT-X-STREAM-INF":
		s.Master, s.variant, s.bandwidth = true, true, s.bandwidthIn(value)
	case "EXT-X-I-FRAME-STREAM-INF", "EXT-X-IMAGE-STREAM-INF":
		s.Master = true
		s.attribute(value, Ref{Role: RolePlaylist, Bandwidth: s.bandwidthIn(value)})
	case "EXT-X-MEDIA":
		s.Master = true
		s.attribute(value, Ref{Role: RolePlaylist})
	case "EXT-X-RENDITION-REPORT":
		s.attribute(value, Ref{Role: RolePlaylist, Optional: true})
	case "EXT-X-MAP":
		s.attribute(value, Ref{Role: RoleInit})
	case "EXT-X-KEY", "EXT-X-SESSION-KEY":
		s.attribute(value, Ref{Role: RoleKey})
	case "EXT-X-PART":
		if d, ok := attribute(value, "DURATION"); ok {
			s.parts = min(s.parts+secondsIn(d), longest)
		}
		if gap, _ := attribute(value, "GAP"); gap != "YES" {
			s.attribute(value, Ref{Role: RolePart, Segment: s.Segments})
		}
	case "EXT-X-DEFINE":
		s.define(value)
	}
}

// clock reads the tags that place segments in time.
func (s *scanner) clock(name, value string) bool {
	switch name {
	case "EXTINF":
		duration, _, _ := strings.Cut(value, ",")
		s.segment, s.duration = true, secondsIn(duration)
	case "EXT-X-TARGETDURATION":
		s.Target = secondsIn(value)
	case "EXT-X-MEDIA-SEQUENCE":
		s.Sequence, _ = strconv.ParseUint(value, 10, 64) // 0 is what a missing tag means
	case "EXT-X-DISCONTINUITY-SEQUENCE":
		n, _ := strconv.ParseUint(value, 10, 32) // 0 is what a missing tag means
		s.Breaks += n
	case "EXT-X-DISCONTINUITY":
		s.Breaks++
	case "EXT-X-PROGRAM-DATE-TIME":
		if at, ok := dateIn(value); ok { // of the next segment; parts that came before it belong to that one, too
			s.Date = at
		}
	default:
		return false
	}
	return true
}

// dateIn reads an ISO 8601 date as RFC 8216 section 4.3.2.6 shows it, with the zones that packagers write; none is taken for UTC.
func dateIn(value string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, strings.TrimSpace(value)); err == nil && at.Year() >= 1970 && at.Year() < 9000 {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

func (s *scanner) bandwidthIn(attributes string) int64 {
	v, _ := attribute(attributes, "BANDWIDTH")
	n, _ := strconv.ParseInt(v, 10, 64) // 0 = unknown
	return n
}

func (s *scanner) attribute(attributes string, ref Ref) {
	if uri, ok := attribute(attributes, "URI"); ok && uri != "" {
		s.add(uri, ref)
	}
}

func (s *scanner) add(uri string, ref Ref) {
	u, err := s.base.Parse(s.expand(uri))
	switch {
	case err != nil:
		s.Ignored = append(s.Ignored, clip(uri))
	case u.Scheme == "data": // carries its own content
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		s.Ignored = append(s.Ignored, clip(uri))
	default:
		u.Fragment, u.RawFragment, u.User = "", "", nil
		ref.URL = u
		s.Refs = append(s.Refs, ref)
	}
}

// define reads EXT-X-DEFINE in its three forms: NAME and VALUE, IMPORT from the master, QUERYPARAM from the playlist's own URL.
func (s *scanner) define(value string) {
	if len(s.Defines) >= definesMax {
		return
	}
	if name, ok := attribute(value, "NAME"); ok {
		v, _ := attribute(value, "VALUE")
		s.Defines[name] = s.expand(v)
	} else if name, ok := attribute(value, "IMPORT"); ok {
		s.Defines[name] = s.imports[name]
	} else if name, ok := attribute(value, "QUERYPARAM"); ok {
		s.Defines[name] = s.base.Query().Get(name)
	}
}

// expand replaces {$name} once, from left to right: a value is not expanded again, so nothing can grow without bound.
func (s *scanner) expand(text string) string {
	if len(s.Defines) == 0 || !strings.Contains(text, "{$") {
		return text
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{$")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := s.Defines[name]
		if closed && known && b.Len()+len(value) <= expandMax {
			b.WriteString(value)
			text = after
		} else {
			b.WriteString("{$")
			text = rest
		}
	}
}

// expandMax bounds what variables may make of one line.
const expandMax = 64 << 10

// attribute returns one value of an attribute list (RFC 8216 section 4.2), without its quotes.
func attribute(list, name string) (string, bool) {
	for list != "" {
		key, rest, ok := strings.Cut(list, "=")
		if !ok {
			return "", false
		}
		var value string
		if quoted, isQuoted := strings.CutPrefix(rest, `"`); isQuoted {
			value, rest, _ = strings.Cut(quoted, `"`)
			_, list, _ = strings.Cut(rest, ",")
		} else {
			value, list, _ = strings.Cut(rest, ",")
		}
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

func secondsIn(value string) time.Duration {
	f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || f < 0 || f > 1e6 {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}
