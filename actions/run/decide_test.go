package run

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
)

// drawn makes a plan from a drawing: groups by ";", "nodes/width!" before ":", then a letter a step. "!" keeps going. A capital letter stands for
// a step that cannot be undone.
func drawn(t *testing.T, drawing string) actions.Plan {
	t.Helper()
	var p actions.Plan
	for g := range strings.SplitSeq(drawing, ";") {
		head, letters, ok := strings.Cut(g, ":")
		if !ok {
			t.Fatalf("drawing %q: group %q has no steps", drawing, g)
		}
		var group actions.Group
		group.KeepGoing = strings.HasSuffix(head, "!")
		n := 0
		if _, err := fmt.Sscanf(strings.TrimSuffix(head, "!"), "%d/%d", &n, &group.Width); err != nil {
			t.Fatalf("drawing %q: %v", drawing, err)
		}
		for i := range n {
			group.Nodes = append(group.Nodes, fmt.Sprintf("n%d", i+1))
		}
		for _, l := range letters {
			s := actions.Step{Kind: "k", Say: string(l)}
			if l >= 'A' && l <= 'Z' {
				s.NoUndo = "gone for good"
			}
			group.Steps = append(group.Steps, s)
		}
		p.Groups = append(p.Groups, group)
	}
	return p
}

// told makes outcomes from "step@node=state" words.
func told(t *testing.T, words string) []actions.Outcome {
	t.Helper()
	var out []actions.Outcome
	for w := range strings.FieldsSeq(words) {
		act, state, _ := strings.Cut(w, "=")
		step, node, _ := strings.Cut(act, "@")
		o := actions.Outcome{Node: node, State: actions.OutcomeState(state), Epoch: 1, Say: "why " + node}
		if _, err := fmt.Sscan(step, &o.Step); err != nil {
			t.Fatalf("outcome %q: %v", w, err)
		}
		if o.State == "unsure" {
			o.State, o.Unsure = actions.StepFailed, true
		}
		out = append(out, o)
	}
	return out
}

// stand renders where a run stands.
func stand(r actions.Run) string {
	s := fmt.Sprintf("%s group %d", r.State, r.Group)
	if r.Cursor > 0 {
		s += fmt.Sprintf(" cursor %d", r.Cursor)
	}
	if r.Failures > 0 {
		s += fmt.Sprintf(" failures %d", r.Failures)
	}
	if r.Stopped {
		s += " stopped"
	}
	return s
}

