package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/bot/door"
)

// low lets the hit rate of an edge fall, by strangers who ask for what nobody has asked for, until still.
func low(edge string) func(context.Context, *Tour) error {
	return func(ctx context.Context, t *Tour) error {
		if err := t.World.Incident(ctx); err != nil {
			return err
		}
		t.quiet()
		var err error
		if t.bans, err = t.World.edge(edge).banList(ctx); err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		t.stop = cancel
		t.background.Go(func() { t.World.strangers(ctx, edge) })
		return nil
	}
}

// still ends what low began.
func still(_ context.Context, t *Tour) error {
	t.quiet()
	return nil
}

// healed waits until the cache of an edge was flushed by the rule and serves what the origin has, and the monitoring holds a comment about it.
func healed(edge string) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		err := until(ctx, "a viewer of "+edge+" with the new content", func() (bool, error) {
			_, ok, err := t.World.current(ctx, edge)
			return ok, err
		})
		if err == nil {
			err = until(ctx, "a comment on "+edge+" in the monitoring", func() (bool, error) {
				text, err := t.World.monitoring.get(ctx, "/v1/objects/comments")
				return strings.Contains(text, edge) && strings.Contains(text, "flush"), err
			})
		}
		if err != nil {
			return "", err
		}
		list, err := t.World.edge(edge).banList(ctx)
		fresh := func(word string) bool { return strings.Contains(word, "/do/") && !strings.Contains(t.bans, word) }
		if err == nil && !slices.ContainsFunc(strings.Fields(list), fresh) {
			err = fmt.Errorf("%s has no new ban: %w", edge, errUnwanted)
		}
		return "a viewer of " + edge + " gets what the origin has, its list of bans has a new one, and the monitoring holds a comment about the flush", err
	}
}

// watched is how the monitoring sees the hit rate of an edge.
type watched struct {
	State           float64 // 0 is OK
	Acknowledgement float64 // 0 is none
}

// watch asks the monitoring how it sees the hit rate of each edge.
func watch(ctx context.Context, t *Tour) (map[string]watched, error) {
	text, err := t.World.monitoring.get(ctx, "/v1/objects/services")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Results []struct {
			Name  string
			Attrs watched
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return nil, err
	}
	all := map[string]watched{}
	for _, r := range answer.Results {
		if edge, ok := strings.CutSuffix(r.Name, "!"+service); ok {
			all[edge] = r.Attrs
		}
	}
	return all, nil
}

// acknowledged verifies at the monitoring that the service of an edge is acknowledged, or is not.
func acknowledged(edge string, want bool) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		all, err := watch(ctx, t)
		if err != nil {
			return "", err
		}
		seen, found := all[edge]
		if !found {
			return "", fmt.Errorf("the monitoring has no %s of %s", service, edge)
		}
		if got := seen.Acknowledgement != 0; got != want {
			return "", fmt.Errorf("in the monitoring %s of %s is acknowledged: %v, want %v", service, edge, got, want)
		}
		return fmt.Sprintf("in the monitoring %s of %s is acknowledged: %v", service, edge, want), nil
	}
}

// resting verifies at the monitoring that a host is in a downtime, or is not.
func resting(edge string, want bool) func(context.Context, *Tour) (string, error) {
	return func(ctx context.Context, t *Tour) (string, error) {
		text, err := t.World.monitoring.get(ctx, "/v1/objects/downtimes")
		if err != nil {
			return "", err
		}
		if got := strings.Contains(text, `"`+edge+`"`); got != want {
			return "", fmt.Errorf("in the monitoring %s is in a downtime: %v, want %v", edge, got, want)
		}
		return fmt.Sprintf("in the monitoring %s is in a downtime: %v", edge, want), nil
	}
}

