package bot

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/ops"
)

// openWatch sets up the votes and looks whether everything that the last export held is still there.
func (a *App) openWatch(ctx, _ context.Context, cfg *config.Config) error {
	loss := a.lossSince(ctx, cfg.Store.Export.Folder)
	if loss != nil {
		a.log.Error("the store has lost keys since the last export", "err", loss)
	}
	votes := []ops.Vote{
		{Name: "store", Ready: a.storeVote},
		{Name: "engine", Ready: a.engine.Ready},
		{Name: "export", Ready: func() error { return loss }},
	}
	a.board = ops.NewBoard(append(votes, a.chatVotes()...)...)
	a.board.Tell(a.facts)
	a.note(ctx, "started, version "+ops.Version().String()+", configuration "+cfg.Hash())
	return nil
}

// lossSince holds the store against the newest export.
func (a *App) lossSince(ctx context.Context, folder string) error {
	if folder == "" {
		return nil
	}
	exports, err := store.Exports(folder)
	if err != nil || len(exports) == 0 {
		return err
	}
	newest := exports[len(exports)-1]
	f, err := os.Open(newest)
	if err != nil {
		return fmt.Errorf("check against the newest export: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	check, err := a.store.CheckAgainst(ctx, f)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", newest, err)
	case check.Skipped != "":
		a.log.Warn("the newest export says nothing about the store", "file", newest, "why", check.Skipped)
		return nil
	case len(check.Missing) == 0:
		return nil
	}
	return fmt.Errorf("%d of %d entries of %s are gone, the first is %s: stop me, move the data folder away and import that export",
		len(check.Missing), check.Entries, newest, check.Missing[0])
}

// exportNightly writes a copy of the whole state every night.
func (a *App) exportNightly(ctx context.Context) {
	for {
		e, zone := a.config.Load().Store.Export, a.desk.view.Load().Zone
		timer := time.NewTimer(time.Until(nextAt(time.Now().In(zone), time.Duration(e.At))))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if e.Folder == "" {
			continue
		}
		path, err := a.store.ExportTo(ctx, e.Folder, time.Now(), e.Keep)
		a.metrics.Exported(time.Now(), err)
		if err != nil {
			a.log.Error("nightly export failed", "folder", e.Folder, "err", err)
			continue
		}
		a.log.Info("exported", "file", path)
	}
}

// nextAt returns the next moment after now whose time of day is at. A time that a change of the clock skips comes at the same distance from
// midnight, an hour off.
func nextAt(now time.Time, at time.Duration) time.Time {
	y, m, d := now.Date()
	next := time.Date(y, m, d, 0, int(at/time.Minute), 0, 0, now.Location())
	if !next.After(now) {
		next = time.Date(y, m, d+1, 0, int(at/time.Minute), 0, 0, now.Location())
	}
	return next
}

