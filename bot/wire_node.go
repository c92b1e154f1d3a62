package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/actions/node"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/vtep"
)

// openNodes knows the nodes that were added at run time, and what stands behind the verbs about nodes.
func (a *App) openNodes(ctx, work context.Context, _ *config.Config) error {
	s, err := node.NewStore(node.StoreOptions{KV: a.store.Bucket(store.Inventory), Changed: a.nodesChanged, Log: a.log.With("room", "node")})
	if err != nil {
		return err
	}
	if err := s.Load(ctx); err != nil {
		return err
	}
	a.added = s
	if a.drains, err = node.NewDrains(a.store.Bucket(store.Inventory), a.log.With("room", "node")); err != nil {
		return err
	}
	if err := a.drains.Load(ctx); err != nil {
		return err
	}
	a.nodes = node.New(node.Options{
		Health: a.content.Health, Agent: a.agentOf, Pairs: a.pairsAt, Store: s, World: liveWorld{a}, File: a.inFile, Users: []node.User{a.jobsOf, a.runsOf, a.segmentsOf}, Drains: a.drains, Carried: []node.User{a.segmentsOf}, Forget: a.forgetOrphan, Recall: a.recallOrphan,
		Added: a.enrol.Added, Removed: a.enrol.Removed, Enrol: a.enrolment(),
	})
	follow, stop := context.WithCancel(work)
	a.working.Go(func() { a.untilStopped("nodes", follow, s.Run) })
	a.working.Go(func() { a.untilStopped("drained nodes", follow, a.drains.Run) })
	a.own("nodes", func(context.Context) error { stop(); return nil })
	return nil
}

// agentOf tells what is known of the agent of a node.
func (a *App) agentOf(name string) node.Agent {
	s := a.gate.Status(name)
	if s.Health == agent.NotEnrolled {
		return node.Agent{}
	}
	able := s.Report.Facts.Capability
	return node.Agent{State: string(s.Health), Why: strings.Join(append([]string{s.Why}, a.yesFor(s)...), "; "), Plane: able.Plane, HostOnly: able.Plane != "" && !able.Endpoints,
		Missing: able.Missing[vtep.MissingKernel], Segments: s.Report.Segments}
}

