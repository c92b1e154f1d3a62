package intents_test

import (
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents"
)

// What is refused says what to type instead, as near to what was typed as can be.
func TestHints(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []line{
		// A mistyped verb in front of something else: the verb alone.
		{"flsh the edge", "did you mean flush?"},
		{"cancle the meeting", "did you mean cancel?"},
		// A known verb in front of something else: its form.
		{"purge the mail queue", "the exact form is: purge news"},
		{"prime rib for dinner", "the exact form is: prime news"},
		{"verify the numbers", "the exact form is: verify news"},
		{"cancel my train", "the exact form is: cancel r-17"},
		{"retry the crossword", "the exact form is: retry r-17"},
		{"loadtest the coffee machine", "the exact form is: loadtest news"},
		{"runs like a charm", "the exact form is: runs"},
		{"nodes are slow", "the exact form is: list nodes"},
		// Moods.
		{"don't flush edge-2", "negated; nothing is done"},
		{"never purge news", "negated; nothing is done"},
		{"flush edge-2 if you dare", "a condition; nothing is done now"},
		{"when edge-2 is back prime news", "a condition; nothing is done now"},
		// Nothing like a command.
		{"reboot edge-2", "not a command that I know; `help` lists them"},
		{"good morning", "not a command that I know; `help` lists them"},
		{"17", "not a command that I know; `help` lists them"},
		{"edge-2", "not a command that I know; `help` lists them"},
		{":-)", "not a command that I know; `help` lists them"},
	} {
		out := say(t, p, tt.text)
		if out.Decision != intents.Refuse || !strings.Contains(out.Because, tt.want) {
			t.Errorf("Parse(%q) = %s because %q, want a refusal that says %q", tt.text, out.Decision, out.Because, tt.want)
		}
	}
}

// What a hint or a question offers as a whole command is one.
func TestOfferedCommandsAreCommands(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for name, talk := range map[string]string{"near": nearTalk, "told": toldTalk, "work": workTalk, "small": smallTalk, "asked": askedTalk} {
		for l := range strings.SplitSeq(strings.TrimSpace(talk), "\n") {
			out := say(t, p, l)
			for _, mark := range []string{"did you mean: ", "the exact form is: ", "joined by \"then\": ", "to do it, type: "} {
				if _, offered, ok := strings.Cut(out.Because, mark); ok {
					checkOffered(t, p, name, l, offered)
				}
			}
			if _, offered, ok := strings.Cut(out.Question, "For example: "); ok {
				first, _, _ := strings.Cut(offered, " or ")
				first, _, _ = strings.Cut(first, ", ")
				checkOffered(t, p, name, l, first)
			}
		}
	}
}

// checkOffered parses what was offered for the line l.
func checkOffered(t *testing.T, p *intents.Parser, name, l, offered string) {
	t.Helper()
	if out := say(t, p, offered); out.Decision != intents.Act && out.Decision != intents.Confirm {
		t.Errorf("%s: for %q it offers %q, which is %s because %s", name, l, offered, brief(out), out.Because)
	}
}

// In an empty inventory everything is still asked or answered, and nothing is offered that does not exist but as an example.
func TestEmptyInventory(t *testing.T) {
	t.Parallel()
	p := newParser(t, intents.Inventory{})
	for _, tt := range []line{
		{"flush edge-1", "ask cache.flush"},
		{"flush all nodes", "ask cache.flush"},
		{"flush nodes in berlin", "refuse"},
		{"flush", "ask cache.flush"},
		{"prime news", "ask cache.prime"},
		{"nodes", "act node.list"},
		{"nodes in berlin", "ask node.list"},
		{"status", "act status.show"},
		{"status edge-1", "ask status.show"},
		{"runs", "act run.list"},
		{"cancel r-17", "act run.cancel run=r-17"},
		{"purge tag ch-news", "act cache.purge tag=ch-news"},
		{"purge http://o.example/a", "act cache.purge url=http://o.example/a"},
		{"help", "act help"},
		{"whoami", "act whoami"},
	} {
		if got := brief(say(t, p, tt.text)); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
	if got, want := say(t, p, "flush edge-1").Question, `There is no node "edge-1". Which node?`; got != want {
		t.Errorf("question = %q, want %q", got, want)
	}
	if got := p.Complete("flush "); len(got) == 0 {
		t.Error("nothing completes \"flush \" although the grammar goes on")
	}
	if got := p.Nearest("node", "edge-1"); got != nil {
		t.Errorf("Nearest in nothing = %q", got)
	}
}

func TestRefusalsAreShort(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, text := range []string{
		strings.Repeat("x", 1999), "flush " + strings.Repeat("y", 1900), "flush edge-1 --" + strings.Repeat("z", 1900), strings.Repeat("flush ", 300),
		"purge http://" + strings.Repeat("a", 1900), "flush edge-1 and " + strings.Repeat("and ", 400), "help " + strings.Repeat("q", 1900),
		"flush \"" + strings.Repeat("x", 1900) + "\"", "flush \u0435dge-" + strings.Repeat("x", 1900),
	} {
		out := say(t, p, text)
		if len(out.Because) > 300 || len(out.Question) > 600 {
			t.Errorf("Parse(%.30q...): %d bytes of reason, %d of question; want something that a person reads", text, len(out.Because), len(out.Question))
		}
	}
}
