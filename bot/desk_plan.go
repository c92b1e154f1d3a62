package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// proposal is one request with what would be done for it, and whether that may be done. A request that only reads has no plan.
type proposal struct {
	asked   actions.Request // as it was said
	request actions.Request // as it is carried out: a retry carries out another request than the one said
	plan    *actions.Plan
	verdict policy.Verdict
}

// propose plans every command, refuses all of them if one may not be done, and then asks or acts.
func (t *talk) propose(ctx context.Context, requests []actions.Request, confirm bool) door.Exit {
	proposals, exit := t.plan(ctx, requests)
	if exit != door.OK {
		return exit
	}
	for _, p := range proposals {
		confirm = confirm || p.verdict.Confirm && !isAnswer(p.request.Intent) || p.plan != nil && p.plan.Confirm
	}
	switch {
	case wants(proposals, "dry-run"), wants(proposals, "by-hand"):
		return t.show(ctx, proposals)
	case confirm && !t.message.Yes:
		return t.askYes(ctx, proposals, nil)
	default:
		return t.act(ctx, proposals)
	}
}

// isAnswer tells of commands that are a yes, a no or a brake themselves: asking about them once more would help nobody.
func isAnswer(intent string) bool {
	return slices.Contains([]string{approveIntent, "run.reject", "run.cancel"}, intent)
}

// plan makes a proposal of every request. It changes nothing, and is made again at the yes.
func (t *talk) plan(ctx context.Context, requests []actions.Request) ([]proposal, door.Exit) {
	out := make([]proposal, 0, len(requests))
	for _, r := range requests {
		p, exit := t.planOne(ctx, r)
		if exit != door.OK {
			return nil, exit
		}
		out = append(out, p)
	}
	return out, door.OK
}

func (t *talk) planOne(ctx context.Context, r actions.Request) (proposal, door.Exit) {
	verb, ok := t.verbs[r.Intent]
	if !ok {
		return proposal{}, t.noVerb(r)
	}
	p := proposal{asked: r, request: r}
	c, err := t.caseOf(ctx, r, verb.Risk)
	if err != nil {
		return p, t.sorry(ctx, r, err)
	}
	// Rights come before the plan, so that somebody without them learns nothing from its errors.
	p.verdict = t.view.Policy.Decide(ctx, c)
	if !p.verdict.Allow {
		return p, t.refuse(ctx, r, p.verdict)
	}
	if verb.Plan == nil {
		return p, door.OK
	}
	if r.Intent == approveIntent {
		if exit := t.mayApprove(ctx, r); exit != door.OK {
			return p, exit
		}
	}
	plan, err := verb.Plan(ctx, r, t.view.World)
	if err != nil {
		return p, t.sorry(ctx, r, err)
	}
	if err := t.bounds(ctx, plan); err != nil {
		return p, t.sorry(ctx, r, err)
	}
	// The plan may be that of another request (a retry) and touch more than the words said: rights are looked at again, on all of it.
	plan.Request.Cause, plan.Request.Actor, plan.Request.Origin, plan.Request.At = r.Cause, r.Actor, r.Origin, r.At
	p.request, p.plan = plan.Request, &plan
	c.Request, c.Risk, c.Plan = plan.Request, plan.Risk, &plan
	c.Segments = append(c.Segments, t.owners(plan.Request, &plan)...)
	p.verdict = t.view.Policy.Decide(ctx, c)
	if !p.verdict.Allow {
		return p, t.refuse(ctx, plan.Request, p.verdict)
	}
	plan.Approve = p.verdict.Approve
	return p, door.OK
}

