package rule_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/run"
)

// verb returns what stands behind an intent.
func verb(t testing.TB, e *rule.Engine, intent string) actions.Verb {
	t.Helper()
	for _, v := range e.Verbs() {
		if v.Intent == intent {
			return v
		}
	}
	t.Fatalf("no verb %s", intent)
	return actions.Verb{}
}

// anna is a request of a person; slots are given as name=value.
func anna(intent string, slots ...string) actions.Request {
	r := actions.Request{Intent: intent, Slots: map[string][]string{}, Actor: actions.Actor{Kind: actions.Person, Name: "anna"}}
	for _, s := range slots {
		name, value, _ := strings.Cut(s, "=")
		r.Slots[name] = append(r.Slots[name], value)
	}
	return r
}

// do plans a request and does its only step in the run called id; undo takes it back.
func do(t testing.TB, e *rule.Engine, id string, r actions.Request) (say string, undo func() string) {
	t.Helper()
	p, err := verb(t, e, r.Intent).Plan(t.Context(), r, world{})
	if err != nil {
		t.Fatalf("plan %s: %v", r.Intent, err)
	}
	s := p.Groups[0].Steps[0]
	x := e.Executors()[s.Kind]
	c := run.Call{Run: id, Key: id + "/do/0/", Args: s.Args, Request: r}
	var done run.Result
	for range 2 { // every Do may be repeated
		again, err := x.Do(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", s.Kind, err)
		}
		if done.Say == "" {
			done = again
		}
	}
	return done.Say, func() string {
		t.Helper()
		var back run.Result
		for range 2 {
			again, err := x.(run.Undoer).Undo(t.Context(), c, done)
			if err != nil {
				t.Fatalf("undo %s: %v", s.Kind, err)
			}
			if back.Say == "" {
				back = again
			}
		}
		return back.Say
	}
}

// TestPause: pauses of several people end each by itself, and resume ends all.
func TestPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOutside()
		e := process(t, healthy(), o)
		paused := func() bool {
			on, _, err := e.Switch().Paused(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return on
		}
		p, err := verb(t, e, "automation.pause").Plan(t.Context(), anna("automation.pause", "duration=1h", "reason=maintenance"), world{})
		if err != nil || p.Hold != time.Hour || p.Risk != actions.Reversible {
			t.Fatalf("plan = %+v, %v; want a hold of 1h", p, err)
		}
		_, undo1 := do(t, e, "r-1", anna("automation.pause", "duration=1h"))
		_, undo2 := do(t, e, "r-2", anna("automation.pause"))
		if !paused() {
			t.Error("not paused after two pauses")
		}
		if say := undo1(); !paused() || !strings.Contains(say, "others stand") {
			t.Errorf("after the first has ended: paused %v, %q; want it to stand", paused(), say)
		}
		if say := undo2(); paused() || say != "rules and jobs act again" {
			t.Errorf("after both have ended: paused %v, %q", paused(), say)
		}
		_, undo3 := do(t, e, "r-3", anna("automation.pause"))
		if _, err := e.Switch().Resume(t.Context()); err != nil || paused() {
			t.Errorf("after resume: paused %v, %v", paused(), err)
		}
		if say := undo3(); say != "the pause had ended already" {
			t.Errorf("the end of a pause that was resumed: %q", say)
		}
		for _, bad := range []string{"soon", "-1h", "1ms"} {
			if _, err := verb(t, e, "automation.pause").Plan(t.Context(), anna("automation.pause", "duration="+bad), world{}); err == nil {
				t.Errorf("a pause for %q was planned", bad)
			}
		}
	})
}

// TestDisable: a rule that is switched off does nothing until the time is over.
func TestDisable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOutside()
		e := process(t, healthy(), o)
		say, undo := do(t, e, "r-1", anna("rule.disable", "rule=flush-on-low-hit-rate", "duration=2h"))
		if say != "rule flush-on-low-hit-rate is switched off" {
			t.Errorf("disable = %q", say)
		}
		if got := handle(t, e, o.alert("edge-1")); got.Decision != rule.HeldBack || !strings.Contains(got.Why, "switched off, by anna") {
			t.Errorf("alert of a rule that is off = %+v", got)
		}
		if say := undo(); say != "rule flush-on-low-hit-rate is on again" {
			t.Errorf("end of disable = %q", say)
		}
		if got := handle(t, e, o.alert("edge-3")); got.Decision != rule.Acted {
			t.Errorf("alert afterwards = %+v, want it treated", got)
		}
		_, err := verb(t, e, "rule.disable").Plan(t.Context(), anna("rule.disable", "rule=flush-on-low-hitrate"), world{})
		if err == nil || !strings.Contains(err.Error(), "flush-on-low-hit-rate") {
			t.Errorf("disable of an unknown rule = %v, want the nearest name", err)
		}
	})
}

