package icinga_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// wire is a server between a client and nothing, or between a client and a real daemon, that a test may make misbehave.
type wire struct {
	*httptest.Server
	mu     sync.Mutex
	paths  []string
	opened int
	most   int
}

// newWire starts one. handle gets each request with its number, from 1, among those of the same path.
func newWire(t *testing.T, handle func(w http.ResponseWriter, r *http.Request, n int)) *wire {
	t.Helper()
	wire := &wire{}
	wire.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wire.mu.Lock()
		wire.paths = append(wire.paths, r.URL.Path)
		n := 0
		for _, p := range wire.paths {
			if p == r.URL.Path {
				n++
			}
		}
		wire.mu.Unlock()
		handle(w, r, n)
	}))
	wire.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		wire.mu.Lock()
		defer wire.mu.Unlock()
		switch s {
		case http.StateNew:
			wire.opened++
			wire.most = max(wire.most, wire.opened)
		case http.StateClosed, http.StateHijacked:
			wire.opened--
		}
	}
	wire.StartTLS()
	t.Cleanup(wire.Close)
	return wire
}

// count says how many requests of a path came.
func (w *wire) count(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, p := range w.paths {
		if p == path {
			n++
		}
	}
	return n
}

func (w *wire) client(t *testing.T, opt icinga.Options) *icinga.Client {
	t.Helper()
	opt.URL, opt.ServerName = w.URL, "example.com" // httptest's certificate is for that name
	opt.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.Certificate().Raw})
	if opt.User == "" {
		opt.User = "root"
	}
	if opt.Password == nil {
		opt.Password = fixed("secret")
	}
	c, err := icinga.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// before puts a wire between a client and a real daemon.
func before(t *testing.T, i *lab.Icinga, handle func(w http.ResponseWriter, r *http.Request, n int, daemon http.Handler)) (*wire, *icinga.Client) {
	t.Helper()
	target, err := url.Parse(i.URL)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(read(t, i.CAFile))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: i.ServerName}, IdleConnTimeout: time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	daemon := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport}
	w := newWire(t, func(w http.ResponseWriter, r *http.Request, n int) { handle(w, r, n, daemon) })
	return w, w.client(t, icinga.Options{User: i.User, Password: fixed(i.Password)})
}

// cutOff ends the connection without an answer.
func cutOff(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = c.Close()
	}
}

// TestLostAnswers loses the first answer, or the first request, of actions of a real daemon: each is done once.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	const addComment, schedule, acknowledge = "/v1/actions/add-comment", "/v1/actions/schedule-downtime", "/v1/actions/acknowledge-problem"
	direct, host := claim(t)
	for n, lost := range []string{"the answer", "the request"} {
		for _, action := range []string{addComment, schedule, acknowledge} {
			t.Run(lost+" of "+action[len("/v1/actions/"):], func(t *testing.T) {
				w, c := before(t, shared(t), func(w http.ResponseWriter, r *http.Request, n int, daemon http.Handler) {
					if r.URL.Path != action || n > 1 {
						daemon.ServeHTTP(w, r)
						return
					}
					if lost == "the answer" {
						daemon.ServeHTTP(httptest.NewRecorder(), r)
					}
					cutOff(w)
				})
				marker := fmt.Sprint("m-", n)
				var err error
				switch action {
				case addComment:
					err = c.AddComment(t.Context(), host, hitRate, icinga.Comment{Author: "opsbot", Text: "x", Marker: marker})
				case schedule:
					until := time.Now().Add(time.Hour)
					err = c.ScheduleDowntime(t.Context(), host, hitRate, icinga.Downtime{Author: "opsbot", Comment: "x", Marker: marker, From: time.Now(), Until: until})
				case acknowledge:
					report(t, direct, host, "slow", 0)
					report(t, direct, host, "slow", 2)
					err = c.Acknowledge(t.Context(), host, "slow", icinga.Ack{Author: "anna", Comment: "x"})
				}
				if err != nil {
					t.Fatal(err)
				}
				want := 2
				if lost == "the answer" && action != acknowledge {
					want = 1 // it looked, found it, and did not repeat
				}
				if got := w.count(action); got != want {
					t.Errorf("%s was sent %d times, want %d", action, got, want)
				}
			})
		}
	}
	comments, err := icinga.CountComments(t.Context(), direct, host, hitRate)
	if err != nil || comments != 2 {
		t.Errorf("%d comments, %v; want one of each marker", comments, err)
	}
	if o := object(t, direct, host, hitRate); o.DowntimeDepth != 2 {
		t.Errorf("downtime depth %d, want one of each marker", o.DowntimeDepth)
	}
	if !object(t, direct, host, "slow").Acknowledged {
		t.Error("it is not acknowledged")
	}
}

