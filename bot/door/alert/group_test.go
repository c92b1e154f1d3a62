package alert_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/icinga"
)

// titles are those of the cards that are live, and the last titles of those that are not.
func titles(all map[string]reply.Card) (live, over []string) {
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if all[id].Live {
			live = append(live, all[id].Title)
		} else {
			over = append(over, all[id].Title)
		}
	}
	return live, over
}

// TestSymptoms: what the services of a host that is down suffer of is told with the host; when it is up again, what still stands is told by itself. Rules
// hear of no symptom.
func TestSymptoms(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]string{"the host first": {"", "disk", "load"}, "a service first": {"disk", "", "load"}, "the host last": {"disk", "load", ""}} {
		synctest.Test(t, func(t *testing.T) {
			m := newMonitoring()
			d, _, r, stop := listen(t, fake.New().Open(fake.Options{}), m)
			defer stop()
			all := cards(t.Context(), d)
			time.Sleep(time.Second)
			for _, service := range order {
				state := icinga.Critical
				if service == "" {
					state = icinga.Down
				}
				m.tell(m.set("edge-1", service, state))
				time.Sleep(2 * time.Second)
			}
			m.tell(m.set("edge-2", "disk", icinga.Warning)) // another host's
			time.Sleep(2 * time.Second)
			live, _ := titles(all())
			if len(live) != 2 || !strings.HasPrefix(live[0], "edge-1 is DOWN") && !strings.HasPrefix(live[1], "edge-1 is DOWN") {
				t.Errorf("%s: live cards %q, want the host's and the other host's", name, live)
			}
			open, err := d.Incidents().OpenByNode(t.Context())
			if err != nil || len(open["edge-1"]) != 3 || len(open["edge-2"]) != 1 {
				t.Errorf("%s: open by node: %v, %v", name, open, err)
			}
			for _, in := range open["edge-1"] {
				c := in.Card()
				if in.Problem.Service == "" && !slices.Contains(c.Lines, "its services suffer of it: disk CRITICAL, load CRITICAL") {
					t.Errorf("%s: the host's card has %q", name, c.Lines)
				}
				if (in.Problem.Service == "") != (in.Under == "") {
					t.Errorf("%s: %s is under %q", name, in.Object(), in.Under)
				}
			}
			for _, id := range r.ids() {
				if strings.HasPrefix(id, "edge-1!load") && name != "the host last" {
					t.Errorf("%s: a symptom was handed to the rules: %s", name, id)
				}
			}
			m.tell(m.set("edge-1", "disk", icinga.OK))
			time.Sleep(2 * time.Second)
			m.tell(m.set("edge-1", "", icinga.Up))
			time.Sleep(2 * time.Second)
			live, over := titles(all())
			if len(live) != 2 || !strings.HasPrefix(live[0], "edge-1!load is CRITICAL since") || !slices.ContainsFunc(over, func(s string) bool { return strings.HasPrefix(s, "edge-1 is UP again") }) {
				t.Errorf("%s: after the host is up: live %q, over %q", name, live, over)
			}
			m.tell(m.set("edge-1", "load", icinga.OK))
			time.Sleep(2 * time.Second)
			if live, _ := titles(all()); len(live) != 1 {
				t.Errorf("%s: in the end live %q", name, live)
			}
		})
	}
}

