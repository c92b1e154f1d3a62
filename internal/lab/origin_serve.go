package lab

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// answer is what one request gets, chosen under the lock at the moment it arrives.
type answer struct {
	status  int
	body    []byte
	etag    string
	headers http.Header // besides the usual; an empty value takes the usual one away
	delay   time.Duration
	hold    *Hold
}

// serve answers one request. The content is chosen on arrival, before any delay: a fetch in flight carries what was true then.
func (o *Origin) serve(w http.ResponseWriter, r *http.Request) {
	a := o.choose(r)
	if a.hold != nil {
		select {
		case a.hold.Arrived <- struct{}{}:
		default: // nobody counts above 64
		}
		select {
		case <-a.hold.release:
		case <-r.Context().Done():
			return
		}
	}
	if a.delay > 0 {
		t := time.NewTimer(a.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return
		}
	}
	o.write(w, r, a)
}

func (o *Origin) write(w http.ResponseWriter, r *http.Request, a answer) {
	h := w.Header()
	h.Set("Xkey", strings.Join(tagsOf(r.URL.Path), " "))
	h.Set("Content-Type", typeOf(r.URL.Path))
	age := o.opt.ObjectAge
	if path.Ext(r.URL.Path) == ".m3u8" {
		age = o.opt.PlaylistAge
	}
	h.Set("Cache-Control", "max-age="+strconv.Itoa(int(age.Seconds())))
	if a.etag != "" {
		h.Set("ETag", a.etag)
	}
	for name, values := range a.headers {
		if h.Del(name); values[0] != "" {
			h.Set(name, values[0])
		}
	}
	if a.status != http.StatusOK {
		w.WriteHeader(a.status)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}

func (o *Origin) choose(r *http.Request) answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.Method == http.MethodHead {
		o.heads[r.URL.Path]++
	} else {
		o.counts[r.URL.Path]++
	}
	a := answer{status: http.StatusOK, headers: o.headers[r.URL.Path], delay: o.delay, hold: o.holds[r.URL.Path]}
	if forced := o.status[r.URL.Path]; forced != 0 {
		a.status = forced
		return a
	}
	body, ok := o.content(r.URL.Path)
	if !ok {
		a.status = http.StatusNotFound
		return a
	}
	sum := fnv.New64a()
	_, _ = sum.Write(body) // a hash's Write does not fail
	a.body, a.etag = body, fmt.Sprintf(`"%d-%x"`, o.generation, sum.Sum64())
	return a
}

// content finds a body: what Put gave, a made-up channel, a file. The lock is held.
func (o *Origin) content(name string) ([]byte, bool) {
	if body, ok := o.bodies[name]; ok {
		return body, true
	}
	for _, c := range o.opt.Channels {
		if rest, ok := strings.CutPrefix(name, "/"+c.Name+"/"); ok {
			return c.object(rest, o.generation, o.advanced[c.Name])
		}
	}
	if o.opt.Files == nil {
		return nil, false
	}
	body, err := fs.ReadFile(o.opt.Files, strings.TrimPrefix(path.Clean(name), "/"))
	return body, err == nil
}

// tagsOf are the surrogate keys of a path: /news/v0/seg1.ts has ch-news and ch-news-v0.
func tagsOf(name string) []string {
	parts := strings.Split(strings.Trim(name, "/"), "/")
	tags := []string{"ch-" + parts[0]}
	if len(parts) > 2 {
		tags = append(tags, "ch-"+strings.Join(parts[:len(parts)-1], "-"))
	}
	return tags
}

func typeOf(name string) string {
	switch path.Ext(name) {
	case ".m3u8":
		return "application/vnd.apple.mpegurl"
	case ".ts":
		return "video/mp2t"
	case ".m4s", ".mp4":
		return "video/mp4"
	case ".vtt":
		return "text/vtt"
	}
	return "application/octet-stream"
}
