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
	changesNothing(t, "prose", "manual pages or the descriptions of packages must be there (apt-get update)", 0, readProse)
}

// TestChangelogsChangeNothing parses what people write who give orders to other things: the changelogs of packages, full of imperatives that look like
// those of operators. Two in 10,000 may be understood as an order that is done after a yes, none of them one that loses anything, and none at once.
// It skips where there are few.
func TestChangelogsChangeNothing(t *testing.T) {
	t.Parallel()
	if lines := readChangelogs(t, enoughProse/10); len(lines) < enoughProse/10 {
		t.Skipf("%d lines of changelogs on this machine", len(lines))
	}
	changesNothing(t, "changelogs", "", 0.0002, readChangelogs)
}

// changesNothing parses the lines that read returns, and wants none of them to change anything but for a share that would after a yes.
func changesNothing(t *testing.T, what, remedy string, spared float64, read func(tb testing.TB, most int) map[string]bool) {
	t.Helper()
	want := enoughProse / 10
	if os.Getenv("OPSBOT_SOAK") == "1" {
		want = enoughProse
	}
	p := newParser(t, heldOutWorld())
	decided, lines, bad := map[intents.Decision]int{}, 0, 0
	for line := range read(t, 2*want) {
		out := hearsay(t, p, line)
		lines++
		decided[out.Decision]++
		if changing(out) {
			bad++
			if spared == 0 || out.Decision == intents.Act || out.Risk == intents.Destructive {
				t.Errorf("%s: Parse(%q) = %s", what, line, brief(out))
			}
		}
	}
	if float64(bad) > spared*float64(lines) {
		t.Errorf("%d of %d lines of %s would change something, want at most %v of them", bad, lines, what, spared)
	}
	if lines < want && remedy != "" {
		if os.Getenv("OPSBOT_REQUIRE_REAL") == "1" {
			t.Fatalf("%d lines of %s on this machine, want %d: %s", lines, what, want, remedy)
		}
		t.Skipf("%d lines of %s on this machine, want %d", lines, what, want)
	}
	t.Logf("%d lines of %s, %d of which change something; by decision: %v", lines, what, bad, decided)
}

// readChangelogs returns up to most different lines of the changelogs of packages, a few hundred of each.
func readChangelogs(tb testing.TB, most int) map[string]bool {
	tb.Helper()
	files, _ := filepath.Glob("/usr/share/doc/*/*hangelog*.gz") // a pattern that is right
	lines := map[string]bool{}
	for _, file := range files {
		text, err := readPacked(file)
		if err != nil {
			continue // what cannot be read is no text
		}
		left := 300
		for line := range strings.SplitSeq(string(text), "\n") {
			line = strings.Trim(line, " *-+\t")
			if left > 0 && len(lines) < most && !lines[line] && strings.Count(line, " ") > 0 && len(line) < 500 {
				lines[line] = true
				left--
			}
		}
	}
	return lines
}

// readPacked reads a file, unpacked where its name ends in .gz.
func readPacked(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !strings.HasSuffix(path, ".gz") {
		return io.ReadAll(f)
	}
	in, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(in)
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
	page, err := readPacked(path)
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