// TestSymptomsThroughCrashes kills the process at every write while a host and its services fail and the host comes back.
func TestSymptomsThroughCrashes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter} {
			for at := 1; at <= 24; at++ {
				disk, m := fake.New(), newMonitoring()
				_, _, _, stop := listen(t, disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
					if op.N == at {
						return fault
					}
					return fake.None
				}}), m)
				time.Sleep(time.Second)
				m.tell(m.set("edge-1", "disk", icinga.Critical), m.set("edge-1", "", icinga.Down), m.set("edge-1", "load", icinga.Critical))
				time.Sleep(3 * time.Second)
				m.tell(m.set("edge-1", "", icinga.Up), m.set("edge-1", "load", icinga.OK))
				time.Sleep(3 * time.Second)
				stop()
				d, _, _, stop := listen(t, disk.Open(fake.Options{}), m)
				time.Sleep(10 * time.Second)
				open, err := d.Incidents().Open(t.Context())
				if err != nil || len(open) != 1 || open[0].Object() != "edge-1!disk" || open[0].Under != "" {
					t.Errorf("%s at write %d: open %+v, %v; want the disk, which is no symptom any more", fault, at, open, err)
				}
				stop()
			}
		}
	})
}

// TestFlapping: an object that comes and goes while it flaps is one incident, which ends when the flapping does.
func TestFlapping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitoring()
		d, _, _, stop := listen(t, fake.New().Open(fake.Options{}), m)
		defer stop()
		all := cards(t.Context(), d)
		time.Sleep(time.Second)
		flap := func(on bool) icinga.Event {
			m.edit(func(m *monitoring) { o := m.objects["edge-1!s"]; o.Flapping = on; m.objects["edge-1!s"] = o })
			return icinga.Event{Type: icinga.EventFlapping, Host: "edge-1", Service: "s", State: icinga.Critical, StateType: icinga.Hard, At: time.Now(), Flapping: on}
		}
		m.tell(m.set("edge-1", "s", icinga.Critical), flap(true))
		time.Sleep(3 * time.Second)
		for range 10 {
			m.tell(m.set("edge-1", "s", icinga.OK))
			time.Sleep(3 * time.Second)
			m.tell(m.set("edge-1", "s", icinga.Critical))
			time.Sleep(3 * time.Second)
		}
		open, err := d.Incidents().Open(t.Context())
		if err != nil || len(open) != 1 || open[0].Status() != alert.IsFlapping || len(all()) != 1 {
			t.Errorf("while it flaps: %+v, %v, %d cards; want one of each", open, err, len(all()))
		}
		m.tell(m.set("edge-1", "s", icinga.OK))
		time.Sleep(3 * time.Second)
		m.cut() // a look does not end it
		time.Sleep(3 * time.Second)
		if got := objectsOf(t, d); !slices.Equal(got, []string{"edge-1!s OK"}) {
			t.Errorf("while it flaps and is well: %v, want that it is open", got)
		}
		m.tell(flap(false))
		time.Sleep(3 * time.Second)
		if got := objectsOf(t, d); len(got) != 0 {
			t.Errorf("when it flaps no more: %v", got)
		}
		live, over := titles(all())
		if len(live) != 0 || len(over) != 1 || !strings.HasPrefix(over[0], "edge-1!s is OK again") {
			t.Errorf("in the end live %q, over %q", live, over)
		}
	})
}

