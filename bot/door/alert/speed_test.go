package alert_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

const thousandServices = `
for (i in range(50)) { object Host "h-" + i { check_command = "passive"; enable_active_checks = false } }
for (n in range(20)) { apply Service "s-" + n { check_command = "passive"; enable_active_checks = false; max_check_attempts = 1; assign where true } }
`

// TestLookAtThousandServices: a look at 1,000 services of a real daemon takes less than a second, whether all is well, all is wrong or nothing is new.
func TestLookAtThousandServices(t *testing.T) {
	t.Parallel()
	i := lab.NewIcinga(t, lab.IcingaOptions{Config: thousandServices})
	c := newClient(t, i)
	h := fake.New().Open(fake.Options{})
	d := open(t, h, nil)
	s, err := alert.NewStream(alert.StreamOptions{Source: alert.FromClient(c), Door: d})
	if err != nil {
		t.Fatal(err)
	}
	report := func(exit int) {
		t.Helper()
		for host := range 50 {
			for n := range 20 {
				if err := c.ProcessCheckResult(t.Context(), fmt.Sprintf("h-%d", host), fmt.Sprintf("s-%d", n), icinga.CheckResult{Exit: exit, Output: "x"}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	look := func(what string) {
		t.Helper()
		best := time.Hour
		for range 3 { // other tests run beside it
			begin := time.Now()
			if err := s.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(begin))
		}
		t.Logf("a look when %s: %s", what, best.Round(time.Millisecond))
		if best > time.Second {
			t.Errorf("a look when %s takes %s, want less than 1 s", what, best)
		}
	}
	look("nothing was checked")
	report(2)
	begin := time.Now()
	if err := s.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("a look that finds 1,000 problems: %s", time.Since(begin).Round(time.Millisecond))
	if n := len(logged(t, h)); n != 1000 {
		t.Errorf("%d alerts are stored, want 1,000", n)
	}
	look("all is wrong and stored")
	stop := serve(t, d)
	poll(t, "all is folded", func() bool { return len(objectsOf(t, d)) == 1000 })
	stop()
	look("all is wrong and known")
	if n := len(logged(t, h)); n != 1000 {
		t.Errorf("after looks that find nothing %d alerts are stored, want 1,000", n)
	}
}

// streamOf serves lines of events to a client, and then goes on without any.
func streamOf(tb testing.TB, lines io.Reader) (*icinga.Client, func()) {
	tb.Helper()
	end := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/events":
			_, _ = io.Copy(w, lines) // its end shows in the test
			_ = http.NewResponseController(w).Flush()
			select {
			case <-end:
			case <-r.Context().Done():
			}
		case "/v1":
			_, _ = io.WriteString(w, `{"results":[{"user":"root","permissions":["*"]}]}`)
		case "/v1/status/IcingaApplication":
			_, _ = io.WriteString(w, `{"results":[{"status":{"icingaapplication":{"app":{"program_start":5}}}}]}`)
		default:
			_, _ = io.WriteString(w, `{"results":[]}`)
		}
	}))
	ca := certificateOf(server)
	c, err := icinga.New(icinga.Options{URL: server.URL, User: "root", CA: ca, ServerName: "example.com", Password: func() (secret.Secret, error) { return secret.New([]byte("x")), nil }})
	if err != nil {
		tb.Fatal(err)
	}
	return c, func() { close(end); c.Close(); server.Close() }
}

// cpu is the processor time that this process has used.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkStream reads events over TLS, of which one in ten is a change of a hard state that is stored and folded. It tells how much of a core 200 events a
// second take, the sending of them included.
func BenchmarkStream(b *testing.B) {
	check, err := os.ReadFile("../../../fixtures/icinga2/events/CheckResult-service.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	line := strings.TrimSpace(string(check))
	var text strings.Builder
	for i := range b.N {
		if i%10 == 0 {
			fmt.Fprintf(&text, `{"type":"StateChange","host":"h-%d","service":"s","state":%d,"state_type":1,"timestamp":%d.5,"check_result":{"execution_end":%d.4,"output":"x","state":%d,"previous_hard_state":%d}}`+"\n",
				i%1000, 2*(1-i/1000%2), 1795334043+i/1000, 1795334043+i/1000, 2*(1-i/1000%2), 2*(i/1000%2))
		} else {
			text.WriteString(line + "\n")
		}
	}
	text.WriteString(`{"type":"StateChange","host":"last","state":1,"state_type":1,"timestamp":1895334043,"check_result":{"execution_end":1895334043,"state":2,"previous_hard_state":0}}` + "\n")
	c, end := streamOf(b, strings.NewReader(text.String()))
	defer end()
	h := fake.New().Open(fake.Options{})
	d := open(b, h, nil)
	s, err := alert.NewStream(alert.StreamOptions{Source: alert.FromClient(c), Door: d})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	cards := d.Hub().Subscribe(ctx)
	begin := cpu(b)
	b.ResetTimer()
	var wg sync.WaitGroup
	wg.Go(func() { _ = d.Run(ctx) })
	wg.Go(func() { _ = s.Run(ctx) })
	for card := range cards {
		if strings.HasPrefix(card.Title, "last is DOWN") {
			break
		}
	}
	b.StopTimer()
	used := cpu(b) - begin
	cancel()
	for range cards { // until it is closed
	}
	wg.Wait()
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N)*200/1e9*100, "%core@200/s")
}

func certificateOf(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}