const oneService = `{"results":[{"name":"a!b","attrs":{"state":1,"state_type":1}}]}`

func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	const objects, addComment = "/v1/objects/services", "/v1/actions/add-comment"
	t.Run("a query while the daemon reloads", func(t *testing.T) {
		t.Parallel()
		w := newWire(t, func(w http.ResponseWriter, _ *http.Request, n int) {
			if n < 3 {
				http.Error(w, `{"error":503,"status":"Icinga is reloading."}`, http.StatusServiceUnavailable)
				return
			}
			_, _ = io.WriteString(w, oneService)
		})
		o, err := w.client(t, icinga.Options{}).Object(t.Context(), "a", "b")
		if err != nil || o.State != icinga.Warning || w.count(objects) != 3 {
			t.Errorf("Object = %s, %v after %d requests; want WARNING at the third", o.State, err, w.count(objects))
		}
	})
	t.Run("a query of a daemon that goes on reloading", func(t *testing.T) {
		t.Parallel()
		w := newWire(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
			http.Error(w, `{"error":503,"status":"Icinga is reloading."}`, http.StatusServiceUnavailable)
		})
		_, err := w.client(t, icinga.Options{}).Object(t.Context(), "a", "b")
		if !icinga.Temporary(err) || w.count(objects) != 4 {
			t.Errorf("Object = %v after %d requests, want a temporary error after 4", err, w.count(objects))
		}
		wantError(t, "it", err, "503", "Icinga is reloading.", "read a!b")
	})
	t.Run("a comment that is refused is not", func(t *testing.T) {
		t.Parallel()
		w := newWire(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.URL.Path == addComment {
				http.Error(w, `{"results":[{"code":400,"status":"Comments require author and comment."}]}`, http.StatusBadRequest)
				return
			}
			_, _ = io.WriteString(w, `{"results":[]}`)
		})
		err := w.client(t, icinga.Options{}).AddComment(t.Context(), "a", "b", icinga.Comment{Author: "x", Text: "y", Marker: "z"})
		if !errors.Is(err, icinga.ErrInvalid) || w.count(addComment) != 1 {
			t.Errorf("AddComment = %v after %d posts, want ErrInvalid after one", err, w.count(addComment))
		}
	})
	t.Run("a wrong password is not", func(t *testing.T) {
		t.Parallel()
		w := newWire(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
			http.Error(w, `{"error":401,"status":"Unauthorized. Please check your user credentials."}`, http.StatusUnauthorized)
		})
		_, err := w.client(t, icinga.Options{}).Object(t.Context(), "a", "b")
		if !errors.Is(err, icinga.ErrUnauthorized) || w.count(objects) != 1 {
			t.Errorf("Object = %v after %d requests, want ErrUnauthorized after one", err, w.count(objects))
		}
	})
}

