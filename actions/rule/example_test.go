package rule_test

import (
	"context"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/icinga"
)

// An alert that still stands becomes the command of its rule.
func ExampleEngine_Handle() {
	since := time.Now().Add(-time.Minute)
	e, err := rule.New(rule.Options{
		KV: fake.New().Open(fake.Options{}).Bucket(store.Guards), World: world{},
		Say: func(_ context.Context, c rule.Command) (rule.Result, error) {
			fmt.Println("said:", c.Text)
			return rule.Result{Run: "r-17"}, nil
		},
		Read: func(_ context.Context, host, service string) (icinga.Object, error) {
			return icinga.Object{Host: host, Service: service, State: icinga.Warning, StateType: icinga.Hard, LastCheck: since, LastHardStateChange: since}, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = e.SetRules([]rule.Config{{Name: "flush", When: rule.When{Service: "Cache Hit Rate"}, Do: "flush {{node}}", Enabled: true}})
	if err != nil {
		fmt.Println(err)
		return
	}
	p := icinga.Problem{Host: "edge-1", Service: "Cache Hit Rate", Since: since.UTC().Truncate(time.Second)}
	out, err := e.Handle(context.Background(), actions.Alert{
		ID: p.ID() + "/WARNING/1", Problem: p.ID(), Host: p.Host, Service: p.Service, Node: "edge-1", Kind: "PROBLEM", State: "WARNING", Hard: true, Since: p.Since,
	})
	fmt.Println(out[0], out[0].Run, err)
	// Output:
	// said: flush edge-1
	// rule flush healed it: flush edge-1 r-17 <nil>
}
