package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// What can go wrong, for callers that branch. All are wrapped in an *[Error] that names node, operation and object.
var (
	ErrUnsupported = errors.New("not supported by this cache")
	ErrConfig      = errors.New("bad cache configuration")
	ErrNoSignature = errors.New("the answer does not bear the cache server's signature")
	ErrWrongSecret = errors.New("the cache server refused the secret")
	ErrRefused     = errors.New("refused by the cache server")
	ErrTooManyBans = errors.New("too many bans")
	ErrBadMark     = errors.New("bad mark")
	ErrBadPrefix   = errors.New("bad prefix")
	ErrBadURL      = errors.New("bad URL")
	ErrBadTag      = errors.New("bad tag")
	ErrLoop        = errors.New("playlist refers to itself")
	ErrForeign     = errors.New("foreign origin, not on the allow list")
	ErrNotPlaylist = errors.New("not a playlist")
	ErrTooLarge    = errors.New("larger than the limit")
	ErrTooDeep     = errors.New("playlists nested too deep")
	ErrReset       = errors.New("counters were reset")
	ErrTooFew      = errors.New("too few requests")
	ErrDown        = errors.New("the cache server is not running")
	ErrStale       = errors.New("still stale")
)

// Error says what was tried, on which object of which cache, and what came back.
type Error struct {
	Node   string // node of the inventory
	Cache  string // name of the cache on the node
	Op     string // "purge", "flush", ...
	Object string // URL, tags, prefix or mark; may be empty
	Err    error  // never nil
}

// Error implements error: "purge /a.ts on edge-1/front: connection refused".
func (e *Error) Error() string {
	where := strings.Trim(e.Node+"/"+e.Cache, "/")
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Object != "" {
		b.WriteString(" " + e.Object)
	}
	if where != "" {
		b.WriteString(" on " + where)
	}
	return b.String() + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// StatusError is an HTTP or CLI status that was not wanted.
type StatusError struct {
	Status int
	Reason string
}

// Error implements error: "answered 503 Backend fetch failed".
func (e *StatusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("answered %d %s", e.Status, e.Reason))
}

// Temporary reports whether trying the same again later can help: the server could not be dialled, reset, hung or said that it
// is overloaded or down. A wrong secret, a missing signature, a refusal and an unsupported operation are permanent, and so is the
// caller's own cancellation. Anything unknown counts as permanent.
func Temporary(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || permanent(err) {
		return false
	}
	if errors.Is(err, ErrDown) || errors.Is(err, ErrStale) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	if status, ok := errors.AsType[*StatusError](err); ok {
		return temporaryStatus(status.Status)
	}
	for _, cause := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNREFUSED, syscall.ECONNRESET,
		syscall.EPIPE, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ETIMEDOUT, syscall.ECONNABORTED} {
		if errors.Is(err, cause) {
			return true
		}
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsTimeout || dns.IsTemporary
	}
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

func permanent(err error) bool {
	for _, cause := range []error{ErrUnsupported, ErrConfig, ErrNoSignature, ErrWrongSecret, ErrRefused, ErrTooManyBans, ErrBadMark,
		ErrBadPrefix, ErrBadURL, ErrBadTag, ErrLoop, ErrForeign, ErrNotPlaylist, ErrTooLarge, ErrTooDeep} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// temporaryStatus follows RFC 9110 section 15: the codes whose meaning is "not now".
func temporaryStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
