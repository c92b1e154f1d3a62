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
	Care    string    `json:"care,omitempty"` // acknowledged, in downtime, flapping, with who and until when
	Done    string    `json:"done,omitempty"` // what was done about it
	Output  string    `json:"output,omitempty"`
}

// Told is what the bot knows of a problem besides what the monitoring says of the object.
type Told struct {
	Host, Service string
	State         string    // as it was last
	Since         time.Time // when it began, through all its states
	Ended         time.Time // zero = it stands
	Care          string    // "acknowledged by anna until 14:00 UTC"
	Done          string    // the newest thing that was done about it; "" = nothing
	Symptom       bool      // of its host's being down
}

func (t Told) object() string { return actions.Alert{Host: t.Host, Service: t.Service}.Object() }

// The bounds of the answer and of what is read back of the log.
const (
	listed    = 100
	endedFor  = 24 * time.Hour // how long what has ended is told of a node that is named
	endedMost = 10
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
	told, why := a.told(ctx)
	ended := enrich(found, told)
	out := answer(found, r)
	if away != nil && len(found) == 0 { // that nobody told of a problem does not mean that there is none
		out.Title, out.Bad = "no problem is known to me, and the monitoring could not be asked", true
	}
	out.Lines = append(append(away, why...), out.Lines...)
	if len(r.All("node")) > 0 || r.One("service") != "" {
		out.Lines = append(out.Lines, endings(ended, r)...)
	}
	return out, nil
}

// told returns what the bot knows by itself. That it cannot be read is said and keeps nobody from hearing what stands.
func (a *Alerts) told(ctx context.Context) (told []Told, why []string) {
	if a.opt.Told == nil {
		return nil, nil
	}
	told, err := a.opt.Told(ctx, a.opt.Now().Add(-endedFor))
	if err != nil {
		return nil, []string{"what was done about them could not be read: " + err.Error()}
	}
	return told, nil
}

// enrich adds to what stands what is known of it, and returns what has ended.
func enrich(found []Standing, told []Told) (ended []Told) {
	known := map[string]Told{}
	for _, t := range told {
		if t.Ended.IsZero() {
			known[t.object()] = t
		} else {
			ended = append(ended, t)
		}
	}
	for i := range found {
		s := &found[i]
		t, ok := known[actions.Alert{Host: s.Host, Service: s.Service}.Object()]
		if !ok || !s.Hard {
			continue
		}
		if s.Since.IsZero() || t.Since.Before(s.Since) { // the monitoring tells when the last of its states began
			s.Since = t.Since
		}
		if t.Care != "" && s.Care != "" { // whether is for the monitoring to say, who for us
			s.Care = t.Care
		}
		s.Done = t.Done
		if t.Symptom {
			s.Done = "its host is down"
		}
	}
	return ended
}

// endings tell what has ended lately on what was asked for, the newest first.
func endings(ended []Told, r actions.Request) []string {
	ended = slices.DeleteFunc(ended, func(t Told) bool { return !about(r.All("node"), t.Host) || !serviceFits(r.One("service"), t.Service) })
	slices.SortStableFunc(ended, func(a, b Told) int { return b.Ended.Compare(a.Ended) })
	var out []string
	for i, t := range ended {
		if i == endedMost {
			return append(out, fmt.Sprintf("and %d more that are over", len(ended)-endedMost))
		}
		line := fmt.Sprintf("over: %s was %s for %s until %s", t.object(), t.State, t.Ended.Sub(t.Since).Round(time.Second), t.Ended.UTC().Format("2006-01-02 15:04 MST"))
		if t.Done != "" {
			line += "; " + t.Done
		}
		out = append(out, line)
	}
	return out
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
	if errors.Is(live, errNotConfigured) {
		return found, []string{live.Error()}, nil
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
		if s := newest[key]; s.Kind != string(icinga.TypeRecovery) && s.State != "" && !icinga.State(s.State).Good() {
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
		was, ok := newest[s.Object()]
		if ok && s.Checked.Before(was.Checked) {
			continue
		}
		if s.State == "" && s.Kind != KindRemoved { // a downtime tells no state
			s.State, s.Output = was.State, was.Output
		}
		newest[s.Object()] = s
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
	out.Title = actions.Counted(len(found), "problem") + where
	out.Table = &actions.Table{Columns: []string{"SINCE", "HOST", "SERVICE", "STATE", "CARE", "OUTPUT"}}
	done := slices.ContainsFunc(found, func(s Standing) bool { return s.Done != "" })
	if done {
		out.Table.Columns = append(out.Table.Columns, "DONE")
	}
	for i, s := range found {
		if i == listed {
			out.Lines = append(out.Lines, fmt.Sprintf("and %d more; name a node to see them", len(found)-listed))
			break
		}
		row := s.row()
		if done {
			row = append(row, dash(firstLine(s.Done)))
		}
		out.Table.Rows = append(out.Table.Rows, row)
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
