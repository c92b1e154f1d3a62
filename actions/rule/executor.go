package rule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
)

// markOf is the same for Do and Undo of one step.
func markOf(c run.Call) string { return fmt.Sprintf("%s/%d", c.Run, c.Step) }

func argsOf(kind string, c run.Call) (SwitchArgs, error) {
	var a SwitchArgs
	if err := json.Unmarshal(c.Args, &a); err != nil {
		return a, fmt.Errorf("arguments of %s: %w", kind, err)
	}
	return a, nil
}

// again marks what the store could not do as worth another try.
func again(err error) error {
	if errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrConflict) {
		return actions.Temporary{Err: err}
	}
	return err
}

// pauser does automation.pause. Undo ends this pause and no other.
type pauser struct{ e *Engine }

// Do implements [run.Executor].
func (x pauser) Do(ctx context.Context, c run.Call) (run.Result, error) {
	a, err := argsOf(KindPause, c)
	if err != nil {
		return run.Result{}, err
	}
	p := Pause{Mark: markOf(c), By: a.By, Why: a.Why, At: x.e.opt.Now()}
	if err := x.e.pause.Pause(ctx, p); err != nil {
		return run.Result{}, again(err)
	}
	return run.Result{Say: "all rules and jobs are paused"}, nil
}

// Undo implements [run.Undoer].
func (x pauser) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	rest, stood, err := x.e.pause.End(ctx, markOf(c))
	switch {
	case err != nil:
		return run.Result{}, again(err)
	case len(rest) > 0:
		return run.Result{Say: "this pause has ended, others stand: " + sayPauses(rest)}, nil
	case !stood:
		return run.Result{Say: "the pause had ended already"}, nil
	}
	return run.Result{Say: "rules and jobs act again"}, nil
}

// disabler does rule.disable. Undo takes back this reason and no other.
type disabler struct{ e *Engine }

// Do implements [run.Executor].
func (x disabler) Do(ctx context.Context, c run.Call) (run.Result, error) {
	a, err := argsOf(KindDisable, c)
	if err != nil {
		return run.Result{}, err
	}
	if err := x.e.switchOff(ctx, a.Rule, Off{Mark: markOf(c), By: a.By, Why: a.Why, At: x.e.opt.Now()}); err != nil {
		return run.Result{}, again(fmt.Errorf("disable rule %s: %w", a.Rule, err))
	}
	return run.Result{Say: "rule " + a.Rule + " is switched off"}, nil
}

// Undo implements [run.Undoer].
func (x disabler) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	a, err := argsOf(KindDisable, c)
	if err != nil {
		return run.Result{}, err
	}
	rest, err := x.e.unswitchOff(ctx, a.Rule, markOf(c))
	if err != nil {
		return run.Result{}, again(fmt.Errorf("switch rule %s on again: %w", a.Rule, err))
	}
	rule, ok := x.e.Rule(a.Rule)
	if !ok {
		return run.Result{Say: "rule " + a.Rule + " is no longer in the configuration"}, nil
	}
	if p := rest.of(rule); !p.On {
		return run.Result{Say: "rule " + a.Rule + " stays off: " + p.Why}, nil
	}
	return run.Result{Say: "rule " + a.Rule + " is on again"}, nil
}

// enabler does rule.enable. Undo switches the rule back, unless it was switched by others since.
type enabler struct{ e *Engine }

// Do implements [run.Executor]. The yes is for the command that was shown: another one is refused.
func (x enabler) Do(ctx context.Context, c run.Call) (run.Result, error) {
	a, err := argsOf(KindEnable, c)
	if err != nil {
		return run.Result{}, err
	}
	rule, ok := x.e.Rule(a.Rule)
	switch {
	case !ok:
		return run.Result{}, fmt.Errorf("rule %s is no longer in the configuration", a.Rule)
	case rule.Do != a.Command:
		return run.Result{}, fmt.Errorf("rule %s says %q now, and the yes was for %q; say it again", a.Rule, rule.Do, a.Command)
	}
	before, err := x.e.switchOn(ctx, rule, yes{By: a.By, Command: a.Command, At: x.e.opt.Now(), Mark: markOf(c)})
	if err != nil {
		return run.Result{}, again(fmt.Errorf("enable rule %s: %w", a.Rule, err))
	}
	return run.Result{Say: "rule " + a.Rule + " is enabled", Data: actions.Encode(before)}, nil
}

// Undo implements [run.Undoer].
func (x enabler) Undo(ctx context.Context, c run.Call, done run.Result) (run.Result, error) {
	a, err := argsOf(KindEnable, c)
	if err != nil {
		return run.Result{}, err
	}
	var before position
	if len(done.Data) > 0 {
		if err := json.Unmarshal(done.Data, &before); err != nil {
			return run.Result{}, fmt.Errorf("how rule %s stood before: %w", a.Rule, err)
		}
	}
	changed := false
	_, err = Change(ctx, x.e.opt.KV, positionKey(a.Rule), 0, func(p *position) (bool, error) {
		if p.Yes == nil || p.Yes.Mark != markOf(c) {
			return false, nil
		}
		changed = true
		p.Yes = before.Yes
		p.Off = append(p.Off, before.Off...)
		return true, nil
	})
	switch {
	case err != nil:
		return run.Result{}, again(fmt.Errorf("switch rule %s back: %w", a.Rule, err))
	case !changed:
		return run.Result{Say: "rule " + a.Rule + " was switched since, and stays as it is"}, nil
	}
	return run.Result{Say: "rule " + a.Rule + " is as it was before"}, nil
}
