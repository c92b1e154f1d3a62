package node_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/node"
)

// enrols hands out a line that names who asked for which node.
func enrols(_ context.Context, id, by string) (node.Pass, error) {
	return node.Pass{Line: "opsbot agent --bot b:1 --code s3cret-" + id + "-" + by, Until: time.Date(2026, 3, 1, 10, 10, 0, 0, time.UTC)}, nil
}

func ask(t *testing.T, o node.Options, actor actions.Actor, nodes ...string) (actions.Answer, error) {
	t.Helper()
	for _, v := range node.New(o).Verbs() {
		if v.Intent == "node.enrol" {
			return v.Answer(t.Context(), actions.Request{Intent: v.Intent, Slots: map[string][]string{"node": nodes}, Actor: actor}, sample())
		}
	}
	t.Fatal("no verb stands behind node.enrol")
	return actions.Answer{}, nil
}

// TestEnrolHandsOutALine: the line is in the places that are secret, and in no other.
func TestEnrolHandsOutALine(t *testing.T) {
	t.Parallel()
	anna := actions.Actor{Kind: actions.Person, Name: "anna"}
	a, err := ask(t, node.Options{Enrol: enrols}, anna, "edge-1")
	if err != nil {
		t.Fatal(err)
	}
	const line = "opsbot agent --bot b:1 --code s3cret-edge-1-anna"
	if diff := cmp.Diff([]string{line}, a.Code); diff != "" || !a.Secret {
		t.Errorf("secret %v, code (-want +got):\n%s", a.Secret, diff)
	}
	for _, open := range append([]string{a.Title, a.Hint}, a.Lines...) {
		if strings.Contains(open, "s3cret") {
			t.Errorf("the code is in %q, which digests and logs may show", open)
		}
	}
	if !strings.Contains(a.Title, "type this on edge-1, as root, until 10:10 UTC") || strings.Contains(strings.Join(a.Lines, " "), "has an agent") {
		t.Errorf("title %q, lines %q", a.Title, a.Lines)
	}
	if got, want := a.Data.(node.Enrolment), (node.Enrolment{Node: "edge-1", Line: line, Until: time.Date(2026, 3, 1, 10, 10, 0, 0, time.UTC)}); got != want {
		t.Errorf("for programs: %+v, want %+v", got, want)
	}
	had, err := ask(t, node.Options{Enrol: enrols, Agent: func(string) node.Agent { return node.Agent{State: "ok"} }}, anna, "edge-1")
	if err != nil || !strings.Contains(strings.Join(had.Lines, "\n"), "edge-1 has an agent already: once the line is used, the key of that one ends") {
		t.Errorf("of a node with an agent: %q, %v", had.Lines, err)
	}
}

// TestEnrolRefuses whoever is no person, nodes that are not there, and bots that no agent can reach.
func TestEnrolRefuses(t *testing.T) {
	t.Parallel()
	anna := actions.Actor{Kind: actions.Person, Name: "anna"}
	broken := func(context.Context, string, string) (node.Pass, error) {
		return node.Pass{}, errors.New("store closed")
	}
	for _, tt := range []struct {
		name  string
		enrol func(context.Context, string, string) (node.Pass, error)
		actor actions.Actor
		nodes []string
		want  string
	}{
		{"unknown", enrols, anna, []string{"edge-9"}, `no node is called "edge-9"`},
		{"none", enrols, anna, nil, "wants one node, got 0"},
		{"two", enrols, anna, []string{"edge-1", "mac-1"}, "wants one node, got 2"},
		{"orphan", enrols, anna, []string{"edge-2"}, "put it back there before its agent comes in"},
		{"no listener", nil, anna, []string{"edge-1"}, "no listener has the group agents: add one to the configuration"},
		{"store", broken, anna, []string{"edge-1"}, "store closed"},
		{"job", enrols, actions.Actor{Kind: actions.Job, Name: "nightly", Owner: "anna"}, []string{"edge-1"}, "no job can ask for it"},
		{"rule", enrols, actions.Actor{Kind: actions.Rule, Name: "flush"}, []string{"edge-1"}, "no rule can ask for it"},
		{"nobody", enrols, actions.Actor{}, []string{"edge-1"}, "is for a person who types it there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := ask(t, node.Options{Enrol: tt.enrol}, tt.actor, tt.nodes...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || a.Code != nil {
				t.Errorf("enrol %q = %q, %v; want %q", tt.nodes, a.Code, err, tt.want)
			}
		})
	}
}

// TestShowNamesTheNextStep of a node without an agent, where agents can come.
func TestShowNamesTheNextStep(t *testing.T) {
	t.Parallel()
	const next = `agent: none; "enrol mac-1" gives you the line to type there`
	for _, tt := range []struct {
		name string
		o    node.Options
		want bool
	}{
		{"no agents here", node.Options{}, false},
		{"none", node.Options{Enrol: enrols, Agent: func(string) node.Agent { return node.Agent{} }}, true},
		{"one", node.Options{Enrol: enrols, Agent: func(string) node.Agent { return node.Agent{State: "offline"} }}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := answer(t, tt.o, sample(), "node.show", map[string][]string{"node": {"mac-1"}})
			if got := strings.Contains(strings.Join(a.Lines, "\n"), next); err != nil || got != tt.want {
				t.Errorf("lines %q, %v; names the next step: %v, want %v", a.Lines, err, got, tt.want)
			}
		})
	}
}