// sweep removes, once an hour, what is older than its age.
func (a *App) sweep(ctx context.Context) {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		swept, err := a.store.Sweep(ctx, time.Now())
		if err != nil && ctx.Err() == nil {
			a.log.Warn("old runs were not removed", "err", err)
		}
		if swept.Runs > 0 {
			a.log.Info("old runs removed", "runs", swept.Runs)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// recordEnds writes the end of every run to the audit log.
func (a *App) recordEnds(ctx context.Context) {
	feed, err := a.engine.Subscribe(ctx)
	if err != nil {
		a.log.Error("ends of runs are not recorded", "err", err)
		return
	}
	ended := map[string]actions.State{}
	for e := range feed {
		r := e.Run
		if e.Progress != nil || !r.State.Final() || ended[r.ID] == r.State {
			continue
		}
		ended[r.ID] = r.State
		a.recordEnd(ctx, r)
	}
}

func (a *App) recordEnd(ctx context.Context, r actions.Run) {
	why := string(r.State)
	if r.Why != "" {
		why += ": " + r.Why
	}
	e := entry(r.Plan.Request, policy.Entry{Decision: policy.RunEnded, Run: r.ID, PlanHash: r.Plan.Hash(), Why: why, Risk: r.Plan.Risk})
	e.At = r.Ended
	if err := a.audit.Append(ctx, e); err != nil && ctx.Err() == nil {
		a.log.Error("the end of a run is not recorded", "run", r.ID, "err", err)
	}
}

// note writes something about the bot itself to the audit log.
func (a *App) note(ctx context.Context, why string) {
	e := policy.Entry{At: time.Now(), Actor: actions.Actor{Kind: actions.System, Name: "opsbot"}, Decision: policy.Noted, Why: why}
	if err := a.audit.Append(ctx, e); err != nil {
		a.log.Error("audit line not written", "err", err)
	}
}

// statusLines tells the state of each part, for status.show.
func (a *App) statusLines(ctx context.Context) []StatusLine {
	var out []StatusLine
	for _, v := range a.board.Ask(ctx).Verdict {
		line := StatusLine{Part: v.Name, State: "well", OK: v.OK}
		if !v.OK {
			line.State = v.Why
		}
		out = append(out, line)
	}
	for _, more := range []func() (StatusLine, bool){a.registrationLine, a.agentsLine, a.pairsLine} {
		if line, ok := more(); ok {
			out = append(out, line)
		}
	}
	return out
}

// storeVote asks the store, and keeps its gauge.
func (a *App) storeVote() error {
	err := a.store.Ready()
	a.metrics.StoreReady(err == nil)
	return err
}

func (a *App) socketHealth(ctx context.Context) socket.Health {
	r := a.board.Ask(ctx)
	h := socket.Health{Ready: r.Ready}
	for _, v := range r.Verdict {
		h.Votes = append(h.Votes, socket.Vote(v))
	}
	for _, f := range r.Facts {
		h.Facts = append(h.Facts, socket.Fact(f))
	}
	return h
}

// may lets through root, the bot's own user, and people with a role that covers the right.
func (a *App) may(ctx context.Context, p socket.Peer, right string) error {
	if trusted(p) {
		return nil
	}
	pol := a.desk.view.Load().Policy
	v := pol.Decide(ctx, policy.Case{Request: actions.Request{Intent: right, Actor: pol.Who(p.Identity())}, Risk: actions.Read, World: a.desk.view.Load().World})
	if !v.Allow {
		return fmt.Errorf("%w: %s", socket.ErrRefused, v.Why)
	}
	return nil
}

// trusted tells of callers who need no role: they can read the bot's memory.
func trusted(p socket.Peer) bool { return p.UID == 0 || int(p.UID) == os.Geteuid() }

func (a *App) socketReload(ctx context.Context, p socket.Peer) error {
	if err := a.may(ctx, p, "bot.reload"); err != nil {
		return err
	}
	return a.Reload(ctx)
}

func (a *App) socketConfig(ctx context.Context, p socket.Peer) ([]byte, error) {
	if err := a.may(ctx, p, "bot.config"); err != nil {
		return nil, err
	}
	return a.config.Load().Redacted()
}

func (a *App) socketReview(ctx context.Context, p socket.Peer, since time.Time) ([]socket.Misread, error) {
	if err := a.may(ctx, p, "audit.show"); err != nil {
		return nil, err
	}
	list, err := a.audit.Review(ctx, since)
	if err != nil {
		return nil, err
	}
	out := make([]socket.Misread, len(list))
	for i, m := range list {
		out[i] = socket.Misread{Text: m.Text, Was: string(m.Decision), Why: m.Why, Times: m.Times, Last: m.Last}
	}
	return out, nil
}

func (a *App) socketExport(ctx context.Context, p socket.Peer, w io.Writer) error {
	if err := a.may(ctx, p, "bot.export"); err != nil {
		return err
	}
	a.note(ctx, "exported for "+p.Identity())
	return a.Export(ctx, w)
}