// TestAdvance is the table of the way forward: what is known, and where the run stands then.
func TestAdvance(t *testing.T) {
	for _, test := range []struct {
		plan   string
		told   string
		frozen bool
		hold   time.Duration
		want   string
		why    string
	}{
		{plan: "0/0:ab", want: "running group 0 cursor 1"},
		{plan: "0/0:ab", told: "0=done", want: "running group 0 cursor 1"},
		{plan: "0/0:ab", told: "0=done 1=done", want: "done group 1"},
		{plan: "0/0:a;0/0:b", told: "0=done", want: "running group 1 cursor 1"},
		{plan: "0/0:a;0/0:b", told: "0=done", frozen: true, want: "running group 1"},
		{plan: "0/0:", want: "done group 1"},
		{plan: "3/1:ab", want: "running group 0 cursor 1"},
		{plan: "3/1:ab", told: "0@n1=done", want: "running group 0 cursor 1"},
		{plan: "3/1:ab", told: "0@n1=done 1@n1=done", want: "running group 0 cursor 2"},
		{plan: "3/1:ab", told: "0@n1=done 1@n1=done", frozen: true, want: "running group 0 cursor 1"},
		{plan: "5/2:a", told: "0@n2=done", want: "running group 0 cursor 3"},
		{plan: "5/0:a", told: "0@n2=done", want: "running group 0 cursor 5"},
		{plan: "2/9:a", told: "0@n2=done", want: "running group 0 cursor 2"},
		{plan: "0/0:ab", told: "0=done 1=failed", want: "undoing group 0", why: "b: why "},
		{plan: "0/0:aB", told: "0=failed", want: "failed group 0", why: "a: why "},
		{plan: "0/0:Ab", told: "0=done 1=failed", want: "failed group 0", why: "b: why ; stays done: A: gone for good"},
		{plan: "0/0:Ab", told: "0=done 1=unsure", want: "undoing group 0", why: "b: why "},
		{plan: "0/0:AB", told: "0=done 1=unsure", want: "failed group 0", why: "B: why ; stays done: A: gone for good"},
		{plan: "0/0:ab", told: "0=done 1=failed", frozen: true, want: "running group 0 cursor 1"},
		{plan: "3/3:a", told: "0@n1=done 0@n2=failed 0@n3=done", want: "undoing group 0", why: "a on n2: why n2"},
		{plan: "3/3!:a;0/0:b", told: "0@n1=done 0@n2=failed 0@n3=done", want: "running group 1 cursor 1 failures 1"},
		{plan: "3/3!:a;3/0:b", told: "0@n1=done 0@n2=failed 0@n3=done", want: "running group 1 cursor 2 failures 1"},
		{plan: "3/3!:a;3/0:b", told: "0@n1=done 0@n2=failed 0@n3=done 1@n1=done 1@n3=done", want: "done group 2 failures 1", why: "1 of 3 nodes failed: a on n2: why n2"},
		{plan: "2/2!:A", told: "0@n1=failed 0@n2=failed", want: "failed group 0", why: "A on n1: why n1; A on n2: why n2"},
		{plan: "5/5!:A", told: "0@n1=failed 0@n2=failed 0@n3=failed 0@n4=failed 0@n5=failed", want: "failed group 0",
			why: "A on n1: why n1; A on n2: why n2; A on n3: why n3; and 2 more"},
		{plan: "0/0:ab;0/0:c", told: "0=done 1=stopped", want: "done group 2 stopped", why: "stopped, the rest is not needed: b: why "},
		{plan: "3/1:a;0/0:c", told: "0@n1=stopped", want: "done group 2 stopped", why: "stopped, the rest is not needed: a on n1: why n1"},
		{plan: "0/0:a", told: "0=done", hold: time.Hour, want: "waiting group 1", why: "in force for 1h0m0s, then undone by itself"},
		{plan: "0/0:A", told: "0=done", hold: time.Hour, want: "done group 1"},
		{plan: "0/0:ab", told: "0=done 1=stopped", hold: time.Hour, want: "waiting group 1 stopped",
			why: "stopped, the rest is not needed: b: why ; in force for 1h0m0s, then undone by itself"},
	} {
		p := drawn(t, test.plan)
		p.Hold = test.hold
		tr := newTrack(p, func(string) bool { return true })
		r := actions.Run{State: actions.Running, Epoch: 1, Plan: p}
		tr.advance(&r, time.Now(), false)
		for _, o := range told(t, test.told) {
			tr.add(o, 0)
		}
		tr.advance(&r, time.Now(), test.frozen)
		if stand(r) != test.want || r.Why != test.why {
			t.Errorf("%s after %q, frozen %v, hold %s:\n got %s: %s\nwant %s: %s", test.plan, test.told, test.frozen, test.hold, stand(r), r.Why, test.want, test.why)
		}
	}
}

