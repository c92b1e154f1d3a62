package bot

import (
	"context"
	"fmt"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// resumeIntent ends observe-only, the state after an import in which nothing is changed until a person has seen the difference.
const resumeIntent = "automation.resume"

// resumeVerb plans the end of observe-only, whose plan is the difference that a person must see and always asks for a yes, or the end of a pause.
func (d *Desk) resumeVerb() actions.Verb {
	return actions.Verb{
		Intent: resumeIntent, Risk: actions.Disruptive,
		Plan: func(ctx context.Context, r actions.Request, w actions.World) (actions.Plan, error) {
			p := actions.Plan{Request: r, Risk: actions.Disruptive}
			on, info, err := d.importer.ObserveOnly(ctx)
			if err != nil {
				return p, err
			}
			if on {
				p.Say, p.Confirm = "resume: "+info.Why, true
				p.Groups = resumeSteps("leave observe-only: the runs below carry on")
				p.Notes, err = d.difference(ctx, w)
				return p, err
			}
			on, why, err := d.rules.Paused(ctx)
			if err != nil {
				return p, err
			}
			if !on {
				return p, fmt.Errorf("nothing is held: there is no pause, and I am not in observe-only")
			}
			p.Say, p.Groups = "let rules and jobs act again: "+why, resumeSteps("end the pause: rules and jobs act again")
			return p, nil
		},
	}
}

func resumeSteps(say string) []actions.Group {
	return []actions.Group{{Steps: []actions.Step{{Kind: resumeIntent, Key: "automation", Say: say, NoUndo: "what carries on acts at once"}}}}
}

// difference tells what the imported store and the world of now do not agree on, and what would carry on.
func (d *Desk) difference(ctx context.Context, w actions.World) ([]string, error) {
	nodes, err := w.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	var out []string
	for _, n := range nodes {
		known[n.Name] = true
		if n.Orphaned {
			out = append(out, n.Name+" is in the export and not in the configuration file: it is kept and not touched")
		}
	}
	runs, err := d.engine.List(ctx, run.Filter{})
	if err != nil {
		return nil, err
	}
	live := 0
	for _, r := range runs {
		if r.State.Final() {
			continue
		}
		live++
		var line strings.Builder
		line.WriteString(fmt.Sprintf("%s carries on (%s since %s): %s", r.ID, r.State, r.Updated.Format("15:04:05"), r.Plan.Say))
		for _, n := range r.Plan.Targets() {
			if !known[n] {
				line.WriteString(fmt.Sprintf("; %s is unknown now", n))
			}
		}
		out = append(out, line.String())
	}
	if live == 0 {
		out = append(out, "no run was under way")
	}
	return append(out, "what was done after the export was made is not known here; nothing is deleted anywhere"), nil
}

// held refuses changes while the store is in observe-only.
func (t *talk) held(ctx context.Context, p proposal) door.Exit {
	on, info, err := t.importer.ObserveOnly(ctx)
	if err != nil {
		return t.trouble("look whether I may change anything, so nothing was done", err)
	}
	if !on {
		return door.OK
	}
	t.record(ctx, entry(p.request, policy.Entry{Decision: policy.Refused, Why: "observe-only"}))
	t.send(reply.Card{
		Kind:  reply.Refused,
		Title: fmt.Sprintf("refused: %s: I only observe: %s", p.request.Text, info.Why),
		Hint:  "say \"resume\": I show the difference and ask",
	})
	return door.Refused
}

// resume ends observe-only and pauses. It is no run: runs are what waits for it.
func (t *talk) resume(ctx context.Context, p proposal) door.Exit {
	if err := t.audit.Append(ctx, entry(p.request, policy.Entry{Decision: policy.Accepted, PlanHash: p.plan.Hash(), Risk: p.verdict.Risk})); err != nil {
		return t.trouble("write the audit log, so I still only observe", err)
	}
	if err := t.importer.LeaveObserveOnly(ctx, t.actor.String()); err != nil { // no error where there is none
		return t.trouble("leave observe-only", err)
	}
	if _, err := t.rules.Resume(ctx); err != nil {
		return t.trouble("end the pause", err)
	}
	t.send(reply.Card{Kind: reply.Done, Title: "resumed: " + p.plan.Say, Lines: p.plan.Notes, Hint: "say \"runs\" to see what carries on"})
	return door.OK
}
