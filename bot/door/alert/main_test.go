package alert_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/secret"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The secrets of the senders.
const (
	key1  = "0123456789abcdef0123456789abcdef"
	key2  = "fedcba9876543210fedcba9876543210"
	token = "tokentokentokentoken"
)

func senders(t testing.TB) []alert.Sender {
	t.Helper()
	signed, err := icinga.NewVerifier(map[string]secret.Secret{"k1": secret.New([]byte(key1)), "k2": secret.New([]byte(key2))}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	bearer, err := icinga.NewVerifier(nil, []secret.Secret{secret.New([]byte(token))}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return []alert.Sender{{Name: "icinga2", Verifier: signed}, {Name: "icinga-notifications", Verifier: bearer}}
}

// rules notes what is handed over, and may fail.
type rules struct {
	mu     sync.Mutex
	got    []actions.Alert
	fail   func(a actions.Alert, try int) error
	tries  map[string]int
	answer []rule.Outcome
	busy   map[string]bool // objects whose alert is being handled
	most   int             // at a time
	now    int
	takes  time.Duration
}

func (r *rules) Handle(ctx context.Context, a actions.Alert) ([]rule.Outcome, error) {
	r.mu.Lock()
	if r.tries == nil {
		r.tries, r.busy = map[string]int{}, map[string]bool{}
	}
	if r.busy[a.Object()] {
		panic("two alerts of " + a.Object() + " at a time")
	}
	r.busy[a.Object()] = true
	r.now++
	r.most = max(r.most, r.now)
	r.tries[a.ID]++
	try := r.tries[a.ID]
	r.mu.Unlock()
	if r.takes > 0 {
		time.Sleep(r.takes)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now--
	delete(r.busy, a.Object())
	if r.fail != nil {
		if err := r.fail(a, try); err != nil {
			return nil, err
		}
	}
	r.got = append(r.got, a)
	return r.answer, nil
}

// ids lists what was handed over, in order.
func (r *rules) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]string, len(r.got))
	for i, a := range r.got {
		out[i] = a.ID
	}
	return out
}

func open(t testing.TB, s store.Store, r alert.Handler, edit ...func(*alert.Options)) *alert.Door {
	t.Helper()
	o := alert.Options{Senders: senders(t), Log: s.Log(store.Alerts), KV: s.Bucket(store.Guards), Rules: r,
		Node: func(_ context.Context, host string) string { return strings.ToLower(host) }}
	for _, e := range edit {
		e(&o)
	}
	d, err := alert.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return d
}

// serve hands over until the test stops it.
func serve(t *testing.T, doors ...*alert.Door) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, d := range doors {
		wg.Go(func() {
			if err := d.Run(ctx); err != nil {
				t.Errorf("Run() = %v", err)
			}
		})
	}
	return sync.OnceFunc(func() { cancel(); wg.Wait() })
}

// problem is a notification of a host's hit rate.
func problem(host string, since time.Time, edit ...func(*icinga.Notification)) icinga.Notification {
	since = since.UTC().Truncate(time.Second)
	n := icinga.Notification{Type: icinga.TypeProblem, Host: host, Service: "Cache Hit Rate", State: icinga.Warning, StateType: icinga.Hard, Number: 1,
		Output: "hit ratio 61 %", User: "anna", ExecutionEnd: since, LastStateChange: since, LastHardStateChange: since, At: since}
	for _, e := range edit {
		e(&n)
	}
	return n
}

func body(t testing.TB, n icinga.Notification) string {
	t.Helper()
	b, err := n.Body()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// signed is a post with a proof of key k1, made now.
func signed(t testing.TB, text string) *http.Request {
	t.Helper()
	h, err := icinga.Sign(secret.New([]byte(key1)), "k1", time.Now(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/icinga/notifications", strings.NewReader(text))
	r.Header = h
	r.Header.Set("Content-Type", "application/json")
	return r
}

// post serves a request and returns status and body.
func post(d *alert.Door, r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// report posts a notification that must be stored.
func report(t testing.TB, d *alert.Door, n icinga.Notification) {
	t.Helper()
	if status, text := post(d, signed(t, body(t, n))); status != http.StatusOK {
		t.Fatalf("post %s: %d %s", n.Name(), status, text)
	}
}

// triggerOf is the id of a first notification.
func triggerOf(n icinga.Notification) string {
	return fmt.Sprintf("%s@%d/%s/%d", n.Name(), n.LastHardStateChange.Unix(), n.State, n.Number)
}
