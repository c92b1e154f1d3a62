package store_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions/store"
)

// TestCheckKey holds the rule against its sentence in the contract.
func TestCheckKey(t *testing.T) {
	t.Parallel()
	rule := regexp.MustCompile(`^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*$`)
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.OneOf(rapid.StringMatching(`[a-c.*> /_=-]{0,6}`), rapid.String(), rapid.StringMatching(`[a-z0-9.]{505,520}`)).Draw(t, "key")
		want := rule.MatchString(key) && len(key) <= 512
		if got := store.CheckKey(key) == nil; got != want {
			t.Errorf("CheckKey(%q) = %v, want ok %v", key, store.CheckKey(key), want)
		}
		for i := range key {
			if want && store.CheckPrefix(key[:i]) != nil {
				t.Errorf("CheckPrefix(%q) = %v, the beginning of a key", key[:i], store.CheckPrefix(key[:i]))
			}
		}
	})
}

func TestCheckID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"": false, " ": false, "a ": false, "a b": true, "job@1700000000": true, "*.>": true, "a\tb": false, "é": false, "\x00": false,
		strings.Repeat("x", 512): true, strings.Repeat("x", 513): false,
	} {
		if err := store.CheckID(id); (err == nil) != want {
			t.Errorf("CheckID(%.20q) = %v, want ok %v", id, err, want)
		}
	}
}

func TestCheckTTL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		bucket string
		ttl    time.Duration
		want   bool
	}{
		{store.Guards, time.Second, true}, {store.Leaders, 3 * time.Second, true}, {store.Dedupe, 24 * time.Hour, true},
		{store.Runs, time.Second, false}, {store.Guards, 0, false}, {store.Guards, -time.Second, false}, {store.Guards, 2500 * time.Millisecond, false},
	} {
		if err := store.CheckTTL(test.bucket, "k", test.ttl); (err == nil) != test.want {
			t.Errorf("CheckTTL(%s, %v) = %v, want ok %v", test.bucket, test.ttl, err, test.want)
		}
	}
	if err := store.CheckValue("v", make([]byte, store.MaxValue+1)); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("CheckValue of 1 byte too many = %v, want ErrTooLarge", err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{store.Buckets(), store.Logs()} {
		if !slices.IsSorted(names) {
			t.Errorf("names %q are not sorted", names)
		}
	}
}
