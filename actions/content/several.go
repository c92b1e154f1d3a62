package content

import (
	"strings"

	"github.com/shitops/opsbot/actions"
)

// several are the errors of more than one cache, told as one. Where some are permanent, only those are in its chain: the whole is then no
// [actions.Temporary], however many of the others are.
type several struct {
	told  []error
	chain []error
}

// Error joins the sentences.
func (s *several) Error() string {
	out := make([]string, len(s.told))
	for i, err := range s.told {
		out[i] = err.Error()
	}
	return strings.Join(out, "; ")
}

// Unwrap returns what errors.Is and errors.As may find.
func (s *several) Unwrap() []error { return s.chain }

// join returns the errors that are not nil as one, which is temporary only when all of them are: what is permanent stays so however often
// it is tried.
func join(errs []error) error {
	var told, chain []error
	for _, err := range errs {
		if err == nil {
			continue
		}
		told = append(told, err)
		if !actions.IsTemporary(err) {
			chain = append(chain, err)
		}
	}
	switch {
	case len(told) == 0:
		return nil
	case len(told) == 1:
		return told[0]
	case len(chain) == 0:
		return actions.Temporary{Err: &several{told: told, chain: told}}
	}
	return &several{told: told, chain: chain}
}