// caseOf is what policy decides on. A command about a run touches what that run touches; one that lets everything go on touches everything.
func (t *talk) caseOf(ctx context.Context, r actions.Request, risk actions.Risk) (policy.Case, error) {
	c := policy.Case{Request: r, Risk: risk, World: t.view.World, Now: t.message.At, Bound: t.bound, Segments: t.owners(r, nil)}
	if r.Intent == resumeIntent || r.Intent == pruneIntent {
		err := everything(ctx, &c)
		return c, err
	}
	if !steersRun(r.Intent) {
		return c, nil
	}
	target, err := t.engine.Get(ctx, r.One("run"))
	if err != nil {
		return c, err
	}
	c.Nodes, c.Deployments = target.Plan.Targets(), target.Plan.Request.All("deployment")
	c.Segments = t.owners(target.Plan.Request, &target.Plan)
	for _, name := range target.Plan.Request.All("node") { // a plan that adds or removes a node has none to work on
		if _, err := c.World.Node(ctx, name); err == nil && !slices.Contains(c.Nodes, name) {
			c.Nodes = append(c.Nodes, name)
		}
	}
	return c, nil
}

// everything makes the case touch all that is managed.
func everything(ctx context.Context, c *policy.Case) error {
	nodes, err := c.World.Nodes(ctx)
	if err != nil {
		return err
	}
	deployments, err := c.World.Deployments(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		c.Nodes = append(c.Nodes, n.Name)
	}
	for _, d := range deployments {
		c.Deployments = append(c.Deployments, d.Name)
	}
	return nil
}

// errBounds says that a plan is larger than the configuration allows, or touches what is not to be touched.
var errBounds = errors.New("not planned")

// bounds refuses plans that are too large, and plans that touch nodes which have left the configuration.
func (t *talk) bounds(ctx context.Context, p actions.Plan) error {
	l := t.view.Limits
	if n := p.StepCount(); n > l.PlanSteps {
		return fmt.Errorf("%w: %d steps, limits.plan_steps allows %d: say it in smaller parts", errBounds, n, l.PlanSteps)
	}
	nodes := p.Targets()
	if len(nodes) > l.Fanout {
		return fmt.Errorf("%w: %d nodes, limits.fanout allows %d: name fewer nodes", errBounds, len(nodes), l.Fanout)
	}
	for _, name := range nodes {
		n, err := t.view.World.Node(ctx, name)
		if err != nil {
			return err
		}
		if n.Orphaned {
			return fmt.Errorf("%w: %s is no longer in the configuration file: put it back there before changing it", errBounds, name)
		}
	}
	return nil
}

func wants(proposals []proposal, option string) bool {
	for _, p := range proposals {
		if p.request.Has(option) {
			return true
		}
	}
	return false
}

// show prints what would be done, and with --by-hand the commands a person would type instead. Nothing is done.
func (t *talk) show(ctx context.Context, proposals []proposal) door.Exit {
	for _, p := range proposals {
		if p.plan == nil {
			continue
		}
		card := planCard(p)
		card.Hint = "nothing was done: this was a dry run"
		if p.request.Has("by-hand") {
			code, err := t.engine.ByHand(ctx, *p.plan)
			if err != nil {
				return t.sorry(ctx, p.request, err)
			}
			card.Code, card.Hint = code, "nothing was done: these are the commands to type when I cannot help"
		}
		t.record(ctx, entry(p.request, policy.Entry{Decision: policy.Planned, PlanHash: p.plan.Hash(), Risk: p.verdict.Risk}))
		t.send(card)
	}
	return door.OK
}

// planCard shows a plan.
func planCard(p proposal) reply.Card {
	return reply.Card{
		Kind:  reply.Plan,
		Title: fmt.Sprintf("%s (%s)", p.plan.Say, p.verdict.Risk),
		Lines: p.plan.Lines(),
		Data:  p.plan,
	}
}

// act carries the proposals out in order and stops at the first that does not end well. What was not begun is named.
func (t *talk) act(ctx context.Context, proposals []proposal) door.Exit {
	for i, p := range proposals {
		exit := door.OK
		if p.plan == nil {
			exit = t.read(ctx, p.request)
		} else {
			exit = t.accept(ctx, p)
		}
		if exit == door.OK {
			continue
		}
		for _, rest := range proposals[i+1:] {
			t.send(reply.Card{Kind: reply.Refused, Title: fmt.Sprintf("not begun: %s", rest.request.Text), Hint: "what came before it did not end well"})
		}
		return exit
	}
	return door.OK
}
