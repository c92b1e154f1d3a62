package alert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/icinga"
)

// Standing is one problem as alert.list tells it.
type Standing struct {
	Host    string    `json:"host"`
	Service string    `json:"service,omitempty"`
	Node    string    `json:"node,omitempty"`
	State   string    `json:"state"`
	Hard    bool      `json:"hard"`
	Since   time.Time `json:"since"`
	Care    string    `json:"care,omitempty"` // acknowledged, in downtime, flapping
	Output  string    `json:"output,omitempty"`
}

// The bounds of the answer and of what is read back of the log.
const (
	listed    = 100
	recordsOf = 2000 // of the newest
	page      = 500
)

// list answers alert.list.
func (a *Alerts) list(ctx context.Context, r actions.Request, w actions.World) (actions.Answer, error) {
	nodes, err := w.Nodes(ctx)
	if err != nil {
		return actions.Answer{}, fmt.Errorf("read the inventory: %w", err)
	}
	found, away, err := a.standing(ctx)
	if err != nil {
		return actions.Answer{}, err
	}
	found = slices.DeleteFunc(found, func(s Standing) bool {
		return !about(r.All("node"), s.Host) || !serviceFits(r.One("service"), s.Service)
	})
	for i := range found {
		found[i].Node = NodeOf(nodes, found[i].Host)
	}
	out := answer(found, r)
	out.Lines = append(away, out.Lines...)
	return out, nil
}

// standing returns what is not well, the worst first, and what must be said of where that was read.
func (a *Alerts) standing(ctx context.Context) (found []Standing, away []string, err error) {
	live := errNotConfigured
	if a.opt.Icinga != nil {
		var objects []icinga.Object
		if objects, live = a.opt.Icinga.Problems(ctx, ""); live == nil {
			for _, o := range objects {
				found = append(found, standingOf(o))
			}
			return found, nil, nil
		}
	}
	if a.opt.Log == nil {
		return nil, nil, live
	}
	found, err = a.remembered(ctx)
	if err != nil {
		return nil, nil, errors.Join(live, err)
	}
	return found, []string{"Icinga2 does not answer, so this is what it last reported to me: " + live.Error()}, nil
}

func standingOf(o icinga.Object) Standing {
	s := Standing{Host: o.Host, Service: o.Service, State: string(o.State), Hard: o.Hard(), Since: o.LastHardStateChange, Output: firstLine(o.Output)}
	if !o.Hard() {
		s.Since = o.LastStateChange
	}
	var care []string
	if o.Acknowledged {
		c := "acknowledged"
		if !o.AckExpiry.IsZero() {
			c += " until " + o.AckExpiry.UTC().Format("15:04 MST")
		}
		care = append(care, c)
	}
	if o.DowntimeDepth > 0 {
		care = append(care, "in downtime")
	}
	if o.Flapping {
		care = append(care, "flapping")
	}
	s.Care = strings.Join(care, ", ")
	return s
}

// remembered folds the newest records of the log: of each object the newest report counts.
func (a *Alerts) remembered(ctx context.Context) ([]Standing, error) {
	last, err := a.opt.Log.Last(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the stored alerts: %w", err)
	}
	newest := map[string]Stored{}
	for from := max(last.Sequence, recordsOf) - recordsOf + 1; from <= last.Sequence; {
		records, err := a.opt.Log.Read(ctx, from, page)
		if err != nil {
			return nil, fmt.Errorf("read the stored alerts: %w", err)
		}
		if len(records) == 0 {
			break
		}
		for _, rec := range records {
			if err := fold(newest, rec); err != nil {
				return nil, err
			}
		}
		from = records[len(records)-1].Sequence + 1
	}
	var out []Standing
	for _, key := range slices.Sorted(maps.Keys(newest)) {
		if s := newest[key]; s.Kind != string(icinga.TypeRecovery) && !icinga.State(s.State).Good() {
			out = append(out, Standing{Host: s.Host, Service: s.Service, State: s.State, Hard: s.Hard, Since: s.Since, Output: firstLine(s.Output), Care: careOf(s)})
		}
	}
	slices.SortStableFunc(out, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(rank(b.State), rank(a.State)), a.Since.Compare(b.Since))
	})
	return out, nil
}

func fold(newest map[string]Stored, rec store.Record) error {
	alerts, err := DecodeBatch(rec.Data)
	if err != nil {
		return fmt.Errorf("record %d: %w", rec.Sequence, err)
	}
	for _, s := range alerts {
		if s.Kind == string(icinga.TypeCustom) {
			continue
		}
		if was, ok := newest[s.Object()]; !ok || !s.Checked.Before(was.Checked) {
			newest[s.Object()] = s
		}
	}
	return nil
}

func careOf(s Stored) string {
	switch icinga.NotificationType(s.Kind) {
	case icinga.TypeAcknowledgement:
		return "acknowledged by " + s.Author
	case icinga.TypeDowntimeStart:
		return "in downtime"
	case icinga.TypeFlappingStart:
		return "flapping"
	}
	return ""
}

func rank(state string) int {
	return slices.Index([]string{"WARNING", "UNKNOWN", "CRITICAL", "DOWN"}, state)
}

func about(nodes []string, host string) bool {
	return len(nodes) == 0 || slices.ContainsFunc(nodes, func(n string) bool { return strings.EqualFold(n, host) })
}

func serviceFits(want, service string) bool {
	return want == "" || strings.EqualFold(want, service)
}

func answer(found []Standing, r actions.Request) actions.Answer {
	where := ""
	if nodes := r.All("node"); len(nodes) > 0 {
		where = " on " + strings.Join(nodes, ", ")
	}
	if s := r.One("service"); s != "" {
		where += ", service " + s
	}
	out := actions.Answer{Data: found}
	if len(found) == 0 {
		out.Title = "no problems" + where
		return out
	}
	out.Title = fmt.Sprintf("%d problems%s", len(found), where)
	if len(found) == 1 {
		out.Title = "1 problem" + where
	}
	out.Table = &actions.Table{Columns: []string{"SINCE", "HOST", "SERVICE", "STATE", "CARE", "OUTPUT"}}
	for i, s := range found {
		if i == listed {
			out.Lines = append(out.Lines, fmt.Sprintf("and %d more; name a node to see them", len(found)-listed))
			break
		}
		out.Table.Rows = append(out.Table.Rows, s.row())
		if s.Care == "" && out.Hint == "" && s.Node != "" {
			out.Hint = "take one over: ack " + s.Node
		}
	}
	return out
}

func (s Standing) row() []string {
	state := s.State
	if !s.Hard {
		state += " (soft)"
	}
	since := "-"
	if !s.Since.IsZero() {
		since = s.Since.UTC().Format("2006-01-02 15:04")
	}
	return []string{since, s.Host, dash(s.Service), state, dash(s.Care), dash(s.Output)}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// firstLine keeps what fits a table.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > 120 {
		return string(r[:119]) + "…"
	}
	return s
}
