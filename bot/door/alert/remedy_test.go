package alert_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/icinga"
)

// fleet is an inventory in which every host is a node of a site of its own.
type fleet struct{ actions.World }

func (fleet) Node(_ context.Context, name string) (actions.Node, error) {
	return actions.Node{Name: name, Site: name}, nil
}

func (fleet) Deployments(context.Context) ([]actions.Deployment, error) { return nil, nil }

// desk makes one run of every cause, however often and by whomever it is said.
type desk struct {
	mu   sync.Mutex
	runs map[string]string // node by cause
}

func (d *desk) say(ctx context.Context, c rule.Command) (rule.Result, error) {
	t := time.NewTimer(2 * time.Second)
	defer t.Stop()
	d.mu.Lock()
	d.runs[c.Cause] = c.Alert.Node
	d.mu.Unlock()
	select {
	case <-t.C:
		return rule.Result{Run: "r-1"}, nil
	case <-ctx.Done():
		return rule.Result{}, ctx.Err()
	}
}

// known tells whether a cause was said.
func (d *desk) known(_ context.Context, cause string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.runs[cause] != "", nil
}

// TestRemedyOnce is the whole way of an alert with two processes on one store, of which one dies again and again: every accepted problem is treated,
// and none twice.
func TestRemedyOnce(t *testing.T) {
	t.Parallel()
	const hosts = 40
	synctest.Test(t, func(t *testing.T) {
		disk, d, begin := fake.New(), &desk{runs: map[string]string{}}, time.Now()
		random := rand.New(rand.NewPCG(3, 4))
		read := func(_ context.Context, host, service string) (icinga.Object, error) {
			return icinga.Object{Host: host, Service: service, State: icinga.Warning, StateType: icinga.Hard, LastCheck: begin, LastHardStateChange: begin}, nil
		}
		start := func(dies int) (*alert.Door, func()) {
			h := disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
				if dies > 0 && op.N == dies {
					return []fake.Fault{fake.CrashBefore, fake.CrashAfter}[dies%2]
				}
				return fake.None
			}})
			e, err := rule.New(rule.Options{KV: h.Bucket(store.Guards), World: fleet{}, Say: d.say, Known: d.known, Read: read, Lease: 3 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			if err := e.SetRules([]rule.Config{{Name: "flush", Do: "flush {{node}}", Enabled: true, Guard: rule.Guard{Cooldown: time.Hour, Group: "site", GroupCooldown: time.Hour, OneAtATime: true}}}); err != nil {
				t.Fatal(err)
			}
			door := open(t, h, e)
			return door, serve(t, door)
		}
		steady, stop := start(0)
		accepted := map[string]bool{}
		for round := range 20 {
			mortal, end := start(1 + random.IntN(60))
			for i := range 4 {
				n := problem(fmt.Sprintf("edge-%d", (round*4+i)%hosts), begin)
				for _, to := range []*alert.Door{steady, mortal} { // two users, each by another process
					if status, _ := post(to, signed(t, body(t, n))); status == http.StatusOK {
						accepted[n.Host] = true
					}
				}
			}
			time.Sleep(5 * time.Second)
			end()
		}
		time.Sleep(time.Minute)
		stop()
		treated := map[string]int{}
		for _, node := range d.runs {
			treated[node]++
		}
		for host := range accepted {
			if treated[host] != 1 {
				t.Errorf("%s was accepted and treated %d times, want once", host, treated[host])
			}
		}
		if len(accepted) != hosts || len(treated) != hosts {
			t.Errorf("%d accepted, %d treated, want %d", len(accepted), len(treated), hosts)
		}
	})
}
