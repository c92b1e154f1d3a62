package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/icinga"
)

// fold is pure: it tells which problem and which trigger the alert is about, by whichever way it came, and whether the incident has changed.
func (in *Incident) fold(s stored.Stored) (actions.Alert, bool) {
	in.inherit()
	switch s.Kind {
	case string(icinga.TypeProblem):
		return in.foldProblem(s)
	case string(icinga.TypeRecovery), stored.KindRemoved:
		return in.foldEnd(s)
	}
	return in.foldNews(s)
}

func (in *Incident) foldProblem(s stored.Stored) (actions.Alert, bool) {
	a, known := s.Alert, in.Problem
	over := !in.Ended.IsZero()
	stands := over && (in.outweighs(s) || s.Exact.After(in.EndedExact) && !in.EndedExact.IsZero())
	if k := in.match(s); k != nil && !stands {
		a.ID, a.Problem, a.Since = k.ID, k.Problem, k.Since
		changed := k.adopt(s)
		if in.open() && in.State != s.State && in.outweighs(s) { // what was heard came in another order
			in.State, changed = s.State, true
		}
		return a, changed
	}
	if over && !s.Checked.Before(in.Ended) {
		known = icinga.Problem{} // it was well since
	}
	t := s.Notification().Trigger(known)
	if !over && in.Flapping.on() {
		t.Problem = in.Problem // one that comes and goes goes on
	}
	a.ID, a.Problem, a.Since = t.ID(), t.Problem.ID(), t.Problem.Since
	if s.Reminder == 0 && slices.ContainsFunc(in.Seen, func(k Seen) bool { return k.ID == a.ID }) { // the same state anew, without a number
		a.ID = fmt.Sprintf("%s@%d", a.ID, s.Since.Unix())
	}
	same := t.Problem == in.Problem
	if late := !same && !in.Problem.IsZero() && t.Problem.Since.Before(in.Problem.Since) || over && s.Checked.Before(in.Ended); late && !stands {
		in.remember(s, a) // what is known is newer
		return a, true
	}
	if !same || over {
		*in = Incident{Problem: t.Problem, Seen: in.Seen}
	}
	if in.Node = s.Node; in.State == "" || !seenOf(s, a).before(in.newest()) {
		in.State = s.State
	}
	in.remember(s, a)
	in.add(Line{Key: a.ID, At: s.Received, Text: in.report(s)})
	return a, true
}

// foldEnd takes that the object is well, or no longer monitored.
func (in *Incident) foldEnd(s stored.Stored) (actions.Alert, bool) {
	t, a := s.Notification().Trigger(in.Problem), s.Alert
	if s.Kind == stored.KindRemoved {
		if t.Problem = in.Problem; !in.open() {
			return a, false
		}
	}
	a.ID, a.Problem, a.Since = t.ID(), t.Problem.ID(), t.Problem.Since
	over, same := !in.Ended.IsZero(), t.Problem == in.Problem
	stands := in.open() && in.outweighs(s)
	if k := in.match(s); k != nil && !stands {
		a.ID, a.Problem, a.Since = k.ID, k.Problem, k.Since
		return a, k.adopt(s)
	}
	in.remember(s, a)
	if !stands && (over && same || !in.Problem.IsZero() && s.Checked.Before(in.Problem.Since)) {
		return a, true
	}
	if in.Flapping.on() && !over && s.Kind != stored.KindRemoved {
		in.State = s.State // it ends when the flapping does
		return a, true
	}
	in.Problem = t.Problem
	in.end(s)
	if len(in.Lines) == 0 { // its problem was never reported: only its end is remembered, for what comes late
		return a, true
	}
	text := "recovered: " + s.State + after(s.Output)
	if s.Kind == stored.KindRemoved {
		text = "it is no longer monitored"
	}
	in.add(Line{Key: a.ID, At: s.Received, Text: text})
	return a, true
}

func (in *Incident) end(s stored.Stored) {
	in.Ended, in.EndedExact, in.State = s.Checked.Truncate(time.Second), s.Exact, s.State
	in.Ack, in.Downtime, in.Flapping = nil, nil, nil
}

