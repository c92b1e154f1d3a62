package rule_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/icinga"
)

// TestHeal is the main job: an alert that stands and a diagnosis that agrees become one command, a comment and a word to people.
func TestHeal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOutside()
		e := process(t, healthy(), o)
		a := o.alert("edge-1")
		got := handle(t, e, a)
		want := rule.Outcome{Rule: "flush-on-low-hit-rate", Decision: rule.Acted, Why: "3 of 8 objects are stale", Run: "r-1",
			Command: "flush edge-1 then prime news on edge-1 then prime sport on edge-1", Before: "hit ratio 61 %", After: "hit ratio 97 %"}
		if got != want {
			t.Errorf("Handle = %+v, want %+v", got, want)
		}
		if len(o.said) != 1 || o.said[0].Text != want.Command || o.said[0].Thread != a.Problem || o.said[0].Rule != got.Rule {
			t.Errorf("said = %+v, want the command once", o.said)
		}
		if len(o.comments) != 1 || len(o.told) != 1 || len(o.called) != 0 {
			t.Fatalf("comments %v, told %v, called %v; want one, one and none", o.comments, o.told, o.called)
		}
		for key, text := range o.comments {
			if !strings.HasPrefix(key, "edge-1!Cache Hit Rate rule flush-on-low-hit-rate ") || !strings.Contains(text, "before: hit ratio 61 %; after: hit ratio 97 %; run: r-1") {
				t.Errorf("comment %q = %q, want the numbers and the run", key, text)
			}
		}
		if again := handle(t, e, a); again != want || len(o.said) != 1 || len(o.told) != 1 {
			t.Errorf("handing it in again = %+v, said %d times, told %d times; want the same once", again, len(o.said), len(o.told))
		}
	})
}

