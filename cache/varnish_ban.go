package cache

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxBans is the number of bans not yet worked off above which PurgePrefix refuses to add another: each is tested at the look-up
// of every older object.
const MaxBans = 1000

// markHeader is a header that no object bears, so that "!= mark" holds for every object and the mark rides along in the ban.
const markHeader = "obj.http.x-opsbot-mark"

// urlHeader is where the VCL keeps each object's path and query, since a ban on req.url is never worked off (Varnish issue 1635).
const urlHeader = "x-url"

var markAlphabet = regexp.MustCompile(`^[A-Za-z0-9._/:@=+-]{1,200}$`)

// CheckMark returns ErrBadMark unless mark is 1 to 200 letters, digits or any of ._/:@=+- (a ban's words hold no blanks or quotes).
func CheckMark(mark string) error {
	if !markAlphabet.MatchString(mark) {
		return fmt.Errorf("%w %s: want 1 to 200 of A-Z a-z 0-9 ._/:@=+-", ErrBadMark, clip(mark))
	}
	return nil
}

// allObjects holds for every object there is.
const allObjects = "obj.status != 0"

func flushBan(mark string) string {
	return allObjects + " && " + markHeader + " != " + mark
}

func prefixBan(prefix, mark string) (string, error) {
	quoted, err := quotePrefix(prefix)
	if err != nil {
		return "", err
	}
	return "obj.http." + urlHeader + " ~ ^" + quoted + " && " + markHeader + " != " + mark, nil
}

// quotePrefix turns a literal prefix into a PCRE without blanks, quotes and backslashes, which the CLI would take for its own.
// Bytes that no valid request line holds (RFC 3986) are refused: such a prefix could match nothing.
//
// Of a whole URL the path and query count: the VCL keeps no host.
func quotePrefix(prefix string) (string, error) {
	if scheme, rest, ok := strings.Cut(prefix, "://"); ok && (scheme == "http" || scheme == "https") {
		_, path, _ := strings.Cut(rest, "/")
		prefix = "/" + path
	}
	if !strings.HasPrefix(prefix, "/") {
		return "", fmt.Errorf("%w %s: it begins with no slash", ErrBadPrefix, clip(prefix))
	}
	var b strings.Builder
	for _, c := range []byte(prefix) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("/-_~%=:,@!&;'", c) >= 0:
			b.WriteByte(c)
		case strings.IndexByte(".+*?()$[]", c) >= 0:
			b.WriteString("[" + string(c) + "]")
		default:
			return "", fmt.Errorf("%w %s: %q does not occur in a URL, percent-encode it", ErrBadPrefix, clip(prefix), c)
		}
	}
	return b.String(), nil
}

// ban is one line of ban.list.
type ban struct {
	time      string // seconds since the epoch on the server's clock, as it prints them
	completed bool
	spec      string
}

// age tells how long before now, both on the server's clock, the ban was set.
func (b ban) age(now float64) time.Duration {
	set, err := strconv.ParseFloat(b.time, 64)
	if err != nil || now < set {
		return 0
	}
	return time.Duration((now - set) * float64(time.Second))
}

// parseBans reads the body of "ban.list": a heading, then "TIME REFS FLAG SPEC" a line, newest first. The text form is the same
// since Varnish 4, the JSON form is not. Lines of another shape are skipped.
func parseBans(body string) []ban {
	var out []ban
	for line := range strings.SplitSeq(body, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		if _, err := strconv.ParseFloat(fields[0], 64); err != nil {
			continue
		}
		out = append(out, ban{time: fields[0], completed: strings.Contains(fields[2], "C"), spec: strings.Join(fields[3:], " ")})
	}
	return out
}

// The rounds of a proved operation, appended to its mark. The second stands for both: once it is in the list, the first may have
// been dropped from it.
const (
	firstRound  = "/1"
	secondRound = "/2"
)

// findMark returns the newest ban that bears the mark, or a later round of it, completed or not.
func findMark(bans []ban, mark string) (ban, bool) {
	wanted := []string{mark}
	if stem, ok := strings.CutSuffix(mark, firstRound); ok {
		wanted = append(wanted, stem+secondRound)
	}
	for _, b := range bans {
		at := strings.LastIndex(b.spec, markHeader+" != ")
		if at >= 0 && slices.Contains(wanted, b.spec[at+len(markHeader+" != "):]) {
			return b, true
		}
	}
	return ban{}, false
}

func activeBans(bans []ban) int {
	n := 0
	for _, b := range bans {
		if !b.completed && b.spec != "" {
			n++
		}
	}
	return n
}
