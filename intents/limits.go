package intents

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/shitops/opsbot/intents/classify"
)

// What the thresholds are to keep, of the orders that pass the gates of words.
const (
	sureOrders = 0.995 // share of the orders that reach High which are right
	farOrders  = 0.99  // share of the orders that are ahead by the gap which are right
)

// measureLimits finds the thresholds by cross-validation over phrasings. Low is the classifier's own, which keeps 97 % of what was understood. High and
// the gap are for orders that change something: those that the gates stop need no threshold.
func (c *Catalog) measureLimits(v *vocabulary) (classify.Thresholds, classify.Calibration, error) {
	cal, err := classify.Calibrate(c.examples(), len(c.specs)+1, len(c.specs), classifyOptions())
	if err != nil {
		return classify.Thresholds{}, cal, fmt.Errorf("measure the thresholds: %w", err)
	}
	var orders []classify.Left
	for i := range cal.Left {
		l := &cal.Left[i]
		if l.Best.Class >= 0 && l.Best.Class < len(c.specs) && c.specs[l.Best.Class].Risk.Changes() && c.passes(v, l.Example.Text, l.Best.Class) {
			orders = append(orders, *l)
		}
	}
	t := cal.Thresholds
	t.High = preciseFrom(orders, sureOrders, func(l *classify.Left) float32 { return l.Best.Margin })
	t.Gap = preciseFrom(orders, farOrders, func(l *classify.Left) float32 { return l.Best.Gap() })
	return t, cal, nil
}

// passes reports whether a masked text passes the gates that words alone decide: it is an order with a verb of the class that says nothing contrary.
func (c *Catalog) passes(v *vocabulary, masked string, class int) bool {
	s, ok := c.maskedSaying(masked)
	if !ok {
		return false
	}
	s.look(v)
	s.listen(c.cues)
	v.divide(s)
	f := v.feel(s, c.cues)
	fr := frame{spec: c.specs[class], class: class}
	fr.judge(s, v, f)
	return f.mood == moodCommand && f.verb >= 0 && fr.verb && !fr.contra && fr.object == "" && fr.shift == ""
}

// maskedSaying takes apart a text with holes or masks in it.
func (c *Catalog) maskedSaying(text string) (*saying, bool) {
	masked, err := unhole(text)
	if err != nil {
		return nil, false
	}
	toks, err := c.tokenise(nil, masked)
	if err != nil || len(toks) == 0 {
		return nil, false
	}
	s := &saying{}
	pt := c.part(toks)
	s.take(c, &pt)
	c.maskNames(s)
	for i := range s.words {
		if slices.Contains(masks(), s.words[i].low) {
			s.of[i] = int16(len(s.ents))
			s.ents = append(s.ents, entity{kind: kindText, from: i, to: i + 1, values: []string{""}})
		}
	}
	return s, true
}

// preciseFrom returns the smallest measure from which on the share of right ones is enough; where it never is, the largest.
func preciseFrom(left []classify.Left, enough float64, measure func(*classify.Left) float32) float32 {
	slices.SortFunc(left, func(a, b classify.Left) int { return cmp.Compare(measure(&b), measure(&a)) })
	right, limit := 0, float32(1)
	for i := range left {
		if left[i].Right() {
			right++
		}
		if next := i + 1; (next == len(left) || measure(&left[next]) < measure(&left[i])) && float64(right) >= enough*float64(next) {
			limit = measure(&left[i])
		}
	}
	return limit
}
