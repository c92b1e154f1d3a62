package rule

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/icinga"
)

// Judge tells whether a command would have been let through at a time, and which freeze window holds it where one does.
type Judge func(at time.Time) (allow bool, why, freeze string)

const (
	// replaySpan is the time that is replayed where none is said: as long as alerts are kept.
	replaySpan = 30 * 24 * time.Hour
	// replayPatience bounds the replay in front of a yes.
	replayPatience = 5 * time.Second
	// replayTook is how long an act is taken to last: the guard "one at a time" asks for it.
	replayTook = time.Minute
	// replayShown is how many of the alerts are told one by one.
	replayShown = 20
)

// Replayed is what a rule would have done with the alerts of a time.
type Replayed struct {
	Rule    string         `json:"rule"`
	From    time.Time      `json:"from"`
	To      time.Time      `json:"to"`
	Alerts  int            `json:"alerts"` // that the rule is for
	Acts    int            `json:"acts"`
	Frozen  map[string]int `json:"frozen,omitempty"`  // that a freeze window would have refused, by its name
	Called  int            `json:"called,omitempty"`  // a reminder after a remedy: a person is called
	Refused int            `json:"refused,omitempty"` // by policy, for another reason than a window
	Held    map[string]int `json:"held,omitempty"`    // by the guard that held
	Nodes   map[string]int `json:"nodes,omitempty"`   // acts on each
	Lines   []ReplayLine   `json:"lines,omitempty"`   // the latest
}

// ReplayLine is what would have become of one alert.
type ReplayLine struct {
	At      time.Time `json:"at"`
	Object  string    `json:"object"`
	State   string    `json:"state"`
	Outcome string    `json:"outcome"`
	Why     string    `json:"why,omitempty"`
}

// replay is one way through the stored alerts.
type replay struct {
	*Engine
	rule  Config
	state state
	cared map[string]bool // objects that somebody looks after, or that are in a downtime
	judge map[string]Judge
	out   Replayed
}

// Replay tells what a rule would have done with the stored alerts of a time, as if it had been alone and on: matchers, guards, rights and plans are
// those of now, what diagnoses would have said is not known, and is taken to be yes. It changes nothing.
func (e *Engine) Replay(ctx context.Context, c Config, from, to time.Time) (Replayed, error) {
	if e.opt.History == nil {
		return Replayed{}, errors.New("no alerts are stored that could be replayed")
	}
	all, err := e.opt.History(ctx, from, to)
	if err != nil {
		return Replayed{}, err
	}
	r := &replay{Engine: e, rule: c, cared: map[string]bool{}, judge: map[string]Judge{}, out: Replayed{
		Rule: c.Name, From: from, To: to, Frozen: map[string]int{}, Held: map[string]int{}, Nodes: map[string]int{},
	}}
	for _, a := range all {
		if err := ctx.Err(); err != nil {
			return Replayed{}, context.Cause(ctx)
		}
		r.note(a)
		if !c.Matches(a) || !a.Hard && a.Kind == "PROBLEM" {
			continue
		}
		r.out.Alerts++
		outcome, why := r.one(ctx, a)
		r.out.Lines = append(r.out.Lines, ReplayLine{At: a.Received, Object: a.Object(), State: a.State, Outcome: outcome, Why: why})
	}
	r.out.Lines = r.out.Lines[max(0, len(r.out.Lines)-replayShown):]
	return r.out, nil
}

// note remembers who looks after an object.
func (r *replay) note(a actions.Alert) {
	switch icinga.NotificationType(a.Kind) {
	case icinga.TypeAcknowledgement, icinga.TypeDowntimeStart:
		r.cared[a.Object()] = true
	case icinga.TypeRecovery, icinga.TypeDowntimeEnd, icinga.TypeDowntimeCancelled:
		delete(r.cared, a.Object())
	}
}

