package discord

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// limits remembers what Discord said about its rate limits (https://discord.com/developers/docs/topics/rate-limits), so that calls that would
// be refused are not made. It is safe for concurrent use.
type limits struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
	global  time.Time   // nothing may be called before
	spent   []time.Time // calls of the last second, against the limit of all calls
	refused []time.Time // answers of 401, 403 and 429 in the last ten minutes
}

type bucket struct {
	left  int
	until time.Time
}

// perSecond is how many calls are made in a second; Discord takes 50. maxRefused answers of 401, 403 and 429 within refusedFor are half of what
// gets an address banned.
const (
	perSecond  = 45
	maxRefused = 5000
	refusedFor = 10 * time.Minute
)

// route returns the bucket of a call: its method and its path with ids of messages left out. The ids of channels and webhooks are part of it.
func route(method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if i > 2 && number(p) && parts[0] == "channels" {
			parts[i] = "-"
		}
	}
	return method + " " + strings.Join(parts, "/")
}

// free tells whether calls of the route are outside the limit of all calls.
func free(path string) bool {
	return strings.HasPrefix(path, "interactions/") || strings.HasPrefix(path, "webhooks/")
}

// wait returns how long a call has to wait, and whether all calls have to. Without a wait the call is counted.
func (l *limits) wait(method, path string) (d time.Duration, everywhere bool) {
	now := l.now()
	key := route(method, path)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !free(path) {
		if d := l.global.Sub(now); d > 0 {
			return d, true
		}
		l.spent = since(l.spent, now.Add(-time.Second))
		if len(l.spent) >= perSecond {
			return l.spent[0].Add(time.Second).Sub(now), true
		}
	}
	b, known := l.buckets[key]
	if known && b.left <= 0 {
		if d := b.until.Sub(now); d > 0 {
			return d, false
		}
		delete(l.buckets, key)
	} else if known {
		b.left--
		l.buckets[key] = b
	}
	if !free(path) {
		l.spent = append(l.spent, now)
	}
	return 0, false
}

// banned tells whether so many calls were refused that more would get us banned.
func (l *limits) banned() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = since(l.refused, l.now().Add(-refusedFor))
	return len(l.refused) >= maxRefused
}

// note learns from an answer, and returns how long to wait after a 429.
func (l *limits) note(method, path string, status int, h http.Header) (retry time.Duration, everywhere bool) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	after := seconds(h.Get("X-RateLimit-Reset-After"))
	if status == http.StatusTooManyRequests {
		retry = max(after, seconds(h.Get("Retry-After")), 50*time.Millisecond)
		if after > 0 {
			retry = after
		}
		everywhere = h.Get("X-RateLimit-Global") != "" || h.Get("X-RateLimit-Scope") == "global"
	}
	switch {
	case everywhere:
		l.global = now.Add(retry)
	case retry > 0:
		l.buckets[route(method, path)] = bucket{0, now.Add(retry)}
	case h.Get("X-RateLimit-Remaining") != "":
		l.learn(route(method, path), h.Get("X-RateLimit-Remaining"), now.Add(after))
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusTooManyRequests {
		l.refused = append(l.refused, now)
	}
	if len(l.buckets) > 4096 {
		for key, b := range l.buckets {
			if b.until.Before(now) {
				delete(l.buckets, key)
			}
		}
	}
	return retry, everywhere
}

// learn sets what is left of a bucket. Answers may arrive out of order: within one window fewer are left, never more.
func (l *limits) learn(key, remaining string, until time.Time) {
	left, err := strconv.Atoi(remaining)
	if err != nil {
		return
	}
	if b, known := l.buckets[key]; known && until.Sub(b.until).Abs() < 100*time.Millisecond {
		left = min(left, b.left)
	}
	l.buckets[key] = bucket{left, until}
}

func seconds(text string) time.Duration {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < 0 || f > 86400 {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// since drops the times before from; times are in order.
func since(times []time.Time, from time.Time) []time.Time {
	for i, t := range times {
		if t.After(from) {
			return times[i:]
		}
	}
	return times[:0]
}
