package classify_test

import (
	"testing"

	"github.com/shitops/opsbot/intents/classify"
)

// large is a corpus as large as the catalogue may become: 3,000 texts of 60 classes.
func large() []classify.Example { return corpus(60, 25, 10) }

func BenchmarkTrain(b *testing.B) {
	examples := large()
	for _, workers := range []int{1, 2} {
		b.Run(map[int]string{1: "one", 2: "two"}[workers], func(b *testing.B) {
			for b.Loop() {
				train(b, examples, 60, classify.Options{Masks: masks, Workers: workers})
			}
		})
	}
}

func BenchmarkScore(b *testing.B) {
	examples := large()
	m := train(b, examples, 60, classify.Options{Masks: masks})
	var s classify.Scratch
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		m.Score(&s, examples[i%len(examples)].Text)
		i += 7
	}
}

func BenchmarkCalibrate(b *testing.B) {
	examples := large()
	for b.Loop() {
		if _, err := classify.Calibrate(examples, 60, 59, classify.Options{Masks: masks}); err != nil {
			b.Fatal(err)
		}
	}
}