// TestGuards: what keeps a rule from acting, one guard a row.
func TestGuards(t *testing.T) {
	t.Parallel()
	mute := func(c *rule.Config) {}
	for _, tt := range []struct {
		name     string
		config   func(*rule.Config)
		given    func(t *testing.T, e *rule.Engine, o *outside) actions.Alert
		decision rule.Decision
		why      string
		told     int // of the alert in question
		called   int
	}{
		{"ready", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert { return o.alert("edge-1") }, rule.Acted, "", 1, 0},
		{"cooldown", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			handle(t, e, o.alert("edge-1"))
			time.Sleep(29 * time.Minute)
			return o.alert("edge-1")
		}, rule.HeldBack, "edge-1 rests for 30m0s", 1, 0},
		{"cooldown over", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			handle(t, e, o.alert("edge-1"))
			time.Sleep(31 * time.Minute)
			return o.alert("edge-1")
		}, rule.Acted, "", 1, 0},
		{"group cooldown", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			handle(t, e, o.alert("edge-1"))
			time.Sleep(9 * time.Minute)
			return o.alert("edge-2")
		}, rule.HeldBack, "site berlin rests for 10m0s", 1, 0},
		{"another group", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			handle(t, e, o.alert("edge-1"))
			return o.alert("edge-3")
		}, rule.Acted, "", 1, 0},
		{"at most", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			for range 3 {
				handle(t, e, o.alert("edge-1"))
				time.Sleep(time.Hour)
			}
			return o.alert("edge-1")
		}, rule.HeldBack, "edge-1 was treated 3 times in 24h0m0s", 1, 0},
		{"at most over", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			for range 3 {
				handle(t, e, o.alert("edge-1"))
				time.Sleep(9 * time.Hour)
			}
			return o.alert("edge-1")
		}, rule.Acted, "", 1, 0},
		{"by chat", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			r := actions.Request{Cause: "m-1", Intent: "cache.flush", Actor: actions.Actor{Kind: actions.Person, Name: "anna"}}
			for range 2 { // counted once
				if err := e.Note(t.Context(), r, []string{"edge-1"}); err != nil {
					t.Fatal(err)
				}
			}
			return o.alert("edge-1")
		}, rule.HeldBack, "after what anna did", 1, 0},
		{"other intent by chat", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			r := actions.Request{Cause: "m-1", Intent: "cache.stats", Actor: actions.Actor{Kind: actions.Person, Name: "anna"}}
			if err := e.Note(t.Context(), r, []string{"edge-1"}); err != nil {
				t.Fatal(err)
			}
			return o.alert("edge-1")
		}, rule.Acted, "", 1, 0},
		{"reminder after a remedy", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			a := o.alert("edge-1")
			handle(t, e, a)
			return o.alert("edge-1", func(b *actions.Alert) { b.Since, b.Reminder = a.Since, 2 })
		}, rule.Called, "it was treated already", 0, 1},
		{"reminder long after", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			a := o.alert("edge-1")
			handle(t, e, a)
			time.Sleep(20 * 24 * time.Hour)
			return o.alert("edge-1", func(b *actions.Alert) { b.Since, b.Reminder = a.Since, 900 })
		}, rule.Called, "it was treated already", 0, 1},
		{"reminder without a remedy", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			return o.alert("edge-1", func(b *actions.Alert) { b.Since, b.Reminder = b.Since.Add(-10*time.Minute), 2 })
		}, rule.HeldBack, "the problem is 11m0s old", 1, 0},
		{"from the future", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			return o.alert("edge-1", func(b *actions.Alert) { b.Since = b.Since.Add(time.Hour) })
		}, rule.Unsure, "compare the clocks", 1, 0},
		{"paused", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			if err := e.Switch().Pause(t.Context(), rule.Pause{Mark: "r-9/0", By: "anna", Why: "maintenance", At: time.Now()}); err != nil {
				t.Fatal(err)
			}
			return o.alert("edge-1")
		}, rule.HeldBack, "anna paused all rules and jobs", 0, 0},
		{"resumed", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			if err := e.Switch().Pause(t.Context(), rule.Pause{Mark: "r-9/0", By: "anna"}); err != nil {
				t.Fatal(err)
			}
			if stood, err := e.Switch().Resume(t.Context()); err != nil || len(stood) != 1 {
				t.Fatalf("Resume = %v, %v; want the pause that stood", stood, err)
			}
			return o.alert("edge-1")
		}, rule.Acted, "", 1, 0},
		{"off in the file", func(c *rule.Config) { c.Enabled = false }, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert { return o.alert("edge-1") },
			rule.HeldBack, "switched off in the configuration", 0, 0},
		{"dry run", func(c *rule.Config) { c.DryRun = true }, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert { return o.alert("edge-1") },
			rule.WouldAct, "dry run", 1, 0},
		{"diagnosis disagrees", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			o.agree = func(int) bool { return false }
			return o.alert("edge-1")
		}, rule.Disagreed, "nothing is stale", 1, 0},
		{"no node", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			return o.alert("printer", func(a *actions.Alert) { a.Node = "" })
		}, rule.Unsure, "printer is no node of the inventory", 1, 0},
		{"orphan", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert { return o.alert("old") }, rule.Unsure, "no longer in the configuration", 1, 0},
		{"monitoring away", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			o.readErr = errors.New("connection refused")
			return o.alert("edge-1")
		}, rule.Unsure, "could not be read again: connection refused", 1, 0},
		{"well again", mute, changed(func(x *icinga.Object) { x.State = icinga.OK }), rule.Gone, "it is OK", 0, 0},
		{"soft", mute, changed(func(x *icinga.Object) { x.StateType = icinga.Soft }), rule.Gone, "(soft)", 0, 0},
		{"worse", mute, changed(func(x *icinga.Object) { x.State = icinga.Critical }), rule.Gone, "it is CRITICAL now", 0, 0},
		{"acknowledged", mute, changed(func(x *icinga.Object) { x.Acknowledged = true }), rule.Gone, "acknowledged", 0, 0},
		{"downtime", mute, changed(func(x *icinga.Object) { x.DowntimeDepth = 1 }), rule.Gone, "downtime", 0, 0},
		{"flapping", mute, changed(func(x *icinga.Object) { x.Flapping = true }), rule.Gone, "flapping", 0, 0},
		{"another problem", mute, changed(func(x *icinga.Object) {
			x.LastGood, x.LastHardStateChange = time.Now().Add(-10*time.Second), time.Now().Add(-5*time.Second)
		}), rule.Gone, "another problem", 0, 0},
		{"refused", mute, result(rule.Result{Exit: 4, Text: "frozen until 23:00"}), rule.Refused, "frozen until 23:00", 1, 0},
		{"approval", mute, result(rule.Result{Exit: 75, Text: "waits for a yes"}), rule.Waiting, "waits for a yes", 1, 0},
		{"failed", mute, result(rule.Result{Exit: 1, Text: "no answer"}), rule.Failed, "no answer", 0, 1},
		{"not needed", mute, result(rule.Result{Stop: "it is fresh"}), rule.Acted, "it is fresh", 1, 0},
		{"did not help", mute, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			o.agree = func(int) bool { return true }
			return o.alert("edge-1")
		}, rule.Failed, "nothing is better", 0, 1},
		{"breaker", func(c *rule.Config) { c.Guard = rule.Guard{Breaker: 2} }, func(t *testing.T, e *rule.Engine, o *outside) actions.Alert {
			o.result = rule.Result{Exit: 1, Text: "no answer"}
			handle(t, e, o.alert("edge-1"))
			if got := handle(t, e, o.alert("edge-2")); !strings.Contains(got.Why, "has stopped itself") {
				t.Errorf("second failure = %+v, want the breaker told", got)
			}
			return o.alert("edge-3")
		}, rule.HeldBack, "the rule has stopped itself", 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := newOutside()
				e := process(t, healthy(), o)
				c := theRule()
				tt.config(&c)
				if err := e.SetRules([]rule.Config{c}); err != nil {
					t.Fatal(err)
				}
				a := tt.given(t, e, o)
				said, told, called := len(o.said), len(o.told), len(o.called)
				got := handle(t, e, a)
				if got.Decision != tt.decision || !strings.Contains(got.Why, tt.why) {
					t.Errorf("Handle(%s) = %s, %q; want %s, %q", a.ID, got.Decision, got.Why, tt.decision, tt.why)
				}
				acts := map[rule.Decision]bool{rule.Acted: true, rule.Failed: true, rule.Waiting: true, rule.Refused: true}[tt.decision]
				if n := len(o.said) - said; n > 1 || (n == 1) != acts {
					t.Errorf("Handle(%s) said the command %d times, decision %s", a.ID, n, got.Decision)
				}
				if n, m := len(o.told)-told, len(o.called)-called; n != tt.told || m != tt.called {
					t.Errorf("Handle(%s) told %d and called %d times, want %d and %d", a.ID, n, m, tt.told, tt.called)
				}
			})
		})
	}
}

