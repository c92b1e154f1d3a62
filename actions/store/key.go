package store

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxKey is the most bytes in a key, an id or the name of a timer: they become subjects and headers, and are printed in errors.
const maxKey = 512

// CheckKey returns an error unless key is one or more parts of letters, digits and "-_=", joined by ".".
func CheckKey(key string) error {
	if key == "" || strings.HasPrefix(key, ".") || strings.HasSuffix(key, ".") || strings.Contains(key, "..") {
		return fmt.Errorf("key %.80q: empty, or with an empty part", key)
	}
	return CheckPrefix(key)
}

// CheckPrefix returns an error unless prefix could start a key; the empty prefix starts all.
func CheckPrefix(prefix string) error {
	if len(prefix) > maxKey {
		return fmt.Errorf("key %.80q...: %d bytes, want at most %d", prefix, len(prefix), maxKey)
	}
	if i := strings.IndexFunc(prefix, func(r rune) bool { return !keyRune(r) }); i >= 0 {
		return fmt.Errorf("key %.80q: byte %d is none of letters, digits and \"-_=.\"", prefix, i)
	}
	if strings.HasPrefix(prefix, ".") || strings.Contains(prefix, "..") {
		return fmt.Errorf("key %.80q: empty part", prefix)
	}
	return nil
}

func keyRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=.", r)
}

// CheckID returns an error unless id, of a message, a record or a timer, is 1 to 512 bytes of printable ASCII without a space at either end.
func CheckID(id string) error {
	if id == "" || len(id) > maxKey || strings.TrimSpace(id) != id {
		return fmt.Errorf("id %.80q: %d bytes, want 1 to %d and no space at the ends", id, len(id), maxKey)
	}
	if i := strings.IndexFunc(id, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
		return fmt.Errorf("id %.80q: byte %d is not printable ASCII", id, i)
	}
	return nil
}

// CheckValue returns ErrTooLarge when value is over MaxValue; name says whose value it is.
func CheckValue(name string, value []byte) error {
	if len(value) > MaxValue {
		return fmt.Errorf("value of %s: %d bytes, want at most %d: %w", name, len(value), MaxValue, ErrTooLarge)
	}
	return nil
}

// CheckTTL returns an error unless keys of the bucket may vanish by themselves and ttl is a whole number of seconds, at least one.
func CheckTTL(bucket, key string, ttl time.Duration) error {
	if !slices.Contains([]string{Guards, Leaders, Dedupe}, bucket) {
		return fmt.Errorf("key %s in %s: keys of this bucket have no end", key, bucket)
	}
	if ttl < time.Second || ttl%time.Second != 0 {
		return fmt.Errorf("key %s in %s: ends after %v, want whole seconds and at least 1 s", key, bucket, ttl)
	}
	return nil
}

// Buckets returns the names of all buckets, sorted.
func Buckets() []string {
	return []string{Dedupe, Desired, Guards, Inventory, Leaders, Observed, Runs, Segments, VNIs}
}

// Logs returns the names of all logs, sorted.
func Logs() []string { return []string{Alerts, Audit} }
