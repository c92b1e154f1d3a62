package icinga_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/icinga"
)

// lines serves a stream that sends this and ends.
func lines(t *testing.T, text string) *icinga.Stream {
	t.Helper()
	w := newWire(t, func(w http.ResponseWriter, _ *http.Request, _ int) { _, _ = io.WriteString(w, text) })
	s, err := w.client(t, icinga.Options{}).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// drain reads until the stream ends.
func drain(t testing.TB, s *icinga.Stream) []icinga.Event {
	t.Helper()
	var all []icinga.Event
	for {
		e, err := s.Next()
		if err != nil {
			if !icinga.Temporary(err) {
				t.Errorf("the end of the stream is %v, want a temporary error", err)
			}
			return all
		}
		all = append(all, e)
	}
}

func TestRecordedEvents(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(captures + "/events/*.jsonl")
	if err != nil || len(files) < 39 {
		t.Fatalf("%d recordings, %v; want 40", len(files), err)
	}
	for _, file := range files {
		text := string(read(t, file))
		got := drain(t, lines(t, text))
		if want := strings.Count(text, "\n"); len(got) != want {
			t.Errorf("%s: %d events of %d lines", file, len(got), want)
		}
		for n, e := range got {
			kind, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".jsonl"), "-")
			if e.Type == icinga.EventSkipped || kind != "session" && string(e.Type) != kind || e.At.IsZero() {
				t.Errorf("%s, line %d: %+v", file, n+1, e)
			}
		}
	}
}

func TestWhatEventsTell(t *testing.T) {
	t.Parallel()
	one := func(file string) icinga.Event {
		t.Helper()
		all := drain(t, lines(t, string(read(t, filepath.Join(captures, "events", file+".jsonl")))))
		if len(all) == 0 {
			t.Fatalf("%s holds nothing", file)
		}
		return all[0]
	}
	host := one("StateChange-host")
	if host.Name() != "mac-1" || host.State != icinga.Down || host.StateType != icinga.Hard || host.Was != icinga.Up || host.CheckEnd.Unix() != 1795334055 || !host.Reachable {
		t.Errorf("a host that went down: %+v", host)
	}
	first := one("StateChange-service-2")
	if first.Name() != "edge-1!cache" || first.State != icinga.Critical || first.Was != "" || first.Output != "CACHE CRITICAL - hit rate 41%" || first.CheckEnd.Nanosecond() == 0 {
		t.Errorf("the first state of a service: %+v", first)
	}
	if up := one("CheckResult-host"); up.Name() != "edge-1" || up.State != icinga.Up || up.StateType != icinga.Hard || up.Type != icinga.EventCheckResult {
		t.Errorf("a check of a host: %+v", up)
	}
	if bad := one("CheckResult-service"); bad.State != icinga.Critical || bad.Acknowledged || bad.DowntimeDepth != 0 {
		t.Errorf("a check of a service: %+v", bad)
	}
	if ack := one("AcknowledgementSet"); ack.Author != "alice" || ack.Comment != "looking at it" || ack.State != icinga.Critical || ack.Name() != "edge-1!cache" || !ack.Expiry.IsZero() {
		t.Errorf("an acknowledgement: %+v", ack)
	}
	d := one("DowntimeStarted")
	if d.Author != "alice" || d.Comment != "failover" || d.Name() != "edge-1!cache" || d.Downtime.Until.Unix() != 1795334647 || !strings.HasPrefix(d.Downtime.Name, "edge-1!cache!") {
		t.Errorf("a downtime: %+v", d)
	}
	if f := one("Flapping"); !f.Flapping || f.Name() != "edge-1!cache" {
		t.Errorf("flapping: %+v", f)
	}
	if gone := one("ObjectDeleted-Service"); gone.Name() != "edge-2!overlay" || gone.ObjectKind != "Service" {
		t.Errorf("a deleted service: %+v", gone)
	}
	if other := one("ObjectDeleted-Notification"); other.Host != "" || other.Object != "edge-2!overlay!opsbot-service" {
		t.Errorf("a deleted rule of notifications: %+v", other)
	}
}

