package alert_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/icinga"
	"pgregory.net/rapid"
)

// change is a hard state that an object truly took.
type change struct {
	at    time.Time // to the microsecond
	state icinga.State
}

// told is something that reaches the bot.
type told struct {
	arrives time.Time
	alert   stored.Stored
	of      int  // which change it is about
	first   bool // else a reminder
	look    bool // a look at the object, whose findings are told then
}

// truth is the true story of one object.
type truth struct{ changes []change }

// at returns the object as Icinga2 has it at a time.
func (h truth) at(now time.Time) icinga.Object {
	o := icinga.Object{Host: "edge-1", Service: "s", State: icinga.OK, StateType: icinga.Hard, LastCheck: now, Reachable: true}
	for _, c := range h.changes {
		if c.at.After(now) {
			break
		}
		if o.State.Good() {
			o.LastGood = c.at.Add(-time.Millisecond)
		}
		o.State, o.LastHardStateChange = c.state, c.at
	}
	if o.State.Good() {
		o.LastGood = now
	}
	return o
}

// index returns which change made the state of a time.
func (h truth) index(now time.Time) int {
	n := -1
	for i, c := range h.changes {
		if !c.at.After(now) {
			n = i
		}
	}
	return n
}

// event is what the stream tells of a change.
func (h truth) event(i int) icinga.Event {
	was := icinga.OK
	if i > 0 {
		was = h.changes[i-1].state
	}
	c := h.changes[i]
	return icinga.Event{Type: icinga.EventStateChange, At: c.at.Add(time.Millisecond), Host: "edge-1", Service: "s", State: c.state, StateType: icinga.Hard, Was: was, CheckEnd: c.at, Reachable: true}
}

// notification is what the webhook tells of a change, sent then.
func (h truth) notification(i, number int, sent time.Time) stored.Stored {
	c, o := h.changes[i], h.at(sent)
	n := icinga.Notification{
		Type: icinga.TypeProblem, Host: "edge-1", Service: "s", State: c.state, StateType: icinga.Hard, Number: number, ExecutionEnd: sent.Truncate(time.Second),
		LastHardStateChange: c.at.Truncate(time.Second), LastStateChange: c.at.Truncate(time.Second), LastGood: o.LastGood.Truncate(time.Second), At: sent.Truncate(time.Second), Sender: "icinga2",
	}
	if c.state.Good() {
		n.Type = icinga.TypeRecovery
	}
	return stored.NewStored(n, "edge-1", sent)
}

// drawTruth draws a story whose changes are at least gap apart.
func drawTruth(t *rapid.T, gap time.Duration) truth {
	var h truth
	now, state := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), icinga.OK
	for range rapid.IntRange(1, 8).Draw(t, "changes") {
		now = now.Add(gap + time.Duration(rapid.IntRange(50, 100_000_000).Draw(t, "after µs"))*time.Microsecond)
		others := slices.DeleteFunc([]icinga.State{icinga.OK, icinga.Warning, icinga.Critical}, func(s icinga.State) bool { return s == state })
		state = rapid.SampledFrom(others).Draw(t, "state")
		h.changes = append(h.changes, change{now, state})
	}
	return h
}

// drawTelling draws how the story is told: by a webhook that loses and delays, and by a stream that is cut now and then and followed by a look.
func drawTelling(t *rapid.T, h truth) []told {
	var all []told
	number := 0
	for i, c := range h.changes {
		number++
		switch fate := rapid.SampledFrom([]string{"fast", "fast", "spooled", "lost"}).Draw(t, "webhook"); fate {
		case "lost":
		default:
			delay := time.Duration(rapid.IntRange(20, 90).Draw(t, "delay ms")) * time.Millisecond
			if fate == "spooled" {
				delay = time.Duration(rapid.IntRange(1, 300).Draw(t, "delay s")) * time.Second
			}
			for user := range rapid.IntRange(1, 2).Draw(t, "users") {
				all = append(all, told{arrives: c.at.Add(delay + time.Duration(user)*time.Millisecond), alert: h.notification(i, number, c.at), of: i, first: true})
			}
		}
		if !c.state.Good() && rapid.Bool().Draw(t, "reminder") {
			sent := c.at.Add(20 * time.Second)
			if h.index(sent) == i {
				number++
				all = append(all, told{arrives: sent.Add(50 * time.Millisecond), alert: h.notification(i, number, sent), of: i})
			}
		}
	}
	open, last := true, time.Time{}
	for i, c := range h.changes {
		next := rapid.IntRange(0, 3).Draw(t, "cut") != 0
		arrives := c.at.Add(time.Duration(rapid.IntRange(1, 5000).Draw(t, "late ms")) * time.Millisecond)
		if arrives.Before(last) {
			arrives = last // the stream keeps the order
		}
		if next && !open { // it was opened again before this change
			all = append(all, told{arrives: c.at.Add(-time.Microsecond), look: true})
		}
		if next {
			last = arrives
			for _, s := range alert.NewsOf(h.event(i)) {
				all = append(all, told{arrives: arrives, alert: s, of: i, first: true})
			}
		}
		open = next
	}
	all = append(all, told{arrives: h.changes[len(h.changes)-1].at.Add(10 * time.Minute), look: true})
	slices.SortStableFunc(all, func(a, b told) int { return cmp.Compare(a.arrives.UnixNano(), b.arrives.UnixNano()) })
	return all
}

// TestOneStoryHoweverTold: whatever is lost, late and told twice, in the end the incident is as the object truly is, a second look finds nothing, and, where
// no two changes are in one second, every change of state is one trigger by whichever ways it came.
func TestOneStoryHoweverTold(t *testing.T) {
	t.Parallel()
	for _, gap := range []time.Duration{0, 2 * time.Second} {
		t.Run(fmt.Sprint("gap ", gap), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				h := drawTruth(t, gap)
				var in alert.Incident
				triggers := map[int]map[string]bool{}
				take := func(s stored.Stored, of int, first bool) {
					a, _ := in.Fold(s)
					if first && a.Kind == "PROBLEM" && of >= 0 {
						if triggers[of] == nil {
							triggers[of] = map[string]bool{}
						}
						triggers[of][a.ID] = true
					}
				}
				for _, one := range drawTelling(t, h) {
					if !one.look {
						take(one.alert, one.of, one.first)
						continue
					}
					for range 2 {
						news := alert.Compare(in, h.at(one.arrives))
						for _, s := range news {
							take(s, h.index(one.arrives), true)
						}
					}
					if again := alert.Compare(in, h.at(one.arrives)); len(again) > 0 {
						t.Fatalf("a look at what was just looked at finds %+v", again)
					}
				}
				end := h.changes[len(h.changes)-1].state
				if in.IsOpen() == end.Good() || in.IsOpen() && in.State != string(end) {
					t.Fatalf("the object is %s, the incident open %v in %s: %+v", end, in.IsOpen(), in.State, in)
				}
				if gap == 0 {
					return
				}
				for of, ids := range triggers {
					if len(ids) > 1 {
						t.Fatalf("change %d to %s has the triggers %v", of, h.changes[of].state, ids)
					}
				}
			})
		})
	}
}
