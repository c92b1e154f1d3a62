package intents_test

import (
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents"
)

// TestOnePartHoldsAll: of several commands in one message the strictest decision counts. A part that must do nothing holds the others back, wherever it stands.
func TestOnePartHoldsAll(t *testing.T) {
	t.Parallel()
	p := newParser(t, heldOutWorld())
	lines := 0
	for _, h := range readHeldOut(t, "dev.tsv") {
		if h.mayChange() || h.category == "coreference" || strings.ContainsAny(h.text, "\n>\"") || hearsay(t, p, h.text).Decision == intents.Act {
			continue
		}
		for _, frame := range []string{"flush edge-1 then X", "X then flush edge-1", "ack edge-2; X", "X; ack edge-2", "X\nprime news", "prime news\nX", "recheck edge-3 and then X", "status; purge kids; X", "X then status then purge kids"} {
			text := strings.Replace(frame, "X", h.text, 1)
			lines++
			if out := hearsay(t, p, text); changing(out) {
				t.Errorf("%s: Parse(%q) = %s, although %q alone is %s", h.at, text, brief(out), h.text, brief(hearsay(t, p, h.text)))
			}
		}
	}
	t.Logf("%d messages with one part that does nothing", lines)
}

// TestEveryPartIsUnderstoodAlike: commands joined mean what they mean alone, in the order said, and are decided as the strictest of them.
func TestEveryPartIsUnderstoodAlike(t *testing.T) {
	t.Parallel()
	p := newParser(t, heldOutWorld())
	var whole []heldOut
	for _, h := range readHeldOut(t, "dev.tsv") {
		if h.category == "exact" && len(h.want) == 1 && h.right(hearsay(t, p, h.text)) {
			whole = append(whole, h)
		}
	}
	joined := 0
	for i, a := range whole {
		for _, b := range whole[i+1:] {
			for _, joint := range []string{" then ", "; ", "\n", " and then "} {
				text := a.text + joint + b.text
				both := heldOut{checked: true, want: []intents.Intent{a.want[0], b.want[0]}}
				out := hearsay(t, p, text)
				joined++
				if !both.understood(out) {
					t.Errorf("Parse(%q) = %s", text, brief(out))
				}
				if alone := stricter(hearsay(t, p, a.text).Decision, hearsay(t, p, b.text).Decision); out.Decision != alone {
					t.Errorf("Parse(%q) is decided %s, want %s, the stricter of its parts", text, out.Decision, alone)
				}
			}
		}
	}
	t.Logf("%d pairs of commands", joined)
}

// stricter returns the stricter of two decisions on whole commands.
func stricter(a, b intents.Decision) intents.Decision {
	if a == intents.Confirm || b == intents.Confirm {
		return intents.Confirm
	}
	return intents.Act
}
