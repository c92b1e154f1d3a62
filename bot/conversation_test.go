package bot_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/shitops/opsbot/bot/reply"
)

// changing are the parts of an answer that differ from run to run: addresses, times, counts that caches only estimate.
var changing = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`http://[0-9.]+:[0-9]+`), "URL"},
	{regexp.MustCompile(`\br-[0-9]+`), "RUN"},
	{regexp.MustCompile(`[0-9]+(\.[0-9]+)?`), "N"},
	{regexp.MustCompile(`N(ms|µs|s)\b`), "T"},
	{regexp.MustCompile(`\s+`), " "},
}

func timeless(text string) string {
	for _, c := range changing {
		text = c.what.ReplaceAllString(text, c.with)
	}
	return strings.TrimSpace(text)
}

// TestTheConversationOfTheReadme holds the picture in the README against what is really said, on a real Varnish.
func TestTheConversationOfTheReadme(t *testing.T) {
	t.Parallel()
	e := startEdge(t, 1)
	h := startHouse(t, e.inventory())
	for _, path := range []string{"/ts/master.m3u8", "/ts/v0/index.m3u8", "/ts/v0/seg000.ts"} {
		e.etag(t, path)
	}
	e.origin.SetGeneration(2)
	var b strings.Builder
	for _, line := range []string{"flush edge-1", "yes"} {
		b.WriteString("> " + line + "\n")
		for _, c := range h.say(line, patient).cards {
			if !c.Live {
				b.WriteString(reply.Text(c, reply.Style{Unicode: true, Width: 110}))
			}
		}
	}
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, picture, ok := strings.Cut(string(text), "<!-- conversation -->\n```text\n")
	picture, _, ok2 := strings.Cut(picture, "```")
	if !ok || !ok2 {
		t.Fatal("the README has no conversation")
	}
	if got, want := timeless(b.String()), timeless(picture); got != want {
		t.Errorf("the README shows another conversation than this one:\n%s\ncompared as\n got %s\nwant %s", b.String(), got, want)
	}
}
