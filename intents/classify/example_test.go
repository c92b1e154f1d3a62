package classify_test

import (
	"fmt"

	"github.com/shitops/opsbot/intents/classify"
)

// Teach two things to do and what is neither, then read a sentence that was not taught.
func Example() {
	model, err := classify.Train([]classify.Example{
		{Text: "flush xnode", Class: 0, Pattern: 0},
		{Text: "empty the cache of xnode", Class: 0, Pattern: 1},
		{Text: "drain xnode", Class: 1, Pattern: 2},
		{Text: "take xnode out of the pool", Class: 1, Pattern: 3},
		{Text: "the pool is closed today", Class: 2, Pattern: 4},
		{Text: "who took my cup", Class: 2, Pattern: 5},
	}, 3, classify.Options{Masks: []string{"xnode"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var scratch classify.Scratch // kept by who calls, so that nothing is allocated
	best := model.Score(&scratch, "please empty xnode")
	fmt.Println("class", best.Class, "ahead of class", best.Second, "with", best.Known, "of", best.Words, "words known")
	// Output: class 0 ahead of class 2 with 2 of 3 words known
}
