package alert_test

import (
	"fmt"
	"time"

	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/icinga"
)

// One thing that happened is told by three ways; it is one incident and one trigger.
func ExampleIncident() {
	at := time.Date(2026, 11, 22, 12, 0, 0, 400_000_000, time.UTC)
	event := icinga.Event{
		Type: icinga.EventStateChange, Host: "edge-1", Service: "Cache Hit Rate", State: icinga.Warning, StateType: icinga.Hard, Was: icinga.OK,
		CheckEnd: at, At: at, Output: "hit ratio 61 %",
	}
	object := icinga.Object{
		Host: "edge-1", Service: "Cache Hit Rate", State: icinga.Warning, StateType: icinga.Hard, LastHardStateChange: at, LastCheck: at, LastGood: at.Add(-time.Minute),
	}
	var in alert.Incident
	for _, s := range alert.NewsOf(event) { // the stream, which is up to 5 s late
		s.Node = "edge-1"
		trigger, news := in.Fold(s)
		fmt.Println(trigger.ID, news)
	}
	fmt.Println(len(alert.Compare(in, object)), "news in a look at the object")
	fmt.Println(in.Card().Title)
	fmt.Println(in.Card().Buttons[0].Say)
	// Output:
	// edge-1!Cache Hit Rate@1795348800/WARNING/0 true
	// 0 news in a look at the object
	// edge-1!Cache Hit Rate is WARNING since 12:00:00 UTC
	// ack edge-1 service "Cache Hit Rate"
}