func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	elsewhere := newWire(t, func(http.ResponseWriter, *http.Request, int) {})
	for _, tt := range []struct {
		name   string
		status int
		body   string
		kind   error
		say    string
	}{
		{"HTML that says yes", 200, "<h1>Welcome</h1>", icinga.ErrUnavailable, "the answer is no JSON: <h1>Welcome</h1>"},
		{"HTML that says no", 400, "<h1>Accept header is missing</h1>", icinga.ErrInvalid, "Accept header is missing"},
		{"a redirect", 302, "", nil, "302"},
		{"nothing", 200, "", icinga.ErrUnavailable, "no JSON"},
		{"a yes with a no inside", 200, `{"results":[{"code":200},{"code":500,"status":"could not be set","errors":["because"]}]}`, nil, "500: could not be set because"},
		{"two objects of a name", 200, `{"results":[{"name":"a!b"},{"name":"a!b"}]}`, icinga.ErrNotFound, "2 objects"},
		{"no object", 200, `{"results":[]}`, icinga.ErrNotFound, "0 objects"},
		{"an attribute of another type", 200, `{"results":[{"name":"a!b","attrs":{"state":"bad"}}]}`, nil, "decode a!b"},
		{"performance data of another type", 200, `{"results":[{"name":"a!b","attrs":{"last_check_result":{"performance_data":[7]}}}]}`, nil, "decode a!b"},
		{"a later version's refusal", 403, `{"error":403,"status":"Missing permission: objects/query/Service"}`, icinga.ErrForbidden, "Missing permission"},
		{"a very long no", 500, `{"error":500,"status":"` + strings.Repeat("long\\n", 1000) + `"}`, nil, "long long ..."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				if r.URL.Path == "/v1" { // asked after a "not found"
					_, _ = io.WriteString(w, `{"results":[{"user":"root","permissions":["*"]}]}`)
					return
				}
				w.Header().Set("Location", elsewhere.URL)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := w.client(t, icinga.Options{}).Object(ctx, "a", "b")
			if err == nil || (tt.kind != nil && !errors.Is(err, tt.kind)) {
				t.Fatalf("Object = %v, want %v", err, tt.kind)
			}
			if tt.name != "a very long no" {
				wantError(t, "Object", err, tt.say)
			}
			if len(err.Error()) > 700 || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has %d bytes, or several lines: %.80q", len(err.Error()), err)
			}
		})
	}
	t.Cleanup(func() {
		if len(elsewhere.paths) > 0 {
			t.Error("a redirect was followed, with the password")
		}
	})
}

// TestIgnoredResult: what is answered 200 and was ignored is an error.
func TestIgnoredResult(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		_, _ = io.WriteString(w, `{"results":[{"code":200,"status":"Ignoring passive check result for unreachable object 'edge-1!disk'."}]}`)
	})
	err := w.client(t, icinga.Options{}).ProcessCheckResult(t.Context(), "edge-1", "disk", icinga.CheckResult{Output: "x"})
	if !errors.Is(err, icinga.ErrConflict) || icinga.Temporary(err) {
		t.Errorf("ProcessCheckResult that is ignored = %v, want ErrConflict", err)
	}
	wantError(t, "it", err, "unreachable object", "report a check of edge-1!disk")
}

func TestHugeAnswerIsCut(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		block := []byte(strings.Repeat(" ", 1<<20))
		for range 80 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	_, err := w.client(t, icinga.Options{}).Status(t.Context())
	wantError(t, "Status", err, "more than 67108864 bytes")
}

