package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// How much audit.show shows, and how far back it looks for it.
const (
	shownRecords  = 20
	mostRecords   = 200
	lookedRecords = 20_000
	cellWidth     = 60
)

// AuditVerbs returns the verb that shows the record of decisions.
func AuditVerbs(a *Audit) []actions.Verb {
	return []actions.Verb{{Intent: "audit.show", Risk: actions.Read, Answer: a.show}}
}

// Shown is what audit.show found, for programs.
type Shown struct {
	Records []Seen `json:"records"`
	Checked int    `json:"checked"`          // records whose chain was walked for it
	From    uint64 `json:"from,omitempty"`   // sequence of the first of them
	Head    string `json:"head,omitempty"`   // hash of the newest record that holds
	Broken  string `json:"broken,omitempty"` // what is wrong with the first record that does not hold
}

// show answers audit.show: the newest records that fit, oldest first. It walks the chain over all that it looked at, so that what was left out
// in between shows too.
func (a *Audit) show(ctx context.Context, r actions.Request, w actions.World) (actions.Answer, error) {
	f, err := newAuditFilter(ctx, r, w)
	if err != nil {
		return actions.Answer{}, err
	}
	shown, more, err := a.look(ctx, f)
	if err != nil {
		return actions.Answer{}, err
	}
	return f.answer(shown, more), nil
}

// auditFilter is what is asked for.
type auditFilter struct {
	person, node string
	since        time.Time
	most         int
	asked        time.Time
}

func newAuditFilter(ctx context.Context, r actions.Request, w actions.World) (auditFilter, error) {
	f := auditFilter{person: r.One("person"), node: r.One("node"), most: shownRecords, asked: r.At}
	if f.asked.IsZero() {
		f.asked = time.Now()
	}
	if p := r.One("period"); p != "" {
		d, err := time.ParseDuration(p)
		if err != nil || d <= 0 {
			return f, fmt.Errorf("audit.show: %q is no period; say one such as 24h", p)
		}
		f.since = f.asked.Add(-d)
		f.most = mostRecords
	}
	for _, count := range []string{r.One("count"), r.Options["count"]} {
		if count == "" {
			continue
		}
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || n > mostRecords {
			return f, fmt.Errorf("audit.show: %q is no number of records from 1 to %d", count, mostRecords)
		}
		f.most = n
	}
	if f.node != "" && w != nil {
		if _, err := w.Node(ctx, f.node); err != nil && !errors.Is(err, actions.ErrUnknown) { // a node that is gone has a history too
			return f, fmt.Errorf("audit.show: node %s: %w", f.node, err)
		}
	}
	return f, nil
}

func (f auditFilter) fits(s Seen) bool {
	switch {
	case f.person != "" && f.person != s.Actor.Owner && (f.person != s.Actor.Name || s.Actor.Kind != actions.Person):
		return false
	case f.node != "" && !slices.Contains(s.Slots["node"], f.node) && !slices.Contains(s.Slots["to"], f.node):
		return false
	}
	return f.since.IsZero() || !s.At.Before(f.since)
}

// look reads backwards until enough is found, then walks the chain forwards over what it read. more tells that it gave up before the beginning.
func (a *Audit) look(ctx context.Context, f auditFilter) (shown Shown, more bool, err error) {
	last, err := a.log.Last(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return shown, false, nil
	}
	if err != nil {
		return shown, false, fmt.Errorf("read the audit: %w", err)
	}
	var read []store.Record
	found := 0
	for end := last.Sequence; end > 0; {
		from := max(1, int64(end)-pageSize+1)
		page, err := a.log.Read(ctx, uint64(from), int(end)-int(from)+1)
		if err != nil {
			return shown, false, fmt.Errorf("read the audit from record %d on: %w", from, err)
		}
		page = slices.DeleteFunc(page, func(r store.Record) bool { return r.Sequence > end })
		read = append(slices.Clone(page), read...)
		n, old := f.count(page)
		found += n
		switch {
		case found >= f.most, old, len(page) == 0: // enough, older than asked for, or the beginning of what is kept
			end = 0
		case len(read) >= lookedRecords:
			more, end = true, 0
		default:
			end = uint64(from) - 1
		}
	}
	shown.walk(read, f)
	return shown, more, nil
}

