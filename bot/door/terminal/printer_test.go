package terminal_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/bot/door/terminal"
	"github.com/shitops/opsbot/bot/reply"
)

// onScreen lets a printer write to a terminal whose line editor is not there.
type onScreen struct{ *vt }

func (s onScreen) Write(p []byte) (int, error) {
	if _, err := s.vt.Write([]byte(strings.ReplaceAll(string(p), "\n", "\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

func TestTwoLivingCards(t *testing.T) {
	t.Parallel()
	v := newVT(t, 30, 10)
	p := terminal.NewPrinter(onScreen{v}, reply.Style{}, v)
	p.Show(reply.Card{ID: "a", Kind: reply.Progress, Title: "one", Live: true})
	p.Show(reply.Card{ID: "b", Kind: reply.Progress, Title: "two", Live: true})
	fmt.Fprint(p, "a log line")
	p.Show(reply.Card{ID: "a", Kind: reply.Progress, Title: "one moves", Lines: []string{"x"}, Live: true})
	v.await("a log line\n~ one moves\n  x\n~ two\n")
	p.Show(reply.Card{Kind: reply.Answer, Title: "between"})
	p.Show(reply.Card{ID: "b", Kind: reply.Done, Title: "two is done"})
	v.await("a log line\nbetween\n+ two is done\n~ one moves\n  x\n")
	p.Show(reply.Card{ID: "a", Kind: reply.Failed, Title: "one failed"})
	v.await("a log line\nbetween\n+ two is done\nx one failed\n")
}

func TestNarrowScreen(t *testing.T) {
	t.Parallel()
	v := newVT(t, 24, 8)
	p := terminal.NewPrinter(onScreen{v}, reply.Style{Color: true}, v)
	url := "http://edge-1.example/a/very/long/path/to/master.m3u8"
	p.Show(reply.Card{ID: "a", Kind: reply.Progress, Title: "priming", Code: []string{url}, Live: true})
	p.Show(reply.Card{ID: "a", Kind: reply.Progress, Title: "priming on", Code: []string{url}, Live: true})
	v.await("~ priming on\n    " + url[:20] + "\n")
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("line %d", i))
	}
	p.Show(reply.Card{ID: "a", Kind: reply.Progress, Title: "long", Lines: many, Live: true})
	v.await("~ long\n  line 0\n  line 1\n  line 2\n  (more lines than the s\n")
	p.Show(reply.Card{ID: "a", Kind: reply.Done, Title: "short"})
	v.await("+ short\n")
}

// TestPrinterOnAnyCards holds the living screen against a plain model: what stays is never touched again, and the living cards stand below it, each as it
// was last shown.
func TestPrinterOnAnyCards(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		v := newVT(t, rapid.IntRange(24, 60).Draw(r, "width"), 40)
		p := terminal.NewPrinter(onScreen{v}, reply.Style{}, v)
		var stays strings.Builder
		var order []string
		living := map[string]string{}
		for range rapid.IntRange(0, 25).Draw(r, "cards") {
			c := reply.Card{
				ID: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(r, "id"), Kind: reply.Answer, Live: rapid.Bool().Draw(r, "live"),
				Title: rapid.StringMatching(`[a-z]{1,8}( [a-z]{1,8}){0,4}`).Draw(r, "title"),
				Lines: rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,20}`), 0, 2).Draw(r, "lines"),
			}
			p.Show(c)
			text := reply.Text(c, reply.Style{Width: v.width})
			if c.ID != "" && c.Live {
				if _, known := living[c.ID]; !known {
					order = append(order, c.ID)
				}
				living[c.ID] = text
				continue
			}
			stays.WriteString(text)
			if _, known := living[c.ID]; known {
				delete(living, c.ID)
				order = without(order, c.ID)
			}
		}
		var want strings.Builder
		want.WriteString(stays.String())
		for _, id := range order {
			want.WriteString(living[id])
		}
		if got := v.text(); got != strings.TrimRight(want.String(), "\n")+"\n" {
			r.Errorf("the screen shows\n%s\nwant\n%s", got, want.String())
		}
	})
}

func without(list []string, id string) []string {
	var out []string
	for _, x := range list {
		if x != id {
			out = append(out, x)
		}
	}
	return out
}
