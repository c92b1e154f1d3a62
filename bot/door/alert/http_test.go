package alert_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/secret"
)

// logged returns all alerts that the log holds.
func logged(t testing.TB, s store.Store) []stored.Stored {
	t.Helper()
	records, err := s.Log(store.Alerts).Read(t.Context(), 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var out []stored.Stored
	for _, r := range records {
		alerts, err := stored.DecodeBatch(r.Data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, alerts...)
	}
	return out
}

// TestPosts: what is taken and what is refused, with its status, its reason and the next step.
func TestPosts(t *testing.T) {
	t.Parallel()
	const webhook = `{"object":{"name":"e","tags":{"host":"edge-1","service":"s"}},"incident":{"id":7,"severity":"crit"},"event":{"time":"2000-01-01T00:00:00Z","message":"m"}}`
	good := func(t *testing.T) string { return body(t, problem("edge-1", time.Now())) }
	bearer := func(text, token string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(text))
		r.Header.Set("Authorization", "Bearer "+token)
		return r
	}
	sign := func(t *testing.T, text, key, id string, at time.Time) *http.Request {
		h, err := icinga.Sign(secret.New([]byte(key)), id, at, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(text))
		r.Header = h
		return r
	}
	for _, tt := range []struct {
		name   string
		given  func(t *testing.T) *http.Request
		status int
		text   string
	}{
		{"signed", func(t *testing.T) *http.Request { return signed(t, good(t)) }, 200, `"stored":true`},
		{"second key", func(t *testing.T) *http.Request { return sign(t, good(t), key2, "k2", time.Now()) }, 200, `"stored":true`},
		{"bearer, own body", func(t *testing.T) *http.Request { return bearer(good(t), token) }, 200, `"stored":true`},
		{"bearer, webhook", func(t *testing.T) *http.Request { return bearer(webhook, token) }, 200, `"stored":true`},
		{"almost too old", func(t *testing.T) *http.Request {
			return sign(t, good(t), key1, "k1", time.Now().Add(-299*time.Second))
		}, 200, `"stored":true`},
		{"missing", func(t *testing.T) *http.Request {
			return httptest.NewRequest(http.MethodPost, "/", strings.NewReader(good(t)))
		}, 401, "no signature"},
		{"half", func(t *testing.T) *http.Request {
			r := signed(t, good(t))
			r.Header.Del(icinga.HeaderTimestamp)
			return r
		}, 401, "no signature"},
		{"unknown key", func(t *testing.T) *http.Request { return sign(t, good(t), key1, "k9", time.Now()) }, 401, "unknown key"},
		{"wrong secret", func(t *testing.T) *http.Request { return sign(t, good(t), key2, "k1", time.Now()) }, 403, "wrong signature"},
		{"another's body", func(t *testing.T) *http.Request {
			r := signed(t, good(t))
			r.Body = io.NopCloser(strings.NewReader(strings.Replace(good(t), "edge-1", "edge-2", 1)))
			return r
		}, 403, "wrong signature"},
		{"another's time", func(t *testing.T) *http.Request {
			r := signed(t, good(t))
			r.Header.Set(icinga.HeaderTimestamp, "946684801")
			return r
		}, 403, "wrong signature"},
		{"old", func(t *testing.T) *http.Request {
			return sign(t, good(t), key1, "k1", time.Now().Add(-301*time.Second))
		}, 403, "compare the clocks"},
		{"future", func(t *testing.T) *http.Request { return sign(t, good(t), key1, "k1", time.Now().Add(301*time.Second)) }, 403, "compare the clocks"},
		{"wrong token", func(t *testing.T) *http.Request { return bearer(webhook, token+"x") }, 403, "not the sender's"},
		{"too large", func(t *testing.T) *http.Request { return signed(t, strings.Repeat("x", icinga.MaxBody+1)) }, 413, "262144 bytes"},
		{"too large, length unknown", func(t *testing.T) *http.Request {
			r := signed(t, strings.Repeat("x", icinga.MaxBody+1))
			r.ContentLength = -1
			return r
		}, 413, "262144 bytes"},
		{"cut", func(t *testing.T) *http.Request { return signed(t, good(t)[:40]) }, 422, "invalid"},
		{"no JSON", func(t *testing.T) *http.Request { return signed(t, "hello") }, 422, "invalid"},
		{"empty", func(t *testing.T) *http.Request { return signed(t, "") }, 422, "invalid"},
		{"webhook, signed", func(t *testing.T) *http.Request { return signed(t, webhook) }, 422, "invalid"},
		{"get", func(t *testing.T) *http.Request { return httptest.NewRequest(http.MethodGet, "/", http.NoBody) }, 405, "use POST"},
		{"form", func(t *testing.T) *http.Request {
			r := signed(t, good(t))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r
		}, 415, "send application/json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := fake.New().Open(fake.Options{})
				status, text := post(open(t, h, nil), tt.given(t))
				if status != tt.status || !strings.Contains(text, tt.text) {
					t.Errorf("post = %d %s, want %d %q", status, text, tt.status, tt.text)
				}
				var v struct{ Error, Hint string }
				if err := json.Unmarshal([]byte(text), &v); err != nil || (status != 200) != (v.Error != "" && v.Hint != "") {
					t.Errorf("answer %s: %v; want JSON, and in a refusal error and hint", text, err)
				}
				if n := len(logged(t, h)); (n == 1) != (tt.status == 200) || n > 1 {
					t.Errorf("%d alerts are stored after %d", n, status)
				}
			})
		})
	}
}

