package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
)

// Pass lets the agent of a node in, once.
type Pass struct {
	Line  string    // what to type on the node; it holds a secret
	Until time.Time // how long it is good
}

var errNoDoor = errors.New("no listener has the group agents: add one to the configuration and restart, such as {address: \"0.0.0.0:4443\", serve: [agents]}")

// Enrolment is the answer of node.enrol, for programs.
type Enrolment struct {
	Node  string    `json:"node"`
	Line  string    `json:"line"`
	Until time.Time `json:"until"`
}

// enrol hands out the line that lets the agent of a node in. It is the secret of who asked: it is in the answer and nowhere else.
func (n *Nodes) enrol(ctx context.Context, r actions.Request, w actions.World) (actions.Answer, error) {
	if len(r.All("node")) != 1 {
		return actions.Answer{}, fmt.Errorf("node.enrol wants one node, got %d: say it for each", len(r.All("node")))
	}
	if r.Actor.Kind != actions.Person {
		return actions.Answer{}, fmt.Errorf("the line that enrols %s is for a person who types it there: no %s can ask for it", r.One("node"), r.Actor.Kind)
	}
	nd, err := find(ctx, w, r.One("node"))
	if err != nil {
		return actions.Answer{}, err
	}
	if nd.Orphaned {
		return actions.Answer{}, fmt.Errorf("%s vanished from the configuration file: put it back there before its agent comes in", nd.Name)
	}
	if n.opts.Enrol == nil {
		return actions.Answer{}, errNoDoor
	}
	pass, err := n.opts.Enrol(ctx, nd.Name, r.Actor.String())
	if err != nil {
		return actions.Answer{}, err
	}
	a := actions.Answer{
		Title: fmt.Sprintf("type this on %s, as root, until %s; it is good once", nd.Name, pass.Until.UTC().Format("15:04 MST")),
		Lines: []string{"nobody else sees it, and I keep no copy: if it is lost, ask again"},
		Code:  []string{pass.Line}, Hint: fmt.Sprintf("when it has run: show node %s", nd.Name), Secret: true,
		Data: Enrolment{Node: nd.Name, Line: pass.Line, Until: pass.Until},
	}
	if n.hasAgent(nd.Name) {
		a.Lines = append(a.Lines, nd.Name+" has an agent already: once the line is used, the key of that one ends")
	}
	return a, nil
}

func (n *Nodes) hasAgent(name string) bool {
	return n.opts.Agent != nil && n.opts.Agent(name).State != ""
}

// lacks says what is next about a node without an agent, in one line; none where it has one, or where none could come.
func (n *Nodes) lacks(name string) []string {
	if n.opts.Enrol == nil || n.hasAgent(name) {
		return nil
	}
	return []string{fmt.Sprintf("agent: none; \"enrol %s\" gives you the line to type there", name)}
}