// foldNews takes what is neither a problem nor its end.
func (in *Incident) foldNews(s stored.Stored) (actions.Alert, bool) {
	t, a := s.Notification().Trigger(in.Problem), s.Alert
	if in.open() && (s.At.IsZero() || !s.At.Truncate(time.Second).Before(in.Problem.Since)) {
		t.Problem = in.Problem // what happens to an object happens to the problem that it has
	}
	a.ID, a.Problem, a.Since = t.ID(), t.Problem.ID(), t.Problem.Since
	if t.Problem != in.Problem || !in.open() {
		return a, false
	}
	care := map[string]**Care{
		string(icinga.TypeAcknowledgement): &in.Ack, stored.KindUnacknowledged: &in.Ack, string(icinga.TypeDowntimeStart): &in.Downtime,
		string(icinga.TypeDowntimeEnd): &in.Downtime, string(icinga.TypeDowntimeCancelled): &in.Downtime,
		string(icinga.TypeFlappingStart): &in.Flapping, string(icinga.TypeFlappingEnd): &in.Flapping,
	}[s.Kind]
	if care == nil { // something that somebody has said
		return a, in.add(Line{Key: a.ID, At: s.Received, Text: news(s)})
	}
	if !turn(care, s) {
		return a, false
	}
	in.add(Line{Key: fmt.Sprintf("%s/%s", a.ID, orNow(s).UTC().Format("20060102T150405.000")), At: s.Received, Text: news(s)})
	if s.Kind == string(icinga.TypeFlappingEnd) && icinga.State(in.State).Good() {
		s.State = in.State
		in.end(s)
	}
	return a, true
}

func orNow(s stored.Stored) time.Time {
	if s.At.IsZero() {
		return s.Received
	}
	return s.At
}

// Care is what keeps people from being told of a problem again: an acknowledgement, a downtime, flapping. Nil has never been.
type Care struct {
	On    bool      `json:"on"`
	By    string    `json:"by,omitempty"`
	Why   string    `json:"why,omitempty"`
	Until time.Time `json:"until,omitzero"`
	At    time.Time `json:"at,omitzero"` // of the latest change, by the clock of the monitoring
}

func (c *Care) on() bool { return c != nil && c.On }

// turn takes a change of care, and tells whether it is one: what is older than what is known is not, nor what is so already.
func turn(care **Care, s stored.Stored) bool {
	on := slices.Contains([]string{string(icinga.TypeAcknowledgement), string(icinga.TypeDowntimeStart), string(icinga.TypeFlappingStart)}, s.Kind)
	was := *care
	if was == nil {
		was = &Care{}
	}
	if !s.At.IsZero() && !was.At.IsZero() && s.At.Truncate(time.Second).Before(was.At.Truncate(time.Second)) {
		return false
	}
	if was.On == on {
		if on && was.By == "" && s.Author != "" || was.At.IsZero() && !s.At.IsZero() && on { // known before by its effect alone
			*care = &Care{On: true, By: by(s), Why: why(s), Until: s.Until, At: s.At}
			return was.By != by(s)
		}
		return false
	}
	at := s.At
	if at.IsZero() {
		at = was.At
	}
	*care = &Care{On: on, At: at}
	if on {
		*care = &Care{On: true, By: by(s), Why: why(s), Until: s.Until, At: at}
	}
	return true
}

// by tells who did it: the person, where the bot has passed it on.
func by(s stored.Stored) string { return stored.Person(s.Author) }

// why is the first line of what was said of it.
func why(s stored.Stored) string {
	text, _, _ := strings.Cut(s.Comment, "\n")
	text, _ = icinga.Unmark(text)
	return text
}

// report says "WARNING: hit ratio 61 %", or that it still is.
func (in *Incident) report(s stored.Stored) string {
	told := slices.ContainsFunc(in.Lines, func(l Line) bool { return strings.HasPrefix(l.Text, s.State+":") || l.Text == s.State })
	switch {
	case told && s.Reminder > 0:
		return fmt.Sprintf("still %s (notification %d)%s", s.State, s.Reminder, after(s.Output))
	case told:
		return s.State + " again" + after(s.Output)
	}
	return s.State + after(s.Output)
}

func news(s stored.Stored) string {
	whose := ""
	if who := by(s); who != "" {
		whose = " by " + who
	}
	reason := after(why(s))
	if !s.Until.IsZero() {
		reason = " until " + s.Until.UTC().Format("15:04 MST") + reason
	}
	switch s.Kind {
	case string(icinga.TypeAcknowledgement):
		return "acknowledged" + whose + reason
	case stored.KindUnacknowledged:
		return "the acknowledgement has ended"
	case string(icinga.TypeDowntimeStart):
		return "a downtime begins" + whose + reason
	case string(icinga.TypeDowntimeEnd), string(icinga.TypeDowntimeCancelled):
		return "the downtime has ended"
	case string(icinga.TypeFlappingStart):
		return "it is flapping"
	case string(icinga.TypeFlappingEnd):
		return "it is flapping no more"
	}
	return strings.ToLower(s.Kind) + whose + after(s.Output)
}

// after is ": " and the first line of an output.
func after(output string) string {
	line, _, _ := strings.Cut(output, "\n")
	if r := []rune(line); len(r) > 200 {
		line = string(r[:199]) + "…"
	}
	if line == "" {
		return ""
	}
	return ": " + line
}