// TestOtherWebhook: Icinga Notifications tells neither numbers nor hard states; what it tells is one with what Icinga2 tells, whichever is first.
func TestOtherWebhook(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"icinga2", "icinga-notifications", "stream"} {
		synctest.Test(t, func(t *testing.T) {
			m := newMonitoring()
			h := fake.New().Open(fake.Options{})
			d, _, r, stop := listen(t, h, m)
			defer stop()
			time.Sleep(time.Second)
			time.Sleep(950 * time.Millisecond) // so that what comes later tells another second
			for i, state := range []icinga.State{icinga.Warning, icinga.OK} {
				e := m.set("edge-1", "s", state)
				ways := map[string]func(){
					"stream": func() { m.tell(e) },
					"icinga2": func() {
						n := problem("edge-1", e.CheckEnd, func(n *icinga.Notification) { n.Service, n.State, n.Number = "s", state, i+1 })
						if state.Good() {
							n.Type = icinga.TypeRecovery
						}
						report(t, d, n)
					},
					"icinga-notifications": func() {
						severity := []string{"warning", "ok"}[i]
						text := fmt.Sprintf(`{"contact":{"full_name":"Anna"},"object":{"name":"edge-1!s","tags":{"host":"edge-1","service":"s"}},"incident":{"id":7,"severity":%q},"event":{"time":%q,"message":"x"}}`,
							severity, e.CheckEnd.Add(60*time.Millisecond).Format(time.RFC3339Nano))
						req := signed(t, text)
						req.Header = map[string][]string{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}
						if status, say := post(d, req); status != 200 {
							t.Fatalf("post = %d %s", status, say)
						}
					},
				}
				ways[first]()
				time.Sleep(time.Second)
				for _, way := range slices.Sorted(maps.Keys(ways)) {
					if way != first {
						ways[way]()
					}
				}
				time.Sleep(10 * time.Second)
				want := []string{"edge-1!s WARNING"}
				if state.Good() {
					want = nil
				}
				if got := objectsOf(t, d); !slices.Equal(got, want) {
					t.Errorf("%s first, %s: open %v, want %v", first, state, got, want)
				}
			}
			seen := map[string]bool{}
			for _, id := range r.ids() {
				seen[id] = true
			}
			if len(seen) != 2 || len(logged(t, h)) != 6 {
				t.Errorf("%s first: %d alerts are %d triggers: %v; want 6 and 2", first, len(logged(t, h)), len(seen), r.ids())
			}
		})
	}
}

// TestRemedyButton: what a rule would have said can be said by a person.
func TestRemedyButton(t *testing.T) {
	t.Parallel()
	for decision, want := range map[rule.Decision]bool{rule.HeldBack: true, rule.WouldAct: true, rule.Acted: false, rule.Disagreed: false} {
		synctest.Test(t, func(t *testing.T) {
			r := &rules{answer: []rule.Outcome{{Rule: "flush", Decision: decision, Why: "x", Command: "flush edge-1"}}}
			d := open(t, fake.New().Open(fake.Options{}), r)
			stop := serve(t, d)
			report(t, d, problem("edge-1", time.Now()))
			time.Sleep(time.Second)
			stop()
			open, err := d.Incidents().Open(t.Context())
			if err != nil || len(open) != 1 {
				t.Fatalf("open: %v, %v", open, err)
			}
			buttons := open[0].Card().Buttons
			if got := slices.Contains(buttons, reply.Button{Label: "Run the remedy", Say: "flush edge-1", Look: reply.Danger}); got != want {
				t.Errorf("after %s: buttons %+v, want the remedy %v", decision, buttons, want)
			}
		})
	}
}

// TestSilence: of a host that is silent a check is asked for at once, and not again and again.
func TestSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &checker{}
		s := alert.NewSilence(c, nil)
		for range 25 {
			if err := s.Tell(t.Context(), "edge-1"); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Second)
		}
		if got := c.asked["edge-1"]; got != 3 {
			t.Errorf("asked %d times in 25 s, want 3", got)
		}
		c.err = icinga.ErrNotFound
		if err := s.Tell(t.Context(), "nobody"); err != nil {
			t.Errorf("Tell of a host that Icinga2 does not know = %v", err)
		}
		c.err = icinga.ErrUnavailable
		for range 2 {
			if err := s.Tell(t.Context(), "edge-2"); err == nil {
				t.Error("Tell while Icinga2 is away = nil, want an error, each time")
			}
		}
	})
}

type checker struct {
	mu    sync.Mutex
	asked map[string]int
	err   error
}

func (c *checker) Reschedule(_ context.Context, host, _ string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked == nil {
		c.asked = map[string]int{}
	}
	c.asked[host]++
	return c.err
}

