package ops_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/shitops/opsbot/bot/ops"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func well() error { return nil }

func TestAsk(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		votes []ops.Vote
		want  ops.Report
		text  string
	}{
		{"nobody votes", nil, ops.Report{Ready: true, Verdict: []ops.Verdict{}}, "ready\n"},
		{"all are well", []ops.Vote{{Name: "store", Ready: well}, {Name: "engine", Ready: well}},
			ops.Report{Ready: true, Verdict: []ops.Verdict{{Name: "store", OK: true}, {Name: "engine", OK: true}}},
			"[+] store: ok\n[+] engine: ok\nready\n"},
		{"one is not", []ops.Vote{{Name: "store", Ready: func() error { return errors.New("disk full; free space") }}, {Name: "engine", Ready: well}},
			ops.Report{Verdict: []ops.Verdict{{Name: "store", Why: "disk full; free space"}, {Name: "engine", OK: true}}},
			"[-] store: disk full; free space\n[+] engine: ok\nnot ready\n"},
		{"one is broken", []ops.Vote{{Name: "store", Ready: func() error { panic("bug") }}},
			ops.Report{Verdict: []ops.Verdict{{Name: "store", Why: "the vote itself broke: bug"}}},
			"[-] store: the vote itself broke: bug\nnot ready\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := ops.NewBoard(tt.votes...).Ask(t.Context())
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Ask differs (-want +got):\n%s", diff)
			}
			if got.String() != tt.text {
				t.Errorf("report reads %q, want %q", got, tt.text)
			}
		})
	}
}

// TestAskOfOneThatHangs asks again and again, and finds that the hanging vote was called once and is heard when it answers at last.
func TestAskOfOneThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		free := make(chan struct{})
		b := ops.NewBoard(ops.Vote{Name: "cache", Ready: func() error { calls.Add(1); <-free; return nil }}, ops.Vote{Name: "store", Ready: well})
		for range 5 {
			begun := time.Now()
			r := b.Ask(t.Context())
			if r.Ready || r.Verdict[0].Why != "no answer within 800ms" || !r.Verdict[1].OK {
				t.Fatalf("Ask = %+v, want the cache without an answer", r)
			}
			if took := time.Since(begun); took > time.Second {
				t.Fatalf("Ask took %s", took)
			}
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("the hanging vote was called %d times, want 1", n)
		}
		close(free)
		synctest.Wait()
		if r := b.Ask(t.Context()); !r.Ready {
			t.Errorf("Ask after it came back = %+v, want ready", r)
		}
	})
}

func get(t *testing.T, h http.Handler, url string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body)
}

func TestHandler(t *testing.T) {
	t.Parallel()
	ill := errors.New("store closed")
	var now error
	h := ops.Handler(ops.NewBoard(ops.Vote{Name: "store", Ready: func() error { return now }}), ops.NewMetrics(ops.Version()))
	tests := []struct {
		name, url string
		ill       error
		status    int
		want      string
	}{
		{"alive", "/livez", nil, 200, "alive\n"},
		{"alive while ill", "/livez", ill, 200, "alive\n"},
		{"ready", "/readyz", nil, 200, "ready\n"},
		{"ready, vote by vote", "/readyz?verbose", nil, 200, "[+] store: ok\nready\n"},
		{"not ready", "/readyz", ill, 503, "[-] store: store closed\nnot ready\n"},
		{"not ready as JSON", "/readyz?format=json", ill, 503, `{"ready":false,"votes":[{"name":"store","ok":false,"why":"store closed"}]}` + "\n"},
		{"metrics of an ill part", "/metrics", ill, 200, `opsbot_ready{part="store"} 0` + "\n"},
		{"metrics of the parts", "/metrics", nil, 200, `opsbot_ready{part="store"} 1` + "\n"},
		{"the program", "/metrics", nil, 200, `opsbot_build_info{goversion="go1.`},
		{"profiles", "/debug/pprof/", nil, 200, "goroutine"},
		{"a profile", "/debug/pprof/goroutine?debug=1", nil, 200, "goroutine profile: total"},
		{"something else", "/", nil, 404, "404 page not found\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now = tt.ill
			status, body := get(t, h, tt.url)
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("GET %s = %d %.300s, want %d with %q", tt.url, status, body, tt.status, tt.want)
			}
		})
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/readyz", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST /readyz = %d, want 405", w.Code)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	b := ops.Build{Version: "v1.2.3", Commit: "0123456789abcdef", Dirty: true, Go: "go1.26", OS: "linux", Arch: "amd64"}
	if got, want := b.String(), "opsbot v1.2.3 (0123456789ab, modified) go1.26 linux/amd64"; got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
	if got, want := b.UserAgent(), "opsbot/v1.2.3"; got != want {
		t.Errorf("UserAgent = %q, want %q", got, want)
	}
	raw, err := json.Marshal(b)
	if want := `{"version":"v1.2.3","commit":"0123456789abcdef","dirty":true,"go":"go1.26","os":"linux","arch":"amd64"}`; err != nil || string(raw) != want {
		t.Errorf("JSON = %s, %v, want %s", raw, err, want)
	}
	if v := ops.Version(); v.Version == "" || !strings.HasPrefix(v.Go, "go") || v.OS == "" || v.Arch == "" {
		t.Errorf("Version = %+v, want every part that each build has", v)
	}
}