// TestRetreat is the table of the way back.
func TestRetreat(t *testing.T) {
	for _, test := range []struct {
		plan string
		told string
		back string // what has been taken back, in epoch 2, the present one
		want string
		next string // what is to be taken back now, per node of the group at hand
		why  string
	}{
		{plan: "0/0:abc", told: "0=done 1=done", want: "undoing group 0", next: "[1 0]"},
		{plan: "0/0:abc", told: "0=done 1=done", back: "1=undone", want: "undoing group 0", next: "[0]"},
		{plan: "0/0:abc", told: "0=done 1=done", back: "1=undone 0=undone", want: "undone group 0"},
		{plan: "0/0:aBc", told: "0=done 1=done", want: "undoing group 0", next: "[1 0]"},
		{plan: "0/0:aBc", told: "0=done 1=done", back: "1=kept 0=undone", want: "undone group 0", why: "stays done: B: gone for good"},
		{plan: "0/0:ab", told: "0=done 1=done", back: "1=undo-failed", want: "undoing group 0", next: "[0]"},
		{plan: "0/0:ab", told: "0=done 1=done", back: "1=undo-failed 0=undone", want: "failed group 0", why: "not undone: b: why "},
		{plan: "0/0:a;2/0:b;0/0:c", told: "0=done 1@n1=done 1@n2=unsure", want: "undoing group 1", next: "[1] [1]"},
		{plan: "0/0:a;2/0:b;0/0:c", told: "0=done 1@n1=done 1@n2=unsure", back: "1@n2=undone", want: "undoing group 1", next: "[1] []"},
		{plan: "0/0:a;2/0:b;0/0:c", told: "0=done 1@n1=done 1@n2=unsure", back: "1@n2=undone 1@n1=undone", want: "undoing group 0", next: "[0]"},
		{plan: "0/0:a;2/0:b", told: "0=done 1@n1=failed", want: "undoing group 0", next: "[0]"},
	} {
		p := drawn(t, test.plan)
		tr := newTrack(p, func(string) bool { return true })
		for _, o := range told(t, test.told) {
			tr.add(o, 0)
		}
		r := actions.Run{State: actions.Running, Epoch: 2, Plan: p}
		tr.takeBack(&r, time.Now(), actions.Failed)
		for _, o := range told(t, test.back) {
			o.Epoch = 2
			tr.add(o, r.UndoFrom)
			tr.retreat(&r, time.Now())
		}
		var next []string
		if r.State == actions.Undoing {
			for _, n := range p.Groups[r.Group].On() {
				next = append(next, fmt.Sprint(tr.undoOf(r.Group, n, r.UndoFrom)))
			}
		}
		if got := strings.Join(next, " "); stand(r) != test.want || got != test.next || r.Why != test.why {
			t.Errorf("%s after %q, then %q:\n got %s, next %s: %s\nwant %s, next %s: %s", test.plan, test.told, test.back, stand(r), got, r.Why, test.want, test.next, test.why)
		}
	}
}

// TestCancelled says how a cancel ends a run, from what was done.
func TestCancelled(t *testing.T) {
	for _, test := range []struct {
		plan, told string
		hold       time.Duration
		want, why  string
	}{
		{"0/0:abc", "", 0, "cancelled group 0", "cancelled by ben before anything was done"},
		{"0/0:abc", "0=done", 0, "cancelled group 0", "cancelled by ben when 1 of 3 acts were done"},
		{"3/1:ab", "0@n1=done 1@n1=done 0@n2=failed", 0, "cancelled group 0", "cancelled by ben when 2 of 6 acts were done"},
		{"0/0:abc", "0=done", time.Hour, "undoing group 0", "cancelled by ben when 1 of 3 acts were done"},
		{"0/0:Abc", "0=done", time.Hour, "cancelled group 0", "cancelled by ben when 1 of 3 acts were done; stays done: A: gone for good"},
	} {
		p := drawn(t, test.plan)
		p.Hold = test.hold
		tr := newTrack(p, func(string) bool { return true })
		for _, o := range told(t, test.told) {
			tr.add(o, 0)
		}
		r := actions.Run{State: actions.Running, Epoch: 1, Plan: p}
		tr.cancel(&r, "ben", time.Now())
		if stand(r) != test.want || r.Why != test.why || r.By != "ben" {
			t.Errorf("%s after %q, hold %s: %s by %s: %s, want %s: %s", test.plan, test.told, test.hold, stand(r), r.By, r.Why, test.want, test.why)
		}
	}
}

// TestOlderOutcomes: of two owners' outcomes the later owner's counts, in whatever order they are read.
func TestOlderOutcomes(t *testing.T) {
	old := actions.Outcome{Step: 0, State: actions.StepFailed, Epoch: 1}
	new := actions.Outcome{Step: 0, State: actions.StepDone, Epoch: 2}
	for _, order := range [][]actions.Outcome{{old, new}, {new, old}} {
		tr := newTrack(drawn(t, "0/0:a"), func(string) bool { return true })
		for _, o := range order {
			tr.add(o, 0)
		}
		if got := tr.do[act{0, ""}]; got.State != actions.StepDone || tr.through != 1 {
			t.Errorf("of %v counts %s, %d done", order, got.State, tr.through)
		}
	}
}

func TestGroupOf(t *testing.T) {
	tr := newTrack(drawn(t, "0/0:ab;0/0:;0/0:c;0/0:"), func(string) bool { return true })
	var got []int
	for s := range 3 {
		got = append(got, tr.groupOf(s))
	}
	if d := cmp.Diff([]int{0, 0, 2}, got); d != "" {
		t.Errorf("groups of steps (-want +got):\n%s", d)
	}
}
