package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/icinga"
)

// historyPage is how many records are read at once, each of which holds what arrived within a few milliseconds.
const historyPage = 500

// twice is how close together two reports of one state of one problem are the same report, come by two ways.
const twice = 90 * time.Second

// History returns what was reported from one time to another, oldest first, each report with the problem and the trigger that it is when all are read
// in their order, and once however many ways it came by.
func (a *Alerts) History(ctx context.Context, from, to time.Time) ([]actions.Alert, error) {
	if a.opt.Log == nil {
		return nil, errors.New("no alerts are stored")
	}
	next, err := a.firstSince(ctx, from)
	if err != nil {
		return nil, err
	}
	var out []actions.Alert
	h := history{open: map[string]icinga.Problem{}, last: map[string]time.Time{}}
	for {
		records, err := a.opt.Log.Read(ctx, next, historyPage)
		if err != nil {
			return nil, fmt.Errorf("read the stored alerts: %w", err)
		}
		if len(records) == 0 {
			break
		}
		for _, rec := range records {
			all, err := DecodeBatch(rec.Data)
			if err != nil {
				return nil, fmt.Errorf("record %d of the stored alerts: %w", rec.Sequence, err)
			}
			for _, s := range all {
				if alert, news := h.fold(s); news && !s.Received.Before(from) && s.Received.Before(to) {
					out = append(out, alert)
				}
			}
		}
		next = records[len(records)-1].Sequence + 1
	}
	slices.SortStableFunc(out, func(a, b actions.Alert) int { return a.Received.Compare(b.Received) })
	return out, nil
}

// firstSince returns the number of the first record that is not older than from: records lie in the order of their times.
func (a *Alerts) firstSince(ctx context.Context, from time.Time) (uint64, error) {
	last, err := a.opt.Log.Last(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return 1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the stored alerts: %w", err)
	}
	low, high := uint64(1), last.Sequence
	for low < high {
		middle := low + (high-low)/2
		records, err := a.opt.Log.Read(ctx, middle, 1)
		switch {
		case err != nil:
			return 0, fmt.Errorf("read the stored alerts: %w", err)
		case len(records) == 0 || !records[0].At.Before(from):
			high = middle
		default:
			low = records[0].Sequence + 1
		}
	}
	return low, nil
}

// history is what is known of every object on the way through the log.
type history struct {
	open map[string]icinga.Problem
	last map[string]time.Time // when a state of a problem was last reported, by problem, state and number
}

// fold returns what a report is about, and whether it is news.
func (h *history) fold(s Stored) (actions.Alert, bool) {
	object := s.Object()
	t := s.Notification().Trigger(h.open[object])
	a := s.Alert
	a.ID, a.Problem, a.Since = t.ID(), t.Problem.ID(), t.Problem.Since
	switch t.Type {
	case icinga.TypeProblem:
		h.open[object] = t.Problem
	case icinga.TypeRecovery:
		delete(h.open, object)
	}
	key := t.Problem.ID() + "/" + s.Kind + "/" + s.State
	if was, known := h.last[key]; known && s.Received.Sub(was).Abs() <= twice {
		return a, false
	}
	h.last[key] = s.Received
	return a, true
}