// changed lets the monitoring hold something else than was reported.
func changed(edit func(*icinga.Object)) func(*testing.T, *rule.Engine, *outside) actions.Alert {
	return func(_ *testing.T, _ *rule.Engine, o *outside) actions.Alert {
		a := o.alert("edge-1")
		o.object(a, edit)
		return a
	}
}

func result(r rule.Result) func(*testing.T, *rule.Engine, *outside) actions.Alert {
	return func(_ *testing.T, _ *rule.Engine, o *outside) actions.Alert {
		o.result = r
		return o.alert("edge-1")
	}
}

// TestOneAtATime: while one node of a group is treated no other is, and one of another group is.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOutside()
		o.agree = func(int) bool { return true }
		o.takes = time.Minute
		e := process(t, healthy(), o)
		c := theRule()
		c.Guard = rule.Guard{Group: "site", OneAtATime: true}
		if err := e.SetRules([]rule.Config{c}); err != nil {
			t.Fatal(err)
		}
		first := o.alert("edge-1")
		done := make(chan error, 1)
		go func() { _, err := e.Handle(t.Context(), first); done <- err }()
		time.Sleep(10 * time.Second)
		if got := handle(t, e, o.alert("edge-2")); got.Decision != rule.HeldBack || !strings.Contains(got.Why, "edge-1 is being treated") {
			t.Errorf("second node of the site = %+v, want it held", got)
		}
		if got := handle(t, e, o.alert("edge-3")); got.Decision != rule.Failed {
			t.Errorf("node of another site = %+v, want it treated", got)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got := handle(t, e, o.alert("edge-2")); got.Decision != rule.Failed {
			t.Errorf("second node afterwards = %+v, want it treated", got)
		}
	})
}

