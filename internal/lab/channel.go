package lab

import (
	"fmt"
	"strconv"
	"strings"
)

// Channel is an HLS channel that needs no files: NAME/master.m3u8, NAME/vN/index.m3u8, NAME/vN/segM.ts.
type Channel struct {
	Name     string // first part of its paths, without slashes
	Variants int    // 0 = 1
	Segments int    // in each playlist; 0 = 6
	Bytes    int    // of a segment; 0 = 16 KiB
	Live     bool   // a sliding window, moved by Origin.Advance; else it ends
}

// object makes the body of one path below the channel, or says that there is none.
func (c Channel) object(name string, generation, advanced int) ([]byte, bool) {
	c.Variants, c.Segments, c.Bytes = max(c.Variants, 1), orElse(c.Segments, 6), orElse(c.Bytes, 16<<10)
	if !c.Live {
		advanced = 0
	}
	if name == "master.m3u8" {
		return c.master(), true
	}
	dir, file, ok := strings.Cut(name, "/")
	if !ok {
		return nil, false
	}
	if v, ok := numbered(dir, "v", ""); !ok || v >= c.Variants {
		return nil, false
	}
	if file == "index.m3u8" {
		return c.media(advanced), true
	}
	n, ok := numbered(file, "seg", ".ts")
	if !ok || n < advanced || n >= advanced+c.Segments {
		return nil, false
	}
	return segment(name, generation, c.Bytes), true
}

func orElse(n, fallback int) int {
	if n <= 0 {
		return fallback
	}
	return n
}

// numbered reads 7 from "seg7.ts"; leading zeros and signs are not accepted, so that every object has one name.
func numbered(s, prefix, suffix string) (int, bool) {
	s, ok1 := strings.CutPrefix(s, prefix)
	s, ok2 := strings.CutSuffix(s, suffix)
	n, err := strconv.Atoi(s)
	return n, ok1 && ok2 && err == nil && strconv.Itoa(n) == s && n >= 0
}

func (c Channel) master() []byte {
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:6\n")
	for v := range c.Variants {
		fmt.Fprintf(&b, "#EXT-X-STREAM-INF:BANDWIDTH=%d,CODECS=\"avc1.4d400c,mp4a.40.2\"\nv%d/index.m3u8\n", 1_000_000*(c.Variants-v), v)
	}
	return []byte(b.String())
}

func (c Channel) media(first int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%d\n", first)
	for n := first; n < first+c.Segments; n++ {
		fmt.Fprintf(&b, "#EXTINF:2.000,\nseg%d.ts\n", n)
	}
	if !c.Live {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	return []byte(b.String())
}

// segment begins with its name and generation, and is filled up with MPEG-TS null packets' stuffing byte.
func segment(name string, generation, size int) []byte {
	body := make([]byte, size)
	n := copy(body, fmt.Sprintf("%s generation %d\n", name, generation))
	for i := n; i < size; i++ {
		body[i] = 0xff
	}
	return body
}