// TestStoredAs: the alert bears the sender of the proof, never of the body, and the node of the inventory.
func TestStoredAs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := fake.New().Open(fake.Options{})
		n := problem("EDGE-1", time.Now())
		report(t, open(t, h, nil), n)
		got := logged(t, h)[0]
		if got.Sender != "icinga2" || got.Node != "edge-1" || got.Host != "EDGE-1" || got.ID != triggerOf(n) || got.State != "WARNING" || !got.Hard || got.Output != "hit ratio 61 %" {
			t.Errorf("stored %+v", got)
		}
	})
}

// TestReplay: the same signed request again is answered like the first time and stored once; one that was not stored is stored by its repetition.
func TestReplay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := true
		h := fake.New().Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
			if away && op.Name == "log.append" {
				return fake.Unavailable
			}
			return fake.None
		}})
		d := open(t, h, nil)
		text := body(t, problem("edge-1", time.Now()))
		first := signed(t, text)
		again := func() *http.Request {
			r := first.Clone(t.Context())
			r.Body = io.NopCloser(strings.NewReader(text))
			return r
		}
		if status, text := post(d, again()); status != 503 || !strings.Contains(text, "not stored") {
			t.Errorf("while the store is away = %d %s, want 503", status, text)
		}
		away = false
		h2, err := icinga.Sign(secret.New([]byte(key1)), "k1", time.Now(), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		first.Header = h2
		if status, text := post(d, again()); status != 200 || strings.Contains(text, "repeated") {
			t.Errorf("repetition of what was not stored = %d %s", status, text)
		}
		for range 3 {
			if status, text := post(d, again()); status != 200 || !strings.Contains(text, `"repeated":true`) {
				t.Errorf("repetition = %d %s, want it told", status, text)
			}
		}
		if n := len(logged(t, h)); n != 1 {
			t.Errorf("%d alerts are stored, want 1", n)
		}
		time.Sleep(6 * time.Minute)
		if status, _ := post(d, again()); status != 403 {
			t.Errorf("a recording of six minutes ago = %d, want 403", status)
		}
	})
}

// TestDurable: 200 means stored, whatever befalls the store's answers.
func TestDurable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault  fake.Fault
		status int
		stored int
	}{{fake.CrashBefore, 503, 0}, {fake.CrashAfter, 503, 1}, {fake.ReplyLost, 200, 1}, {fake.Unavailable, 200, 1}} {
		synctest.Test(t, func(t *testing.T) {
			disk, once := fake.New(), true
			d := open(t, disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
				if once && op.Name == "log.append" {
					once = false
					return tt.fault
				}
				return fake.None
			}}), nil)
			status, _ := post(d, signed(t, body(t, problem("edge-1", time.Now()))))
			if n := len(logged(t, disk.Open(fake.Options{}))); status != tt.status || n != tt.stored {
				t.Errorf("%s: status %d with %d stored, want %d with %d", tt.fault, status, n, tt.status, tt.stored)
			}
		})
	}
}

// TestSenders: a reload replaces them.
func TestSenders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, fake.New().Open(fake.Options{}), nil)
		d.SetSenders(nil)
		if status, text := post(d, signed(t, body(t, problem("edge-1", time.Now())))); status != 401 || !strings.Contains(text, "no sender is configured") {
			t.Errorf("without senders = %d %s", status, text)
		}
		d.SetSenders(senders(t))
		report(t, d, problem("edge-1", time.Now()))
	})
	if _, err := alert.New(alert.Options{}); err == nil {
		t.Error("New(nothing) = nil error")
	}
}

// slow is a body that stops in the middle.
type slow struct{}

func (slow) Read([]byte) (int, error) { return 0, errors.New("i/o timeout") }

// TestSlow: a body that does not come is an answer, not a hanging handler.
func TestSlow(t *testing.T) {
	t.Parallel()
	d := open(t, fake.New().Open(fake.Options{}), nil)
	r := httptest.NewRequest(http.MethodPost, "/", slow{})
	if status, text := post(d, r); status != 408 || !strings.Contains(text, "did not come") {
		t.Errorf("a body that stops = %d %s, want 408", status, text)
	}
}
