package cache_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/fixtures/hls"
)

func scan(t testing.TB, text, base string, imports map[string]string) cache.Playlist {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	p, err := cache.ScanPlaylist([]byte(text), u, imports)
	if err != nil {
		t.Fatalf("ScanPlaylist(%q): %v", text, err)
	}
	return p
}

// refs renders what was found: "segment:/a/b.ts" each, optional ones with a question mark.
func refs(p cache.Playlist) string {
	var out []string
	for _, r := range p.Refs {
		s := string(r.Role) + ":" + strings.TrimPrefix(r.URL.String(), "http://o.example")
		if r.Optional {
			s += "?"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestScanPlaylist(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text, want string
	}{
		{"empty", "#EXTM3U", ""},
		{"relative", "#EXTM3U\n#EXTINF:2,\ns.ts\n#EXTINF:2,\n../t.ts\n#EXTINF:2,\n/u.ts\n#EXTINF:2,\n//v.example/w.ts\n#EXTINF:2,\n?q=1\n",
			"segment:/a/s.ts segment:/t.ts segment:/u.ts segment:http://v.example/w.ts segment:/a/index.m3u8?q=1"},
		{"byte order mark, CRLF, blanks", "\ufeff#EXTM3U\r\n\r\n#EXTINF:2,\r\n  s.ts \r\n", "segment:/a/s.ts"},
		{"blank lines first", "\n\n#EXTM3U\n#EXTINF:2,\ns.ts", "segment:/a/s.ts"},
		{"EXTINF without comma", "#EXTM3U\n#EXTINF:10\ns.ts\n", "segment:/a/s.ts"},
		{"tags between", "#EXTM3U\n#EXTINF:2,\n#EXT-X-BYTERANGE:10@0\n# comment\n#EXT-X-UNKNOWN:URI=\"x\"\ns.ts\n", "segment:/a/s.ts"},
		{"no EXTINF at all", "#EXTM3U\ns.ts\nv.m3u8\n", "segment:/a/s.ts playlist:/a/v.m3u8"},
		{"master", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=2,URI=\"i\"\n#EXT-X-IMAGE-STREAM-INF:URI=\"t\"\n" +
			"#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a\"\n#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,INSTREAM-ID=\"CC1\"\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"\n",
			"playlist:/a/v playlist:/a/i playlist:/a/t playlist:/a/a key:/a/k"},
		{"master lists a variant without its tag", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv\nw\n", "playlist:/a/v playlist:/a/w"},
		{"keys", "#EXTM3U\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x1\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\"\n" +
			"#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"data:text/plain;base64,eA==\"\n#EXTINF:2,\ns.ts\n", "key:/a/k segment:/a/s.ts"},
		{"commas and equals in quotes", "#EXTM3U\n#EXT-X-MAP:X=\"a,URI=b\",URI=\"m.mp4?a=1,2&b=3\",BYTERANGE=\"1@0\"\n", "init:/a/m.mp4?a=1,2&b=3"},
		{"attribute without quotes", "#EXTM3U\n#EXT-X-MAP:URI=m.mp4,BYTERANGE=1@0\n", "init:/a/m.mp4"},
		{"quote never closed", "#EXTM3U\n#EXT-X-MAP:URI=\"m.mp4\n", "init:/a/m.mp4"},
		{"no URI", "#EXTM3U\n#EXT-X-MAP:\n#EXT-X-MAP\n#EXT-X-MAP:URI=\"\"\n#EXT-X-MAP:NOURI=\"x\"\n", ""},
		{"parts, hints and reports", "#EXTM3U\n#EXT-X-PART:DURATION=1,URI=\"p1\"\n#EXT-X-PART:DURATION=1,URI=\"p2\",GAP=YES\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"h\"\n" +
			"#EXT-X-RENDITION-REPORT:URI=\"../r/index.m3u8\"\n", "part:/a/p1 playlist:/r/index.m3u8?"},
		{"gaps", "#EXTM3U\n#EXTINF:2,\n#EXT-X-GAP\ns0.ts\n#EXTINF:2,\ns1.ts\n", "segment:/a/s1.ts"},
		{"does not parse", "#EXTM3U\n#EXTINF:2,\nhttp://[::1/s.ts\n#EXTINF:2,\nok.ts\n", "segment:/a/ok.ts"},
		{"user and fragment dropped", "#EXTM3U\n#EXTINF:2,\nhttp://anna:pw@o.example/s.ts#t\n", "segment:/s.ts"},
		{"variables", "#EXTM3U\n#EXT-X-DEFINE:NAME=\"h\",VALUE=\"http://cdn.example\"\n#EXT-X-DEFINE:IMPORT=\"tok\"\n#EXT-X-DEFINE:QUERYPARAM=\"id\"\n" +
			"#EXTINF:2,\n{$h}/s.ts?t={$tok}&i={$id}&u={$unknown}&{$\n#EXT-X-MAP:URI=\"{$h}/m\"\n",
			"segment:http://cdn.example/s.ts?t=T&i=7&u={$unknown}&{$ init:http://cdn.example/m"},
		{"a variable in a variable", "#EXTM3U\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"x\"\n#EXT-X-DEFINE:NAME=\"b\",VALUE=\"{$a}{$a}\"\n#EXTINF:2,\n{$b}\n", "segment:/a/xx"},
	} {
		if got := refs(scan(t, tt.text, "http://o.example/a/index.m3u8?id=7", map[string]string{"tok": "T"})); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestScanPlaylistFacts(t *testing.T) {
	t.Parallel()
	p := scan(t, "#EXTM3U\n#EXT-X-TARGETDURATION:2.5\n#EXT-X-MEDIA-SEQUENCE:1000\n#EXTINF:2,\na\n#EXT-X-PART:URI=\"p\"\n#EXTINF:2,\nb\n#EXT-X-ENDLIST\n", "http://o/", nil)
	if p.Master || !p.Ended || p.Target != 2500*time.Millisecond || p.Sequence != 1000 {
		t.Errorf("ScanPlaylist = %+v", p)
	}
	var numbers []int
	for _, r := range p.Refs {
		numbers = append(numbers, r.Segment)
	}
	if diff := cmp.Diff([]int{0, 1, 1}, numbers); diff != "" {
		t.Errorf("segment numbers (-want +got):\n%s", diff)
	}
	p = scan(t, "#EXTM3U\n#EXT-X-TARGETDURATION:-1\n#EXT-X-MEDIA-SEQUENCE:x\n#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=9,BANDWIDTH=125400,CODECS=\"a,BANDWIDTH=1\"\nv\n", "http://o/", nil)
	if !p.Master || p.Ended || p.Target != 0 || p.Sequence != 0 || p.Refs[0].Bandwidth != 125400 {
		t.Errorf("ScanPlaylist = %+v", p)
	}
	if p := scan(t, "#EXTM3U\n#EXT-X-KEY:URI=\"skd://k\"\n#EXTINF:2,\nhttp:///x\n", "http://o/", nil); len(p.Ignored) != 2 {
		t.Errorf("ignored = %q, want the skd: key and the URL without host", p.Ignored)
	}
}

func TestScanNoPlaylist(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		"":                            cache.ErrNotPlaylist,
		"<html>":                      cache.ErrNotPlaylist,
		"#EXT-X-VERSION:3\n#EXTM3U\n": cache.ErrNotPlaylist,
		"\x00\x01binary":              cache.ErrNotPlaylist,
		strings.Repeat("x", 16<<20+1): cache.ErrTooLarge,
	} {
		if _, err := cache.ScanPlaylist([]byte(text), &url.URL{Scheme: "http", Host: "o"}, nil); !errors.Is(err, want) || cache.Temporary(err) {
			t.Errorf("ScanPlaylist(%.20q) = %v, want %v", text, err, want)
		}
	}
}

// TestScanBombs: variables cannot blow a line up, and a playlist of nothing but tags takes no time to speak of.
func TestScanBombs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-DEFINE:NAME=\"v0\",VALUE=\"xxxxxxxxxx\"\n")
	for i := range 40 {
		fmt.Fprintf(&b, "#EXT-X-DEFINE:NAME=\"v%d\",VALUE=\"%s\"\n", i+1, strings.Repeat(fmt.Sprintf("{$v%d}", i), 10))
	}
	b.WriteString("#EXTINF:2,\n/{$v40}\n")
	for _, r := range scan(t, b.String(), "http://o/", nil).Refs {
		if n := len(r.URL.String()); n > 1<<20 {
			t.Errorf("a line of %d bytes grew out of %d", n, b.Len())
		}
	}
	big := "#EXTM3U\n" + strings.Repeat("#EXT-X-KEY:A=\"1\",B=2,C=\"3\"\n", 300_000)
	start := time.Now()
	scan(t, big, "http://o/", nil)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("%d bytes took %s", len(big), took)
	}
}

// FuzzScanPlaylist: no playlist makes the scanner panic, and all it returns can be asked for.
func FuzzScanPlaylist(f *testing.F) {
	if err := fs.WalkDir(hls.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".m3u8") {
			var text []byte
			text, err = fs.ReadFile(hls.Files(), name)
			f.Add(text)
		}
		return err
	}); err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"#EXTM3U\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n#EXTINF:2,\n{$a}{$\n", "\ufeff#EXTM3U\r\n\r\n#EXT-X-MAP:URI=\"", "#EXTM3U\n#EXT-X-KEY:,=\"\",URI=data:,x"} {
		f.Add([]byte(text))
	}
	base := &url.URL{Scheme: "http", Host: "o.example", Path: "/a/index.m3u8", RawQuery: "q=1"}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := cache.ScanPlaylist(bytes.Clone(text), base, map[string]string{"a": "b"})
		if err != nil {
			if !errors.Is(err, cache.ErrNotPlaylist) && !errors.Is(err, cache.ErrTooLarge) {
				t.Fatalf("ScanPlaylist(%q) = %v", text, err)
			}
			return
		}
		if lines := bytes.Count(text, []byte("\n")) + 1; len(p.Refs)+len(p.Ignored) > lines {
			t.Fatalf("%d references from %d lines", len(p.Refs)+len(p.Ignored), lines)
		}
		for _, r := range p.Refs {
			if r.URL.Host == "" || r.URL.Scheme != "http" && r.URL.Scheme != "https" || r.URL.Fragment != "" || r.URL.User != nil || r.Segment < 0 {
				t.Fatalf("ScanPlaylist(%q) returned %+v", text, r)
			}
			if _, err := url.Parse(r.URL.String()); err != nil {
				t.Fatalf("ScanPlaylist(%q) returned %q: %v", text, r.URL, err)
			}
		}
	})
}