// TestTold: what alert.list hears of the incidents.
func TestTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitoring()
		d, _, r, stop := listen(t, fake.New().Open(fake.Options{}), m)
		defer stop()
		r.answer = []rule.Outcome{{Rule: "flush", Decision: rule.Acted, Run: "r-7"}}
		time.Sleep(time.Second)
		begin := time.Now().UTC().Truncate(time.Second)
		m.tell(m.set("edge-1", "a", icinga.Warning), m.set("edge-1", "b", icinga.Warning))
		time.Sleep(3 * time.Second)
		m.tell(m.set("edge-1", "a", icinga.Critical), m.set("edge-1", "b", icinga.Critical))
		time.Sleep(3 * time.Second)
		m.tell(m.set("edge-1", "b", icinga.OK), icinga.Event{
			Type: icinga.EventAckSet, Host: "edge-1", Service: "a", State: icinga.Critical, StateType: icinga.Hard, At: time.Now(), Author: "anna via opsbot", Comment: "on it",
		})
		time.Sleep(3 * time.Second)
		told, err := d.Incidents().Told(t.Context(), begin)
		if err != nil || len(told) != 2 {
			t.Fatalf("Told = %+v, %v; want both", told, err)
		}
		if a := told[0]; a.State != "CRITICAL" || !a.Since.Equal(begin) || !a.Ended.IsZero() || a.Care != "acknowledged by anna" || !strings.Contains(a.Done, "r-7") || a.Symptom {
			t.Errorf("the one that stands: %+v", a)
		}
		if b := told[1]; b.State != "CRITICAL" || b.Ended.Sub(begin) != 6*time.Second || b.Care != "" {
			t.Errorf("the one that has ended: %+v", b)
		}
		if told, err := d.Incidents().Told(t.Context(), time.Now()); err != nil || len(told) != 1 {
			t.Errorf("Told since now = %+v, %v; want what stands", told, err)
		}
	})
}

// TestOutage: a site of 300 hosts with 5 services each is gone, in any order, and comes back: one card a host, and nothing is left, with two processes that
// both hand over as well.
func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const hosts, each = 300, 5
		m := newMonitoring()
		disk := fake.New()
		d, _, _, stop := listen(t, disk.Open(fake.Options{}), m)
		defer stop()
		other := open(t, disk.Open(fake.Options{}), nil)
		end := serve(t, other)
		defer end()
		all, others := cards(t.Context(), d), cards(t.Context(), other)
		time.Sleep(time.Second)
		dice := rand.New(rand.NewPCG(5, 9))
		say := func(host, service icinga.State) {
			order := dice.Perm(hosts * (each + 1))
			for _, n := range order {
				if n%(each+1) == 0 {
					m.tell(m.set(fmt.Sprintf("edge-%d", n/(each+1)), "", host))
				} else {
					m.tell(m.set(fmt.Sprintf("edge-%d", n/(each+1)), fmt.Sprintf("s-%d", n%(each+1)), service))
				}
			}
			time.Sleep(30 * time.Second)
		}
		say(icinga.Down, icinga.Critical)
		live, _ := titles(all())
		also, _ := titles(others())
		open, err := d.Incidents().Open(t.Context())
		if err != nil || len(live) != hosts || len(also) != hosts || len(open) != hosts*(each+1) {
			t.Errorf("%d and %d live cards, %d incidents, %v; want %d and %d", len(live), len(also), len(open), err, hosts, hosts*(each+1))
		}
		for _, in := range open {
			if in.Problem.Service == "" && len(in.Symptoms) != each || in.Problem.Service != "" && in.Under == "" {
				t.Errorf("%s: symptoms %v, under %q", in.Object(), in.Symptoms, in.Under)
			}
		}
		say(icinga.Up, icinga.OK)
		if live, _ := titles(all()); len(live) != 0 || len(objectsOf(t, d)) != 0 {
			t.Errorf("in the end %d live cards, %d incidents", len(live), len(objectsOf(t, d)))
		}
		if live, _ := titles(others()); len(live) != 0 {
			t.Errorf("in the end the other process has %d live cards: %.300q", len(live), live)
		}
	})
}