// count tells how many of a page fit, and whether the page goes back beyond the period.
func (f auditFilter) count(page []store.Record) (n int, old bool) {
	for _, rec := range page {
		s, err := see(rec)
		if err != nil {
			continue // walk says so
		}
		if f.fits(s) {
			n++
		}
		old = old || !f.since.IsZero() && s.At.Before(f.since) && rec.At.Before(f.since)
	}
	return n, old
}

// walk checks the chain and keeps what fits, up to the first record that does not hold.
func (s *Shown) walk(read []store.Record, f auditFilter) {
	for i, rec := range read {
		r, err := open(rec)
		if err == nil && i == 0 {
			s.From, s.Head = rec.Sequence, r.Prev
		}
		if err == nil {
			err = r.check(rec.Sequence, s.Head)
		}
		if err != nil {
			s.Broken = err.Error()
			break
		}
		s.Checked, s.Head = s.Checked+1, r.Hash
		one := Seen{Sequence: rec.Sequence, Hash: r.Hash}
		if json.Unmarshal(r.Entry, &one.Entry) == nil && f.fits(one) { // check has read it before
			s.Records = append(s.Records, one)
		}
	}
	s.Records = s.Records[max(0, len(s.Records)-f.most):]
}

func (f auditFilter) answer(s Shown, more bool) actions.Answer {
	a := actions.Answer{Title: f.title(len(s.Records)), Data: s}
	if len(s.Records) > 0 {
		a.Table = &actions.Table{Columns: []string{"record", "when", "who", "what", "decision", "run", "why"}}
	}
	for _, one := range s.Records {
		a.Table.Rows = append(a.Table.Rows, []string{
			strconv.FormatUint(one.Sequence, 10), f.clock(one.At), by(one.Actor), saidOr(one.Entry), string(one.Decision), one.Run, cut(one.Why),
		})
	}
	switch {
	case s.Broken != "":
		a.Bad = true
		a.Lines = append(a.Lines, s.Broken, "nothing from that record on is shown, as nothing of it is proved")
		a.Hint = "compare with the last export (opsbot import --verify), and ask who had access to the store"
	case s.Checked > 0:
		a.Lines = append(a.Lines, fmt.Sprintf("chain of %d records from %d on verified, head %s", s.Checked, s.From, s.Head[:12]))
	}
	if more {
		a.Lines = append(a.Lines, fmt.Sprintf("looked at the newest %d records alone", s.Checked))
	}
	return a
}

func (f auditFilter) title(n int) string {
	t := fmt.Sprintf("%d decisions", n)
	switch n {
	case 0:
		t = "no decisions"
	case 1:
		t = "1 decision"
	}
	if f.person != "" {
		t += " about what " + f.person + " asked for"
	}
	if f.node != "" {
		t += " on " + f.node
	}
	if !f.since.IsZero() {
		t += " since " + f.clock(f.since)
	}
	return t
}

// clock writes a time in the zone of who asks, which is that of the request.
func (f auditFilter) clock(t time.Time) string { return t.In(f.asked.Location()).Format(time.DateTime) }

func by(a actions.Actor) string {
	switch {
	case a.Kind == actions.Person:
		return a.String()
	case a.Owner != "":
		return fmt.Sprintf("%s %s for %s", a.Kind, a, a.Owner)
	}
	return fmt.Sprintf("%s %s", a.Kind, a)
}

func saidOr(e Entry) string {
	if e.Text != "" {
		return cut(e.Text)
	}
	return e.Intent
}

func cut(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > cellWidth {
		return string(r[:cellWidth]) + "…"
	}
	return text
}
