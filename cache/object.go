package cache

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// Role is what an object of a channel is for.
type Role string

// The roles, in the order in which they are primed.
const (
	RolePlaylist Role = "playlist"
	RoleInit     Role = "init"
	RoleKey      Role = "key"
	RoleSegment  Role = "segment"
	RolePart     Role = "part"
	RoleOther    Role = "other"
)

// Object is one URL of a channel, as the origin names it.
type Object struct {
	URL  string `json:"url"`
	Role Role   `json:"role"`
	Live bool   `json:"live,omitempty"` // may vanish at any moment: of a playlist without end
}

// Objects makes objects of plain URLs, with the role that each path's ending suggests.
func Objects(urls ...string) []Object {
	out := make([]Object, len(urls))
	for i, u := range urls {
		out[i] = Object{URL: u, Role: roleOf(u)}
	}
	return out
}

func roleOf(raw string) Role {
	p := raw
	if u, err := url.Parse(raw); err == nil {
		p = u.Path
	}
	switch strings.ToLower(path.Ext(p)) {
	case ".m3u8", ".m3u":
		return RolePlaylist
	case ".ts", ".m4s", ".mp4", ".m4v", ".m4a", ".cmfv", ".cmfa", ".cmft", ".aac", ".ac3", ".ec3", ".mp3", ".vtt", ".webvtt":
		return RoleSegment
	case ".key":
		return RoleKey
	}
	return RoleOther
}

// unique drops repeated URLs, keeping the first.
func unique(objects []Object) []Object {
	seen := make(map[string]bool, len(objects))
	return slices.DeleteFunc(slices.Clone(objects), func(o Object) bool {
		if seen[o.URL] {
			return true
		}
		seen[o.URL] = true
		return false
	})
}

// Sample picks up to n objects spread evenly over the list, first and last included: enough to look at after a flush.
func Sample(objects []Object, n int) []Object {
	if n <= 0 || len(objects) <= n {
		return slices.Clone(objects)
	}
	if n == 1 {
		return slices.Clone(objects[:1])
	}
	out := make([]Object, n)
	for i := range out {
		out[i] = objects[i*(len(objects)-1)/(n-1)]
	}
	return out
}

// shown is a URL fit for messages: a query may hold a viewer's token, so its values are left out.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return clip(raw)
	}
	u.User = nil
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.String()
}
