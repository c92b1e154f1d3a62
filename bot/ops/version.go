package ops

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Build says what program this is.
type Build struct {
	Version string `json:"version"` // semantic, or "devel" for a build outside a release
	Commit  string `json:"commit,omitempty"`
	Time    string `json:"time,omitempty"` // of the commit, RFC 3339
	Dirty   bool   `json:"dirty,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// Version reads what the Go tool wrote into the binary.
func Version() Build {
	info, _ := debug.ReadBuildInfo() // without it there is still the version of Go
	return buildFrom(info)
}

func buildFrom(info *debug.BuildInfo) Build {
	b := Build{Version: "devel", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info == nil {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Dirty = s.Value == "true"
		}
	}
	return b
}

// String returns one line for people.
func (b Build) String() string {
	s := "opsbot " + b.Version
	if b.Commit != "" {
		s += " (" + b.Commit[:min(len(b.Commit), 12)]
		if b.Dirty {
			s += ", modified"
		}
		s += ")"
	}
	return fmt.Sprintf("%s %s %s/%s", s, b.Go, b.OS, b.Arch)
}

// UserAgent returns what HTTP clients of the program call themselves.
func (b Build) UserAgent() string { return "opsbot/" + b.Version }
