package discord

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// clock is a time that tests set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newLimits() (*limits, *clock) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	return &limits{now: c.now, buckets: map[string]bucket{}}, c
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestRoute(t *testing.T) {
	for _, tt := range []struct{ path, want string }{
		{"channels/1/messages", "POST channels/1/messages"},
		{"channels/1/messages/2", "POST channels/1/messages/-"},
		{"channels/1/messages/2/threads", "POST channels/1/messages/-/threads"},
		{"webhooks/1/token/messages/@original", "POST webhooks/1/token/messages/@original"},
		{"users/@me", "POST users/@me"},
	} {
		if got := route("POST", tt.path); got != tt.want {
			t.Errorf("route(%q) = %q, want %q", tt.path, got, tt.want)
		}
	}
}

func TestBucketIsKept(t *testing.T) {
	l, c := newLimits()
	const path = "channels/1/messages"
	l.note("POST", path, 200, header("X-RateLimit-Remaining", "2", "X-RateLimit-Reset-After", "5"))
	for n := range 2 {
		if d, _ := l.wait("POST", path); d != 0 {
			t.Fatalf("call %d has to wait %s", n, d)
		}
	}
	if d, everywhere := l.wait("POST", path); d != 5*time.Second || everywhere {
		t.Errorf("the third call waits %s, everywhere %v, want 5 s here alone", d, everywhere)
	}
	if d, _ := l.wait("POST", "channels/2/messages"); d != 0 {
		t.Errorf("another channel waits %s", d)
	}
	c.at = c.at.Add(5 * time.Second)
	if d, _ := l.wait("POST", path); d != 0 {
		t.Errorf("after the window a call waits %s", d)
	}
}

func TestAnswersOutOfOrder(t *testing.T) {
	l, _ := newLimits()
	const path = "channels/1/messages"
	l.note("POST", path, 200, header("X-RateLimit-Remaining", "0", "X-RateLimit-Reset-After", "5"))
	l.note("POST", path, 200, header("X-RateLimit-Remaining", "1", "X-RateLimit-Reset-After", "5.01"))
	if d, _ := l.wait("POST", path); d == 0 {
		t.Error("an older answer gave back what is spent")
	}
}

func TestTooMany(t *testing.T) {
	for _, tt := range []struct {
		name       string
		header     http.Header
		want       time.Duration
		everywhere bool
		other      time.Duration // wait of another channel
	}{
		{"one bucket", header("X-RateLimit-Reset-After", "1.5", "Retry-After", "2"), 1500 * time.Millisecond, false, 0},
		{"whole seconds", header("Retry-After", "3"), 3 * time.Second, false, 0},
		{"all calls", header("Retry-After", "4", "X-RateLimit-Global", "true"), 4 * time.Second, true, 4 * time.Second},
		{"all calls, by scope", header("X-RateLimit-Reset-After", "4", "X-RateLimit-Scope", "global"), 4 * time.Second, true, 4 * time.Second},
		{"nothing said", header(), 50 * time.Millisecond, false, 0},
		{"nonsense", header("Retry-After", "soon"), 50 * time.Millisecond, false, 0},
		{"for ever", header("Retry-After", "1e300"), 50 * time.Millisecond, false, 0},
	} {
		l, _ := newLimits()
		got, everywhere := l.note("POST", "channels/1/messages", 429, tt.header)
		if got != tt.want || everywhere != tt.everywhere {
			t.Errorf("%s: note = %s, %v, want %s, %v", tt.name, got, everywhere, tt.want, tt.everywhere)
		}
		if d, _ := l.wait("POST", "channels/1/messages"); d != tt.want {
			t.Errorf("%s: the next call waits %s, want %s", tt.name, d, tt.want)
		}
		if d, _ := l.wait("POST", "channels/2/messages"); d != tt.other {
			t.Errorf("%s: another channel waits %s, want %s", tt.name, d, tt.other)
		}
		if d, _ := l.wait("POST", "interactions/1/tok/callback"); d != 0 {
			t.Errorf("%s: an acknowledgement waits %s", tt.name, d)
		}
	}
}

func TestCallsASecond(t *testing.T) {
	l, c := newLimits()
	for n := range perSecond {
		if d, _ := l.wait("POST", fmt.Sprintf("channels/%d/messages", n)); d != 0 {
			t.Fatalf("call %d waits %s", n, d)
		}
	}
	if d, everywhere := l.wait("POST", "channels/99/messages"); d <= 0 || !everywhere {
		t.Errorf("call %d of one second waits %s, everywhere %v", perSecond+1, d, everywhere)
	}
	if d, _ := l.wait("POST", "webhooks/1/tok"); d != 0 {
		t.Errorf("a webhook waits %s", d)
	}
	c.at = c.at.Add(time.Second)
	if d, _ := l.wait("POST", "channels/99/messages"); d != 0 {
		t.Errorf("a second later a call waits %s", d)
	}
}

func TestBan(t *testing.T) {
	l, c := newLimits()
	for range maxRefused {
		if l.banned() {
			t.Fatal("held back too early")
		}
		l.note("GET", "users/@me", http.StatusForbidden, header())
	}
	if !l.banned() {
		t.Error("not held back")
	}
	c.at = c.at.Add(refusedFor + time.Second)
	if l.banned() {
		t.Error("held back for ever")
	}
}

// TestBucketsAreForgotten lets the ids of many interactions pass: what is over takes no memory.
func TestBucketsAreForgotten(t *testing.T) {
	l, c := newLimits()
	for n := range 20000 {
		l.note("PATCH", fmt.Sprintf("webhooks/1/token-%d/messages/@original", n), 200, header("X-RateLimit-Remaining", "4", "X-RateLimit-Reset-After", "1"))
		c.at = c.at.Add(10 * time.Millisecond)
	}
	if n := len(l.buckets); n > 5000 {
		t.Errorf("%d buckets are remembered", n)
	}
}