func alertScenes() []Scene {
	return []Scene{
		{Tell: "An alert: strangers let the hit rate of edge-2 fall while it holds old content; the rule looks, flushes it, and calls a person when the strangers do not go away", Before: low("edge-2"),
			Heard: []string{"edge-2!", "you are called"}, Verify: healed("edge-2"), Needs: []string{"alert.list"}},
		{As: "vik", Say: "alerts", Want: []string{"edge-2", service}, Needs: []string{"alert.list"}},
		{As: "ben", Say: "ack edge-2", Keep: "ack", Verify: acknowledged("edge-2", true), Needs: []string{"alert.ack"}},
		{As: "ben", Say: "undo {ack}", Verify: acknowledged("edge-2", false), Needs: []string{"alert.ack"}},
		{As: "ben", Say: "ack edge-2", Verify: acknowledged("edge-2", true), Needs: []string{"alert.unack"}},
		{As: "ben", Say: "unack edge-2", Verify: acknowledged("edge-2", false), Needs: []string{"alert.unack"}},
		{Tell: "Work on an edge is announced, so that nobody is called; the plan names the times", As: "anna", Say: "downtime edge-1 for 2h because disks", Exit: door.Refused,
			Want: []string{"do it?", "in downtime from"}, Needs: []string{"downtime.add"}, Verify: resting("edge-1", false)},
		{As: "anna", Say: "yes", Keep: "rest", Needs: []string{"downtime.add"}, Verify: resting("edge-1", true)},
		{As: "ben", Say: "end downtime of edge-1", Want: []string{"anna via opsbot"}, Verify: resting("edge-1", false), Needs: []string{"downtime.remove"}},
		{As: "ben", Say: "recheck edge-1", Want: []string{"edge-1 was checked"}, Needs: []string{"check.rerun"}},
		{As: "anna", Say: "prune monitoring", Exit: door.Failure, Want: []string{"icinga.register is off"}, Needs: []string{"monitoring.prune"}},
		{Tell: "What a rule would have done with the alerts so far", As: "anna", Say: "test flush-on-low-hit-rate", Want: []string{"the last 30 days: ", "acts on: "}, Needs: []string{"rule.test"}},
		{Tell: "Rules can be held, one or all: what they would have done is told, and done once they may again", Before: still, As: "anna",
			Say: "disable rule flush-on-low-hit-rate for 1h", Needs: []string{"rule.disable"}},
		{As: "vik", Say: "rules", Want: []string{"off"}, Needs: []string{"rule.list"}},
		{Before: low("edge-1"), Heard: []string{"edge-1!", "switched off"}, Verify: serves("edge-1", false), Needs: []string{"rule.disable"}},
		{As: "anna", Say: "enable rule flush-on-low-hit-rate", Verify: healed("edge-1"), Needs: []string{"rule.enable"}},
		{Before: still, As: "anna", Say: "stop everything", Needs: []string{"automation.pause"}},
		{Before: low("edge-2"), Heard: []string{"edge-2!", "paused all"}, Verify: serves("edge-2", false), Needs: []string{"automation.pause"}},
		{As: "anna", Say: "resume", Verify: healed("edge-2"), Needs: []string{"automation.pause"}},
		{Before: still, As: "anna", Say: "resume", Exit: door.Failure, Want: []string{"nothing is held"}},
	}
}

// ticked waits until a job has asked the origin.
func ticked(ctx context.Context, t *Tour) (string, error) {
	err := until(ctx, "a request of the job at the origin", func() (bool, error) { return t.World.Origin.Requests("") > 0, nil })
	return fmt.Sprintf("the origin was asked %d times: the job ran", t.World.Origin.Requests("")), err
}

// silent verifies that no job asks the origin any more.
func silent(ctx context.Context, t *Tour) (string, error) {
	if err := pause(ctx, time.Second); err != nil { // what was begun comes to its end
		return "", err
	}
	t.World.Origin.ResetRequests()
	if err := pause(ctx, 3*time.Second); err != nil {
		return "", err
	}
	if n := t.World.Origin.Requests(""); n > 0 {
		return "", fmt.Errorf("the origin was asked %d times after the job was removed", n)
	}
	return "for 3s nobody has asked the origin", nil
}

func jobScenes() []Scene {
	return []Scene{
		{Tell: "The clock says commands, too", Before: forget, As: "anna", Say: `schedule "prime news on edge-1" @every 2s as often`, Verify: ticked},
		{As: "vik", Say: "jobs", Want: []string{"often", "prime news on edge-1"}},
		{As: "anna", Say: "unschedule often", Verify: silent},
	}
}

func auditScenes() []Scene {
	return []Scene{
		{Tell: "What was asked, refused and done is on record", As: "ben", Say: "audit", Want: []string{"vik"}, Needs: []string{"audit.show"}},
	}
}