// straysOf tells which nodes hold a VNI that nobody gave them, and wait for a yes to let it go.
func (a *App) straysOf(v overlay.VNI) (nodes []string) {
	for _, s := range a.gate.Statuses() {
		if s.Health != agent.NotEnrolled && slices.Contains(s.Report.Strays, v) {
			nodes = append(nodes, s.Node)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// yesFor says how the yes is given for which a node waits to let segments go.
func (a *App) yesFor(s agent.Status) (lines []string) {
	if s.Health != agent.Held {
		return nil
	}
	var unknown, others []string
	for _, v := range s.Report.Strays {
		if r, ok := a.known.Find(fmt.Sprint(v)); ok {
			others = append(others, r.Name)
		} else {
			unknown = append(unknown, fmt.Sprint(v))
		}
	}
	if n := len(unknown); n > 0 {
		lines = append(lines, fmt.Sprintf("VNI %s is of no segment: delete segment %s lets it go", strings.Join(unknown[:min(n, 5)], ", "), unknown[0]))
	}
	if n := len(others); n > 0 {
		lines = append(lines, fmt.Sprintf("it is not in %s: attach it there, or attach and detach it", strings.Join(others[:min(n, 5)], ", ")))
	}
	return lines
}

// nodesChanged lets the parser and everybody else know the nodes of now.
func (a *App) nodesChanged(ctx context.Context) {
	if err := a.refreshView(ctx); err != nil {
		a.log.Error("the inventory has changed, and the view stays as it was", "err", err)
	}
}

// refreshView builds the view anew from the configuration of now and what the store adds to it.
func (a *App) refreshView(ctx context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	desk := a.begun.Load()
	if desk == nil || desk.view.Load() == nil {
		return nil // the start builds it
	}
	view, err := a.view(ctx, a.config.Load())
	if err != nil {
		return err
	}
	desk.SetView(view)
	return nil
}

// inventory joins the nodes of the file, those that were added, and the orphans. The file goes first: what it defines, nobody has added.
func (a *App) inventory(file, orphans []actions.Node) (nodes, left []actions.Node) {
	has := func(all []actions.Node, name string) bool {
		return slices.ContainsFunc(all, func(n actions.Node) bool { return n.Name == name })
	}
	added := slices.DeleteFunc(a.added.Nodes(), func(n actions.Node) bool { return has(file, n.Name) })
	left = slices.DeleteFunc(slices.Clone(orphans), func(n actions.Node) bool { return has(added, n.Name) })
	return slices.Concat(file, added), left
}

// inFile tells whether the configuration file defines a node.
func (a *App) inFile(name string) bool {
	return slices.ContainsFunc(a.config.Load().Nodes(), func(n actions.Node) bool { return n.Name == name })
}

// jobsOf names the jobs whose commands are about a node.
func (a *App) jobsOf(_ context.Context, name string) ([]string, error) {
	var out []string
	for _, j := range a.jobs.Jobs() {
		for _, c := range a.desk.view.Load().Binder.commands(j.Do) {
			if slices.Contains(c.Slots.All("node"), name) {
				out = append(out, "job "+j.Name+": "+j.Do)
				break
			}
		}
	}
	return out, nil
}

// runsOf names the runs under way that touch a node, temporary changes in force included.
func (a *App) runsOf(ctx context.Context, name string) ([]string, error) {
	all, err := a.engine.List(ctx, run.Filter{Limit: 1000})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, r := range all {
		if !r.State.Final() && slices.Contains(r.Plan.Targets(), name) && !restsOnly(r) {
			out = append(out, r.ID+": "+r.Plan.Say)
		}
	}
	return out, nil
}

// restsOnly tells of a run that only waits for the end of what it has set in the monitoring: that goes with the node.
func restsOnly(r actions.Run) bool {
	if !r.Holding() {
		return false
	}
	for _, g := range r.Plan.Groups {
		if slices.ContainsFunc(g.Steps, func(s actions.Step) bool { return !strings.HasPrefix(s.Kind, "icinga.") }) {
			return false
		}
	}
	return true
}

// forgetOrphan ends the keeping of a node that has vanished from the configuration file.
func (a *App) forgetOrphan(ctx context.Context, name string) error {
	return a.editRemembered(ctx, func(r *remembered) bool {
		n := len(r.Orphans)
		r.Orphans = slices.DeleteFunc(r.Orphans, func(n actions.Node) bool { return n.Name == name })
		return len(r.Orphans) < n
	})
}

// recallOrphan takes forgetOrphan back.
func (a *App) recallOrphan(ctx context.Context, n actions.Node) error {
	return a.editRemembered(ctx, func(r *remembered) bool {
		if slices.ContainsFunc(slices.Concat(r.Nodes, r.Orphans), func(m actions.Node) bool { return m.Name == n.Name }) {
			return false
		}
		n.Orphaned = true
		r.Orphans = append(r.Orphans, n)
		return true
	})
}

// editRemembered changes what the store remembers of the file's inventory, and lets everybody know.
func (a *App) editRemembered(ctx context.Context, edit func(*remembered) bool) error {
	kv := a.store.Bucket(store.Inventory)
	entry, err := kv.Get(ctx, fileKey)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the remembered inventory: %w", err)
	}
	var r remembered
	if err := json.Unmarshal(entry.Value, &r); err != nil {
		return fmt.Errorf("read the remembered inventory: %w", err)
	}
	if edit(&r) {
		value, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("remember the inventory: %w", err)
		}
		if _, err := store.UpdateSure(ctx, kv, fileKey, value, entry.Revision); err != nil {
			return fmt.Errorf("remember the inventory: %w", err)
		}
	}
	return a.refreshView(ctx)
}

// zoneOf is the zone in which somebody reads times.
func (a *App) zoneOf(who actions.Actor) *time.Location {
	cfg := a.config.Load()
	for _, p := range cfg.People {
		if p.Name == who.Name && p.Zone != "" {
			if loc, err := time.LoadLocation(p.Zone); err == nil { // it was checked when the file was read
				return loc
			}
		}
	}
	return cfg.Location()
}