// TestMatcher: which alerts a rule is for.
func TestMatcher(t *testing.T) {
	t.Parallel()
	a := actions.Alert{Host: "edge-1", Service: "Cache Hit Rate", Kind: "PROBLEM", State: "WARNING"}
	host := actions.Alert{Host: "edge-1", Kind: "PROBLEM", State: "DOWN"}
	for _, tt := range []struct {
		name string
		when rule.When
		a    actions.Alert
		want bool
	}{
		{"everything", rule.When{}, a, true},
		{"everything but news", rule.When{}, actions.Alert{Host: "h", Kind: "RECOVERY", State: "OK"}, false},
		{"service", rule.When{Service: "cache hit rate"}, a, true},
		{"glob", rule.When{Host: "edge-*", Service: "Cache*"}, a, true},
		{"other host", rule.When{Host: "mac-*"}, a, false},
		{"state", rule.When{State: []string{"CRITICAL", "warning"}}, a, true},
		{"other state", rule.When{State: []string{"CRITICAL"}}, a, false},
		{"kind", rule.When{Kind: []string{"CUSTOM"}}, a, false},
		{"host itself", rule.When{Service: "-"}, host, true},
		{"host itself only", rule.When{Service: "-"}, a, false},
		{"slash", rule.When{Service: "disk */var"}, actions.Alert{Service: "disk /srv/var", Kind: "PROBLEM"}, true},
	} {
		if got := (rule.Config{Name: "r", When: tt.when, Do: "x"}).Matches(tt.a); got != tt.want {
			t.Errorf("%s: %+v matches %+v = %v, want %v", tt.name, tt.when, tt.a, got, tt.want)
		}
	}
}

// TestCheck: what is wrong with a rule is said, all at once.
func TestCheck(t *testing.T) {
	t.Parallel()
	bad := rule.Config{Name: "Bad Name", Do: "flush {{nod}}", When: rule.When{Host: "[", Service: "["}, Guard: rule.Guard{Cooldown: -1, GroupCooldown: time.Minute}}
	err := bad.Check()
	for _, want := range []string{"name: want lower case", "{{nod}} stands for nothing", "when.host", "when.service", "a number is negative", "guard.group must say"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check() = %v, want it to say %q", err, want)
		}
	}
	e := process(t, healthy(), newOutside())
	if err := e.SetRules([]rule.Config{theRule(), theRule()}); err == nil || !strings.Contains(err.Error(), "two of that name") {
		t.Errorf("SetRules(twice the same) = %v", err)
	}
	c := theRule()
	c.Diagnose = "tarot"
	if err := e.SetRules([]rule.Config{c}); err == nil || !strings.Contains(err.Error(), `no diagnosis "tarot"`) {
		t.Errorf("SetRules(unknown diagnosis) = %v", err)
	}
	if len(e.Rules()) != 1 {
		t.Errorf("refused rules replaced the others: %v", e.Rules())
	}
}

// TestHostileNames: names from the monitoring become no other commands.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, host := range []string{"edge-1; flush all", "edge-1 then flush all", "x\nflush all", "{{node}}", "$(id)", "edge-1,edge-2"} {
			o := newOutside()
			e := process(t, healthy(), o)
			c := theRule()
			c.Do = "ack {{host}}"
			if err := e.SetRules([]rule.Config{c}); err != nil {
				t.Fatal(err)
			}
			got := handle(t, e, o.alert("edge-1", func(a *actions.Alert) { a.Host = host }))
			if got.Decision != rule.Unsure || len(o.said) != 0 {
				t.Errorf("host %q: %+v, said %v; want nothing said", host, got, o.said)
			}
		}
	})
}

// TestEverything: a rule that matches everything meets a storm: every node once, whatever the order.
func TestEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOutside()
		o.agree = func(int) bool { return true }
		e := process(t, healthy(), o)
		c := theRule()
		c.When, c.Guard.Breaker, c.Guard.OneAtATime = rule.When{}, 0, false
		if err := e.SetRules([]rule.Config{c}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for i := range 300 {
			node := []string{"edge-1", "edge-2", "edge-3"}[i%3]
			a := o.alert(node, func(a *actions.Alert) { a.Service = "s" + string(rune('a'+i%26)); a.Reminder = i })
			if _, err := e.Handle(ctx, a); err != nil {
				t.Fatal(err)
			}
		}
		if len(o.runs) != 2 { // one of each site: the group rests
			t.Errorf("300 alerts of 3 nodes became %d runs, want 2", len(o.runs))
		}
		if len(o.told) != 3 { // each node once, however often it is held back
			t.Errorf("300 alerts were told %d times, want 3", len(o.told))
		}
	})
}
