package rule_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/icinga"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an inventory of three nodes in two sites.
type world struct{}

func (world) Nodes(context.Context) ([]actions.Node, error) {
	return []actions.Node{{Name: "edge-1", Site: "berlin"}, {Name: "edge-2", Site: "berlin"}, {Name: "edge-3", Site: "hamburg"}, {Name: "old", Orphaned: true}}, nil
}

func (w world) Node(ctx context.Context, name string) (actions.Node, error) {
	all, _ := w.Nodes(ctx) // has none
	for _, n := range all {
		if n.Name == name {
			return n, nil
		}
	}
	return actions.Node{}, fmt.Errorf("%w: %s", actions.ErrUnknown, name)
}

func (world) Deployments(context.Context) ([]actions.Deployment, error) {
	return []actions.Deployment{{Name: "news"}, {Name: "sport", Nodes: []string{"edge-1"}}}, nil
}

func (world) Deployment(context.Context, string) (actions.Deployment, error) {
	return actions.Deployment{}, actions.ErrUnknown
}

// outside is everything that outlives a process of the bot: the desk's runs, the monitoring, the people.
type outside struct {
	mu       sync.Mutex
	said     []rule.Command // every time
	runs     map[string]string
	told     []rule.Notice
	called   []rule.Notice
	comments map[string]string
	objects  map[string]icinga.Object
	result   rule.Result
	takes    time.Duration
	stale    map[string]bool  // nodes that a remedy would help
	agree    func(n int) bool // of the n-th diagnosis, from 0, instead of stale; nil = stale
	asked    int
	readErr  error
	sayErr   error
}

func newOutside() *outside {
	return &outside{runs: map[string]string{}, comments: map[string]string{}, objects: map[string]icinga.Object{}, stale: map[string]bool{}}
}

func (o *outside) say(ctx context.Context, c rule.Command) (rule.Result, error) {
	if o.takes > 0 {
		t := time.NewTimer(o.takes)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return rule.Result{}, ctx.Err()
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said = append(o.said, c)
	if o.sayErr != nil {
		return rule.Result{}, o.sayErr
	}
	r := o.result
	if r.Exit == 0 || r.Exit == 1 || r.Exit == 75 {
		if o.runs[c.Cause] == "" {
			o.runs[c.Cause] = fmt.Sprintf("r-%d", len(o.runs)+1)
		}
		r.Run = o.runs[c.Cause]
		o.stale[c.Alert.Node] = r.Exit != 0
	}
	return r, nil
}

func (o *outside) read(_ context.Context, host, service string) (icinga.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.objects[host+"!"+service], o.readErr
}

func (o *outside) diagnose(_ context.Context, node string) (bool, string, string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	if agree := o.stale[node]; o.agree == nil && agree || o.agree != nil && o.agree(o.asked-1) {
		return true, "3 of 8 objects are stale", "hit ratio 61 %", nil
	}
	return false, "nothing is stale", "hit ratio 97 %", nil
}

func (o *outside) comment(_ context.Context, host, service, text, marker string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.comments[host+"!"+service+" "+marker] = text
	return nil
}

func (o *outside) tell(_ context.Context, n rule.Notice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told = append(o.told, n)
}

func (o *outside) call(_ context.Context, n rule.Notice) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.ContainsFunc(o.called, func(m rule.Notice) bool { return m.ID == n.ID }) {
		o.called = append(o.called, n)
	}
	return nil
}

// theRule is the rule that the program comes with.
func theRule() rule.Config {
	return rule.Config{
		Name: "flush-on-low-hit-rate", When: rule.When{Service: "Cache Hit Rate", State: []string{"WARNING"}}, Diagnose: "cache.stale",
		Do:      "flush {{node}} then prime {{deployments}} on {{node}}",
		Guard:   rule.Guard{Cooldown: 30 * time.Minute, Group: "site", GroupCooldown: 10 * time.Minute, AtMost: 3, Per: 24 * time.Hour, OneAtATime: true, Breaker: 2},
		Enabled: true, Intents: []string{"cache.flush", "cache.prime"},
	}
}

// process is one process of the bot over a disk that outlives it.
func process(t testing.TB, h store.Store, o *outside, edit ...func(*rule.Options)) *rule.Engine {
	t.Helper()
	opt := rule.Options{
		KV: h.Bucket(store.Guards), World: world{}, Say: o.say, Read: o.read, Comment: o.comment, Tell: o.tell, Call: o.call,
		Diagnose: map[string]rule.Diagnosis{"cache.stale": o.diagnose},
	}
	for _, e := range edit {
		e(&opt)
	}
	e, err := rule.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.SetRules([]rule.Config{theRule()}); err != nil {
		t.Fatal(err)
	}
	return e
}

// alert reports a problem of a node that began a minute ago, and lets the monitoring hold it.
func (o *outside) alert(node string, edit ...func(*actions.Alert)) actions.Alert {
	since := time.Now().Add(-time.Minute).UTC().Truncate(time.Second)
	a := actions.Alert{
		Host: node, Service: "Cache Hit Rate", Node: node, Kind: "PROBLEM", State: "WARNING", Hard: true, Reminder: 1, Output: "hit ratio 61 %", Since: since, Checked: since, Received: time.Now(),
	}
	for _, e := range edit {
		e(&a)
	}
	p := icinga.Problem{Host: a.Host, Service: a.Service, Since: a.Since}
	a.Problem = p.ID()
	a.ID = icinga.Trigger{Problem: p, Type: icinga.NotificationType(a.Kind), State: icinga.State(a.State), Number: a.Reminder}.ID()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stale[node] = true
	o.objects[a.Object()] = icinga.Object{
		Host: a.Host, Service: a.Service, State: icinga.Warning, StateType: icinga.Hard, LastHardStateChange: a.Since, LastStateChange: a.Since, LastCheck: a.Since,
	}
	return a
}

// shifted names the problem of an alert anew, after its time was changed, and lets the monitoring hold it.
func (o *outside) shifted(a actions.Alert) actions.Alert {
	p := icinga.Problem{Host: a.Host, Service: a.Service, Since: a.Since}
	a.Problem, a.ID = p.ID(), p.ID()+"/WARNING/1"
	o.object(a, func(x *icinga.Object) { x.LastHardStateChange, x.LastCheck = a.Since, a.Since })
	return a
}

func (o *outside) object(a actions.Alert, edit func(*icinga.Object)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	obj := o.objects[a.Object()]
	edit(&obj)
	o.objects[a.Object()] = obj
}

// handle hands an alert in and expects one outcome.
func handle(t testing.TB, e *rule.Engine, a actions.Alert) rule.Outcome {
	t.Helper()
	out, err := e.Handle(t.Context(), a)
	if err != nil || len(out) != 1 {
		t.Fatalf("Handle(%s) = %v, %v; want one outcome", a.ID, out, err)
	}
	return out[0]
}

func healthy() *fake.Handle { return fake.New().Open(fake.Options{}) }
