package alert_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/secret"
)

// BenchmarkPost measures from the POST of a signed notification over a connection that is kept to the 200 that says that it is durable, on the real
// store. "alerts/sync" tells how many alerts share one synced record.
func BenchmarkPost(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s, err := store.Open(store.Options{Dir: filepath.Join(b.TempDir(), "store"), Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				if err := s.Close(context.Background()); err != nil {
					b.Error(err)
				}
			}()
			d, err := alert.New(alert.Options{Senders: senders(b), Log: s.Log(store.Alerts), KV: s.Bucket(store.Guards)})
			if err != nil {
				b.Fatal(err)
			}
			server := httptest.NewServer(d)
			defer server.Close()
			measure(b, clients, func(i int) *http.Request {
				n := problem(fmt.Sprintf("edge-%d", i), time.Now())
				text := []byte(body(b, n))
				h, err := icinga.Sign(secret.New([]byte(key1)), "k1", time.Now(), text)
				if err != nil {
					b.Fatal(err)
				}
				return request(b, server.URL, text, h)
			})
			last, err := s.Log(store.Alerts).Last(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/float64(last.Sequence), "alerts/sync")
			if got := len(logged(b, s)); got < b.N {
				b.Errorf("%d of %d alerts are in the log", got, b.N)
			}
		})
		b.Run(fmt.Sprintf("clients=%d/peer=alertmanager", clients), func(b *testing.B) {
			url := alertmanager(b)
			measure(b, clients, func(i int) *http.Request {
				text, err := json.Marshal([]map[string]any{{
					"labels":      map[string]string{"alertname": "Cache Hit Rate", "instance": fmt.Sprintf("edge-%d", i), "severity": "warning"},
					"annotations": map[string]string{"output": "hit ratio 61 %"},
				}})
				if err != nil {
					b.Fatal(err)
				}
				return request(b, url+"/api/v2/alerts", text, http.Header{})
			})
		})
	}
}

func request(b *testing.B, url string, text []byte, h http.Header) *http.Request {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		b.Fatal(err)
	}
	r.Header = h
	r.Header.Set("Content-Type", "application/json")
	return r
}

// measure posts b.N alerts from so many clients, the senders' work included, and reports the rate and the middle and the 99th of 100 times.
func measure(b *testing.B, clients int, make func(i int) *http.Request) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var mu sync.Mutex
	took := []time.Duration{}
	var wg sync.WaitGroup
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			var mine []time.Duration
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				r := make(int(i))
				begin := time.Now()
				resp, err := client.Do(r)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body) // the status is what counts
				_ = resp.Body.Close()
				mine = append(mine, time.Since(begin))
				if resp.StatusCode != http.StatusOK {
					b.Errorf("post %d: %s", i, resp.Status)
					return
				}
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	b.StopTimer()
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "alerts/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// alertmanager starts the peer, which keeps alerts in memory only, and returns its URL.
func alertmanager(b *testing.B) string {
	b.Helper()
	program, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		b.Skip("prometheus-alertmanager is not installed (Debian package of that name)")
	}
	dir := b.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(config, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(program, "--config.file="+config, "--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+address,
		"--cluster.listen-address=", "--log.level=error")
	cmd.Env = append(cmd.Environ(), fmt.Sprintf("GOMAXPROCS=%d", runtime.GOMAXPROCS(0)))
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone
		_ = cmd.Wait()         // killed
	})
	url := "http://" + address
	ready, cancel := context.WithTimeout(b.Context(), 30*time.Second)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ready, http.MethodGet, url+"/-/ready", http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				http.DefaultClient.CloseIdleConnections()
				return url
			}
		}
		select {
		case <-ready.Done():
			b.Fatalf("alertmanager does not get ready at %s: %v", url, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
