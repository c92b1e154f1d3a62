package intents_test

import (
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents"
)

func TestRisk(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		risk    intents.Risk
		rank    int
		changes bool
		exact   intents.Decision
	}{
		{intents.Read, 0, false, intents.Act},
		{intents.Reversible, 1, true, intents.Act},
		{intents.Disruptive, 2, true, intents.Act},
		{intents.Destructive, 3, true, intents.Confirm},
		{"", 4, true, intents.Confirm},
		{"mild", 4, true, intents.Confirm},
	} {
		if got := tt.risk.Rank(); got != tt.rank {
			t.Errorf("%q.Rank() = %d, want %d", tt.risk, got, tt.rank)
		}
		if got := tt.risk.Changes(); got != tt.changes {
			t.Errorf("%q.Changes() = %v, want %v", tt.risk, got, tt.changes)
		}
		if got := tt.risk.Exact(); got != tt.exact {
			t.Errorf("%q.Exact() = %s, want %s", tt.risk, got, tt.exact)
		}
	}
}

func TestParseRisk(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"read", "reversible", "disruptive", "destructive"} {
		if got, err := intents.ParseRisk(text); err != nil || string(got) != text {
			t.Errorf("ParseRisk(%q) = %q, %v, want itself", text, got, err)
		}
	}
	for _, text := range []string{"", "Read", "mild", "read "} {
		if got, err := intents.ParseRisk(text); err == nil || got != "" || !strings.Contains(err.Error(), "must be read, reversible, disruptive or destructive") {
			t.Errorf("ParseRisk(%q) = %q, %v, want an error that lists the classes", text, got, err)
		}
	}
}

// The table of risks, with an intent of each class: what an exact command leads to, and a dry run of it.
func TestTableOfRisks(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct {
		text    string
		want    intents.Decision
		because string
	}{
		{"status", intents.Act, "exact command; read"},
		{"prime news", intents.Act, "exact command; reversible"},
		{"purge news", intents.Act, "exact command; disruptive"},
		{"flush edge-1", intents.Confirm, "exact command; destructive"},
		{"prime news --dry-run", intents.Act, "exact command; only shown, nothing changes"},
		{"purge news --by-hand", intents.Act, "exact command; only shown, nothing changes"},
		{"flush edge-1 --dry-run", intents.Act, "exact command; only shown, nothing changes"},
		{"flush edge-1 --by-hand --dry-run", intents.Act, "exact command; only shown, nothing changes"},
		{"flush edge-1 --dry-run=false", intents.Confirm, "exact command; destructive"},
		{"flush edge-1 --follow", intents.Confirm, "exact command; destructive"},
		{"status; prime news", intents.Act, "2 exact commands; the gravest is reversible"},
		{"status; purge news; prime news", intents.Act, "3 exact commands; the gravest is disruptive"},
		{"status; flush edge-1; purge news; prime news", intents.Confirm, "4 exact commands; the gravest is destructive"},
		{"flush edge-1 --dry-run; status", intents.Act, "2 exact commands; the gravest is read"},
		{"status egde-1; purge news", intents.Act, "command 1 of 2: taking egde-1 as edge-1; read"},
		{"status; flush", intents.Ask, "command 2 of 2: node is missing"},
		{"flush; status", intents.Ask, "command 1 of 2: node is missing"},
		{"flush edge-1; reboot", intents.Refuse, "command 2 of 2: not a command that I know; `help` lists them"},
		{"flush; reboot", intents.Refuse, "command 2 of 2: not a command that I know; `help` lists them"},
		{"status; flush edge-1?", intents.Answer, "command 2 of 2: a question; nothing is done; to do it, type: flush edge-1"},
	} {
		out := say(t, p, tt.text)
		if out.Decision != tt.want || out.Because != tt.because {
			t.Errorf("Parse(%q) = %s because %q, want %s because %q", tt.text, out.Decision, out.Because, tt.want, tt.because)
		}
	}
}

func TestOption(t *testing.T) {
	t.Parallel()
	i := intents.Intent{Options: map[string]string{"dry-run": "true", "follow": "false", "reason": "x"}}
	for name, want := range map[string]bool{"dry-run": true, "follow": false, "reason": true, "soft": false} {
		if got := i.Option(name); got != want {
			t.Errorf("Option(%q) of %v = %v, want %v", name, i.Options, got, want)
		}
	}
}
