package icinga_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shitops/opsbot/icinga"
)

// moment is a time of the tests' day with a fraction.
func moment(sec float64) time.Time {
	return time.UnixMicro(1795334000_000000 + int64(sec*1e6)).UTC()
}

func TestProblemOfObject(t *testing.T) {
	t.Parallel()
	none := icinga.Problem{}
	since := func(sec float64) icinga.Problem {
		return icinga.Problem{Host: "a", Service: "s", Since: moment(sec).Truncate(time.Second)}
	}
	bad := icinga.Object{Host: "a", Service: "s", State: icinga.Warning, StateType: icinga.Hard, LastHardStateChange: moment(100.7), LastCheck: moment(160.2), LastGood: moment(40)}
	with := func(change func(o *icinga.Object)) icinga.Object {
		o := bad
		change(&o)
		return o
	}
	for _, tt := range []struct {
		name   string
		object icinga.Object
		open   icinga.Problem
		want   icinga.Problem
	}{
		{"a new one", bad, none, since(100)},
		{"the same again", bad, since(100), since(100)},
		{"a worse state goes on", with(func(o *icinga.Object) { o.State, o.LastHardStateChange = icinga.Critical, moment(150) }), since(100), since(100)},
		{"it was well meanwhile", with(func(o *icinga.Object) { o.LastGood, o.LastHardStateChange = moment(120), moment(150) }), since(100), since(150)},
		// The check that found it well came in the second in which the problem began, before it.
		{"well earlier in its first second", with(func(o *icinga.Object) { o.LastGood, o.LastHardStateChange = moment(100.1), moment(150) }), since(100), since(100)},
		{"what is open is newer than what is read", bad, since(130), since(100)},
		{"another object's problem is open", bad, icinga.Problem{Host: "a", Service: "other", Since: moment(90).Truncate(time.Second)}, since(100)},
		{"soft", with(func(o *icinga.Object) { o.StateType = icinga.Soft }), since(100), none},
		{"well", with(func(o *icinga.Object) { o.State = icinga.OK }), since(100), none},
		{"pending", with(func(o *icinga.Object) { o.LastCheck = time.Time{} }), none, none},
	} {
		if got := tt.object.Problem(tt.open); got != tt.want {
			t.Errorf("%s: Problem(%v) = %v, want %v", tt.name, tt.open, got, tt.want)
		}
	}
}

func TestProblemOfNotification(t *testing.T) {
	t.Parallel()
	first := icinga.Problem{Host: "ams-1", Service: hitRate, Since: at(1795334043)}
	with := func(change func(n *icinga.Notification)) icinga.Notification {
		n := warning()
		change(&n)
		return n
	}
	for _, tt := range []struct {
		name         string
		notification icinga.Notification
		open, want   icinga.Problem
	}{
		{"the first", warning(), icinga.Problem{}, first},
		{"without the hard state's time", with(func(n *icinga.Notification) { n.LastHardStateChange = time.Time{} }), icinga.Problem{}, first},
		{"with nothing but the time of sending", with(func(n *icinga.Notification) { n.LastHardStateChange, n.ExecutionEnd = time.Time{}, time.Time{} }), icinga.Problem{},
			icinga.Problem{Host: "ams-1", Service: hitRate, Since: at(1795334044)}},
		{"a recovery ends what is open", with(func(n *icinga.Notification) {
			n.Type, n.State, n.LastHardStateChange, n.LastGood = icinga.TypeRecovery, icinga.OK, at(1795334103), at(1795334103)
		}), first, first},
		{"a late recovery of an earlier one does not", with(func(n *icinga.Notification) {
			n.Type, n.State, n.LastHardStateChange, n.LastGood = icinga.TypeRecovery, icinga.OK, at(1795334000), at(1795334000)
		}), first, icinga.Problem{Host: "ams-1", Service: hitRate, Since: at(1795334000)}},
		{"from the webhook, which tells no more", icinga.Notification{
			Type: icinga.TypeProblem, Host: "ams-1", Service: hitRate, State: icinga.Warning, StateType: icinga.Hard, ExecutionEnd: at(1795334099),
		}, first, first},
	} {
		if got := tt.notification.Problem(tt.open); got != tt.want {
			t.Errorf("%s: Problem(%v) = %v, want %v", tt.name, tt.open, got, tt.want)
		}
	}
}

func TestStatesAreGoodOrNot(t *testing.T) {
	t.Parallel()
	for s, want := range map[icinga.State]bool{
		icinga.OK: true, icinga.Up: true, icinga.Warning: false, icinga.Critical: false, icinga.Unknown: false, icinga.Down: false, "": false,
	} {
		if s.Good() != want {
			t.Errorf("%q.Good() = %v, want %v", s, !want, want)
		}
	}
}

func ExampleTrigger_ID() {
	p := icinga.Problem{Host: "ams-1", Service: "Cache Hit Rate", Since: time.Unix(1795334043, 0)}
	fmt.Println(p.ID())
	fmt.Println(icinga.Trigger{Problem: p, Type: icinga.TypeProblem, State: icinga.Warning, Number: 2}.ID())
	// Output:
	// ams-1!Cache Hit Rate@1795334043
	// ams-1!Cache Hit Rate@1795334043/WARNING/2
}
