package policy

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// reviewMost is how many of the newest records a review looks through.
const reviewMost = 20_000

// Misread is something that people said and that was not understood at once, for whoever decides what to teach. Who said it is left out.
type Misread struct {
	Text     string    `json:"text"` // as it was said last; case and spaces do not make two of one
	Decision Decision  `json:"decision"`
	Why      string    `json:"why"`
	Times    int       `json:"times"`
	Last     time.Time `json:"last"`
}

// Review returns what was asked back or refused by the language since a time, the most frequent first. Nothing is learned from it by itself.
func (a *Audit) Review(ctx context.Context, since time.Time) ([]Misread, error) {
	records, err := a.Tail(ctx, reviewMost)
	if err != nil {
		return nil, err
	}
	byText := map[string]*Misread{}
	for _, r := range records {
		unread := r.Decision == Unclear || r.Decision == Refused && r.Intent == ""
		if !unread || r.Text == "" || r.At.Before(since) {
			continue
		}
		key := strings.ToLower(strings.Join(strings.Fields(r.Text), " "))
		m := byText[key]
		if m == nil {
			m = &Misread{}
			byText[key] = m
		}
		*m = Misread{Text: r.Text, Decision: r.Decision, Why: r.Why, Times: m.Times + 1, Last: r.At}
	}
	out := make([]Misread, 0, len(byText))
	for _, m := range byText {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b Misread) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), b.Last.Compare(a.Last), cmp.Compare(a.Text, b.Text))
	})
	return out, nil
}
