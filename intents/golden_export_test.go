package intents

import (
	"errors"

	"github.com/shitops/opsbot/intents/classify"
)

// MarginsOf returns the margins of all classes of a masked text, for tests that hold them against those of another processor.
func MarginsOf(p *Parser, masked string) ([]float32, error) {
	l, err := p.catalog.lessons()
	if err != nil || l == nil {
		return nil, errors.Join(err, errors.New("nothing was learned"))
	}
	var s classify.Scratch
	l.model.Score(&s, masked)
	return l.model.Margins(&s, nil), nil
}