// TestEnable: the yes is bound to the command and makes the person the owner; it closes the breaker.
func TestEnable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOutside()
		e := process(t, healthy(), o)
		c := theRule()
		c.Enabled, c.Guard = false, rule.Guard{Breaker: 1}
		set := func(c rule.Config) {
			if err := e.SetRules([]rule.Config{c}); err != nil {
				t.Fatal(err)
			}
		}
		set(c)
		say, undo := do(t, e, "r-1", anna("rule.enable", "rule=flush-on-low-hit-rate"))
		if say != "rule flush-on-low-hit-rate is enabled" {
			t.Errorf("enable = %q", say)
		}
		o.result.Exit = 1
		if got := handle(t, e, o.alert("edge-1")); got.Decision != rule.Failed || o.said[0].Owner != "anna" {
			t.Errorf("alert = %+v, said %+v; want it said with anna's rights", got, o.said)
		}
		o.result.Exit = 0
		time.Sleep(time.Minute)
		if got := handle(t, e, o.alert("edge-1")); !strings.Contains(got.Why, "stopped itself") {
			t.Errorf("alert with an open breaker = %+v", got)
		}
		time.Sleep(time.Minute)
		do(t, e, "r-2", anna("rule.enable", "rule=flush-on-low-hit-rate"))
		if got := handle(t, e, o.alert("edge-1")); got.Decision != rule.Acted {
			t.Errorf("alert after enabling = %+v", got)
		}
		if say := undo(); !strings.Contains(say, "was switched since") {
			t.Errorf("undo of the first yes = %q, want the second to stay", say)
		}
		if _, err := verb(t, e, "rule.enable").Plan(t.Context(), anna("rule.enable", "rule=flush-on-low-hit-rate"), world{}); err == nil || !strings.Contains(err.Error(), "enabled already") {
			t.Errorf("enable of what is on = %v", err)
		}
		c.Do = "flush {{node}}"
		set(c)
		if got := handle(t, e, o.alert("edge-2")); got.Decision != rule.HeldBack || !strings.Contains(got.Why, "its command has changed since anna enabled it") {
			t.Errorf("alert after the command has changed = %+v", got)
		}
	})
}

// TestEnableAnother: a command that changes between the plan and the step is refused.
func TestEnableAnother(t *testing.T) {
	t.Parallel()
	e := process(t, healthy(), newOutside())
	c := theRule()
	args := actions.Encode(rule.SwitchArgs{Rule: c.Name, Command: "flush all edges", By: "anna"})
	if _, err := e.Executors()[rule.KindEnable].Do(t.Context(), run.Call{Run: "r-1", Args: args}); err == nil || !strings.Contains(err.Error(), "the yes was for") {
		t.Errorf("enable with another command = %v", err)
	}
}

// TestList: every rule with its state, and why it does not act.
func TestList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOutside()
		e := process(t, healthy(), o)
		off, dry := theRule(), theRule()
		off.Name, off.Enabled = "off", false
		dry.Name, dry.DryRun, dry.When = "dry", true, rule.When{}
		if err := e.SetRules([]rule.Config{theRule(), off, dry}); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Handle(t.Context(), o.alert("edge-1")); err != nil {
			t.Fatal(err)
		}
		list := func() actions.Answer {
			a, err := verb(t, e, "rule.list").Answer(t.Context(), anna("rule.list"), world{})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		a := list()
		for i, want := range []string{"flush-on-low-hit-rate on service Cache Hit Rate in WARNING", "off off", "dry dry run every problem"} {
			if got := strings.Join(a.Table.Rows[i], " "); !strings.HasPrefix(got, want) {
				t.Errorf("row %d = %q, want %q", i, got, want)
			}
		}
		if got := a.Table.Rows[0][4:]; got[0] != "1" || !strings.HasPrefix(got[1], "edge-1 ") {
			t.Errorf("acts = %v, want one on edge-1", got)
		}
		do(t, e, "r-1", anna("automation.pause"))
		if a := list(); a.Hint == "" || a.Table.Rows[0][1] != "paused" || !strings.Contains(a.Lines[0], "anna paused all") {
			t.Errorf("list while paused = %+v", a)
		}
		if err := e.SetRules(nil); err != nil {
			t.Fatal(err)
		}
		if a := list(); !strings.HasPrefix(a.Title, "no rules") {
			t.Errorf("list without rules = %q", a.Title)
		}
		if out, err := e.Handle(context.Background(), o.alert("edge-1")); len(out) != 0 || err != nil {
			t.Errorf("Handle without rules = %v, %v", out, err)
		}
	})
}
