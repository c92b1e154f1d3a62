package intents_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents"
)

// enoughProse is how many lines of foreign text OPSBOT_SOAK=1 asks for; without it a tenth does.
const enoughProse = 100_000

// TestProseChangesNothing parses what others wrote about other things: the manual pages and package descriptions of this machine. None of it is a
// command, so none of it may change anything, at once or after a yes.
func TestProseChangesNothing(t *testing.T) {
	t.Parallel()
	want := enoughProse / 10
	if os.Getenv("OPSBOT_SOAK") == "1" {
		want = enoughProse
	}
	p := newParser(t, heldOutWorld())
	decided, lines := map[intents.Decision]int{}, 0
	for line := range readProse(t, 2*want) {
		out := hearsay(t, p, line)
		lines++
		decided[out.Decision]++
		if out.Risk.Changes() && (out.Decision == intents.Act || out.Decision == intents.Confirm) {
			t.Errorf("prose changes something: Parse(%q) = %s", line, brief(out))
		}
	}
	if lines < want {
		if os.Getenv("OPSBOT_REQUIRE_REAL") == "1" {
			t.Fatalf("%d lines of prose on this machine, want %d: manual pages or the descriptions of packages must be there (apt-get update)", lines, want)
		}
		t.Skipf("%d lines of prose on this machine, want %d", lines, want)
	}
	t.Logf("%d lines of prose, none of which changes anything; by decision: %v", lines, decided)
}

// readProse returns up to most different lines of prose: of manual pages, a few of each, and of the descriptions of Debian packages.
func readProse(tb testing.TB, most int) map[string]bool {
	tb.Helper()
	lines := map[string]bool{}
	add := func(line string, left int) int {
		line = strings.TrimSpace(line)
		if left <= 0 || len(lines) >= most || lines[line] || len(line) > 1000 || strings.Count(line, " ") < 2 {
			return left
		}
		lines[line] = true
		return left - 1
	}
	if apt, err := exec.LookPath("apt-cache"); err == nil {
		if out, err := exec.CommandContext(tb.Context(), apt, "dumpavail").Output(); err == nil {
			left := most / 2
			descriptions(out, func(line string) { left = add(line, left) })
		}
	}
	plain := newRoff()
	pages, _ := filepath.Glob("/usr/share/man/man*") // a pattern that is right
	for _, folder := range pages {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || len(lines) >= most {
				return nil // what cannot be read is no prose
			}
			left := 60
			plain.manual(path, func(line string) { left = add(line, left) })
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return lines
}

// descriptions gives every line of the descriptions in a list of packages to add.
func descriptions(list []byte, add func(line string)) {
	in := bufio.NewScanner(bytes.NewReader(list))
	in.Buffer(nil, 1<<20)
	within := false
	for in.Scan() {
		field, text, ok := strings.Cut(in.Text(), ":")
		switch {
		case strings.HasPrefix(in.Text(), " "):
			if within {
				add(in.Text())
			}
		case ok:
			if within = strings.HasPrefix(field, "Description"); within && len(text) != len(" d41d8cd98f00b204e9800998ecf8427e") {
				add(text)
			}
		}
	}
}

// roff takes the markup of roff(7) off.
type roff struct {
	fonts   *regexp.Regexp
	escapes *strings.Replacer
}

func newRoff() *roff {
	return &roff{
		fonts:   regexp.MustCompile(`\\f(\(..|\[[^\]]*\]|.)|\\s[-+]?\d`),
		escapes: strings.NewReplacer(`\-`, "-", `\&`, "", `\ `, " ", `\(aq`, "'", `\(dq`, `"`, `\(lq`, `"`, `\(rq`, `"`, `\(em`, "-", `\e`, `\`, `\%`, "", `\|`, "", `\^`, ""),
	}
}

// plain returns a line without escapes.
func (r *roff) plain(line string) string {
	if !strings.Contains(line, `\`) {
		return line
	}
	return r.escapes.Replace(r.fonts.ReplaceAllString(line, ""))
}

// manual gives the sentences of a manual page to add, and its lines.
func (r *roff) manual(path string, add func(line string)) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	in := io.Reader(f)
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return
		}
	}
	page, err := io.ReadAll(in)
	if err != nil {
		return
	}
	var paragraph strings.Builder
	for line := range strings.SplitSeq(string(page), "\n") {
		if line == "" || line[0] == '.' || line[0] == '\'' {
			for sentence := range strings.SplitSeq(paragraph.String(), ". ") {
				add(sentence)
			}
			paragraph.Reset()
			continue
		}
		line = r.plain(line)
		add(line)
		paragraph.WriteString(line)
		paragraph.WriteByte(' ')
	}
}
