package classify_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents/classify"
)

// masks are the words that stand for something in the texts of these tests.
var masks = []string{"xnode", "xdur", "xdep"}

// corpus makes texts of classes: each class has its own words, the pairs 2n and 2n+1 share half of them, and all share the small words. The
// same arguments make the same texts. Each pattern comes twice, with and without "please".
func corpus(classes, patterns int, seed uint64) []classify.Example {
	r := rand.New(rand.NewPCG(seed, 7))
	small := strings.Fields("the a on of for and to with in up my our this that now again")
	var own [][]string
	for class := range classes {
		var words []string
		for range 12 {
			words = append(words, invented(r))
		}
		if class%2 == 1 {
			copy(words, own[class-1][:6])
		}
		own = append(own, words)
	}
	var examples []classify.Example
	for class := range classes {
		for pattern := range patterns {
			var text []string
			for range 2 + r.IntN(3) {
				text = append(text, own[class][r.IntN(12)], small[r.IntN(len(small))])
			}
			text = append(text, masks[r.IntN(len(masks))])
			number := class*patterns + pattern
			plain := strings.Join(text, " ")
			examples = append(examples, classify.Example{Text: plain, Class: class, Pattern: number},
				classify.Example{Text: "please " + plain, Class: class, Pattern: number})
		}
	}
	return examples
}

// invented is a word that can be spoken.
func invented(r *rand.Rand) string {
	var b strings.Builder
	for range 2 + r.IntN(2) {
		b.WriteByte("bdfgklmnprstvz"[r.IntN(14)])
		b.WriteByte("aeiou"[r.IntN(5)])
	}
	return b.String() + "n"
}

// train is classify.Train that must not fail.
func train(t testing.TB, examples []classify.Example, classes int, opt classify.Options) *classify.Model {
	t.Helper()
	m, err := classify.Train(examples, classes, opt)
	if err != nil {
		t.Fatalf("Train(%d examples, %d classes): %v", len(examples), classes, err)
	}
	return m
}

// commands is a corpus that a reader can judge.
var commands = func() (examples []classify.Example) {
	for class, texts := range []string{
		"flush xnode|empty the cache of xnode|clear the cache on xnode|wipe xnode|xnode serves stale stuff, empty its cache",
		"drain xnode|take xnode out of rotation|no more viewers for xnode|take xnode out of the pool|move traffic away from xnode",
		"ack xnode|acknowledge the alert on xnode|I have the alert of xnode|got it, xnode is mine|silence the alert of xnode, I am on it",
		"lunch at noon?|the train was late|who took my charger|drain the pasta|flush the toilet|the coffee machine is empty",
	} {
		for text := range strings.SplitSeq(texts, "|") {
			examples = append(examples, classify.Example{Text: text, Class: class, Pattern: len(examples)})
		}
	}
	return examples
}()

// fingerprint is the margins of a text, to the last bit.
func fingerprint(m *classify.Model, text string) string {
	var s classify.Scratch
	m.Score(&s, text)
	return fmt.Sprintf("%x", m.Margins(&s, nil))
}