func TestStrangeLines(t *testing.T) {
	t.Parallel()
	well := `{"type":"StateChange","host":"h","state":1,"state_type":1,"timestamp":5}`
	for _, tt := range []struct {
		name, text string
		want       []string // types and names of the events
	}{
		{"an unknown type and unknown fields", `{"type":"Revolution","host":"h","leaders":["a"],"timestamp":1}`, []string{"Revolution h"}},
		{"no JSON", "hello", []string{"(skipped) "}},
		{"half an event", `{"type":"StateChange","host":`, []string{"(skipped) "}},
		{"a list", `[1,2]`, []string{"(skipped) "}},
		{"no type", `{"host":"h"}`, []string{"(skipped) "}},
		{"a host that is a number", `{"type":"StateChange","host":7}`, []string{"(skipped) "}},
		{"a hostile name", `{"type":"StateChange","host":"a\nb"}`, []string{"(skipped) "}},
		{"no host", `{"type":"StateChange"}`, []string{"StateChange "}},
		{"nothing", "\n\n", nil},
		{"a very old time", `{"type":"StateChange","host":"h","timestamp":-1e300}`, []string{"StateChange h"}},
		{"no check result", well, []string{"StateChange h"}},
		{"not UTF-8", "{\"type\":\"StateChange\",\"host\":\"h\xff\"}", []string{"(skipped) "}},
		{"a zero byte", "\x00" + well, []string{"(skipped) "}},
		{"300 kB of control characters", `{"type":"CheckResult","host":"h","check_result":{"output":"` + strings.Repeat(`\u0001<b>*`, 30_000) + `"}}`, []string{"CheckResult h"}},
		{"9 MB", strings.Repeat("x", 9<<20), []string{"(skipped) "}},
		{"deeply nested", `{"type":"X","host":"h","v":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, []string{"(skipped) "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, e := range drain(t, lines(t, tt.text+"\n"+well+"\nhalf a li")) {
				got = append(got, string(e.Type)+" "+e.Name())
			}
			if diff := cmp.Diff(append(tt.want, "StateChange h"), got); diff != "" {
				t.Errorf("events, of which the last is well (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStreamRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file string
		kind error
		say  string
	}{
		{"errors/04-403-events", icinga.ErrForbidden, "events/StateChange"}, // a 404, before 2.14.9
		{"later/03-403-events", icinga.ErrForbidden, "events/StateChange"},
		{"errors/01-401-wrong-password", icinga.ErrUnauthorized, "credentials"},
		{"errors/13-no-accept-header", icinga.ErrInvalid, "Accept header"},
		{"later/06-503-create-while-reloading", icinga.ErrUnavailable, "reloading"},
	} {
		c := recorded(t, filepath.Join(captures, tt.file+".json"))
		w := newWire(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.URL.Path == "/v1" {
				_, _ = io.WriteString(w, `{"results":[{"user":"few","permissions":["objects/query/Host"]}]}`)
				return
			}
			w.WriteHeader(c.Response.Status)
			_, _ = w.Write(c.raw())
		})
		_, err := w.client(t, icinga.Options{}).Stream(t.Context())
		if !errors.Is(err, tt.kind) {
			t.Errorf("%s: Stream = %v, want %v", tt.file, err, tt.kind)
		}
		wantError(t, tt.file, err, tt.say)
	}
	w := newWire(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
	})
	if _, err := w.client(t, icinga.Options{}).Stream(t.Context()); err == nil {
		t.Error("Stream with a redirect = nil, want an error")
	}
}

// TestStreamEndsWithItsContext: whoever waits for an event is let go.
func TestStreamEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c, _ := claim(t)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := c.Stream(ctx, icinga.EventFlapping)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := s.Next(); done <- err }()
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Next after the end of the context = %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Next still waits 10 s after the end of the context")
	}
	_ = s.Close()
}

// TestStreamLosesNothing: each of many results of a real daemon comes, once.
func TestStreamLosesNothing(t *testing.T) {
	t.Parallel()
	count := 1000
	if os.Getenv("OPSBOT_SOAK") == "1" {
		count = 10_000
	}
	c, host := claim(t)
	s, err := c.Stream(t.Context(), icinga.EventCheckResult, icinga.EventStateChange)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var posts sync.WaitGroup
	posts.Go(func() {
		for n := range count {
			at := time.Now()
			r := icinga.CheckResult{Exit: n % 2, Output: fmt.Sprintf("result %d", n), Start: at, End: at}
			if err := c.ProcessCheckResult(t.Context(), host, hitRate, r); err != nil {
				t.Error(err)
				return
			}
		}
	})
	results, changes := map[string]int{}, 0
	last := time.Time{}
	for len(results) < count || changes < count-1 {
		e, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e.Host != host {
			continue // of another test
		}
		if e.At.Before(last) {
			t.Errorf("an event of %s comes after one of %s", e.At, last)
		}
		last = e.At
		switch e.Type {
		case icinga.EventCheckResult:
			if results[e.Output]++; results[e.Output] > 1 {
				t.Errorf("%s came %d times", e.Output, results[e.Output])
			}
		case icinga.EventStateChange:
			changes++
		}
	}
	posts.Wait()
}

func TestStreamedTypes(t *testing.T) {
	t.Parallel()
	p := icinga.Permissions{Held: []string{"events/state*", "events/Flapping", "objects/*"}}
	if got := p.Streamed(); !slices.Equal(got, []icinga.EventType{icinga.EventStateChange, icinga.EventFlapping}) {
		t.Errorf("Streamed() = %v", got)
	}
	few := clientOf(t, shared(t), "few", "secret-of-few")
	missing, err := few.Missing(t.Context(), icinga.FeatureRead, icinga.FeatureReport, icinga.FeatureStream, "nonsense")
	if err != nil {
		t.Fatal(err)
	}
	want := map[icinga.Feature][]string{
		icinga.FeatureRead:   {"status/query", "objects/query/Service", "objects/query/Comment", "objects/query/Downtime"},
		icinga.FeatureReport: {"actions/process-check-result"}, icinga.FeatureStream: icinga.FeatureStream.Needs(),
	}
	if diff := cmp.Diff(want, missing); diff != "" {
		t.Errorf("Missing (-want +got):\n%s", diff)
	}
	_, err = few.Stream(t.Context())
	if !errors.Is(err, icinga.ErrForbidden) {
		t.Errorf("Stream without permissions = %v, want ErrForbidden", err)
	}
	wantError(t, "Stream", err, "few", "events/StateChange", "events/ObjectDeleted")
}

// FuzzEvent: whatever comes on a line is an event with a name that holds, or none.
func FuzzEvent(f *testing.F) {
	for line := range strings.SplitSeq(string(read(f, captures+"/events/session.jsonl")), "\n") {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := icinga.DecodeEvent(line)
		if err == nil && (e.Type == "" || strings.ContainsAny(e.Name(), "\n\x00")) {
			t.Errorf("DecodeEvent(%q) = %+v", line, e)
		}
	})
}

// BenchmarkEvent reads one line. At 200 events a second 250 microseconds are 5 % of a core.
func BenchmarkEvent(b *testing.B) {
	line := []byte(strings.TrimSpace(string(read(b, captures+"/events/StateChange-host.jsonl"))))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := icinga.DecodeEvent(line); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)*200/1e9*100, "%core@200/s")
}
