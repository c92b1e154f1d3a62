package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/shitops/opsbot/bot/door"
)

// serves verifies what a viewer of an edge gets now: what the origin has, or something older.
func serves(edge string, want bool) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		etag, ok, err := t.World.current(ctx, edge)
		if err != nil || ok != want {
			return "", fmt.Errorf("a viewer of %s gets %s, the origin has generation %d: %w", edge, etag, t.World.generation, orUnwanted(err))
		}
		if ok {
			return fmt.Sprintf("a viewer of %s gets %s, which the origin has now", edge, etag), nil
		}
		return fmt.Sprintf("a viewer of %s still gets %s, which is old", edge, etag), nil
	}
}

var errUnwanted = fmt.Errorf("not what the scene wants")

func orUnwanted(err error) error {
	if err == nil {
		return errUnwanted
	}
	return err
}

// bans verifies how many lines of the cache's own list of bans bear the mark of a kept run.
func bans(edge, run string, want int) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		n, err := t.World.edge(edge).bans(ctx, t.fill(run))
		if err != nil || n < min(want, 1) || want == 0 && n > 0 {
			return "", fmt.Errorf("%d bans with %s on %s, want %d: %w", n, t.fill(run), edge, want, orUnwanted(err))
		}
		return fmt.Sprintf("the list of bans of %s has %d with %s", edge, n, t.fill(run)), nil
	}
}

// both verifies two things.
func both(a, b func(context.Context, *Tour) (string, error)) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		first, err := a(ctx, t)
		if err != nil {
			return "", err
		}
		second, err := b(ctx, t)
		return first + "; " + second, err
	}
}

// exchange lets viewers watch what there is, so that it is cached, and then changes the origin.
func exchange(ctx context.Context, t *Tour) error {
	return t.World.Incident(ctx)
}

// sampled waits until the monitoring has looked at all edges twice, one sample of counters says nothing, and the bot has heard of it.
func sampled(ctx context.Context, t *Tour) error {
	return until(ctx, "a second sample of the monitoring", func() (bool, error) {
		all, err := watch(ctx, t)
		if err != nil {
			return false, err
		}
		for _, e := range t.World.Edges {
			if seen, ok := all[e.Name]; !ok || seen.State != 0 {
				return false, nil
			}
		}
		return !strings.Contains(t.ask(ctx, "vik", "status"), "UNKNOWN"), nil
	})
}

func peopleScenes() []Scene {
	return []Scene{
		{Tell: "Who is there, and who may what", As: "anna", Say: "whoami", Want: []string{"anna", "operator"}},
		{As: "anna", Say: "help flush", Want: []string{"flush"}},
		{As: "anna", Say: "nodes", Want: []string{"edge-1", "edge-2"}},
		{As: "anna", Say: "show edge-1", Want: []string{"edge-1", "berlin"}},
		{As: "vik", Say: "flush edge-1", Exit: door.Refused, Want: []string{"cache.flush"}, Verify: bans("edge-1", "/do/", 0)},
		{Tell: "A new edge is known as soon as it is said, and gone without a trace", As: "anna", Say: "add node edge-4 at 192.0.2.4 in berlin linux", Want: []string{"edge-4"}, Needs: []string{"node.add"}},
		{As: "vik", Say: "show node edge-4", Want: []string{"192.0.2.4"}, Needs: []string{"node.add"}},
		{As: "anna", Say: "remove node edge-4", Exit: door.Refused, Want: []string{"do it?"}, Needs: []string{"node.remove"}},
		{As: "anna", Say: "yes", Want: []string{"edge-4"}, Needs: []string{"node.remove"}},
		{As: "vik", Say: "show node edge-4", Exit: door.NotFound, Needs: []string{"node.remove"}},
	}
}

func incidentScenes() []Scene {
	return []Scene{
		{Tell: "The incident: an advertisement was exchanged at the origin, viewers still see the old one", Before: exchange, As: "vik", Say: "verify news on edge-1",
			Exit: door.Failure, Want: []string{"stale"}, Verify: serves("edge-1", false)},
		{Before: sampled, As: "anna", Say: "status", Want: []string{"store"}},
		{As: "anna", Say: "stats edge-1", Want: []string{"edge-1"}},
		{Tell: "The remedy: the plan is shown first, and a yes is asked for", As: "anna", Say: "flush edge-1", Exit: door.Refused, Want: []string{"do it?", "flush cache front on edge-1"}, Verify: bans("edge-1", "/do/", 0)},
		{As: "anna", Say: "yes", Want: []string{"verified"}, Keep: "flush", Verify: both(serves("edge-1", true), bans("edge-1", "{flush}/do/", 2))},
		{As: "anna", Say: "show {flush}", Want: []string{"{flush}", "done"}},
		{As: "vik", Say: "verify news on edge-1", Want: []string{"edge-1"}},
	}
}

func purgeScenes() []Scene {
	return []Scene{
		{Tell: "What two people must agree to: here every purge", Before: exchange, As: "anna", Say: "purge news", Exit: door.Temporary, Want: []string{"ben"}, Keep: "purge",
			Needs: []string{"run.approve"}, Verify: serves("edge-2", false)},
		{As: "anna", Say: "approve {purge}", Exit: door.Refused, Needs: []string{"run.approve"}, Verify: serves("edge-2", false)},
		{As: "ben", Say: "approve {purge}", Needs: []string{"run.approve"}, Verify: both(settled("{purge}", "done"), both(serves("edge-1", true), serves("edge-2", true)))},
		{As: "anna", Say: "purge prefix /news/ on edge-1", Exit: door.Temporary, Keep: "rejected", Needs: []string{"run.reject"}},
		{As: "ben", Say: "reject {rejected}", Needs: []string{"run.reject"}, Verify: both(settled("{rejected}", "cancelled"), bans("edge-1", "{rejected}/do/", 0))},
	}
}
