package actions_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
)

func threeGroups() actions.Plan {
	return actions.Plan{Request: actions.Request{Intent: "test"}, Groups: []actions.Group{
		{Steps: []actions.Step{{Say: "a"}, {Say: "b"}}},
		{},
		{Nodes: []string{"n1", "n2"}, Steps: []actions.Step{{Say: "c"}}},
	}}
}

func TestStepAt(t *testing.T) {
	p := threeGroups()
	for n, want := range map[int]string{0: "a", 1: "b", 2: "c", 3: "", -1: ""} {
		s, _, err := p.StepAt(n)
		if s.Say != want || (err == nil) != (want != "") {
			t.Errorf("StepAt(%d) = %q, %v, want %q", n, s.Say, err, want)
		}
	}
}

func TestLatest(t *testing.T) {
	r := actions.Run{Plan: threeGroups(), Outcomes: []actions.Outcome{
		{Step: 2, Node: "n2", State: actions.StepDone, Epoch: 2},
		{Step: 2, Node: "n1", State: actions.StepUndoFailed, Epoch: 3},
		{Step: 2, Node: "n1", State: actions.StepDone, Epoch: 4}, // an owner who has lost the run
		{Step: 0, State: actions.StepFailed, Epoch: 1},
		{Step: 0, State: actions.StepDone, Epoch: 2},
		{Step: 9, State: actions.StepDone, Epoch: 2}, // of no step of the plan
	}}
	var got []string
	for _, o := range r.Latest() {
		got = append(got, fmt.Sprintf("%d@%s=%s", o.Step, o.Node, o.State))
	}
	if want := "0@=done 2@n1=undo-failed 2@n2=done"; strings.Join(got, " ") != want {
		t.Errorf("Latest() = %v, want %s", got, want)
	}
}

func TestHoldingAndPartly(t *testing.T) {
	p := threeGroups()
	for _, test := range []struct {
		run             actions.Run
		holding, partly bool
	}{
		{actions.Run{Plan: p, State: actions.Waiting, Group: 2}, false, false},
		{actions.Run{Plan: p, State: actions.Waiting, Group: 3}, true, false},
		{actions.Run{Plan: p, State: actions.Done, Group: 3}, false, false},
		{actions.Run{Plan: p, State: actions.Done, Failures: 1}, false, true},
		{actions.Run{Plan: p, State: actions.Failed, Failures: 1}, false, false},
	} {
		if h, pa := test.run.Holding(), test.run.Partly(); h != test.holding || pa != test.partly {
			t.Errorf("%s in group %d with %d failures: holding %v, partly %v", test.run.State, test.run.Group, test.run.Failures, h, pa)
		}
	}
}

func TestTargetsAndOn(t *testing.T) {
	p := threeGroups()
	p.Groups = append(p.Groups, actions.Group{Nodes: []string{"n3", "n1"}})
	if d := cmp.Diff([]string{"n1", "n2", "n3"}, p.Targets()); d != "" {
		t.Errorf("targets (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{""}, p.Groups[0].On()); d != "" {
		t.Errorf("a group without nodes is done once (-want +got):\n%s", d)
	}
}

func TestFinalStates(t *testing.T) {
	for s, want := range map[actions.State]bool{
		actions.Waiting: false, actions.Running: false, actions.Undoing: false,
		actions.Done: true, actions.Failed: true, actions.Undone: true, actions.Cancelled: true, "": false,
	} {
		if got := s.Final(); got != want {
			t.Errorf("%q is final: %v, want %v", s, got, want)
		}
	}
}