// one tells what would have become of an alert.
func (r *replay) one(ctx context.Context, a actions.Alert) (outcome, why string) {
	if r.cared[a.Object()] {
		r.out.Held["somebody looks after it"]++
		return "held back", "it is acknowledged or in a downtime"
	}
	if age := a.Received.Sub(a.Since); age >= young {
		r.out.Held["too old"]++
		return "held back", fmt.Sprintf("the problem is %s old then", age.Round(time.Second))
	}
	do := act{Cause: causeOf(a, r.rule.Name), Node: nodeOf(a), Problem: a.Problem, By: "rule " + r.rule.Name, At: a.Received}
	w := &work{Engine: r.Engine, rule: r.rule, alert: a}
	o := Outcome{Rule: r.rule.Name}
	if err := w.askPlace(ctx, &o, &do); err != nil || o.Decision != "" {
		r.out.Held["no command"]++
		return "nothing", strings.TrimSpace(o.Why + errText(err))
	}
	if held := r.state.hold(r.rule, do, a.Received); held != nil {
		if held.Guard == remedied {
			r.out.Called++
			return "a person is called", held.Why
		}
		r.out.Held[held.Guard]++
		return "held back", held.Why
	}
	allow, why, freeze := r.judged(ctx, a, o.Command)
	switch {
	case allow:
	case freeze != "":
		r.out.Frozen[freeze]++
		return "refused in " + freeze, why
	default:
		r.out.Refused++
		return "refused", why
	}
	do.Ended = do.At.Add(replayTook)
	r.state.prune(r.rule.Guard, do.At)
	r.state.Acts = append(r.state.Acts, do)
	r.out.Acts++
	r.out.Nodes[nodeOf(a)]++
	return "acts", o.Command
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// judged asks whether the command would be planned and let through. The plan of one command is made once.
func (r *replay) judged(ctx context.Context, a actions.Alert, command string) (bool, string, string) {
	if r.opt.Rehearse == nil {
		return true, "", ""
	}
	judge, known := r.judge[command]
	if !known {
		var err error
		judge, err = r.opt.Rehearse(ctx, Command{Text: command, Rule: r.rule.Name, Owner: r.rule.Owner, Alert: a})
		if err != nil {
			judge = func(time.Time) (bool, string, string) { return false, err.Error(), "" }
		}
		r.judge[command] = judge
	}
	return judge(a.Received)
}

// Title says "the last 30 days: 14 acts of 31 alerts, 3 more in prime-time, which refuses them".
func (p Replayed) Title() string {
	s := fmt.Sprintf("%s: ", span(p.To.Sub(p.From)))
	if p.Alerts == 0 {
		return s + "no alert that the rule is for"
	}
	parts := []string{fmt.Sprintf("%s of %s", actions.Counted(p.Acts, "act"), actions.Counted(p.Alerts, "alert"))}
	for _, name := range slices.Sorted(maps.Keys(p.Frozen)) {
		parts = append(parts, fmt.Sprintf("%d more in %s, which refuses them", p.Frozen[name], name))
	}
	if p.Called > 0 {
		parts = append(parts, actions.Counted(p.Called, "call")+" of a person")
	}
	if p.Refused > 0 {
		parts = append(parts, fmt.Sprintf("%d refused", p.Refused))
	}
	if held := sum(p.Held); held > 0 {
		parts = append(parts, fmt.Sprintf("%d held back", held))
	}
	return s + strings.Join(parts, ", ")
}

func sum(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

// span says "the last 30 days".
func span(d time.Duration) string {
	if days := d / (24 * time.Hour); days > 1 && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("the last %d days", days)
	}
	return "the last " + strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

func (e *Engine) test(ctx context.Context, r actions.Request, _ actions.World) (actions.Answer, error) {
	c, err := e.named(r)
	if err != nil {
		return actions.Answer{}, err
	}
	period := r.Duration("period", replaySpan)
	to := r.At
	if to.IsZero() {
		to = e.opt.Now()
	}
	p, err := e.Replay(ctx, c, to.Add(-period), to)
	if err != nil {
		return actions.Answer{}, fmt.Errorf("replay the alerts of %s: %w", span(period), err)
	}
	a := actions.Answer{Title: c.Name + ", " + p.Title(), Data: p, Lines: []string{"it is for " + c.When.String() + guarded(c) + ", and says: " + c.Do}}
	if len(p.Held) > 0 {
		a.Lines = append(a.Lines, "held back by: "+counts(p.Held))
	}
	if len(p.Nodes) > 0 {
		a.Lines = append(a.Lines, "acts on: "+counts(p.Nodes))
	}
	if c.Diagnose != "" {
		a.Lines = append(a.Lines, "what "+c.Diagnose+" would have said then is not known: it is taken to agree")
	}
	if len(p.Lines) > 0 {
		a.Table = &actions.Table{Columns: []string{"AT", "OBJECT", "STATE", "OUTCOME", "WHY"}}
		for _, l := range p.Lines {
			a.Table.Rows = append(a.Table.Rows, []string{l.At.UTC().Format("2006-01-02 15:04"), l.Object, l.State, l.Outcome, l.Why})
		}
		if p.Alerts > len(p.Lines) {
			a.Lines = append(a.Lines, fmt.Sprintf("the latest %d of %d:", len(p.Lines), p.Alerts))
		}
	}
	a.Hint = "nothing was done; \"enable rule " + c.Name + "\" lets it act"
	return a, nil
}

// counts says "cooldown 3, breaker 1", the largest first.
func counts(m map[string]int) string {
	names := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		if m[a] != m[b] {
			return m[b] - m[a]
		}
		return strings.Compare(a, b)
	})
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = fmt.Sprintf("%s %d", name, m[name])
	}
	return strings.Join(out, ", ")
}

// foretold is the line in front of the yes to a rule: what it would have done.
func (e *Engine) foretold(ctx context.Context, c Config, at time.Time) string {
	ctx, cancel := context.WithTimeout(ctx, replayPatience)
	defer cancel()
	if at.IsZero() {
		at = e.opt.Now()
	}
	p, err := e.Replay(ctx, c, at.Add(-replaySpan), at)
	if err != nil {
		return "what it would have done is not known: " + err.Error()
	}
	return p.Title()
}
