package bot

import (
	"sync"
	"testing"

	"github.com/shitops/opsbot/intents"
)

func lesson(text, intent string) intents.Extra {
	return intents.Extra{Text: text, Intent: intent, From: "taught by anna"}
}

// TestALessonIsTrainedOnce: what the lint looked at is what comes into use, and what was before it is there still for an undo.
func TestALessonIsTrainedOnce(t *testing.T) {
	t.Parallel()
	var l language
	before, err := l.with(nil)
	if err != nil {
		t.Fatal(err)
	}
	taught := []intents.Extra{lesson("give {node} a good wash", "cache.flush")}
	var linted [3]*intents.Catalog
	var work sync.WaitGroup
	for i := range linted { // two people look at the same lesson at once, and a third
		work.Go(func() {
			c, err := l.try(taught)
			if err != nil {
				t.Errorf("try: %v", err)
			}
			linted[i] = c
		})
	}
	work.Wait()
	if linted[0] == nil || linted[0] != linted[1] || linted[0] != linted[2] {
		t.Fatalf("three looks at the same lesson made %p, %p and %p, want one", linted[0], linted[1], linted[2])
	}
	if got := l.inUse(); got != before {
		t.Errorf("a look alone took %p into use, want %p", got, before)
	}
	if _, err := l.try([]intents.Extra{lesson("flush {node}", "cache.prime")}); err == nil {
		t.Error("a command of another intent is taken as a lesson")
	}
	if used, err := l.with(taught); err != nil || used != linted[0] || l.inUse() != used {
		t.Errorf("with = %p, %v, want %p, the one that was looked at", used, err, linted[0])
	}
	if again, err := l.with(nil); err != nil || again != before || l.inUse() != before {
		t.Errorf("after the undo %p, %v is in use, want %p", again, err, before)
	}
	if got := len(l.trained); got != 2 {
		t.Errorf("%d catalogues are kept, want 2", got)
	}
}

// TestOldLessonsAreLetGo: a catalogue weighs megabytes, so only the newest ones are kept.
func TestOldLessonsAreLetGo(t *testing.T) {
	t.Parallel()
	var l language
	for _, text := range []string{"give {node} a good wash", "scrub {node} clean of everything", "wring {node} out"} {
		if _, err := l.try([]intents.Extra{lesson(text, "cache.flush")}); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if _, err := l.with(nil); err != nil { // it is in use, and so it stays
			t.Fatal(err)
		}
	}
	if got := len(l.trained); got != mostTrained || l.trained[0].catalog != l.inUse() {
		t.Errorf("%d catalogues are kept, want %d with the one in use first", got, mostTrained)
	}
}