func TestRequestsAreAsIcingaWantsThem(t *testing.T) {
	t.Parallel()
	var got []string
	var mu sync.Mutex
	w := newWire(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		user, password, _ := r.BasicAuth()
		mu.Lock()
		got = append(got, fmt.Sprintf("%s %s %s %s %s:%s %s", r.Method, r.URL, r.Header.Get("Accept"), r.Header.Get("X-HTTP-Method-Override"), user, password, strings.TrimSpace(string(body))))
		mu.Unlock()
		_, _ = io.WriteString(w, `{"results":[{"name":"h","code":200,"user":"root","permissions":[],"status":"done","attrs":{}}]}`)
	})
	c := w.client(t, icinga.Options{})
	ctx := t.Context()
	var errs []error
	_, err := c.Permissions(ctx)
	errs = append(errs, err,
		c.Reschedule(ctx, "h", ""),
		c.ProcessCheckResult(ctx, "h", "s p", icinga.CheckResult{
			Exit: 3, Output: `<a> & "b"`, Perfdata: []string{"a=1"}, Source: "opsbot", TTL: 90 * time.Second, Start: at(100), End: at(101),
		}),
		c.RemoveAcknowledgement(ctx, "h", "s p", "anna"),
		c.Acknowledge(ctx, "h", "", icinga.Ack{Author: "anna", Comment: "on it", Expiry: at(2000), Notify: true}))
	if _, err = c.Objects(ctx, icinga.Query{Hosts: true, Filter: "host.name == n", Vars: map[string]any{"n": `x"y`}}); err != nil || errors.Join(errs...) != nil {
		t.Fatal(err, errs)
	}
	const to, attrs = "application/json", `["__name","display_name","state","state_type","last_state_change","last_hard_state_change","last_check_result",` +
		`"check_attempt","max_check_attempts","acknowledgement","acknowledgement_expiry","downtime_depth","flapping","last_reachable","vars","last_state_up"]`
	want := []string{
		"GET /v1 " + to + "  root:secret ",
		"POST /v1/actions/reschedule-check " + to + `  root:secret {"force":true,"host":"h","type":"Host"}`,
		"POST /v1/actions/process-check-result " + to + `  root:secret {"check_source":"opsbot","execution_end":101,"execution_start":100,"exit_status":3,` +
			`"performance_data":["a=1"],"plugin_output":"<a> & \"b\"","service":"h!s p","ttl":90,"type":"Service"}`,
		"POST /v1/actions/remove-acknowledgement " + to + `  root:secret {"author":"anna","service":"h!s p","type":"Service"}`,
		"POST /v1/actions/acknowledge-problem " + to + `  root:secret {"author":"anna","comment":"on it","expiry":2000,"host":"h","notify":true,"persistent":false,"sticky":false,"type":"Host"}`,
		"POST /v1/objects/hosts " + to + ` GET root:secret {"attrs":` + attrs + `,"filter":"host.name == n","filter_vars":{"n":"x\"y"}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestTwoConnectionsAtMost(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(w http.ResponseWriter, _ *http.Request, _ int) { _, _ = io.WriteString(w, oneService) })
	c := w.client(t, icinga.Options{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := c.Object(t.Context(), "a", "b"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.most > 2 || len(w.paths) != 50 {
		t.Errorf("%d requests over %d connections at once, want 50 over at most 2", len(w.paths), w.most)
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	w := newWire(t, func(http.ResponseWriter, *http.Request, int) { <-hang })
	t.Cleanup(func() { close(hang) }) // before the server's own cleanup, which waits for its handlers
	for name, opt := range map[string]icinga.Options{"the caller's": {}, "the client's": {Timeout: 20 * time.Millisecond}} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := w.client(t, opt).Object(ctx, "a", "b")
		if !errors.Is(err, context.DeadlineExceeded) || !icinga.Temporary(err) {
			t.Errorf("%s deadline: %v, want a temporary context.DeadlineExceeded", name, err)
		}
		err = w.client(t, opt).AddComment(ctx, "a", "b", icinga.Comment{Author: "a", Text: "t", Marker: "m"})
		if !icinga.Temporary(err) {
			t.Errorf("%s deadline for a comment: %v, want a temporary error", name, err)
		}
		cancel()
	}
}

func TestThePasswordIsReadAtEachCall(t *testing.T) {
	t.Parallel()
	var seen []string
	w := newWire(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		_, password, _ := r.BasicAuth()
		seen = append(seen, password)
		_, _ = io.WriteString(w, oneService)
	})
	turn := 0
	c := w.client(t, icinga.Options{Password: func() (secret.Secret, error) {
		if turn++; turn > 2 {
			return secret.Secret{}, errors.New("read file x: not there")
		}
		return secret.New(fmt.Append(nil, "password-", turn, "\n")), nil
	}})
	for range 2 {
		if _, err := c.Object(t.Context(), "a", "b"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Object(t.Context(), "a", "b"); err == nil || !strings.Contains(err.Error(), "not there") || icinga.Temporary(err) {
		t.Errorf("without a password: %v, want the reason, which lasts", err)
	}
	if !slices.Equal(seen, []string{"password-1", "password-2"}) {
		t.Errorf("passwords %q, want each as it was at its call", seen)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := icinga.Options{URL: "https://icinga.example:5665/", User: "opsbot", Password: fixed("x")}
	if _, err := icinga.New(good); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(o *icinga.Options)
		say    string
	}{
		{"no address", func(o *icinga.Options) { o.URL = "" }, "want https://host:5665"},
		{"no TLS", func(o *icinga.Options) { o.URL = "http://icinga.example:5665" }, "want https://host:5665"},
		{"a path", func(o *icinga.Options) { o.URL = "https://icinga.example:5665/v1" }, "want https://host:5665"},
		{"a password in the address", func(o *icinga.Options) { o.URL = "https://a:hidden@icinga.example:5665" }, "https://a:xxxxx@"},
		{"nonsense", func(o *icinga.Options) { o.URL = "https://[" }, "url"},
		{"no user", func(o *icinga.Options) { o.User = "" }, "user and password"},
		{"no password", func(o *icinga.Options) { o.Password = nil }, "user and password"},
		{"no certificate", func(o *icinga.Options) { o.CA = []byte("hello") }, "no PEM certificate"},
	} {
		opt := good
		tt.change(&opt)
		_, err := icinga.New(opt)
		wantError(t, tt.name, err, tt.say)
	}
}

func TestNamesAreChecked(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(http.ResponseWriter, *http.Request, int) { t.Error("it was asked") })
	c := w.client(t, icinga.Options{})
	for _, n := range []struct{ host, service string }{{"", ""}, {"", "s"}, {"a!b", ""}, {"a", "b!c"}, {"a\n", ""}, {"a", "\x00"}, {strings.Repeat("x", 256), ""}, {"a\xff", ""}} {
		_, err := c.Object(t.Context(), n.host, n.service)
		for what, err := range map[string]error{
			"Object": err, "Reschedule": c.Reschedule(t.Context(), n.host, n.service),
			"AddComment": c.AddComment(t.Context(), n.host, n.service, icinga.Comment{Author: "a", Text: "t", Marker: "m"}),
		} {
			if !errors.Is(err, icinga.ErrInvalid) {
				t.Errorf("%s(%q, %q) = %v, want ErrInvalid", what, n.host, n.service, err)
			}
		}
	}
	for what, err := range map[string]error{
		"no author":      c.Acknowledge(t.Context(), "h", "", icinga.Ack{Comment: "c"}),
		"no comment":     c.Acknowledge(t.Context(), "h", "", icinga.Ack{Author: "a"}),
		"no output":      c.ProcessCheckResult(t.Context(), "h", "", icinga.CheckResult{}),
		"exit 2 of host": c.ProcessCheckResult(t.Context(), "h", "", icinga.CheckResult{Exit: 2, Output: "x"}),
	} {
		if !errors.Is(err, icinga.ErrInvalid) {
			t.Errorf("%s = %v, want ErrInvalid", what, err)
		}
	}
}

func TestPermissionHas(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		held, need string
		want       bool
	}{
		{"*", "actions/add-comment", true}, {"actions/*", "actions/add-comment", true}, {"ACTIONS/Add-Comment", "actions/add-comment", true},
		{"objects/query/*", "objects/query/Host", true}, {"objects/*", "objects/query/Host", true}, {"objects/query/?ost", "objects/query/Host", true},
		{"actions/add-*", "actions/remove-comment", false}, {"objects/query/Host", "objects/query/Service", false}, {"", "status/query", false},
		{"status/query", "status", false}, {"a[b", "status/query", false}, {`a\`, "status/query", false},
	} {
		p := icinga.Permissions{Held: []string{"config/query", tt.held}}
		if got := p.Has(tt.need); got != tt.want {
			t.Errorf("%q covers %q: %v, want %v", tt.held, tt.need, got, tt.want)
		}
	}
}
